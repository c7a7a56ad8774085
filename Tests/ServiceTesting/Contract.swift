import Foundation
import Yams

/// `openapi.yaml`, to hold answers against.
package struct Contract: Sendable {
    package static let shared = Contract()

    private let document: JSONValue

    private init() {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../openapi.yaml").standardized
        do {
            document = try YAMLDecoder().decode(
                JSONValue.self, from: String(contentsOf: file, encoding: .utf8))
        } catch {
            // Nothing to throw to: every answer of every test is held against it.
            fatalError("openapi.yaml cannot be read: \(error)")
        }
    }

    /// What an answer has that the contract does not allow, or lacks that it wants; empty if nothing.
    package func breaches(of answer: Answer, to method: String, _ path: String) -> [String] {
        let path = String(path.prefix { $0 != "?" })
        guard let operation = operation(method, path) else {
            // No route: the contract says once for all paths what that looks like.
            guard [404, 405].contains(answer.status) else { return ["\(answer.status)"] }
            guard answer.headers["content-type"] == "application/problem+json",
                answer.headers["x-request-id"] != nil
            else { return ["\(method) \(path): \(answer.headers)"] }
            guard method != "HEAD" else { return answer.body.isEmpty ? [] : ["a body for HEAD"] }
            return schema(named: "Problem").breaches(of: answer, at: "body", in: self)
        }
        guard let response = operation["responses"]?["\(answer.status)"].map(resolved) else {
            return ["\(method) \(path) does not say \(answer.status): \(answer.body)"]
        }
        var breaches = missingHeaders(of: answer, in: response)
        guard method != "HEAD" else { return breaches }
        guard let content = response["content"] else {
            return breaches + (answer.body.isEmpty ? [] : ["a body where there is none"])
        }
        let type = answer.headers["content-type"] ?? "none"
        guard let schema = content[type]?["schema"] else {
            return breaches + ["\(type) where one of \(content.names) is said"]
        }
        guard type.hasSuffix("json") else { return breaches }
        breaches += Schema(schema).breaches(of: answer, at: "body", in: self)
        return breaches.map { "\(method) \(path), \(answer.status): \($0)" }
    }

    private func missingHeaders(of answer: Answer, in response: JSONValue) -> [String] {
        let headers = response["headers"]?.members ?? [:]
        return headers.keys.filter { name in
            let isRequired = resolved(headers[name] ?? .null)["required"] == .boolean(true)
            return isRequired && answer.headers[name.lowercased()] == nil
        }.map { "no \($0)" }
    }

    private func operation(_ method: String, _ path: String) -> JSONValue? {
        let parts = path.split(separator: "/")
        let items = document["paths"]?.members.filter { template, _ in
            let names = template.split(separator: "/")
            return names.count == parts.count
                && zip(names, parts).allSatisfy { name, part in
                    name.hasPrefix("{")
                        ? part.hasSuffix(name.split(separator: "}").dropFirst().last ?? "")
                        : name == part
                }
        }
        // Of two that fit, the one that says more.
        let item = items?.max { $0.key.count < $1.key.count }?.value
        return item?[method == "HEAD" ? "get" : method.lowercased()]
    }

    private func schema(named name: String) -> Schema {
        Schema(document["components"]?["schemas"]?[name] ?? .null)
    }

    /// What a `$ref` refers to, or the value itself.
    func resolved(_ value: JSONValue) -> JSONValue {
        guard let reference = value["$ref"]?.text else { return value }
        let target = reference.split(separator: "/").dropFirst().reduce(document) {
            $0[String($1)] ?? .null
        }
        return resolved(target)
    }
}

/// A JSON schema, as much of it as the contract uses. Source: JSON Schema 2020-12.
struct Schema {
    private let schema: JSONValue

    init(_ schema: JSONValue) { self.schema = schema }

    func breaches(of answer: Answer, at place: String, in contract: Contract) -> [String] {
        guard let value = try? answer.json else { return ["\(place) is not JSON"] }
        return breaches(of: value, at: place, in: contract)
    }

    func breaches(of value: JSONValue, at place: String, in contract: Contract) -> [String] {
        let schema = contract.resolved(schema)
        guard schema.isObject else { return ["\(place): no schema"] }
        func inside(_ schema: JSONValue, _ value: JSONValue, _ place: String) -> [String] {
            Schema(schema).breaches(of: value, at: place, in: contract)
        }
        var breaches: [String] = []
        if let type = schema["type"] {
            let types = type.list?.compactMap(\.text) ?? [type.text ?? ""]
            if !types.contains(where: value.isOf) { breaches.append("\(place) is not \(types)") }
        }
        if let allowed = schema["enum"]?.list, !allowed.contains(value) {
            breaches.append("\(place) is not one of \(allowed)")
        }
        for part in schema["allOf"]?.list ?? [] { breaches += inside(part, value, place) }
        if let choices = schema["oneOf"]?.list,
            choices.count(where: { inside($0, value, place).isEmpty }) != 1
        {
            breaches.append("\(place) does not fit one of its choices")
        }
        let properties = schema["properties"]?.members ?? [:]
        if case .object(let members) = value {
            for name in schema["required"]?.list?.compactMap(\.text) ?? []
            where members[name] == nil {
                breaches.append("\(place).\(name) is missing")
            }
            for (name, member) in members {
                if let property = properties[name] {
                    breaches += inside(property, member, "\(place).\(name)")
                } else if schema["additionalProperties"] == .boolean(false) {
                    breaches.append("\(place).\(name) is unknown")
                }
            }
        }
        if let items = schema["items"], let list = value.list {
            for (index, item) in list.enumerated() {
                breaches += inside(items, item, "\(place)[\(index)]")
            }
        }
        return breaches + limits(of: value, at: place, schema)
    }

    private func limits(
        of value: JSONValue, at place: String, _ schema: JSONValue
    ) -> [String] {
        var breaches: [String] = []
        func check(_ name: String, _ actual: Int?, _ holds: (Int, Int) -> Bool) {
            guard let limit = schema[name]?.integer, let actual, !holds(actual, limit) else {
                return
            }
            breaches.append("\(place): \(name) \(limit) does not allow \(actual)")
        }
        check("minimum", value.integer, >=)
        check("maximum", value.integer, <=)
        check("minLength", value.text?.unicodeScalars.count, >=)
        check("maxLength", value.text?.unicodeScalars.count, <=)
        check("minItems", value.list?.count, >=)
        check("maxItems", value.list?.count, <=)
        if let format = schema["format"]?.text, let text = value.text, !text.fits(format) {
            breaches.append("\(place): '\(text)' is no \(format)")
        }
        if let pattern = schema["pattern"]?.text, let text = value.text,
            text.range(of: pattern, options: .regularExpression) == nil
        {
            breaches.append("\(place): '\(text)' does not match \(pattern)")
        }
        return breaches
    }
}

extension JSONValue {
    fileprivate func isOf(type: String) -> Bool {
        switch self {
        case .null: type == "null"
        case .boolean: type == "boolean"
        case .number: type == "number" || type == "integer" && integer != nil
        case .string: type == "string"
        case .list: type == "array"
        case .object: type == "object"
        }
    }
}

extension String {
    /// Whether it has the form that the formats of the contract's own values have.
    fileprivate func fits(_ format: String) -> Bool {
        switch format {
        case "uuid": wholeMatch(of: /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/) != nil
        case "date": wholeMatch(of: /\d{4}-\d\d-\d\d/) != nil
        case "date-time":
            wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z/) != nil
        default: true
        }
    }
}
