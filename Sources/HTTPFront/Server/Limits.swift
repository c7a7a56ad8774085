/// What one client may cost the service.
package struct Limits: Sendable {
    /// Bytes of a request's body at the most (413).
    package var body = 64 * 1024
    /// Bytes of a request's header fields at the most, names and values together (431).
    package var headers = 16 * 1024
    /// A request's header fields at the most (431).
    package var headerCount = 100
    /// Requests under `/v1` that may be worked on at once; one more is refused at once (503).
    package var requests = 4096
    /// Connections at the most. More wait in the operating system's backlog until some close.
    package var connections = 10_000
    /// From the opening of a connection until its first request's header fields are there.
    package var headTimeout: Duration = .seconds(10)
    /// From a request's header fields until its body is there (408).
    package var bodyTimeout: Duration = .seconds(15)
    /// From a response until the next request's header fields are there.
    package var idleTimeout: Duration = .seconds(60)
    /// For a client to go on reading, once more is on its way to it than fits into the buffers.
    package var writeTimeout: Duration = .seconds(10)
    /// For the rest of a body that nobody waits for any more, such as one that is too large.
    package var lingerTimeout: Duration = .seconds(2)

    package init() {}
}
