import FoundationEssentials

/// Where a Redis server is, and how to log in to it: `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`.
package struct RedisURL: Hashable, Sendable {
    package let host: String
    /// 6379 unless the URL has another one.
    package let port: Int
    let user: String?
    let password: String?
    /// 0 unless the URL has another one.
    let database: Int

    /// What is wrong with a text; it quotes no part of it.
    package struct Invalid: Error, CustomStringConvertible {
        package let description: String
    }

    /// - Throws: ``Invalid``. TLS is not among what is understood.
    package init(_ text: String) throws(Invalid) {
        guard let url = URLComponents(string: text), url.scheme == "redis" else {
            throw Invalid(
                description:
                    "it is not of the form redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]")
        }
        guard let host = url.host, !host.isEmpty else {
            throw Invalid(description: "it has no host")
        }
        guard let port = url.port.map({ UInt16(exactly: $0) }) ?? 6379, port > 0 else {
            throw Invalid(description: "it has no port between 1 and 65535")
        }
        let path = url.path.drop { $0 == "/" }
        guard let database = path.isEmpty ? 0 : Int(path), (0..<10_000).contains(database) else {
            throw Invalid(description: "its path is not a database's number")
        }
        guard url.query == nil, url.fragment == nil else {
            throw Invalid(description: "nothing may follow the database's number")
        }
        // An address of version 6 is in brackets, which are the URL's and not its own.
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        self.port = Int(port)
        self.database = database
        user = url.user.flatMap { $0.isEmpty ? nil : $0 }
        password = url.password
    }
}

extension RedisURL: CustomStringConvertible {
    /// The host and the port, and no password.
    package var description: String { "\(host):\(port)" }
}
