import FoundationEssentials
import Postgres

extension PatientService {
    /// Adds an item to a patient's record.
    /// - Throws: `LockError.lockLost`; `patientNotFound`.
    package func add<Draft: RecordItemContent>(
        _ draft: Draft, to target: RecordTarget, once: Once<Draft.Item>? = nil
    ) async throws -> Draft.Item {
        let id = store.newID()
        let entryIDs = (store.newID(), store.newID())
        return try await store.write(to: target.clinicID, once: once) { tx in
            tx.pipeline.name(target.claim)
            let written = try tx.optional(
                Written<Draft.Item>.self,
                """
                WITH \(fragment: target.held),
                \(fragment: target.patient(ifVersion: target.version)),
                item AS (
                    INSERT INTO \(fragment: Draft.Item.table) (
                        clinic_id, id, patient_id, \(fragment: Draft.names)
                    )
                    SELECT
                        \(target.clinicID),
                        \(id),
                        \(target.patientID),
                        \(fragment: draft.values)
                    FROM patient
                    JOIN clinics ON clinics.id = \(target.clinicID)
                    RETURNING *
                )
                SELECT patient.version, \(fragment: Draft.Item.columns)
                FROM item, patient
                """)
            guard let written else {
                throw try tx.refusal(
                    of: target, .patient, target.patientID,
                    current: tx.pipeline.patient(target.patientID, in: target.clinicID),
                    as: VersionedObject.patient, notFound: .patientNotFound)
            }
            tx.pipeline.record(written, "created", entryIDs, of: target)
            return .known(written.item)
        }
    }

    /// Changes an item of a patient's record.
    /// - Throws: `LockError.lockLost`; ``VersionConflict``; `patientNotFound`; the item's `notFound`.
    package func change<Changes: RecordItemChanges>(
        _ id: UUID, _ changes: Changes, of target: RecordTarget
    ) async throws -> Changes.Item {
        let entryIDs = (store.newID(), store.newID())
        return try await store.write(to: target.clinicID) { tx in
            tx.pipeline.name(target.claim)
            let written = try tx.optional(
                Written<Changes.Item>.self,
                """
                WITH \(fragment: target.held),
                \(fragment: target.patient())
                UPDATE \(fragment: Changes.Item.table) AS item
                SET \(fragment: changes.assignments),
                    version = item.version + 1
                FROM patient
                WHERE \(fragment: target.condition(on: id))
                RETURNING patient.version, \(fragment: Changes.Item.columns)
                """)
            guard let written else {
                throw try tx.refusal(of: target, Changes.Item.self, id)
            }
            tx.pipeline.record(written, "changed", entryIDs, of: target)
            return .known(written.item)
        }
    }

    /// Removes an item from a patient's record.
    /// - Throws: As ``change(_:_:of:)``.
    package func remove<Item: RecordItem>(
        _ type: Item.Type, _ id: UUID, from target: RecordTarget, once: Once<Void>? = nil
    ) async throws {
        let entryIDs = (store.newID(), store.newID())
        try await store.write(to: target.clinicID, once: once) { tx in
            tx.pipeline.name(target.claim)
            let written = try tx.optional(
                Written<Item>.self,
                """
                WITH \(fragment: target.held),
                \(fragment: target.patient())
                DELETE FROM \(fragment: Item.table) AS item
                USING patient
                WHERE \(fragment: target.condition(on: id))
                RETURNING patient.version, \(fragment: Item.columns)
                """)
            guard let written else { throw try tx.refusal(of: target, type, id) }
            tx.pipeline.record(written, "removed", entryIDs, of: target, raisedBy: 1)
            return .known(())
        }
    }
}

/// An item that was written, and the version that this made of its patient.
private struct Written<Item: RecordItem>: RowDecodable {
    let patientVersion: Int
    let item: Item

    init(row: inout Row) throws {
        patientVersion = try row.next()
        item = try Item(row: &row)
    }
}

extension RecordTarget {
    /// The item, if it is the patient's and still what the author has seen.
    fileprivate func condition(on id: UUID) -> SQL {
        let row: SQL = """
            item.clinic_id = \(clinicID) AND item.id = \(id) AND item.patient_id = \(patientID)
            """
        guard let version else { return row }
        return "\(fragment: row) AND item.version = \(version)"
    }
}

extension Transaction {
    fileprivate func refusal<Item: RecordItem>(
        of target: RecordTarget, _ type: Item.Type, _ id: UUID
    ) throws -> any Error {
        try refusal(
            of: target, Item.objectType, id,
            current: pipeline.optional(
                Item.self,
                """
                SELECT \(fragment: Item.columns)
                FROM \(fragment: Item.table) AS item
                WHERE item.clinic_id = \(target.clinicID)
                    AND item.id = \(id)
                    AND item.patient_id = \(target.patientID)
                """),
            as: \.versioned, notFound: Item.notFound)
    }
}

extension Pipeline {
    /// Queues the journal's rows of an item that was written, and of its patient.
    fileprivate func record<Item: RecordItem>(
        _ written: Written<Item>, _ change: String, _ ids: (UUID, UUID), of target: RecordTarget,
        raisedBy raise: Int = 0
    ) {
        let name = Item.objectType.rawValue
        record(
            JournalEntry(
                id: ids.0, clinicID: target.clinicID, objectType: Item.objectType,
                objectID: written.item.id, version: written.item.version + raise,
                action: "\(name).\(change)", author: target.author,
                detail: "jsonb_build_object('patient_id', \(target.patientID))"))
        record(
            JournalEntry(
                id: ids.1, clinicID: target.clinicID, objectType: .patient,
                objectID: target.patientID, version: written.patientVersion,
                action: "patient.changed", author: target.author,
                detail: "jsonb_build_object('changed', \(name), 'id', \(written.item.id))"))
    }
}
