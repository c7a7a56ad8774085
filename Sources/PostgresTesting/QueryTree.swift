/// A statement as the server has parsed it: PostgreSQL's own `Query`, out of its log.
/// Source: `nodeToString` and `pg_strtok` in its sources.
package struct QueryTree: Sendable {
    /// A node: `{FUNCEXPR :funcid 2649 :args <>}`.
    package struct Node: Sendable {
        package let kind: String
        fileprivate(set) var fields: [String: [Value]] = [:]

        /// A field that is one word.
        package func word(_ field: String) -> String? {
            if case .word(let word)? = fields[field]?.first { word } else { nil }
        }

        /// The nodes in a field, not those inside them.
        package func nodes(_ field: String) -> [Node] {
            fields[field, default: []].flatMap(\.nodes)
        }

        /// The nodes in all fields, likewise.
        package var children: [Node] { fields.values.joined().flatMap(\.nodes) }

        /// It and whatever is in it.
        package var family: [Node] { [self] + children.flatMap(\.family) }
    }

    indirect enum Value: Sendable {
        case word(String)
        case list([Value])
        case node(Node)

        var nodes: [Node] {
            switch self {
            case .word: []
            case .list(let values): values.flatMap(\.nodes)
            case .node(let node): [node]
            }
        }
    }

    /// The queries; a rule could have made several of one.
    package let queries: [Node]

    /// - Throws: ``Unreadable``.
    package init(_ text: String) throws {
        var words = Self.words(text)[...]
        var values: [Value] = []
        while !words.isEmpty { values.append(try Self.value(&words)) }
        queries = values.flatMap(\.nodes)
    }

    package struct Unreadable: Error {}

    /// Brackets are words of their own, unless a backslash is in front.
    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        var isEscaped = false
        func end() {
            if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
            word = []
        }
        for byte in text.utf8 {
            switch byte {
            case _ where isEscaped:
                word.append(byte)
                isEscaped = false
            case UInt8(ascii: "\\"):
                isEscaped = true
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"):
                end()
            case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "{"), UInt8(ascii: "}"):
                end()
                words.append(String(decoding: [byte], as: UTF8.self))
            default:
                word.append(byte)
            }
        }
        end()
        return words
    }

    private static func value(_ words: inout ArraySlice<String>) throws -> Value {
        switch words.popFirst() {
        case "(": return .list(try values(&words, until: ")"))
        case "{":
            guard let kind = words.popFirst() else { throw Unreadable() }
            var node = Node(kind: kind)
            while let word = words.first, word.hasPrefix(":") {
                words.removeFirst()
                var values: [Value] = []
                while let next = words.first, next != "}", !next.hasPrefix(":") {
                    values.append(try value(&words))
                }
                node.fields[String(word.dropFirst())] = values
            }
            guard words.popFirst() == "}" else { throw Unreadable() }
            return .node(node)
        case let word?: return .word(word)
        case nil: throw Unreadable()
        }
    }

    private static func values(
        _ words: inout ArraySlice<String>, until end: String
    ) throws -> [Value] {
        var values: [Value] = []
        while words.first != end {
            guard !words.isEmpty else { throw Unreadable() }
            values.append(try value(&words))
        }
        words.removeFirst()
        return values
    }
}
