import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

extension HTTPFront {
    /// Runs a change and answers with its result; under an `Idempotency-Key` once, and whoever sends the
    /// request again gets the answer of the first time, a rule's refusal included.
    /// - Parameters:
    ///   - change: The change, which stores what is told of it with its effect. Whatever else may be wrong
    ///     with the request has been found out before.
    ///   - reply: What the caller is told of the result.
    func answer<Result: Sendable>(
        _ call: Call, _ change: (Once<Result>?) async throws -> Result,
        with reply: @escaping @Sendable (Result) -> StoredAnswer
    ) async throws -> Response {
        guard let request = try call.idempotentRequest else {
            return Response(reply(try await change(nil)))
        }
        do {
            return try await answerOnce(request, call, change, reply)
        } catch let earlier as Replayed {
            return Response(earlier.answer, isReplay: true)
        }
    }

    private func answerOnce<Result: Sendable>(
        _ request: IdempotentRequest, _ call: Call,
        _ change: (Once<Result>?) async throws -> Result,
        _ reply: @escaping @Sendable (Result) -> StoredAnswer
    ) async throws -> Response {
        do {
            return Response(reply(try await change(Once(request, answer: reply))))
        } catch {
            return Response(try await keep(error, of: request, instance: call.request.uri.path))
        }
    }

    /// Keeps what the author of a change that failed is told, where a rule has decided it.
    /// - Parameter instance: The path that was asked for.
    /// - Throws: ``Replayed``; the error itself, where the same request may be answered otherwise later.
    func keep(
        _ error: any Error, of request: IdempotentRequest, instance: String
    ) async throws -> StoredAnswer {
        guard !(error is Problem || error is IdempotencyKeyReused), let problem = Problem(error),
            problem.isDecidedForGood
        else { throw error }
        let refusal = problem.storedAnswer(instance: instance)
        try await refusals.keep(refusal, of: request)
        return refusal
    }
}

extension Problem {
    /// Whether a rule has refused, and not because something passes that is in the way just now.
    fileprivate var isDecidedForGood: Bool {
        [409, 412, 422].contains(status.code) && headers[.retryAfter] == nil
    }

    fileprivate func storedAnswer(instance: String) -> StoredAnswer {
        StoredAnswer(
            status: status.code, body: String(buffer: body(instance: instance)),
            etag: headers[.eTag])
    }
}

extension StoredAnswer {
    /// 200 with an object.
    static func ok(_ representation: some Representation, etag: String? = nil) -> StoredAnswer {
        StoredAnswer(status: 200, body: String(buffer: representation.json), etag: etag)
    }

    /// 201 for something new, with its address and version where it has them.
    static func created(
        _ representation: some Representation, at location: String? = nil, etag: String? = nil
    ) -> StoredAnswer {
        StoredAnswer(
            status: 201, body: String(buffer: representation.json), location: location, etag: etag)
    }

    /// 200 with what has become of something.
    static func changed(_ resource: some Resource) -> StoredAnswer {
        .ok(resource, etag: resource.etag)
    }

    /// 201 for something new, with its address and version.
    static func created(_ resource: some Resource) -> StoredAnswer {
        .created(resource, at: resource.path, etag: resource.etag)
    }

    /// 204 for what is no more.
    static let noContent = StoredAnswer(status: 204)

    /// The header fields that go with it.
    func fields(isReplay: Bool) -> HTTPFields {
        var fields = HTTPFields()
        if isReplay { fields[.idempotencyReplayed] = "true" }
        fields[.location] = location
        fields[.eTag] = etag
        if !body.isEmpty {
            fields[.contentType] = status < 400 ? "application/json" : "application/problem+json"
        }
        return fields
    }
}

extension Response {
    /// An answer as it is given now, or was given before.
    fileprivate init(_ answer: StoredAnswer, isReplay: Bool = false) {
        self.init(
            status: HTTPResponse.Status(code: answer.status),
            headers: answer.fields(isReplay: isReplay),
            body: ResponseBody(byteBuffer: ByteBuffer(string: answer.body)))
    }
}
