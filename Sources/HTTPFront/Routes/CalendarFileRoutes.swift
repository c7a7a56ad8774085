import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

extension HTTPFront {
    /// What calendar programs read. Source: RFC 5545.
    var calendarFileRoutes: [Route] {
        [
            Route(
                .get, "/v1/clinics/{clinic}/appointments/{appointment}.ics", for: .staffAndPatients
            ) { call in
                let file = try await booking.calendarFile(
                    of: call.appointmentID, in: call.clinicID, patient: call.caller?.patientID)
                let etag = file.version.etag
                return call.found(etag: etag) { .calendar(file.text, etag: etag) }
            },
            Route(
                .get, "/v1/clinics/{clinic}/practitioners/{practitioner}/calendar.ics",
                for: .staff, query: ["from", "to"]
            ) { call in
                let (from, to) = try call.query.span()
                return .calendar(
                    try await booking.calendarFile(
                        ofPractitioner: call.id(
                            "practitioner", orThrow: CalendarError.practitionerNotFound),
                        in: call.clinicID, from: from, to: to))
            },
        ]
    }
}

extension Response {
    fileprivate static func calendar(_ text: String, etag: String? = nil) -> Response {
        var fields: HTTPFields = [.contentType: "text/calendar; charset=utf-8"]
        fields[.eTag] = etag
        return Response(
            status: .ok, headers: fields, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
