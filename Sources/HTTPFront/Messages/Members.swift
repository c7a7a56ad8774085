import Clinic
import FoundationEssentials
import HTTPTypes

/// A request's body, read member by member.
protocol RequestMembers: Sendable {
    /// The members that there are; every other one is refused, so that a typo is not silently dropped.
    static var names: [String] { get }

    init(from members: Members) throws
}

/// Reads the members of a JSON object and says by name which one is wrong and what it should be.
struct Members {
    private let container: KeyedDecodingContainer<MemberName>
    private let names: [String]

    fileprivate init(_ decoder: any Decoder, named names: [String]) throws {
        container = try decoder.container(keyedBy: MemberName.self)
        self.names = names
        let unknown = container.allKeys.map(\.stringValue).filter { !names.contains($0) }
        if let name = unknown.min() { throw Problem.unknownMember(name, known: names) }
    }

    /// A text of 1 to `limit` characters that is not all blank.
    func text(_ name: String, limit: Int) throws -> String {
        try require(name, try optionalText(name, limit: limit), "a string")
    }

    /// Like `text`, but may be absent or null.
    func optionalText(_ name: String, limit: Int) throws -> String? {
        guard let text = try value(name, String.self, "a string") else { return nil }
        // PostgreSQL has no U+0000, and one would cut the text off in other clients.
        guard !text.unicodeScalars.contains("\0") else {
            throw Problem.invalidMember(name, "must not contain U+0000")
        }
        guard text.unicodeScalars.count <= limit, text.contains(where: { !$0.isWhitespace }) else {
            throw Problem.invalidMember(name, "must have 1 to \(limit) characters")
        }
        return text
    }

    /// A text that replaces another; nil if the member is absent. Null would remove what must be
    /// there.
    func replacement(_ name: String, limit: Int) throws -> String? {
        guard container.contains(MemberName(stringValue: name)) else { return nil }
        return try text(name, limit: limit)
    }

    /// Like `replacement`, of what may be null; nil if the member is absent.
    func optionalReplacement(_ name: String, limit: Int) throws -> String?? {
        guard container.contains(MemberName(stringValue: name)) else { return nil }
        return .some(try optionalText(name, limit: limit))
    }

    /// One of an enum's values; nil if the member is absent.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ type: Choice.Type = Choice.self
    ) throws -> Choice? {
        guard let text = try replacement(name, limit: 50) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let all = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem.invalidMember(name, "must be one of \(all)")
        }
        return choice
    }

    /// An e-mail address as far as its shape goes; whether anybody reads it only a message can tell.
    func optionalEmail(_ name: String) throws -> String? {
        guard let text = try optionalText(name, limit: 254) else { return nil }
        guard text.isEmailAddress else {
            throw Problem.invalidMember(name, "must be an e-mail address such as ann@example.org")
        }
        return text
    }

    /// Like `optionalEmail`, but must be there.
    func email(_ name: String) throws -> String {
        try require(name, try optionalEmail(name), "an e-mail address")
    }

    func id(_ name: String) throws -> UUID {
        try require(name, try optionalID(name), "a UUID")
    }

    func optionalID(_ name: String) throws -> UUID? {
        guard let text = try value(name, String.self, "a UUID") else { return nil }
        guard let id = UUID(uuidString: text) else {
            throw Problem.invalidMember(name, "must be a UUID")
        }
        return id
    }

    /// An instant with its offset.
    func instant(_ name: String) throws -> Date {
        let kind = "an instant with its offset, such as 2026-11-21T09:00:00+01:00"
        let text = try require(name, try value(name, String.self, kind), kind)
        guard let date = Date(rfc3339: text) else {
            throw Problem.invalidMember(name, "must be \(kind)")
        }
        return date
    }

    /// Like `instant`; nil if the member is absent.
    func replacementInstant(_ name: String) throws -> Date? {
        guard container.contains(MemberName(stringValue: name)) else { return nil }
        return try instant(name)
    }

    /// An integer that replaces another; nil if the member is absent.
    func replacementInteger(_ name: String) throws -> Int? {
        guard container.contains(MemberName(stringValue: name)) else { return nil }
        return try require(name, try optionalInteger(name), "an integer")
    }

    func optionalInteger(_ name: String) throws -> Int? {
        try value(name, Int.self, "an integer")
    }

    /// A list of objects, each read like a body of its own.
    func objects<Content: RequestMembers>(
        _ name: String, _ type: Content.Type = Content.self
    ) throws -> [Content] {
        let kind = "a list of objects"
        do {
            let objects = try container.decodeIfPresent(
                [Body<Content>].self, forKey: MemberName(stringValue: name))
            return try require(name, objects, kind).map(\.content)
        } catch is DecodingError {
            throw Problem.invalidMember(name, "must be \(kind)")
        }
    }

    /// An e-mail address that replaces another and may be null; nil if the member is absent.
    func optionalReplacementEmail(_ name: String) throws -> String?? {
        guard container.contains(MemberName(stringValue: name)) else { return nil }
        return .some(try optionalEmail(name))
    }

    /// Refuses a change that changes nothing.
    func requireOne() throws {
        guard container.allKeys.isEmpty else { return }
        throw Problem(
            .unprocessableContent, "missing_member", "Nothing to change",
            "Send at least one of \(names.joined(separator: ", ")).")
    }

    /// Whether a member is there and not null.
    func has(_ name: String) throws -> Bool {
        let key = MemberName(stringValue: name)
        return try container.contains(key) && !container.decodeNil(forKey: key)
    }

    func value<Value: Decodable>(
        _ name: String, _ type: Value.Type, _ kind: String
    ) throws -> Value? {
        do {
            return try container.decodeIfPresent(type, forKey: MemberName(stringValue: name))
        } catch {
            throw Problem.invalidMember(name, "must be \(kind)")
        }
    }

    func require<Value>(_ name: String, _ value: Value?, _ kind: String) throws -> Value {
        guard let value else { throw Problem.missingMember(name, "must be \(kind)") }
        return value
    }
}

/// The body of a call that says everything in its path.
struct NoMembers: RequestMembers {
    static let names: [String] = []

    init(from members: Members) throws {}
}

/// Reads a whole body.
struct Body<Content: RequestMembers>: Decodable {
    let content: Content

    init(from decoder: any Decoder) throws {
        content = try Content(from: Members(decoder, named: Content.names))
    }

    /// - Throws: ``Problem``: 400 for what is not JSON, 422 for JSON that is not this content.
    static func decode(_ data: Data) throws -> Content {
        try data.requireUTF8()
        do {
            return try JSONDecoder().decode(Self.self, from: data).content
        } catch DecodingError.typeMismatch, DecodingError.valueNotFound {
            throw Problem(
                .unprocessableContent, "invalid_body", "Not an object",
                "The body must be a JSON object.")
        } catch is DecodingError {
            throw Problem.malformedBody("The body is not valid JSON in UTF-8.")
        }
    }
}

extension Data {
    /// The decoder takes other encodings, too, and reports a wrong byte as a wrong type.
    /// - Throws: ``Problem`` 400.
    func requireUTF8() throws {
        guard String(validating: self, as: UTF8.self) != nil, !contains(0) else {
            throw Problem.malformedBody("The body is not valid JSON in UTF-8.")
        }
    }
}

/// The name of a member, whatever it is.
private struct MemberName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
