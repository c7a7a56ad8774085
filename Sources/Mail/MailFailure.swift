/// Why a message was not accepted by the mail server.
package struct MailFailure: Error, Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// This message will never be accepted: the server refused its recipient or its content with
        /// a code from 500, or it cannot be written as an e-mail.
        case permanent
        /// The server would not take this message now: a code from 400, or a policy of which the sender
        /// has run foul.
        case temporary
        /// The connection ended over this message, which may be its fault or the server's.
        case interrupted
        /// The server has the content and did not say whether it accepts it.
        case unanswered
        /// It has nothing to do with this message: the server cannot be reached, does not answer, or
        /// takes nothing from us, because of its state or of our settings.
        case server
    }

    package let kind: Kind
    /// The server's words if it had any, else libcurl's. One line, no more than 500 characters. They
    /// may hold the recipient's address.
    package let words: String

    package init(_ kind: Kind, _ words: String) {
        self.kind = kind
        self.words = String(words.singleLine.prefix(500))
    }
}

extension MailFailure: CustomStringConvertible {
    /// The words, of the server's only the codes: nothing personal.
    package var description: String {
        let codes = words.split(separator: " ").prefix { word in
            word.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
        }
        return codes.isEmpty ? words : codes.joined(separator: " ")
    }
}
