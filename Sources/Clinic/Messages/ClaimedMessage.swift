import FoundationEssentials
import Mail
import Postgres

/// A message that a courier has claimed for one attempt.
struct ClaimedMessage: Sendable {
    let clinicID: UUID
    let id: UUID
    let kind: MessageKind
    let subject: String
    let recipient: String
    /// Which attempt this is, from 1. Only the latest one may say what became of the message.
    let attempt: Int
    let lastError: String?
    let createdAt: Date

    /// The mail that it becomes.
    /// - Throws: ``MissingFact``; `MailFailure` for an address that no mail can have.
    func mail(from sender: String, telling facts: MessageFacts) throws -> MailMessage {
        let letter = try Letter(kind, facts)
        return MailMessage(
            from: try MailAddress(sender, name: facts.clinicName),
            to: try MailAddress(recipient, name: facts.name),
            subject: letter.subject, date: createdAt,
            // A domain that nobody can own, and the same whoever sends. Source: RFC 2606, 2.
            id: "\(id.uuidString.lowercased())@holdfast.invalid",
            text: letter.text, html: letter.html,
            attachments: facts.visit.map { [attachment(about: $0, at: facts.clinicName)] } ?? [])
    }

    private func attachment(
        about visit: MessageFacts.Visit, at clinicName: String
    ) -> MailMessage.Attachment {
        let parts = subject.split(separator: ":")
        let event = ICalendar.Event(
            uid: parts.first.map(String.init) ?? subject,
            sequence: parts.last.flatMap { Int($0) } ?? 0,
            stamp: createdAt, startsAt: visit.startsAt, endsAt: visit.endsAt,
            summary: "Appointment with \(visit.practitionerName)", location: clinicName,
            isCancelled: kind == .appointmentCancelled)
        return MailMessage.Attachment(
            name: "appointment.ics", type: "text/calendar; charset=utf-8",
            content: ICalendar(events: [event]).text)
    }
}

extension ClaimedMessage: RowDecodable {
    static let columns: SQL = """
        outbox.clinic_id,
        outbox.id,
        outbox.kind,
        outbox.subject,
        outbox.recipient,
        outbox.attempts,
        outbox.last_error,
        outbox.created_at
        """

    init(row: inout Row) throws {
        clinicID = try row.next()
        id = try row.next()
        kind = try row.next()
        subject = try row.next()
        recipient = try row.next()
        attempt = try row.next()
        lastError = try row.next()
        createdAt = try row.next()
    }
}
