import FoundationEssentials
import Postgres
import Synchronization

/// A change and its marker, by which a commit whose answer was lost is told from one that never was.
///
/// The first statement of every run inserts the marker under its primary key. So of several runs of
/// one change only one can commit, whatever a network holds back and delivers later:
///
/// ```
///   run 1: marker, work, COMMIT ──✗ the answer is lost
///
///   run 2: insert the marker ─┬─ waits while run 1 is in progress
///                             ├─ it is there: run 1 committed; tell what it decided
///                             └─ it is not: do the work; now run 1 cannot commit any more
/// ```
///
/// A run that refuses leaves its marker behind as well, else an earlier run could still take effect
/// behind the refusal.
final class MarkedChange<Result: Sendable>: Sendable {
    typealias Body = @Sendable (Transaction) throws -> Outcome<Result>

    private let clinicID: UUID
    private let id: UUID
    private let body: Body
    /// What each run decided, by its number; the marker in the database says which one committed.
    private let recalls = Mutex<[Int: Outcome<Result>.Recall]>([:])

    init(to clinicID: UUID, marker id: UUID, _ body: @escaping Body) {
        self.clinicID = clinicID
        self.id = id
        self.body = body
    }

    /// The first run: nothing can be there yet.
    func begin(_ tx: Transaction) throws -> Pending<Result> {
        tx.pipeline.execute(
            "INSERT INTO markers (clinic_id, id, run) VALUES (\(clinicID), \(id), 1)")
        let outcome = try decide(run: 1, tx)
        if outcome.changesNothing {
            tx.discard()
            // It will not be committed, so nobody will ask for it.
            recalls.withLock { $0 = [:] }
        }
        return outcome.answer
    }

    /// Whether a run had something to write. False only while the first one had not.
    var mayHaveChanged: Bool { recalls.withLock { !$0.isEmpty } }

    /// A later run: what an earlier one committed, or else the work itself.
    func settle(run: Int, _ tx: Transaction) throws -> Pending<Result> {
        try committed(insteadOf: run, tx) ?? decide(run: run, tx).answer
    }

    /// A later run that does not try the work again, because an earlier one found that a rule forbids
    /// it: what was committed nevertheless, or nil; then nothing of this change ever will be.
    func refuse(run: Int, _ tx: Transaction) throws -> Pending<Result?> {
        try committed(insteadOf: run, tx)?.map(Optional.some) ?? Pending { nil }
    }

    private func decide(run: Int, _ tx: Transaction) throws -> Outcome<Result> {
        let outcome = try body(tx)
        recalls.withLock { $0[run] = outcome.recall }
        return outcome
    }

    /// What an earlier run committed; nil if none did, and then none can any more.
    ///
    /// The marker's row is written once more: this commit then comes behind the earlier one in the
    /// log, so that a synchronous standby that has this one has that one, too.
    private func committed(insteadOf run: Int, _ tx: Transaction) throws -> Pending<Result>? {
        let inserted = try tx.execute(
            """
            INSERT INTO markers (clinic_id, id, run)
            VALUES (\(clinicID), \(id), \(run))
            ON CONFLICT (clinic_id, id) DO NOTHING
            """)
        guard inserted == 0 else { return nil }
        let earlier = try tx.one(
            Scalar<Int>.self,
            """
            UPDATE markers
            SET created_at = statement_timestamp()
            WHERE clinic_id = \(clinicID) AND id = \(id)
            RETURNING run
            """)
        // No run decided under a refusal's marker, and only `refuse` ever meets one.
        return try recalls.withLock { $0[earlier.value] }?(tx)
    }
}
