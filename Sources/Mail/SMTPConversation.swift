internal import CCurl
import Synchronization

/// Follows what libcurl and the server say to each other about one message, to know how far it got, what
/// the server's last words were, and when to give up.
final class SMTPConversation {
    /// How far the message has got.
    private(set) var stage = Stage.connection
    /// The server's last reply, one line, with its code.
    private(set) var reply = ""

    private let patience: SMTPSettings.Patience
    private let giveUp: GiveUp
    private var deadline: ContinuousClock.Instant
    private var isReplyEnded = true
    /// What follows is about the farewell.
    private var isOver = false

    enum Stage {
        /// The greeting, TLS, who we are, who sends: what has nothing to do with this message.
        case connection
        /// Who is to get it.
        case recipient
        /// What it says.
        case content
    }

    init(_ patience: SMTPSettings.Patience, until giveUp: GiveUp) {
        self.patience = patience
        self.giveUp = giveUp
        deadline = .now + patience.delivery
    }

    /// The last reply's code, as RFC 5321, 4.2, has it; 0 if there was none.
    var code: Int { Int(reply.prefix(3)) ?? 0 }

    /// Whether the server has been sent the content, and not said what it thinks of it.
    var isUnanswered: Bool { stage == .content && code == 354 }

    /// Whether the server has had its time.
    var isTooLate: Bool { ContinuousClock.now > deadline }

    /// Whether there is nothing more to wait for. An answer to the farewell is not worth it.
    private var hasEnded: Bool { giveUp.isCalledFor || isOver || isTooLate }

    private func heard(command: String) {
        // Secrets that follow an AUTH are in base64, which has none of these.
        if command.hasPrefix("RCPT ") { stage = .recipient }
        if command.hasPrefix("DATA\r") { stage = .content }
        if command.hasPrefix("QUIT\r") { isOver = true }
    }

    private func heard(reply line: String) {
        guard !isOver else { return }
        if isReplyEnded { reply = "" }
        // 250-first line, 250 last line.
        isReplyEnded = line.dropFirst(3).first != "-"
        reply += reply.isEmpty ? line : " \(line.dropFirst(4))"
        reply = String(reply.singleLine.prefix(500))
        if isUnanswered { deadline = .now + patience.acceptance }
    }

    /// What libcurl calls with each piece of the conversation.
    static let listener: curl_debug_callback = { _, kind, data, size, conversation in
        guard let conversation, let data else { return 0 }
        let listener = Unmanaged<SMTPConversation>.fromOpaque(conversation).takeUnretainedValue()
        let bytes = UnsafeRawBufferPointer(start: data, count: size)
        switch kind {
        case CURLINFO_HEADER_IN: listener.heard(reply: String(decoding: bytes, as: UTF8.self))
        case CURLINFO_HEADER_OUT:
            listener.heard(command: String(decoding: bytes.prefix(5), as: UTF8.self))
        default: break
        }
        return 0
    }

    /// What libcurl calls about once a second; anything but 0 ends the transfer.
    static let ending: curl_xferinfo_callback = { conversation, _, _, _, _ in
        guard let conversation else { return 0 }
        let listener = Unmanaged<SMTPConversation>.fromOpaque(conversation).takeUnretainedValue()
        return listener.hasEnded ? 1 : 0
    }
}

/// Says, from any thread, that a transfer is to be given up.
final class GiveUp: Sendable {
    private let isWanted = Atomic(false)

    var isCalledFor: Bool { isWanted.load(ordering: .relaxed) }

    func call() { isWanted.store(true, ordering: .relaxed) }
}
