internal import CCurl

/// Hands messages to a mail server, one after the other over one connection, through libcurl.
///
/// An actor on a thread of its own, because libcurl blocks.
package actor SMTPTransport: MailTransport {
    package nonisolated let timeout: Duration
    private let settings: SMTPSettings
    private let executor = BlockingExecutor(label: "holdfast.mail")
    private var handle: CurlHandle?

    package init(_ settings: SMTPSettings) {
        self.settings = settings
        timeout = settings.timeout
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    package func send(_ message: MailMessage) async throws {
        let giveUp = GiveUp()
        try await withTaskCancellationHandler {
            try deliver(message, until: giveUp)
        } onCancel: {
            giveUp.call()
        }
    }

    package func hangUp() { handle = nil }

    private func deliver(_ message: MailMessage, until giveUp: GiveUp) throws {
        let conversation = SMTPConversation()
        do {
            try ready().perform(message, heardBy: conversation, until: giveUp)
        } catch let error as CurlError {
            let failure = MailFailure(error, in: conversation)
            if failure.kind == .server {
                handle?.abandon()
                handle = nil
            }
            if giveUp.isCalledFor { throw CancellationError() }
            throw failure
        }
    }

    /// The handle, with all settings that no message changes.
    private func ready() throws -> CurlHandle {
        if let handle { return handle }
        guard let handle = CurlHandle() else {
            throw MailFailure(.server, "there is no memory for a connection")
        }
        try handle.set(CURLOPT_URL, settings.url)
        try handle.set(CURLOPT_PROTOCOLS_STR, "smtp,smtps")
        // What the environment says about proxies is meant for others.
        try handle.set(CURLOPT_PROXY, "")
        try handle.set(CURLOPT_NOSIGNAL, 1)
        try handle.set(CURLOPT_CONNECTTIMEOUT_MS, settings.connectTimeout.milliseconds)
        try handle.set(CURLOPT_TIMEOUT_MS, settings.timeout.milliseconds)
        try handle.set(
            CURLOPT_SERVER_RESPONSE_TIMEOUT, max(1, settings.timeout.milliseconds / 1000))
        let level = settings.encryption == .required ? CURLUSESSL_ALL : CURLUSESSL_TRY
        try handle.set(CURLOPT_USE_SSL, Int(level.rawValue))
        if let certificates = settings.certificates {
            try handle.set(CURLOPT_CAINFO, certificates)
        }
        self.handle = handle
        return handle
    }
}

extension MailFailure {
    /// What a transfer that failed means for its message. Source: RFC 5321, 4.2.1.
    fileprivate init(_ error: CurlError, in conversation: SMTPConversation) {
        let code = conversation.code
        let kind: Kind =
            switch conversation.stage {
            // 421 closes the connection, whatever it was an answer to.
            case .message where (400..<500).contains(code) && code != 421: .temporary
            case .message where (500..<600).contains(code): .permanent
            default: .server
            }
        let isRefusal = code >= 400
        self.init(kind, isRefusal ? conversation.reply : error.words)
    }
}

extension Duration {
    /// Whole milliseconds, at least one: libcurl takes 0 for no limit.
    fileprivate var milliseconds: Int {
        max(1, Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000))
    }
}
