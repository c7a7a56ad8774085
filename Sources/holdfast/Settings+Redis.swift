import Logging
import Redlock

extension Settings {
    /// What says who goes first for a slot; nil where PostgreSQL alone does.
    func redlock(_ logger: Logger) throws -> Redlock? {
        var urls: [RedisURL] = []
        for (place, text) in redisURLs.enumerated() {
            do {
                urls.append(try RedisURL(String(text.filter { $0 != " " })))
            } catch {
                throw SettingError("HOLDFAST_REDIS_URLS, number \(place + 1): \(error).")
            }
        }
        guard Set(urls.map(\.description)).count == urls.count else {
            throw SettingError(
                "HOLDFAST_REDIS_URLS names one server twice: its votes would count twice.")
        }
        guard !urls.isEmpty else { return nil }
        logger.info("Redis says who goes first for a slot", metadata: ["servers": "\(urls)"])
        return Redlock(urls, logger: logger)
    }
}
