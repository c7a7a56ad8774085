import FoundationEssentials
import Postgres

/// Whose record is to be written to, under which lock, by whom.
package struct RecordTarget: Hashable, Sendable {
    package let patientID: UUID
    package let clinicID: UUID
    package let claim: LockClaim
    package let author: Author
    /// What the author has seen of what is to change; nil to change it whatever it is.
    package let version: Int?

    package init(
        _ patientID: UUID, in clinicID: UUID, under lock: UUID, version: Int? = nil,
        by author: Author
    ) {
        self.patientID = patientID
        self.clinicID = clinicID
        claim = LockClaim(token: lock, holder: author.subject)
        self.author = author
        self.version = version
    }

    /// The lock, whose row is taken before the record's: `held` has a row if it is good. In the statement
    /// that writes, so that nothing can happen in between.
    var held: SQL {
        "held AS MATERIALIZED (\(fragment: claim.held(on: .patient, patientID, in: clinicID)))"
    }

    /// The patient, if the lock is good: every change of the record raises its version.
    /// - Parameter version: What the author has seen of it; nil to change it whatever it is.
    func patient(ifVersion version: Int? = nil) -> SQL {
        let condition: SQL = version.map { "AND patients.version = \($0)" } ?? .nothing
        return """
            patient AS (
                UPDATE patients
                SET version = patients.version + 1
                FROM held
                WHERE patients.clinic_id = \(clinicID)
                    AND patients.id = \(patientID)
                    \(fragment: condition)
                RETURNING patients.version
            )
            """
    }
}

extension Transaction {
    /// Why a write to a record touched no row.
    /// - Parameters:
    ///   - current: The queued reading of what was to change; `notFound` if there is none.
    ///   - reason: Why not, if the lock is good and the version right.
    func refusal<Object>(
        of target: RecordTarget, _ objectType: ObjectType, _ objectID: UUID,
        current: Pending<Object?>, as versioned: (Object) -> VersionedObject,
        notFound: RecordError, otherwise reason: any Error = LockError.lockLost
    ) throws -> any Error {
        let patient = pipeline.patient(target.patientID, in: target.clinicID)
        let held = pipeline.optional(
            Scalar<UUID>.self,
            target.claim.held(on: .patient, target.patientID, in: target.clinicID))
        guard try patient.get() != nil else { return RecordError.patientNotFound }
        guard try held.get() != nil else { return LockError.lockLost }
        // A lock that is good by now was not when the write looked: it has been renewed since.
        return try refusal(
            of: objectType, objectID, in: target.clinicID, from: target.version, current: current,
            as: versioned, notFound: notFound, unless: { _ in reason })
    }
}
