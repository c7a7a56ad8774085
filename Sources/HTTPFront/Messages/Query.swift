import Clinic
import Foundation
import Hummingbird

/// A request's query parameters, read by name; what nobody asked for is refused.
struct Query {
    private let values: [(name: String, value: String)]
    private var asked: Set<String> = []

    /// Reads names and values as HTML forms write them, which is what HTTP clients do: `+` is a
    /// space.
    /// - Throws: ``Problem`` for a parameter that is given twice, does not decode to UTF-8 or has a
    ///   U+0000 in it.
    init(_ request: Request) throws {
        values = try (request.uri.query ?? "").split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let decoded = parts.map { part in
                part.replacing("+", with: " ").removingPercentEncoding
            }
            guard let name = decoded[0], let value = decoded.count > 1 ? decoded[1] : "" else {
                throw Problem.invalidParameter(
                    String(parts[0]), "must be percent-encoded UTF-8")
            }
            return (name, value)
        }
        var seen: Set<String> = []
        for (name, value) in values {
            guard seen.insert(name).inserted else {
                throw Problem.invalidParameter(name, "must be given once")
            }
            guard !value.unicodeScalars.contains("\0") else {
                throw Problem.invalidParameter(name, "must not contain U+0000")
            }
        }
    }

    mutating func text(_ name: String, limit: Int = 200) throws -> String? {
        asked.insert(name)
        guard let value = values.first(where: { $0.name == name })?.value else { return nil }
        guard (1...limit).contains(value.unicodeScalars.count) else {
            throw Problem.invalidParameter(name, "must have 1 to \(limit) characters")
        }
        return value
    }

    mutating func id(_ name: String) throws -> UUID? {
        try text(name).map { text in
            try UUID(uuidString: text)
                ?? { throw Problem.invalidParameter(name, "must be a UUID") }()
        }
    }

    mutating func instant(_ name: String) throws -> Date? {
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
    mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
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

    /// `limit` and `cursor`.
    mutating func page() throws -> PageRequest {
        let limit = try text("limit").map { text in
            guard let limit = Int(text), (1...200).contains(limit) else {
                throw Problem.invalidParameter("limit", "must be an integer from 1 to 200")
            }
            return limit
        }
        let after = try text("cursor").map { text in
            guard let keyset = Keyset(cursor: text) else {
                throw Problem.invalidParameter("cursor", "must be the next_cursor of a page before")
            }
            return keyset
        }
        return PageRequest(limit: limit ?? 50, after: after)
    }

    /// Refuses every parameter that was not asked for: a typo must not widen a search.
    func refuseOthers() throws {
        guard let name = values.map(\.name).filter({ !asked.contains($0) }).min() else { return }
        let known = asked.sorted().joined(separator: ", ")
        throw Problem.invalidParameter(
            name, known.isEmpty ? "is unknown here" : "is unknown here; known are \(known)")
    }
}
