import Postgres
import PostgresTesting

/// What Citus says of a statement that changes rows, before it sends it to a worker. Source:
/// `ModifyQuerySupported` in its `multi_router_planner.c`.
package struct CitusRules: Sendable {
    private let functions: [String: Volatility]
    /// How a type becomes text and comes out of it.
    private let texts: [String: Volatility]

    private enum Volatility: String, Comparable {
        case immutable = "i"
        case stable = "s"
        case volatile = "v"

        // Their letters are in that order.
        static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }
    }

    /// Asks a database what functions it has.
    package init(of database: Database) async throws {
        let (functions, texts) = try await database.read { tx in
            let functions = tx.pipeline.all(
                Known.self, "SELECT oid::text, provolatile::text FROM pg_proc")
            let texts = tx.pipeline.all(
                Known.self,
                """
                SELECT pg_type.oid::text, greatest(input.provolatile, output.provolatile)::text
                FROM pg_type
                JOIN pg_proc AS input ON input.oid = typinput
                JOIN pg_proc AS output ON output.oid = typoutput
                """)
            return Pending { (try functions.get(), try texts.get()) }
        }
        self.functions = Dictionary(uniqueKeysWithValues: functions.map { ($0.oid, $0.volatility) })
        self.texts = Dictionary(uniqueKeysWithValues: texts.map { ($0.oid, $0.volatility) })
    }

    private struct Known: RowDecodable {
        let oid: String
        let volatility: Volatility

        init(row: inout Row) throws {
            oid = try row.next()
            volatility = Volatility(rawValue: try row.next()) ?? .volatile
        }
    }

    /// Why Citus would not take a statement; nothing if it would.
    package func objections(to tree: QueryTree) -> [String] {
        tree.queries.flatMap(\.family).filter { $0.kind == "QUERY" }.flatMap(objections)
    }

    private func objections(to query: QueryTree.Node) -> [String] {
        // Source of the numbers: CmdType in nodes.h.
        let (update, insert, delete) = ("2", "3", "4")
        guard let command = query.word("commandType"), [update, insert, delete].contains(command)
        else { return [] }
        let isInsert = command == insert
        let values = command == update ? query.nodes("targetList") : []
        let changes = values + (isInsert ? [] : query.nodes("jointree"))
        let conflict = query.nodes("onConflict").flatMap {
            $0.nodes("onConflictSet") + $0.nodes("onConflictWhere") + $0.nodes("arbiterWhere")
        }
        var objections: [String] = []
        func object(_ reason: String, if isSo: Bool) { if isSo { objections.append(reason) } }
        object(
            "a volatile function in SET or WHERE",
            if: changes.contains { volatility(of: $0) == .volatile })
        object(
            "a stable function of a column in SET or WHERE",
            if: changes.flatMap(\.family).contains {
                ownVolatility(of: $0) == .stable && $0.family.contains { $0.kind == "VAR" }
            })
        object(
            "a function that is not immutable in CASE or COALESCE",
            if: changes.flatMap(\.family).contains {
                ["CASEEXPR", "COALESCEEXPR"].contains($0.kind) && volatility(of: $0) > .immutable
            })
        object(
            "a function that is not immutable in RETURNING",
            if: query.nodes("returningList").contains { volatility(of: $0) > .immutable })
        object(
            "a function that is not immutable in ON CONFLICT",
            if: conflict.contains { volatility(of: $0) > .immutable })
        object(
            "a subquery in an INSERT", if: isInsert && query.word("hasSubLinks") == "true")
        return objections
    }

    private func volatility(of node: QueryTree.Node) -> Volatility {
        node.family.map(ownVolatility).max() ?? .immutable
    }

    /// Of what the node itself calls. What is not known counts as volatile.
    private func ownVolatility(of node: QueryTree.Node) -> Volatility {
        func called(_ field: String) -> Volatility {
            node.word(field).flatMap { functions[$0] } ?? .volatile
        }
        switch node.kind {
        case "FUNCEXPR": return called("funcid")
        case "OPEXPR", "DISTINCTEXPR", "NULLIFEXPR", "SCALARARRAYOPEXPR": return called("opfuncid")
        case "AGGREF": return called("aggfnoid")
        case "WINDOWFUNC": return called("winfnoid")
        case "SQLVALUEFUNCTION": return .stable
        case "NEXTVALUEEXPR": return .volatile
        case "COERCEVIAIO":
            let from = node.nodes("arg").first.flatMap(Self.type).flatMap { texts[$0] }
            let to = node.word("resulttype").flatMap { texts[$0] }
            return max(from ?? .volatile, to ?? .volatile)
        default: return .immutable
        }
    }

    private static func type(of node: QueryTree.Node) -> String? {
        ["vartype", "paramtype", "consttype", "funcresulttype", "opresulttype", "resulttype"]
            .lazy.compactMap(node.word).first
    }
}
