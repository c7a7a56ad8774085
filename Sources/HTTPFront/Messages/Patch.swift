import FoundationEssentials
import HTTPTypes

/// A change of some members of a resource, in either of the two styles that HTTP has.
///
/// A merge patch (RFC 7396) is an object of the new members. A JSON Patch (RFC 6902) is a list of
/// operations; the resources here are flat, so its replacements are such an object, and what it tests
/// is another one.
struct Patch {
    private let replacements: Data
    private let expectations: Data
    /// Whether the patch has a precondition of its own.
    let hasTests: Bool

    init(merging body: Data) {
        replacements = body
        expectations = Data("{}".utf8)
        hasTests = false
    }

    /// - Throws: ``Problem``: 400 for what is not JSON, 422 for what is no JSON Patch of a flat resource.
    init(operations body: Data) throws {
        var replacements: [String: String?] = [:]
        var expectations: [String: String?] = [:]
        for operation in try Self.operations(body) {
            let name = try operation.member
            switch operation.op {
            case "test":
                guard replacements.isEmpty else {
                    throw Problem.invalidMember("op", "must be test before any change")
                }
                let value = try operation.presentValue
                guard expectations[name, default: value] == value else {
                    throw Problem.invalidMember("path", "must be tested for one value")
                }
                expectations[name] = .some(value)
            case "add", "replace": replacements[name] = .some(try operation.presentValue)
            case "remove": replacements[name] = .some(nil)
            default: throw Problem.invalidMember("op", "must be test, replace, add or remove")
            }
        }
        hasTests = !expectations.isEmpty
        self.replacements = try JSONEncoder().encode(replacements)
        self.expectations = try JSONEncoder().encode(expectations)
    }

    /// The new members.
    func replacements<Content: RequestMembers>(_ type: Content.Type) throws -> Content {
        try Body<Content>.decode(replacements)
    }

    /// The members as they must be.
    func expectations<Content: RequestMembers>(_ type: Content.Type) throws -> Content {
        try Body<Content>.decode(expectations)
    }

    private static func operations(_ body: Data) throws -> [PatchOperation] {
        try body.requireUTF8()
        do {
            return try JSONDecoder().decode([PatchOperation].self, from: body)
        } catch DecodingError.dataCorrupted {
            throw Problem.malformedBody("The body is not valid JSON in UTF-8.")
        } catch is DecodingError {
            throw Problem(
                .unprocessableContent, "invalid_body", "Not a JSON Patch",
                "The body must be a list of operations, each with op, path and, but for remove, value; "
                    + "a value is a string or null.")
        }
    }
}

/// One operation of a JSON Patch.
private struct PatchOperation: Decodable {
    let op: String
    let path: String
    /// Nil if it is absent.
    let value: String??

    init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: Names.self)
        op = try members.decode(String.self, forKey: .op)
        path = try members.decode(String.self, forKey: .path)
        value =
            members.contains(.value)
            ? .some(try members.decodeIfPresent(String.self, forKey: .value)) : nil
    }

    private enum Names: String, CodingKey {
        case op, path, value
    }

    /// The member that the path, a JSON Pointer (RFC 6901), names.
    var member: String {
        get throws {
            guard path.hasPrefix("/"), path.count > 1, !path.dropFirst().contains("/") else {
                throw Problem.invalidMember("path", "must name a member, such as /phone")
            }
            return String(path.dropFirst())
                .replacing("~1", with: "/").replacing("~0", with: "~")
        }
    }

    var presentValue: String? {
        get throws {
            guard let value else {
                throw Problem.missingMember("value", "must be a string or null")
            }
            return value
        }
    }
}
