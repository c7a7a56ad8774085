import Clinic
import Foundation
import Hummingbird

/// A request's query parameters, read by name.
struct Query: Sendable {
    private let values: [(name: String, value: String)]
    private let path: String

    /// Reads names and values as HTML forms write them, which is what HTTP clients do: `+` is a
    /// space.
    /// - Parameter known: The parameters that there are.
    /// - Throws: ``Problem`` for a parameter that is unknown, is given twice, does not decode to UTF-8
    ///   or has a U+0000 in it.
    init(_ request: Request, knowing known: [String]) throws {
        path = request.uri.path
        values = try (request.uri.query ?? "").split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let decoded = parts.map { part in
                // Most need none of this, and it is not quick.
                part.utf8.contains { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "%") }
                    ? part.replacing("+", with: " ").removingPercentEncoding : String(part)
            }
            guard let name = decoded[0], let value = decoded.count > 1 ? decoded[1] : "" else {
                throw Problem.invalidParameter(
                    String(parts[0]), "must be percent-encoded UTF-8")
            }
            return (name, value)
        }
        var seen: Set<String> = []
        for (name, value) in values {
            guard known.contains(name) else {
                let list = known.sorted().joined(separator: ", ")
                throw Problem.invalidParameter(
                    name, known.isEmpty ? "is unknown here" : "is unknown here; known are \(list)")
            }
            guard seen.insert(name).inserted else {
                throw Problem.invalidParameter(name, "must be given once")
            }
            guard !value.unicodeScalars.contains("\0") else {
                throw Problem.invalidParameter(name, "must not contain U+0000")
            }
        }
    }

    func text(_ name: String, limit: Int = 200) throws -> String? {
        guard let value = values.first(where: { $0.name == name })?.value else { return nil }
        guard !value.isEmpty else { throw Problem.invalidParameter(name, "must not be empty") }
        guard value.unicodeScalars.count <= limit else {
            throw Problem.invalidParameter(name, "must have \(limit) characters at the most")
        }
        return value
    }

    func id(_ name: String) throws -> UUID? {
        try text(name).map { text in
            try UUID(uuidString: text)
                ?? { throw Problem.invalidParameter(name, "must be a UUID") }()
        }
    }

    func instant(_ name: String) throws -> Date? {
        try text(name).map { text in
            // An offset's plus that was not percent-encoded has become a space.
            guard let date = Date(rfc3339: text.replacing(" ", with: "+")) else {
                throw Problem.invalidParameter(
                    name, "must be an instant with its offset, such as 2026-11-21T09:00:00Z")
            }
            return date
        }
    }

    /// One of an enum's values.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ type: Choice.Type = Choice.self
    ) throws -> Choice? {
        try text(name).map { text in
            guard let choice = Choice(rawValue: text) else {
                let all = Choice.allCases.map(\.rawValue).joined(separator: ", ")
                throw Problem.invalidParameter(name, "must be one of \(all)")
            }
            return choice
        }
    }

    /// `true` or `false`; false if it is absent.
    func flag(_ name: String) throws -> Bool {
        switch try text(name) {
        case nil, "false": false
        case "true": true
        default: throw Problem.invalidParameter(name, "must be true or false")
        }
    }

    /// `from` and `to`, half-open.
    func span() throws -> (from: Date?, to: Date?) {
        let (from, to) = (try instant("from"), try instant("to"))
        if let from, let to, from > to {
            throw Problem.invalidParameter("to", "must not be before from")
        }
        return (from, to)
    }

    /// Tells lists apart, and what is looked for in them. FNV-1a: it guards against mistakes, and
    /// whoever forges a cursor gets no more than by asking.
    var listHash: UInt32 {
        let looksFor = values.filter { !Self.page.contains($0.name) }
            .map { "\($0.name)=\($0.value)" }.sorted()
        return ([path] + looksFor).joined(separator: "&").utf8.reduce(2_166_136_261) {
            ($0 ^ UInt32($1)) &* 16_777_619
        }
    }

    /// What `page()` reads.
    static let page = ["limit", "cursor"]

    /// `limit` and `cursor`.
    func page() throws -> PageRequest {
        let limit = try text("limit").map { text in
            guard let limit = Int(text), (1...200).contains(limit) else {
                throw Problem.invalidParameter("limit", "must be an integer from 1 to 200")
            }
            return limit
        }
        let after = try text("cursor").map { text in
            guard let keyset = Keyset(cursor: text, of: self) else {
                throw Problem.invalidParameter(
                    "cursor", "must be the next_cursor of a page of the same list")
            }
            return keyset
        }
        return PageRequest(limit: limit ?? 50, after: after)
    }
}
