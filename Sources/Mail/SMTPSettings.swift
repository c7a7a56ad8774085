import FoundationEssentials

/// Which mail server takes the messages, and how it is talked to.
package struct SMTPSettings: Sendable {
    /// `smtp://` or `smtps://`, perhaps with user and password. Never logged.
    let url: String
    /// The server's name and port, for the log.
    package let server: String
    let encryption: Encryption
    /// A file with the certificates to trust; nil for those of the system.
    let certificates: String?
    /// For the connection, its TLS included.
    let connectTimeout: Duration
    /// For one message, from the connection to the server's last word.
    let timeout: Duration

    /// When a connection is encrypted that does not begin so.
    enum Encryption: Hashable, Sendable {
        /// If the server offers STARTTLS.
        case ifOffered
        /// Always, else nothing is sent.
        case required
    }

    /// A URL that names no mail server. Does not hold the URL, which may hold a password.
    package struct Unusable: Error, CustomStringConvertible {
        package let description: String
    }

    /// - Parameter url: `smtp://` or `smtps://`, then `user:password@` (percent-encoded), the host and
    ///   a port, each but the host optional. A password only ever travels encrypted, unless to this
    ///   machine itself.
    /// - Throws: ``Unusable``.
    package init(
        url: String, certificates: String? = nil, connectTimeout: Duration = .seconds(10),
        timeout: Duration = .seconds(60)
    ) throws(Unusable) {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            ["smtp", "smtps"].contains(scheme), let host = parts.host, !host.isEmpty,
            parts.query == nil, parts.fragment == nil
        else {
            throw Unusable(
                description: "must be smtp:// or smtps://, then user:password@ where the server "
                    + "wants it, and the host and port, such as smtp://mail.example.org:587")
        }
        self.url = url
        self.certificates = certificates
        self.connectTimeout = connectTimeout
        self.timeout = timeout
        server = host + (parts.port.map { ":\($0)" } ?? "")
        let isHere = ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host)
        encryption = scheme == "smtps" || parts.user != nil && !isHere ? .required : .ifOffered
    }
}
