import Synchronization

/// What a network holds back until somebody lets it through.
final class HeldBack: Sendable {
    private let passes = Mutex<[@Sendable () -> Void]>([])

    var isEmpty: Bool { passes.withLock(\.isEmpty) }

    func append(_ pass: @escaping @Sendable () -> Void) { passes.withLock { $0.append(pass) } }

    func letThrough() {
        let passes = passes.withLock { passes in
            defer { passes = [] }
            return passes
        }
        for pass in passes { pass() }
    }
}
