internal import CCurl

/// Hands messages to a mail server, one after the other over one connection, through libcurl.
///
/// An actor on a thread of its own, because libcurl blocks.
package actor SMTPTransport: MailTransport {
    package nonisolated let timeout: Duration
    private let settings: SMTPSettings
    private let executor = BlockingExecutor(label: "holdfast.mail")
    private var handle: CurlHandle?

    /// Whether the connection has carried a message before this one.
    private var isUsed = false

    package init(_ settings: SMTPSettings) {
        self.settings = settings
        // A connection that was used before may turn out dead, and a new one has its own time.
        timeout = settings.patience.delivery * 2 + settings.patience.acceptance
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

    package func hangUp() {
        handle = nil
        isUsed = false
    }

    private func deliver(_ message: MailMessage, until giveUp: GiveUp) throws {
        let wasUsed = isUsed
        do {
            try deliverOnce(message, until: giveUp)
        } catch let failure as MailFailure where failure.kind == .server && wasUsed {
            // Servers end connections that were idle, or have carried enough.
            try deliverOnce(message, until: giveUp)
        }
    }

    private func deliverOnce(_ message: MailMessage, until giveUp: GiveUp) throws {
        let conversation = SMTPConversation(settings.patience, until: giveUp)
        do {
            try ready().perform(message, heardBy: conversation)
            isUsed = true
        } catch let error as CurlError {
            if conversation.code < 400 { handle?.abandon() }
            hangUp()
            if giveUp.isCalledFor { throw CancellationError() }
            throw MailFailure(error, in: conversation)
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
        // Greeting and login included. All waiting has an end in SMTPConversation; these stand behind.
        try handle.set(CURLOPT_CONNECTTIMEOUT_MS, settings.patience.delivery.milliseconds)
        try handle.set(CURLOPT_TIMEOUT_MS, timeout.milliseconds)
        try handle.set(CURLOPT_SERVER_RESPONSE_TIMEOUT, max(1, timeout.milliseconds / 1000))
        try handle.set(CURLOPT_USE_SSL, Int(settings.encryption.level.rawValue))
        if let user = settings.user {
            try handle.set(CURLOPT_USERNAME, user)
            try handle.set(CURLOPT_PASSWORD, settings.password ?? "")
        }
        if let certificates = settings.certificates {
            try handle.set(CURLOPT_CAINFO, certificates)
        }
        self.handle = handle
        return handle
    }
}

extension SMTPSettings.Encryption {
    fileprivate var level: curl_usessl {
        switch self {
        case .never: CURLUSESSL_NONE
        case .ifOffered: CURLUSESSL_TRY
        case .required: CURLUSESSL_ALL
        }
    }
}

extension MailFailure {
    /// What a transfer that failed means for its message. Source: RFC 5321, 4.2.1; RFC 3463.
    fileprivate init(_ error: CurlError, in conversation: SMTPConversation) {
        let code = conversation.code
        let kind: Kind =
            switch (conversation.stage, code) {
            case (.connection, _): .server
            case _ where conversation.isUnanswered: .unanswered
            // 421 closes the connection, whatever it was an answer to.
            case (_, ...399), (_, 421): .interrupted
            case (_, ...499): .temporary
            // Whom it serves and from whom it takes mail is about us, though it says so only here.
            case (.recipient, _) where conversation.reply.isAboutPolicy: .temporary
            default: .permanent
            }
        let words = conversation.isTooLate ? "the server did not answer in time" : error.words
        self.init(kind, code >= 400 ? conversation.reply : words)
    }
}

extension String {
    /// Whether a reply refuses the client or the sender rather than the recipient.
    fileprivate var isAboutPolicy: Bool {
        if hasPrefix("530") || hasPrefix("535") { return true }
        let status = dropFirst(4)
        return ["5.7.", "5.1.7", "5.1.8"].contains { status.hasPrefix($0) }
    }
}

extension Duration {
    /// Whole milliseconds, at least one: libcurl takes 0 for no limit.
    fileprivate var milliseconds: Int {
        max(1, Int(self / .milliseconds(1)))
    }
}
