import Logging

/// What the log says of one server: what is news, and once.
struct RedisJournal {
    private let url: RedisURL
    private let logger: Logger
    private var isAway = false
    private var lost: ContinuousClock.Instant?
    private var refusal: String?

    /// A server that is lost again within this time was never back.
    private static let calm = Duration.seconds(10)

    init(_ url: RedisURL, _ logger: Logger) {
        self.url = url
        self.logger = logger
    }

    mutating func noteConnected() {
        if isAway { logger.notice("a Redis server is back", metadata: metadata()) }
        isAway = false
        refusal = nil
    }

    /// It could not be connected to.
    mutating func noteAway(_ cause: any Error) {
        if !isAway {
            logger.warning("a Redis server cannot be reached", metadata: metadata("\(cause)"))
        }
        isAway = true
    }

    /// A connection broke off.
    mutating func noteLost(_ cause: any Error) {
        if lost.map({ .now - $0 > Self.calm }) ?? true {
            logger.warning("a Redis server was lost", metadata: metadata("\(cause)"))
        }
        lost = .now
    }

    /// It answers, and does not do what it is asked for.
    mutating func noteRefusal(_ code: String) {
        if refusal != code {
            logger.warning("a Redis server refuses commands", metadata: metadata(code))
        }
        refusal = code
    }

    private func metadata(_ cause: String? = nil) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["server": "\(url)"]
        if let cause { metadata["cause"] = "\(cause)" }
        return metadata
    }
}
