import Foundation

/// The plans of the statements that an application has had a server run, which has to run with `auto_explain`,
/// JSON, and a `log_line_prefix` of `%a|%v|`.
package struct PlanLog {
    package struct Entry: Sendable {
        /// In one line.
        package let statement: String
        /// The server's name for it.
        package let transaction: String
        package let scans: [Scan]
    }

    /// A table that is looked at.
    package struct Scan: Sendable {
        package let table: String
        /// Whether it can give one clinic's rows only, by the planner's own account.
        package let isOneClinics: Bool
        /// That clinic, where the plan is for it and not for any.
        package let clinic: String?
    }

    package let entries: [Entry]

    package init(of server: PrivateServer, application: String) throws {
        let log = try String(
            contentsOfFile: "\(server.folder)/data/server.log", encoding: .utf8)
        var entries: [Entry] = []
        var lines = log.split(separator: "\n", omittingEmptySubsequences: false)[...]
        while let line = lines.popFirst() {
            let parts = line.split(separator: "|", maxSplits: 2)
            guard parts.count == 3, parts[0] == application, line.hasSuffix("plan:") else {
                continue
            }
            // The server begins each line that goes on with a tab.
            let text = lines.prefix { $0.hasPrefix("\t") }
            lines = lines.dropFirst(text.count)
            let plan = try JSONDecoder().decode(Plan.self, from: Data(text.joined().utf8))
            entries.append(
                Entry(
                    statement: plan.statement.split(whereSeparator: \.isWhitespace)
                        .joined(separator: " "),
                    transaction: String(parts[1]), scans: plan.root.scans))
        }
        self.entries = entries
    }

    private struct Plan: Decodable {
        let statement: String
        let root: Node

        enum CodingKeys: String, CodingKey {
            case statement = "Query Text"
            case root = "Plan"
        }
    }

    private struct Node: Decodable {
        let type: String
        let table: String?
        let conditions: [String]
        let children: [Node]

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            type = try container.decode(String.self, forKey: "Node Type")
            table = try container.decodeIfPresent(String.self, forKey: "Relation Name")
            children = try container.decodeIfPresent([Node].self, forKey: "Plans") ?? []
            conditions = try ["Index Cond", "Recheck Cond", "Filter"].compactMap {
                try container.decodeIfPresent(String.self, forKey: Key(stringLiteral: $0))
            }
        }

        var scans: [Scan] {
            let own: [Scan] =
                if let table, type != "ModifyTable" {
                    [scan(of: table)]
                } else { [] }
            return own + children.flatMap(\.scans)
        }

        private func scan(of table: String) -> Scan {
            let column = table == "clinics" ? "id" : "clinic_id"
            let words = conditions.joined(separator: " ")
            let named = try? Regex("\\b\(column) = '([0-9a-f-]{36})'::uuid")
            let generic = try? Regex("\\b\(column) = \\$[1-9]")
            let clinic = named.flatMap { words.firstMatch(of: $0) }?.output[1].substring
            let isGeneric = generic.map { words.contains($0) } ?? false
            return Scan(
                table: table, isOneClinics: clinic != nil || isGeneric,
                clinic: clinic.map(String.init))
        }
    }

    private struct Key: CodingKey, ExpressibleByStringLiteral {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringLiteral value: String) { stringValue = value }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
