import Foundation

/// The plans of the statements that an application has had a server run, which has to run with `auto_explain`,
/// in JSON and verbose, and a `log_line_prefix` of `%a|%v|`.
package struct PlanLog {
    package struct Entry: Sendable {
        /// In one line.
        package let statement: String
        /// The server's name for it.
        package let transaction: String
        package let scans: [Scan]
        package let inserts: [Insert]
    }

    /// A table that is looked at.
    package struct Scan: Sendable {
        package let table: String
        /// Whether it can give one clinic's rows only, by the planner's own account.
        package let isOneClinics: Bool
        /// That clinic, where the plan is for it and not for any.
        package let clinic: String?
    }

    /// A table that rows are added to.
    package struct Insert: Sendable {
        package let table: String
        /// What goes into its columns, in the table's order, as the planner writes it: `'...'::uuid`, `$1`.
        package let values: [String]
        /// What was selected for that, in the order of the statement's own list of columns; nothing if it says
        /// `VALUES`, or if the planner needs no step in between.
        package let selected: [String]
    }

    package let entries: [Entry]

    package init(of server: PrivateServer, application: String) throws {
        let log = try ServerLog(of: server, application: application)
        entries = try log.entries.compactMap { entry in
            guard entry.level == "LOG", let plan = entry.text.firstRange(of: "plan:\n") else {
                return nil
            }
            let json = Data(entry.text[plan.upperBound...].utf8)
            let found = try JSONDecoder().decode(Plan.self, from: json)
            return Entry(
                statement: found.statement.inOneLine, transaction: String(entry.transaction),
                scans: found.root.scans, inserts: found.root.inserts)
        }
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
        let relationship: String?
        let operation: String?
        let table: String?
        let output: [String]
        let conditions: [String]
        let children: [Node]

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            type = try container.decode(String.self, forKey: "Node Type")
            relationship = try container.decodeIfPresent(
                String.self, forKey: "Parent Relationship")
            operation = try container.decodeIfPresent(String.self, forKey: "Operation")
            table = try container.decodeIfPresent(String.self, forKey: "Relation Name")
            output = try container.decodeIfPresent([String].self, forKey: "Output") ?? []
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

        var inserts: [Insert] {
            let own: [Insert] =
                if let table, type == "ModifyTable", operation == "Insert" {
                    children.filter { $0.relationship == "Outer" }.map { source in
                        let isQuery = source.type == "Subquery Scan"
                        return Insert(
                            table: table, values: source.output,
                            selected: isQuery ? source.children.first?.output ?? [] : [])
                    }
                } else { [] }
            return own + children.flatMap(\.inserts)
        }

        private func scan(of table: String) -> Scan {
            let column = table == "clinics" ? "id" : "clinic_id"
            let words = conditions.joined(separator: " ")
            let named = try? Regex("[.( ]\(column) = '([0-9a-f-]{36})'::uuid")
            let generic = try? Regex("[.( ]\(column) = \\$[1-9]")
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
