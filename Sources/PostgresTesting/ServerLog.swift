import Foundation

/// What a server's log says of one application's sessions. Its `log_line_prefix` has to be `%a|%v|`.
struct ServerLog {
    /// What the server said at once: a message, or what belongs to the one before it.
    struct Entry {
        /// The server's name for the transaction.
        let transaction: Substring
        /// `LOG`, `DETAIL`, `STATEMENT`.
        let level: Substring
        /// All its lines.
        let text: String
    }

    let entries: [Entry]

    init(of server: PrivateServer, application: String) throws {
        let log = try String(
            contentsOfFile: "\(server.folder)/data/server.log", encoding: .utf8)
        var entries: [Entry] = []
        var lines = log.split(separator: "\n", omittingEmptySubsequences: false)[...]
        while let line = lines.popFirst() {
            let parts = line.split(separator: "|", maxSplits: 2)
            guard parts.count == 3, parts[0] == application,
                let colon = parts[2].range(of: ":  ")
            else { continue }
            // The server begins each line that goes on with a tab.
            let more = lines.prefix { $0.hasPrefix("\t") }
            lines = lines.dropFirst(more.count)
            entries.append(
                Entry(
                    transaction: parts[1], level: parts[2][..<colon.lowerBound],
                    text: ([parts[2][colon.upperBound...]] + more).joined(separator: "\n")))
        }
        self.entries = entries
    }
}
