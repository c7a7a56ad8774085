import Clinic
import Foundation
import HTTPFront
import ServiceTesting
import Testing

@Suite("Lists, page by page")
struct PagingTests {
    @Test("a list in pages: every slot once, in order, whatever the filter")
    func pages() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let slots = try await fixture.slots(25)
            let filters = ["", "&status=free", "&specialty=dermatology"]
            for filter in filters {
                var path: String? = fixture.path("slots?limit=10\(filter)")
                var seen: [String] = []
                var pages = 0
                while let next = path {
                    let answer = try await service.send("GET", next)
                    seen += try #require(try answer.json["items"]?.list).compactMap {
                        $0["id"]?.text
                    }
                    pages += 1
                    path = answer.headers["link"].map { link in
                        String(link.dropFirst().prefix { $0 != ">" })
                    }
                    #expect((try answer.json["next_cursor"] == .null) == (path == nil))
                }
                #expect(pages == 3)
                #expect(seen == slots.map(\.id.text))
            }
            let other = try await service.send("GET", fixture.path("slots?specialty=cardiology"))
            #expect(try other.json["items"]?.list == [])
            // As HTTP clients write them: a plus for a space, and an offset's plus as it is.
            let general = try await Fixture(service, specialty: "general practice")
            _ = try await general.slots(1)
            for query in [
                "specialty=general+practice", "specialty=general%20practice",
                "from=2020-01-01T00:00:00+01:00", "from=2020-01-01T00:00:00%2B01:00",
            ] {
                let found = try await service.send("GET", general.path("slots?\(query)"))
                #expect(try found.json["items"]?.list?.count == 1, "\(query)")
            }
            let window = try await service.send(
                "GET",
                fixture.path(
                    "slots?from=\(slots[3].startsAt.formatted(.iso8601))"
                        + "&to=\(slots[5].startsAt.formatted(.iso8601))"))
            #expect(
                try window.json["items"]?.list?.compactMap { $0["id"]?.text }
                    == slots[3..<5].map(\.id.text))
        }
    }

    /// A list of the clinic, and how one more thing comes to be in it.
    struct List: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let path: @Sendable (Fixture) -> String
        let add: @Sendable (Fixture, Int) async throws -> Void

        init(
            _ description: String, path: @escaping @Sendable (Fixture) -> String,
            add: @escaping @Sendable (Fixture, Int) async throws -> Void
        ) {
            testDescription = description
            self.path = path
            self.add = add
        }
    }

    /// Each adds at a place that the readers have passed, where its order lets it: every other slot
    /// is before all that are there.
    static let lists = [
        List("slots", path: { $0.path("slots") }) { fixture, number in
            let day = Date(
                timeIntervalSinceNow: 86_400
                    * Double(number.isMultiple(of: 2) ? 1000 - number : 1000 + number))
            _ = try await fixture.slots(1, from: day)
        },
        List("appointments", path: { $0.path("appointments") }) { fixture, number in
            let day = Date(
                timeIntervalSinceNow: 86_400
                    * Double(number.isMultiple(of: 2) ? 1000 - number : 1000 + number))
            let patient = try await fixture.patients(1, named: "a\(number)-")[0]
            let answer = try await fixture.book(fixture.slots(1, from: day)[0].id, as: patient)
            #expect(answer.status == 201)
        },
        List("patients", path: { $0.path("patients") }) { fixture, number in
            _ = try await fixture.patients(1, named: "p\(number)-")
        },
        List("practitioners", path: { $0.path("practitioners") }) { fixture, number in
            _ = try await CalendarService(store: fixture.service.store).createPractitioner(
                name: "Dr. \(number)", specialty: "dermatology", in: fixture.clinic.id,
                by: Fixture.author)
        },
        List("clinics", path: { _ in "/v1/clinics" }) { fixture, number in
            _ = try await CalendarService(store: fixture.service.store).createClinic(
                name: "Clinic \(number)", timeZone: "Europe/Berlin", by: Fixture.author)
        },
        List("audit", path: { $0.path("audit") }) { fixture, number in
            _ = try await fixture.patients(1, named: "j\(number)-")
        },
    ]

    @Test(
        "rows are added while it is read: what was there is read once, in order", arguments: lists)
    func growing(_ list: List) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            for number in 1...7 { try await list.add(fixture, number) }
            let before = try await read(list.path(fixture) + "?limit=200", of: fixture).ids
            #expect(before.count >= 7)

            var seen: [String] = []
            var next: String? = list.path(fixture) + "?limit=2"
            var number = 8
            while let path = next, number < 40 {
                let page = try await read(path, of: fixture)
                seen += page.ids
                next = page.next
                // Fewer than a page holds, so that the reader gets to the end.
                try await list.add(fixture, number)
                number += 1
            }
            #expect(next == nil)
            #expect(Set(seen).count == seen.count)
            let known = Set(before)
            #expect(seen.filter(known.contains) == before)
        }
    }

    private func read(
        _ path: String, of fixture: Fixture
    ) async throws -> (ids: [String], next: String?) {
        let answer = try await fixture.service.send("GET", path, token: fixture.admin)
        let items = try #require(try answer.json["items"]?.list, "\(answer.body)")
        let next = answer.headers["link"].map { String($0.dropFirst().prefix { $0 != ">" }) }
        return (items.compactMap { $0["id"]?.text }, next)
    }
}
