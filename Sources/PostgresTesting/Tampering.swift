import NIOCore
import Synchronization

/// What a proxy changes in what is said, so that a defence is gone: the service is what it always is, but the
/// server never hears of the lock.
package final class Tampering: Sendable {
    /// A change of the statements that the server is asked to prepare. White space counts as one space, and
    /// comments for nothing.
    package struct Statement: Sendable {
        private let mark: String
        private let pattern: String
        private let instead: String

        /// - Parameters:
        ///   - mark: What a statement contains that is changed.
        ///   - pattern: What of it is replaced, as a regular expression.
        ///   - instead: `\1` stands for what the expression's group has matched.
        package init(_ mark: String, _ pattern: String, _ instead: String = "") {
            self.mark = mark
            self.pattern = pattern
            self.instead = instead
        }

        fileprivate func changed(_ statement: String) -> String {
            guard statement.contains(mark), let pattern = try? Regex(pattern) else {
                return statement
            }
            return statement.replacing(pattern) { match in
                let group = match.count > 1 ? match[1].substring : nil
                return instead.replacing("\\1", with: group ?? "")
            }
        }
    }

    private let statements: [Statement]
    /// The tag of a command's answer, and which one to tell instead.
    private let tags: [String: String]
    private let dropsWarnings: Bool
    private let count = Mutex(0)
    private let nonsense = Mutex<String?>(nil)

    package init(
        _ statements: [Statement] = [], tags: [String: String] = [:], dropsWarnings: Bool = false
    ) {
        self.statements = statements
        self.tags = tags
        self.dropsWarnings = dropsWarnings
    }

    /// How often something was changed. What changes nothing takes no defence away.
    package var changes: Int { count.withLock { $0 } }

    /// The SQLSTATE of a statement that the server did not even understand, which tells nothing about what it
    /// was to do.
    package var misunderstanding: String? { nonsense.withLock { $0 } }

    func request(_ message: WireMessage) -> WireMessage {
        guard let statement = message.statement else { return message }
        let said = statement.inOneLine
        let instead = statements.reduce(said) { $1.changed($0) }
        guard instead != said else { return message }
        count.withLock { $0 += 1 }
        return message.replacing(statement: instead)
    }

    /// - Returns: Nil if the client is not told at all.
    func answer(_ message: WireMessage) -> WireMessage? {
        if let state = message.sqlState, state.hasPrefix("42") {
            nonsense.withLock { $0 = state }
        }
        if dropsWarnings, message.type == UInt8(ascii: "N") {
            count.withLock { $0 += 1 }
            return nil
        }
        guard let tag = message.commandTag, let instead = tags[tag] else { return message }
        count.withLock { $0 += 1 }
        return WireMessage(commandTag: instead)
    }
}
