import FoundationEssentials
import Synchronization

/// Callers by the token that was found good, until it expires: a signature is checked once, not with every
/// request.
///
/// Two generations bound it: when the younger is full it becomes the older, whose tokens are forgotten
/// unless they were used since.
final class TokenCache: Sendable {
    fileprivate struct Entry {
        let caller: Caller
        let expiresAt: Date
    }

    fileprivate struct State {
        var younger: [String: Entry] = [:]
        var older: [String: Entry] = [:]
    }

    private let state = Mutex(State())
    private let generation: Int

    /// - Parameter capacity: Tokens at the most; each takes as much memory as it is long, and a little.
    init(capacity: Int = 20_000) { generation = max(1, capacity / 2) }

    /// Whose token it is, if it is known and has not expired.
    func caller(of token: String, at now: Date) -> Caller? {
        // Texts that Unicode takes for the same are the same key: to it, the sign for kelvins is a K.
        guard token.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        return state.withLock { state in
            if let entry = state.younger[token] {
                return entry.expiresAt > now ? entry.caller : nil
            }
            guard let entry = state.older.removeValue(forKey: token), entry.expiresAt > now else {
                return nil
            }
            state.insert(entry, for: token, generation)
            return entry.caller
        }
    }

    /// Remembers whose token it is.
    func insert(_ caller: Caller, for token: String, until expiresAt: Date) {
        state.withLock { state in
            state.insert(Entry(caller: caller, expiresAt: expiresAt), for: token, generation)
        }
    }

    /// How many tokens are remembered, expired ones included.
    var count: Int { state.withLock { $0.younger.count + $0.older.count } }
}

extension TokenCache.State {
    fileprivate mutating func insert(
        _ entry: TokenCache.Entry, for token: String, _ generation: Int
    ) {
        if younger[token] == nil, younger.count >= generation { (older, younger) = (younger, [:]) }
        younger[token] = entry
    }
}
