import FoundationEssentials
import Postgres

/// Under what an answer is stored.
struct IdempotencyKey: Hashable, Sendable {
    let request: IdempotentRequest

    static func == (one: Self, other: Self) -> Bool {
        one.request.clinicID == other.request.clinicID
            && one.request.author == other.request.author && one.request.key == other.request.key
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(request.clinicID)
        hasher.combine(request.key)
    }

    fileprivate var author: String {
        switch request.author {
        case .subject(let subject): subject
        case .anonymous(let body): body
        }
    }

    fileprivate var isAnonymous: Bool {
        if case .anonymous = request.author { true } else { false }
    }
}

extension [IdempotencyKey] {
    /// A table called `asked`, with columns as the stored answers have them, and `place`, from 1 on. The keys
    /// of one statement are all of one clinic.
    var table: SQL {
        """
        (
            SELECT
                \(first?.request.clinicID) AS clinic_id,
                CASE
                    WHEN asked.is_anonymous
                        THEN 'anonymous ' || encode(sha256(convert_to(asked.author, 'UTF8')), 'hex')
                    ELSE asked.author
                END AS subject,
                asked.key,
                sha256(convert_to(asked.content, 'UTF8')) AS fingerprint,
                asked.place
            FROM unnest(
                \(map(\.author)),
                \(map(\.isAnonymous)),
                \(map(\.request.key)),
                \(map(\.request.content))
            ) WITH ORDINALITY AS asked (author, is_anonymous, key, content, place)
        ) AS asked
        """
    }

    /// The key of an advisory lock, for a row of ``table``.
    static var turn: SQL {
        """
        hashtextextended(
            'idempotency ' || asked.clinic_id::text || asked.subject || ' ' || asked.key,
            0
        )
        """
    }
}

/// An answer and the key under which it is kept.
struct KeptAnswer: Sendable {
    let key: IdempotencyKey
    let answer: StoredAnswer
    /// What it tells of; nil for an answer that is kept in any case.
    var appointmentID: UUID?
}

/// An answer that was found under a key.
struct FoundAnswer: RowDecodable {
    let answer: StoredAnswer
    let isOfThisRequest: Bool

    init(row: inout Row) throws {
        answer = StoredAnswer(
            status: try row.next(), body: try row.next(), location: try row.next(),
            etag: try row.next())
        isOfThisRequest = try row.next()
    }
}
