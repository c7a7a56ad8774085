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
                // No ETag: the names in it change apart from the appointment's version.
                .calendar(
                    try await booking.calendarFile(
                        of: call.appointmentID, in: call.clinicID, patient: call.caller?.patientID))
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
    fileprivate static func calendar(_ text: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/calendar; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
