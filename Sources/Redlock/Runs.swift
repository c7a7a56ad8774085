import Synchronization

/// Which start of which server is known by which URL: two URLs of one server would vote twice.
final class Runs: Sendable {
    private let urls = Mutex<[String: RedisURL]>([:])

    /// - Returns: Whether nobody else has it.
    func note(_ runID: String, of url: RedisURL) -> Bool {
        urls.withLock { urls in
            // What it was before its last start is no more.
            for (id, owner) in urls where owner == url && id != runID { urls[id] = nil }
            if urls[runID] == nil { urls[runID] = url }
            return urls[runID] == url
        }
    }
}
