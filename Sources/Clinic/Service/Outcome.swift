import Postgres

/// What a change came to, and how to tell it once more should the answer to its `COMMIT` be lost.
struct Outcome<Result: Sendable> {
    /// Reads again, from what was committed, an answer that travelled with `COMMIT`.
    typealias Recall = @Sendable (Transaction) throws -> Pending<Result>

    let answer: Pending<Result>
    let recall: Recall
    let changesNothing: Bool

    /// A result that is in memory before `COMMIT` is sent.
    static func known(_ value: Result) -> Outcome {
        Outcome(
            answer: Pending { value }, recall: { _ in Pending { value } }, changesNothing: false)
    }

    /// A result that comes with the answers to the last statements, those that travel with `COMMIT`.
    static func pending(_ answer: Pending<Result>, recall: @escaping Recall) -> Outcome {
        Outcome(answer: answer, recall: recall, changesNothing: false)
    }

    /// There turned out to be nothing to write, so nothing is committed and the disk is spared.
    static func unchanged(_ value: Result) -> Outcome {
        Outcome(
            answer: Pending { value }, recall: { _ in Pending { value } }, changesNothing: true)
    }
}
