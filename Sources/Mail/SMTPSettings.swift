import FoundationEssentials

/// Which mail server takes the messages, and how it is talked to.
package struct SMTPSettings: Sendable {
    /// Scheme, host and port; without the secrets.
    let url: String
    let user: String?
    let password: String?
    /// The server's name and port, for the log.
    package let server: String
    let encryption: Encryption
    /// A file with the certificates to trust; nil for those of the system.
    let certificates: String?
    let patience: Patience

    /// When a connection is encrypted that does not begin so.
    enum Encryption: Hashable, Sendable {
        /// Never: nothing leaves this machine.
        case never
        /// If the server offers STARTTLS.
        case ifOffered
        /// Always, else nothing is sent.
        case required
    }

    /// How long is waited.
    package struct Patience: Hashable, Sendable {
        /// From the connection until the message's content has been sent.
        package var delivery: Duration = .seconds(60)
        /// From there until the server says that it has accepted it. Long, because whoever gives up here
        /// will send the message once more; RFC 5321, 4.5.3.2.6, would have ten minutes.
        package var acceptance: Duration = .seconds(300)

        package init() {}
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
        url: String, certificates: String? = nil, patience: Patience = Patience()
    ) throws(Unusable) {
        guard let parts = URLComponents(string: url, encodingInvalidCharacters: false),
            let scheme = parts.scheme?.lowercased(), ["smtp", "smtps"].contains(scheme),
            let host = parts.encodedHost, !host.isEmpty, ["", "/"].contains(parts.path),
            parts.query == nil, parts.fragment == nil, (1...65_535).contains(parts.port ?? 25)
        else {
            throw Unusable(
                description: "must be smtp:// or smtps://, then user:password@ where the server "
                    + "wants it (percent-encoded), and the host and port, such as "
                    + "smtp://mail.example.org:587")
        }
        server = host + (parts.port.map { ":\($0)" } ?? "")
        self.url = "\(scheme)://\(server)"
        user = parts.user
        password = parts.password
        self.certificates = certificates
        self.patience = patience
        let isHere = ["localhost", "127.0.0.1", "[::1]"].contains(host.lowercased())
        encryption =
            switch (scheme, user) {
            case ("smtps", _): .required
            case _ where isHere: .never
            case (_, nil): .ifOffered
            default: .required
            }
    }
}
