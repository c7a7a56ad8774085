import Clinic
import Foundation
import HTTPTypes
import Logging
import Postgres
import ServiceTesting
import Testing

@testable import HTTPFront

/// Every route, every kind of caller, one's own things and other people's.
@Suite("Who may do what to whose things")
struct AccessMatrixTests {
    /// What a route is expected to allow, written down apart from the routes.
    struct Entry: Sendable {
        /// Who may use it on their own clinic's things; operators may everything.
        let allowed: Set<Kind>
        /// The path behind the clinic's own; nil: as the route has it.
        var path: @Sendable (Place) -> String?
        var body: (@Sendable (Place) -> String)?
        /// Whether another patient of the same clinic must not know of it.
        var isPersonal = false
        /// Whether the path, or the body, names an object of the clinic.
        var namesObject = false
        /// Whether it is refused to whoever does not hold the lock that the path names.
        var isHoldersOnly = false
        /// Whether the path names what is not there, so that whoever may do it is told that.
        var isNeverThere = false

        var isOpen: Bool { allowed.contains(.nobody) }
    }

    enum Kind: String, CaseIterable, Sendable {
        case nobody, patient, otherPatient, receptionist, practitioner, admin, `operator`
        case foreignAdmin, expired, wrongAudience

        static let patients: Set<Kind> = [.patient, .otherPatient]
        static let staff: Set<Kind> = [.receptionist, .practitioner, .admin]
        static let everyone = Set(Kind.allCases)
    }

    /// Whose thing is asked for.
    enum Target: CaseIterable, Sendable {
        case own
        /// Another clinic's, under that clinic's path.
        case foreign
        /// Another clinic's, under one's own clinic's path.
        case smuggled
    }

    enum Verdict: String {
        case passes, unauthorized, forbidden, hidden
        /// What no cell may be.
        case failed

        init(_ status: Int) {
            switch status {
            case 401: self = .unauthorized
            case 403: self = .forbidden
            case 404: self = .hidden
            case 500...: self = .failed
            default: self = .passes
            }
        }
    }

    /// A clinic with one of everything.
    struct Place: Sendable {
        let clinic: String
        let practitioner: String
        let slot: String
        /// One that nobody may delete.
        let bookedSlot: String
        let patient: String
        let appointment: String
        let registration: String
        let prescription: String
        let insurance: String
        /// On another patient, held by nobody who asks here.
        let lock: String
        let waitlistEntry: String
    }

    static let entries: [String: Entry] = [
        "GET /healthz": Entry(allowed: Kind.everyone, path: { _ in nil }),
        "GET /openapi.yaml": Entry(allowed: Kind.everyone, path: { _ in nil }),
        "GET /readyz": Entry(allowed: Kind.everyone, path: { _ in nil }),
        "GET /v1/clinics": Entry(allowed: Kind.everyone, path: { _ in nil }),
        "POST /v1/clinics": Entry(
            allowed: [], path: { _ in nil },
            body: { _ in #"{"name": "A", "time_zone": "Europe/Berlin"}"# }),
        "GET /v1/clinics/{clinic}": Entry(allowed: Kind.everyone, path: { _ in "" }),
        "PATCH /v1/clinics/{clinic}": Entry(
            allowed: [.admin], path: { _ in "" }, body: { _ in #"{"name": "B"}"# }),
        "GET /v1/clinics/{clinic}/practitioners": Entry(
            allowed: Kind.everyone, path: { _ in "/practitioners" }),
        "POST /v1/clinics/{clinic}/practitioners": Entry(
            allowed: [.admin], path: { _ in "/practitioners" },
            body: { _ in #"{"name": "A", "specialty": "B"}"# }),
        "GET /v1/clinics/{clinic}/practitioners/{practitioner}": Entry(
            allowed: Kind.everyone, path: { "/practitioners/\($0.practitioner)" },
            namesObject: true),
        "PATCH /v1/clinics/{clinic}/practitioners/{practitioner}": Entry(
            allowed: [.admin], path: { "/practitioners/\($0.practitioner)" },
            body: { _ in #"{"name": "B"}"# }, namesObject: true),
        "GET /v1/clinics/{clinic}/slots": Entry(allowed: Kind.everyone, path: { _ in "/slots" }),
        "POST /v1/clinics/{clinic}/slots": Entry(
            allowed: [.admin], path: { _ in "/slots" },
            body: {
                """
                {"practitioner_id": "\($0.practitioner)", "starts_at": "2026-01-01T09:00:00Z",
                "ends_at": "2026-01-01T10:00:00Z"}
                """
            }, namesObject: true),
        "GET /v1/clinics/{clinic}/slots/{slot}": Entry(
            allowed: Kind.everyone, path: { "/slots/\($0.slot)" }, namesObject: true),
        "PATCH /v1/clinics/{clinic}/slots/{slot}": Entry(
            allowed: [.admin], path: { "/slots/\($0.slot)" },
            body: { _ in #"{"status": "free"}"# }, namesObject: true),
        "DELETE /v1/clinics/{clinic}/slots/{slot}": Entry(
            allowed: [.admin], path: { "/slots/\($0.bookedSlot)" }, namesObject: true),
        "GET /v1/clinics/{clinic}/patients": Entry(
            allowed: Kind.staff, path: { _ in "/patients" }),
        "POST /v1/clinics/{clinic}/patients": Entry(
            allowed: Kind.staff, path: { _ in "/patients" },
            body: { _ in #"{"name": "A", "birth_date": "1968-02-29"}"# }),
        "GET /v1/clinics/{clinic}/patients/{patient}": Entry(
            allowed: Kind.staff.union([.patient]), path: { "/patients/\($0.patient)" },
            isPersonal: true, namesObject: true),
        "GET /v1/clinics/{clinic}/appointments": Entry(
            allowed: Kind.staff.union([.patient]),
            path: { "/appointments?patient_id=\($0.patient)" }, isPersonal: true),
        "POST /v1/clinics/{clinic}/appointments": Entry(
            allowed: Kind.staff.union([.patient]), path: { _ in "/appointments" },
            body: { #"{"slot_id": "\#($0.slot)", "patient_id": "\#($0.patient)"}"# },
            isPersonal: true, namesObject: true),
        "GET /v1/clinics/{clinic}/appointments/{appointment}": Entry(
            allowed: Kind.staff.union([.patient]), path: { "/appointments/\($0.appointment)" },
            isPersonal: true, namesObject: true),
        "GET /v1/clinics/{clinic}/appointments/{appointment}.ics": Entry(
            allowed: Kind.staff.union([.patient]), path: { "/appointments/\($0.appointment).ics" },
            isPersonal: true, namesObject: true),
        "POST /v1/clinics/{clinic}/appointments/{appointment}/cancel": Entry(
            allowed: Kind.staff.union([.patient]),
            path: { "/appointments/\($0.appointment)/cancel" }, body: { _ in "{}" },
            isPersonal: true, namesObject: true),
        "POST /v1/clinics/{clinic}/appointments/{appointment}/reschedule": Entry(
            allowed: Kind.staff.union([.patient]),
            path: { "/appointments/\($0.appointment)/reschedule" },
            body: { #"{"slot_id": "\#($0.bookedSlot)"}"# }, isPersonal: true, namesObject: true),
        "POST /v1/clinics/{clinic}/appointments/{appointment}/status": Entry(
            allowed: Kind.staff, path: { "/appointments/\($0.appointment)/status" },
            body: { _ in #"{"status": "arrived"}"# }, namesObject: true),
        "POST /v1/clinics/{clinic}/slots/{slot}/hold": Entry(
            allowed: Kind.staff.union([.patient]), path: { "/slots/\($0.slot)/hold" },
            body: { #"{"patient_id": "\#($0.patient)"}"# }, isPersonal: true, namesObject: true),
        // Without a hold there is none to end, whoever asks.
        "DELETE /v1/clinics/{clinic}/slots/{slot}/hold": Entry(
            allowed: Kind.staff.union(Kind.patients),
            path: { "/slots/\($0.bookedSlot)/hold" }, namesObject: true, isNeverThere: true),
        "POST /v1/clinics/{clinic}/waitlist": Entry(
            allowed: Kind.staff.union([.patient]), path: { _ in "/waitlist" },
            body: {
                """
                {"patient_id": "\($0.patient)", "practitioner_id": "\($0.practitioner)",
                "from": "2150-01-01T00:00:00Z", "to": "2150-01-02T00:00:00Z"}
                """
            }, isPersonal: true, namesObject: true),
        "GET /v1/clinics/{clinic}/waitlist": Entry(
            allowed: Kind.staff.union([.patient]),
            path: { "/waitlist?patient_id=\($0.patient)" }, isPersonal: true),
        "GET /v1/clinics/{clinic}/waitlist/{entry}": Entry(
            allowed: Kind.staff.union([.patient]), path: { "/waitlist/\($0.waitlistEntry)" },
            isPersonal: true, namesObject: true),
        "DELETE /v1/clinics/{clinic}/waitlist/{entry}": Entry(
            allowed: Kind.staff.union([.patient]), path: { "/waitlist/\($0.waitlistEntry)" },
            isPersonal: true, namesObject: true),
        "POST /v1/clinics/{clinic}/availability": Entry(
            allowed: [.admin], path: { _ in "/availability" },
            body: {
                """
                {"practitioner_id": "\($0.practitioner)", "from": "2030-01-01", "to": "2030-01-01",
                "weekdays": ["tue"], "start": "09:00", "end": "10:00", "slot_minutes": 30}
                """
            }, namesObject: true),
        "POST /v1/clinics/{clinic}/time-off": Entry(
            allowed: [.admin], path: { _ in "/time-off" },
            body: {
                """
                {"practitioner_id": "\($0.practitioner)", "starts_at": "2031-01-01T09:00:00Z",
                "ends_at": "2031-01-01T10:00:00Z"}
                """
            }, namesObject: true),
        "GET /v1/clinics/{clinic}/time-off": Entry(
            allowed: Kind.staff, path: { _ in "/time-off" }),
        "DELETE /v1/clinics/{clinic}/time-off/{time-off}": Entry(
            allowed: [.admin], path: { _ in "/time-off/\(UUID().text)" }, namesObject: true,
            isNeverThere: true),
        "GET /v1/clinics/{clinic}/practitioners/{practitioner}/calendar.ics": Entry(
            allowed: Kind.staff, path: { "/practitioners/\($0.practitioner)/calendar.ics" },
            namesObject: true),
        "POST /v1/clinics/{clinic}/registrations": Entry(
            allowed: Kind.everyone, path: { _ in "/registrations" },
            body: { _ in
                """
                {"name": "A", "email": "\(UUID().text)@example.org", "birth_date": "1968-02-29"}
                """
            }),
        "GET /v1/clinics/{clinic}/registrations": Entry(
            allowed: [.admin], path: { _ in "/registrations" }),
        "GET /v1/clinics/{clinic}/registrations/{registration}": Entry(
            allowed: [.admin], path: { "/registrations/\($0.registration)" }, namesObject: true),
        "PATCH /v1/clinics/{clinic}/registrations/{registration}": Entry(
            allowed: [.admin], path: { "/registrations/\($0.registration)" },
            body: { _ in #"{"comments": "B"}"# }, namesObject: true),
        "POST /v1/clinics/{clinic}/registrations/{registration}/claim": Entry(
            allowed: [.admin], path: { "/registrations/\($0.registration)/claim" },
            body: { _ in "{}" }, namesObject: true),
        "POST /v1/clinics/{clinic}/registrations/{registration}/release": Entry(
            allowed: [.admin], path: { "/registrations/\($0.registration)/release" },
            body: { _ in "{}" }, namesObject: true),
        "POST /v1/clinics/{clinic}/registrations/{registration}/approve": Entry(
            allowed: [.admin], path: { "/registrations/\($0.registration)/approve" },
            body: { _ in "{}" }, namesObject: true),
        "POST /v1/clinics/{clinic}/registrations/{registration}/reject": Entry(
            allowed: [.admin], path: { "/registrations/\($0.registration)/reject" },
            body: { _ in #"{"reason": "C"}"# }, namesObject: true),
        "PATCH /v1/clinics/{clinic}/patients/{patient}": Entry(
            allowed: Kind.staff, path: { "/patients/\($0.patient)" },
            body: { _ in #"{"name": "B"}"# }, namesObject: true),
        "POST /v1/clinics/{clinic}/patients/{patient}/prescriptions": Entry(
            allowed: Kind.staff, path: { "/patients/\($0.patient)/prescriptions" },
            body: { _ in #"{"drug": "A", "dosage": "B"}"# }, namesObject: true),
        "PATCH /v1/clinics/{clinic}/patients/{patient}/prescriptions/{prescription}": Entry(
            allowed: Kind.staff,
            path: { "/patients/\($0.patient)/prescriptions/\($0.prescription)" },
            body: { _ in #"{"drug": "A", "dosage": "B"}"# }, namesObject: true),
        "DELETE /v1/clinics/{clinic}/patients/{patient}/prescriptions/{prescription}": Entry(
            allowed: Kind.staff,
            path: { "/patients/\($0.patient)/prescriptions/\($0.prescription)" }, namesObject: true),
        "POST /v1/clinics/{clinic}/patients/{patient}/insurances": Entry(
            allowed: Kind.staff, path: { "/patients/\($0.patient)/insurances" },
            body: { _ in #"{"insurer": "A", "policy_number": "B"}"# }, namesObject: true),
        "PATCH /v1/clinics/{clinic}/patients/{patient}/insurances/{insurance}": Entry(
            allowed: Kind.staff,
            path: { "/patients/\($0.patient)/insurances/\($0.insurance)" },
            body: { _ in #"{"insurer": "A", "policy_number": "B"}"# }, namesObject: true),
        "DELETE /v1/clinics/{clinic}/patients/{patient}/insurances/{insurance}": Entry(
            allowed: Kind.staff,
            path: { "/patients/\($0.patient)/insurances/\($0.insurance)" }, namesObject: true),
        "GET /v1/clinics/{clinic}/locks": Entry(allowed: Kind.staff, path: { _ in "/locks" }),
        "POST /v1/clinics/{clinic}/locks": Entry(
            allowed: Kind.staff, path: { _ in "/locks" },
            body: {
                #"{"targets": [{"type": "patient", "id": "\#($0.patient)"}], "reason": "A"}"#
            }, namesObject: true),
        // Who does not hold it is told that it is lost, whether there is one or not.
        "POST /v1/clinics/{clinic}/locks/{token}/renew": Entry(
            allowed: Kind.staff, path: { "/locks/\($0.lock)/renew" }, body: { _ in "{}" }),
        "DELETE /v1/clinics/{clinic}/locks/{token}": Entry(
            allowed: Kind.staff, path: { "/locks/\($0.lock)" }, namesObject: true,
            isHoldersOnly: true),
        "GET /v1/clinics/{clinic}/audit": Entry(allowed: [.admin], path: { _ in "/audit" }),
        "GET /v1/clinics/{clinic}/messages": Entry(allowed: [.admin], path: { _ in "/messages" }),
    ]

    @Test("every route has its line in the table, and every cell is as the table says")
    func matrix() async throws {
        try await withService { service in
            let front = HTTPFront(store: service.store, tokens: service.tokens)
            let names = front.routes.map { "\($0.method.rawValue) \($0.path)" }
            #expect(Set(names).symmetricDifference(Self.entries.keys) == [])

            let own = try await Fixture(service)
            let foreign = try await Fixture(service)
            let ownPlace = try await place(own)
            let foreignPlace = try await place(foreign)
            let otherPatient = try await own.patients(2, named: "other")[1].id
            let tokens = try await tokens(own, ownPlace, foreign, otherPatient, service)

            var cells = 0
            for name in names {
                let entry = try #require(Self.entries[name])
                let method = String(try #require(name.split(separator: " ").first))
                let route = String(try #require(name.split(separator: " ").last))
                for target in Target.allCases {
                    let place = target == .own ? ownPlace : foreignPlace
                    let clinic = target == .foreign ? foreignPlace.clinic : ownPlace.clinic
                    for kind in Kind.allCases {
                        guard
                            let expected = Self.verdict(
                                entry, kind, target, hasClinic: route.contains("{clinic}"))
                        else { continue }
                        let answer = try await service.send(
                            method, entry.path(place).map { "/v1/clinics/\(clinic)\($0)" } ?? route,
                            token: tokens[kind], body: entry.body?(place),
                            headers: ["If-Match": "\"1\"", "Lock-Token": UUID().text])
                        #expect(
                            Verdict(answer.status) == expected,
                            "\(name), \(kind), \(target): \(answer.status) \(answer.body)")
                        cells += 1
                    }
                }
            }
            #expect(cells > 400)
        }
    }

    /// What API.md's roles come to; nil for a cell that says nothing new.
    private static func verdict(
        _ entry: Entry, _ kind: Kind, _ target: Target, hasClinic: Bool
    ) -> Verdict? {
        if kind == .expired || kind == .wrongAudience { return .unauthorized }
        guard hasClinic else {
            guard target == .own else { return nil }
            if entry.isOpen || kind == .operator { return .passes }
            return kind == .nobody ? .unauthorized : .forbidden
        }
        if kind == .nobody && !entry.isOpen { return .unauthorized }
        let isAtHome = (kind == .foreignAdmin) == (target == .foreign)
        let role: Kind = kind == .foreignAdmin ? .admin : kind
        switch target {
        case .own, .foreign:
            if entry.isHoldersOnly && kind == .operator { return .forbidden }
            if entry.isNeverThere && kind == .operator { return .hidden }
            if entry.isOpen || kind == .operator { return .passes }
            guard isAtHome else { return .hidden }
            if entry.isPersonal && kind == .otherPatient { return .hidden }
            guard entry.allowed.contains(role), !entry.isHoldersOnly else { return .forbidden }
            return entry.isNeverThere ? .hidden : .passes
        case .smuggled:
            guard entry.namesObject else { return nil }
            if entry.isOpen || kind == .operator || !isAtHome { return .hidden }
            if entry.isPersonal && Kind.patients.contains(kind) { return .hidden }
            return entry.allowed.contains(role) ? .hidden : .forbidden
        }
    }

    private func place(_ fixture: Fixture) async throws -> Place {
        let slots = try await fixture.slots(2)
        let patient = try await fixture.patients(1, named: "own")[0]
        let booked = try await fixture.book(slots[0].id, as: patient)
        return Place(
            clinic: fixture.clinic.id.text, practitioner: fixture.practitioner.id.text,
            slot: slots[1].id.text, bookedSlot: slots[0].id.text, patient: patient.id.text,
            appointment: try #require(booked.json["id"]?.text),
            registration: try await fixture.registration().id.text,
            prescription: try await fixture.prescription(for: patient.id).id.text,
            insurance: try await fixture.insurance(for: patient.id).id.text,
            lock: try await fixture.lock(fixture.patient(named: "locked").id).token.text,
            waitlistEntry: try await fixture.waiting(patient.id).id.text)
    }

    private func tokens(
        _ own: Fixture, _ place: Place, _ foreign: Fixture, _ otherPatient: UUID,
        _ service: Service
    ) async throws -> [Kind: String] {
        let clinic = own.clinic.id
        let stranger = try await Tokens(secret: Service.secret, keySet: nil, audience: "others")
        return [
            .patient: try await service.token(
                .patient, clinic: clinic, patient: UUID(uuidString: place.patient)),
            .otherPatient: try await service.token(
                .patient, clinic: clinic, patient: otherPatient),
            .receptionist: own.receptionist,
            .practitioner: try await service.token(.practitioner, clinic: clinic),
            .admin: own.admin,
            .operator: try await service.token(.operator),
            .foreignAdmin: foreign.admin,
            .expired: try await service.token(.admin, clinic: clinic, lifetime: -60),
            .wrongAudience: try await stranger.issue(
                role: .admin, clinicID: clinic, patientID: nil, subject: "x", lifetime: 3600),
        ]
    }
}
