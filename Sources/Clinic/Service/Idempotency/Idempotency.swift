import FoundationEssentials
import Postgres

/// A request that its author may send again, and that is to have one effect and one answer.
package struct IdempotentRequest: Hashable, Sendable {
    /// Whose it is: keys of different authors have nothing to do with each other.
    package enum Author: Hashable, Sendable {
        /// The caller's `sub`.
        case subject(String)
        /// Nobody in particular, who is told from others by what is sent.
        case anonymous(body: String)
    }

    /// Among whose keys it is; `noClinic` where there is none yet.
    package let clinicID: UUID
    package let author: Author
    /// The author's word for it, unique among the author's requests of 24 hours.
    package let key: String
    /// Everything that makes it this request and not another one.
    package let content: String

    package init(in clinicID: UUID, by author: Author, key: String, content: String) {
        self.clinicID = clinicID
        self.author = author
        self.key = key
        self.content = content
    }
}

/// An answer as it was given, to be given again.
package struct StoredAnswer: Hashable, Sendable {
    package let status: Int
    /// JSON, or nothing.
    package let body: String
    /// Where what was made is.
    package let location: String?
    /// The version of what the body shows, as an entity tag.
    package let etag: String?

    package init(status: Int, body: String = "", location: String? = nil, etag: String? = nil) {
        self.status = status
        self.body = body
        self.location = location
        self.etag = etag
    }
}

/// How a change is made once, however often it is asked for: under which key, and what its author is
/// told of the result, which is stored with it.
package struct Once<Result>: Sendable {
    package let request: IdempotentRequest
    /// What the author is told; nil for a result that changes nothing and is not stored.
    package let answer: @Sendable (Result) -> StoredAnswer?

    package init(
        _ request: IdempotentRequest, answer: @escaping @Sendable (Result) -> StoredAnswer?
    ) {
        self.request = request
        self.answer = answer
    }

    /// The same, of a result from which this one can be had.
    func map<Other>(_ transform: @escaping @Sendable (Other) -> Result?) -> Once<Other> {
        Once<Other>(request) { other in transform(other).flatMap(answer) }
    }
}

/// Instead of a result: the request was answered before, and this was its answer.
package struct Replayed: Error, Hashable, Sendable {
    package let answer: StoredAnswer
}

/// A key was sent with another request than the one that it belongs to.
package struct IdempotencyKeyReused: Error, Hashable, Sendable {}

/// Keeps the refusals of requests that may be sent again.
package struct RefusalService: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    /// Keeps a refusal that a rule has decided: sent again, the request is refused likewise.
    ///
    /// The transaction that refused is rolled back by now. If another one of the same key has had an
    /// effect since, its answer counts, for this request as well.
    /// - Throws: ``Replayed``; ``IdempotencyKeyReused``; ``Unavailable``.
    package func keep(
        _ refusal: StoredAnswer, of request: IdempotentRequest
    ) async throws {
        let once = Once<Void>(request) { refusal }
        try await store.write(to: request.clinicID, once: once) { _ in .known(()) }
    }
}

extension UUID {
    /// Stands for the clinic of what belongs to none: all bits are 0. Source: RFC 9562, 5.9.
    package static let noClinic = UUID.least
}
