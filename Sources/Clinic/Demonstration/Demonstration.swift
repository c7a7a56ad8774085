import Foundation
import Postgres

/// A network of clinics to try the service on: 3 clinics in 3 time zones, 40 practitioners with four
/// weeks of 15-minute slots each, 500 patients.
package struct Demonstration: Sendable {
    private let store: Store
    private let author = Author(subject: "system:seed", requestID: "seed")

    package init(store: Store) { self.store = store }

    /// Whether there is a clinic that is not of the network.
    package func hasOthers() async throws -> Bool {
        let names = Set(Site.all.map(\.name))
        return try await calendar.clinics(PageRequest(limit: 200)).items
            .contains { !names.contains($0.name) }
    }

    /// Adds what is missing of the network: all of it, the rest of an interrupted run, or new slots
    /// for practitioners who have none left.
    /// - Parameters:
    ///   - today: The day before the first slots.
    ///   - report: Called with the part that is done, from 0 to 1.
    /// - Returns: How many slots were added.
    package func fill(today: Date, report: (Double) -> Void) async throws -> Int {
        let clinics = try await calendar.clinics(PageRequest(limit: 200)).items
        var practitionersDone = 0
        var slotsAdded = 0
        for site in Site.all {
            var clinic = clinics.first { $0.name == site.name }
            if clinic == nil {
                clinic = try await calendar.createClinic(
                    name: site.name, timeZone: site.timeZone, by: author)
            }
            guard let clinic else { continue }
            try await addPatients(of: site, to: clinic, today: today)
            for practitioner in try await practitioners(of: site, in: clinic) {
                slotsAdded += try await addSlots(of: site, to: practitioner, after: today)
                practitionersDone += 1
                report(Double(practitionersDone) / 40)
            }
        }
        return slotsAdded
    }

    private var calendar: CalendarService { CalendarService(store: store) }

    private func addPatients(of site: Site, to clinic: Clinic, today: Date) async throws {
        let patients = PatientService(store: store)
        let present = try await patients.patients(
            in: clinic.id, matching: nil, PageRequest(limit: 1))
        guard present.items.isEmpty else { return }
        let drafts = try site.patients.map { number in
            try PatientDraft(
                name: "\(Name.given(number)) \(Name.family(number))",
                email: "patient-\(number)@example.org",
                phone: nil,
                birthDate: "19\(40 + number % 60)-0\(1 + number % 9)-1\(number % 10)",
                now: today)
        }
        _ = try await patients.createPatients(drafts, in: clinic.id, by: author)
    }

    private func practitioners(of site: Site, in clinic: Clinic) async throws -> [Practitioner] {
        var present = try await calendar.practitioners(
            in: clinic.id, PageRequest(limit: 200)
        ).items
        for number in site.practitioners.dropFirst(present.count) {
            present.append(
                try await calendar.createPractitioner(
                    name: "Dr. \(Name.given(number)) \(Name.family(number * 7))",
                    specialty: Name.specialty(number), in: clinic.id, by: author))
        }
        return present
    }

    private func addSlots(
        of site: Site, to practitioner: Practitioner, after today: Date
    ) async throws -> Int {
        var coming = SlotFilter()
        coming.practitionerID = practitioner.id
        coming.from = today
        let present = try await calendar.slots(
            in: practitioner.clinicID, where: coming, PageRequest(limit: 1))
        guard present.items.isEmpty else { return 0 }
        let drafts = try site.slotTimes(after: today).map { time in
            try SlotDraft(
                practitionerID: practitioner.id, startsAt: time.lowerBound, endsAt: time.upperBound)
        }
        return try await calendar.createSlots(
            drafts, in: practitioner.clinicID, by: author
        ).count
    }

    /// What a newcomer can try first.
    package struct Tour: Sendable {
        package let clinic: Clinic
        package let patients: [Patient]
        package let slot: Slot
    }

    /// The first slot from an hour on that is still free, and two patients who are free then; nil if
    /// there is none.
    package func tour(now: Date) async throws -> Tour? {
        for clinic in try await calendar.clinics(PageRequest(limit: 200)).items {
            var filter = SlotFilter()
            filter.status = .free
            filter.from = now.addingTimeInterval(3600)
            let slots = try await calendar.slots(
                in: clinic.id, where: filter, PageRequest(limit: 1))
            guard let slot = slots.items.first else { continue }
            let patients = try await patients(freeFrom: slot.startsAt, in: clinic.id)
            if patients.count == 2 { return Tour(clinic: clinic, patients: patients, slot: slot) }
        }
        return nil
    }

    /// Two patients without an appointment from a day before that moment on.
    private func patients(freeFrom start: Date, in clinicID: UUID) async throws -> [Patient] {
        var free: [Patient] = []
        let all = try await PatientService(store: store).patients(
            in: clinicID, matching: nil, PageRequest(limit: 200))
        for patient in all.items where free.count < 2 {
            var theirs = AppointmentFilter()
            theirs.patientID = patient.id
            theirs.from = start.addingTimeInterval(-86_400)
            let appointments = try await BookingService(store: store).appointments(
                in: clinicID, where: theirs, PageRequest(limit: 1))
            if appointments.items.isEmpty { free.append(patient) }
        }
        return free
    }
}

/// One clinic of the network.
private struct Site {
    let name: String
    let timeZone: String
    let practitioners: Range<Int>
    let patients: Range<Int>

    static let all = [
        Site(
            name: "Lindenhof Clinic", timeZone: "Europe/Berlin",
            practitioners: 0..<16, patients: 1..<201),
        Site(
            name: "Harbour Clinic", timeZone: "America/New_York",
            practitioners: 16..<28, patients: 201..<351),
        Site(
            name: "Kamogawa Clinic", timeZone: "Asia/Tokyo",
            practitioners: 28..<40, patients: 351..<501),
    ]

    /// Every quarter of an hour from 9:00 to 17:00, Monday to Friday, for four weeks.
    func slotTimes(after today: Date) throws -> [Range<Date>] {
        guard let zone = TimeZone(identifier: timeZone) else {
            throw InvalidInput("time_zone", "is not known on this machine: \(timeZone)")
        }
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        let days = (1...28).compactMap { offset in
            calendar.date(byAdding: .day, value: offset, to: calendar.startOfDay(for: today))
        }
        return days.filter { (2...6).contains(calendar.component(.weekday, from: $0)) }
            .flatMap { day in
                (0..<32).compactMap { quarter in
                    calendar.date(
                        bySettingHour: 9 + quarter / 4, minute: quarter % 4 * 15, second: 0, of: day
                    )
                }
            }
            .map { $0..<$0.addingTimeInterval(15 * 60) }
    }
}

/// Names, told apart by a number.
private enum Name {
    static func given(_ number: Int) -> String { pick(givenNames, number) }
    static func family(_ number: Int) -> String { pick(familyNames, number / 3) }
    static func specialty(_ number: Int) -> String { pick(specialties, number) }

    private static func pick(_ names: [String], _ number: Int) -> String {
        names[number % names.count]
    }

    private static let specialties = [
        "general practice", "dermatology", "cardiology", "pediatrics",
    ]
    private static let givenNames = [
        "Ada", "Bruno", "Chiyo", "Dalia", "Emeka", "Freya", "Goran", "Hana", "Ines", "Jamal",
        "Kira", "Lars", "Mina", "Nils", "Oona", "Pavel", "Quentin", "Rosa", "Sami", "Tuva",
    ]
    private static let familyNames = [
        "Abel", "Brandt", "Costa", "Duarte", "Eriksen", "Fischer", "Greene", "Haddad", "Ito",
        "Jansen", "Kowalski", "Lindqvist", "Moreau", "Nakamura", "Okafor", "Petrov", "Quist",
        "Rossi", "Sato", "Tanaka", "Ueda", "Varga", "Weber", "Yilmaz", "Zhang",
    ]
}
