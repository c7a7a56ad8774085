/// The statements that an application has had a server parse, which has to run with `debug_print_rewritten`,
/// without `debug_pretty_print`, with a `log_min_error_statement` of `log` and a `log_line_prefix` of `%a|%v|`.
package struct QueryLog {
    package struct Entry: Sendable {
        /// In one line.
        package let statement: String
        package let tree: QueryTree
    }

    /// Each text once.
    package let entries: [Entry]

    /// - Throws: ``QueryTree/Unreadable``.
    package init(of server: PrivateServer, application: String) throws {
        let log = try ServerLog(of: server, application: application).entries
        var trees: [String: String] = [:]
        for (title, (tree, statement)) in zip(log, zip(log.dropFirst(), log.dropFirst(2))) {
            guard title.level == "LOG", title.text == "rewritten parse tree:",
                tree.level == "DETAIL", statement.level == "STATEMENT"
            else { continue }
            // What a foreign key asks while the statement runs goes by the same text.
            if trees[statement.text.inOneLine] == nil {
                trees[statement.text.inOneLine] = tree.text
            }
        }
        entries = try trees.map { Entry(statement: $0, tree: try QueryTree($1)) }
    }
}
