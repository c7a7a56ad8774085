/// The answer of a statement that waits in a transaction's pipeline.
///
/// Reading it makes the round trip if that has not happened yet. A transaction whose body returns a
/// `Pending` sends what is still queued together with `COMMIT` and reads it behind that: the last
/// round trip of lock, decide, write.
public struct Pending<Value> {
    private let evaluate: () throws -> Value

    /// A value computed from other pending answers once they are there.
    public init(_ evaluate: @escaping () throws -> Value) { self.evaluate = evaluate }

    /// The answer; makes the round trip if need be.
    /// - Throws: What any statement of that round trip threw.
    public func get() throws -> Value { try evaluate() }

    /// The same answer, seen through `transform` once it is there.
    public func map<Other>(_ transform: @escaping (Value) throws -> Other) -> Pending<Other> {
        Pending<Other> { try transform(evaluate()) }
    }
}
