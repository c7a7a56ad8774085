import Clinic
import FoundationEssentials
import HTTPTypes
import Logging
import NIOCore

/// Books for those who ask in the plainest form, and answers as the route does.
struct PlainBookings: Sendable {
    let front: HTTPFront
    let clock = HTTPClock()
    let logger: Logger

    /// An answer, ready to be written.
    struct Answer: Sendable {
        var head: HTTPResponse
        let body: ByteBuffer
    }

    /// The booking that a head asks for, if it is plain.
    func read(_ head: HTTPRequest) -> PlainBooking? {
        PlainBooking(head, tokens: front.tokens, newID: front.newID)
    }

    /// Books.
    /// - Parameter reply: Called once, on whichever thread; it returns at once. Nil: nothing was done, and
    ///   the route has to be asked.
    func book(
        _ booking: PlainBooking, _ content: ByteBuffer, reply: @escaping @Sendable (Answer?) -> Void
    ) {
        let start = ContinuousClock.now
        let author = Author(subject: booking.caller.subject, requestID: booking.requestID)
        guard let body = PlainBody(content), let patientID = booking.patientID(body) else {
            return reply(nil)
        }
        let once: Once<Appointment>?
        do {
            once = try booking.once(content)
        } catch {
            // The route says what is wrong with the key.
            return reply(nil)
        }
        let answered: @Sendable (Answer) -> Void = { answer in
            reply(finished(answer, booking, since: start))
        }
        guard front.admission.enter() else { return answered(Answer(.overloaded, booking)) }
        front.booking.submit(
            BookingRequest(
                slotID: body.slotID, patientID: patientID, reason: body.reason, author: author),
            in: booking.clinicID, once: once
        ) { result in
            if case .failure(let error) = result, let once {
                Task {
                    let answer = await kept(error, once.request, booking)
                    front.admission.leave()
                    answered(answer)
                }
                return
            }
            front.admission.leave()
            switch result {
            case nil: reply(nil)
            case .success(let appointment): answered(Answer(created: appointment))
            case .failure(let error): answered(refused(error, booking))
            }
        }
    }

    private func refused(_ error: any Error, _ booking: PlainBooking) -> Answer {
        var logger = logger
        logger[metadataKey: "request_id"] = "\(booking.requestID)"
        return Answer(Problem(answering: error, logger), booking)
    }

    /// A refusal, which is kept under the key where a rule has decided it.
    private func kept(
        _ error: any Error, _ request: IdempotentRequest, _ booking: PlainBooking
    ) async -> Answer {
        do {
            return Answer(
                try await front.keep(error, of: request, instance: booking.path), isReplay: false)
        } catch let earlier as Replayed {
            return Answer(earlier.answer, isReplay: true)
        } catch {
            return refused(error, booking)
        }
    }

    /// With what every answer has.
    private func finished(
        _ answer: Answer, _ booking: PlainBooking, since start: ContinuousClock.Instant
    ) -> Answer {
        var answer = answer
        answer.head.headerFields[.contentLength] = "\(answer.body.readableBytes)"
        answer.head.headerFields[.date] = clock.now
        answer.head.headerFields[.requestID] = booking.requestID
        logger.noteAnswer(
            "POST", booking.path, answer.head.status, since: start, requestID: booking.requestID)
        return answer
    }
}

extension PlainBookings.Answer {
    fileprivate init(created appointment: Appointment) {
        head = HTTPResponse(
            status: .created,
            headerFields: [
                .contentType: "application/json", .location: appointment.path,
                .eTag: appointment.etag,
            ])
        body = appointment.json
    }

    fileprivate init(_ problem: Problem, _ booking: PlainBooking) {
        head = HTTPResponse(status: problem.status, headerFields: problem.fields)
        body = problem.body(instance: booking.path)
    }

    fileprivate init(_ answer: StoredAnswer, isReplay: Bool) {
        head = HTTPResponse(
            status: HTTPResponse.Status(code: answer.status),
            headerFields: answer.fields(isReplay: isReplay))
        body = ByteBuffer(string: answer.body)
    }
}
