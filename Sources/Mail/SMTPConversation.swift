internal import CCurl
import Synchronization

/// Follows what libcurl and the server say to each other about one message, to know afterwards how far
/// it got and what the server's last words were.
final class SMTPConversation {
    /// What the server's last reply was about.
    private(set) var stage = Stage.connection
    /// The server's last reply, one line, with its code.
    private(set) var reply = ""

    private var isReplyEnded = true
    /// What follows is about the farewell.
    private var isOver = false

    enum Stage {
        /// The greeting, TLS, who we are, who sends: what has nothing to do with this message.
        case connection
        /// Who is to get it, and what it says.
        case message
    }

    /// The last reply's code, as RFC 5321, 4.2, has it; 0 if there was none.
    var code: Int { Int(reply.prefix(3)) ?? 0 }

    private func heard(command: String) {
        // Secrets that follow an AUTH are in base64, which has neither of these.
        if command.hasPrefix("RCPT ") || command.hasPrefix("DATA\r") { stage = .message }
        if command.hasPrefix("QUIT") { isOver = true }
    }

    private func heard(reply line: String) {
        guard !isOver else { return }
        if isReplyEnded { reply = "" }
        // 250-first line, 250 last line.
        isReplyEnded = line.dropFirst(3).first != "-"
        reply += reply.isEmpty ? line : " \(line.dropFirst(4))"
        reply = String(reply.singleLine.prefix(500))
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
}

/// Says whether a transfer is to be given up.
final class GiveUp: Sendable {
    private let isWanted = Atomic(false)

    var isCalledFor: Bool { isWanted.load(ordering: .relaxed) }

    func call() { isWanted.store(true, ordering: .relaxed) }

    /// What libcurl calls about once a second; anything but 0 ends the transfer.
    static let listener: curl_xferinfo_callback = { giveUp, _, _, _, _ in
        guard let giveUp else { return 0 }
        return Unmanaged<GiveUp>.fromOpaque(giveUp).takeUnretainedValue().isCalledFor ? 1 : 0
    }
}
