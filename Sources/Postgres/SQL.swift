/// A statement written as a literal, with the values it carries.
///
/// Interpolating a value makes a parameter, never text:
///
/// ```swift
/// try tx.all(Slot.self, "SELECT * FROM slots WHERE id = \(slotID)")   // ... WHERE id = $1
/// ```
///
/// Only literals compile, because the text arrives as `StaticString`: a statement cannot be put
/// together at run time, so nobody can inject one, and the number of prepared statements is bounded
/// by the source code. A part that is only sometimes there is a literal of its own, spliced in with
/// `\(fragment:)`.
public struct SQL: Sendable, ExpressibleByStringInterpolation {
    /// The statement as PostgreSQL prepares it: `$1`, `$2`, ... where the values were.
    let text: String
    /// The values, encoded.
    let binds: Binds

    /// A statement without values.
    public init(stringLiteral value: StaticString) {
        text = value.description
        binds = Binds()
    }

    /// A statement with values.
    public init(stringInterpolation: StringInterpolation) {
        text = stringInterpolation.text
        binds = stringInterpolation.binds
    }

    /// Collects the literal parts and the values of a statement, in order.
    public struct StringInterpolation: StringInterpolationProtocol {
        var text = ""
        var binds = Binds()

        /// Called by the compiler.
        public init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + 4 * interpolationCount)
        }

        /// A part of the statement's own text.
        public mutating func appendLiteral(_ literal: StaticString) {
            text += literal.description
        }

        /// A value, sent apart from the text and in binary.
        public mutating func appendInterpolation(_ value: some PostgresEncodable) {
            binds.append(value)
            text += "$\(binds.count)"
        }

        /// A value or NULL.
        public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
            binds.append(value)
            text += "$\(binds.count)"
        }

        /// A literal spliced into this one, its parameters renumbered behind those already here.
        public mutating func appendInterpolation(fragment: SQL) {
            let offset = binds.count
            binds.append(contentsOf: fragment.binds)
            text += fragment.text.renumbered(by: offset)
        }
    }
}

extension SQL {
    /// No text and no values: what a fragment is when it is not there.
    public static let nothing: SQL = ""
}

extension String {
    /// Adds `offset` to every `$n`. Literals of this project hold no `$` outside parameters.
    fileprivate func renumbered(by offset: Int) -> String {
        guard offset > 0, utf8.contains(UInt8(ascii: "$")) else { return self }
        var result = ""
        var rest = self[...]
        while let dollar = rest.firstIndex(of: "$") {
            let digits = rest[rest.index(after: dollar)...].prefix(while: \.isNumber)
            result += rest[..<dollar]
            result += Int(digits).map { "$\($0 + offset)" } ?? "$"
            rest = rest[digits.endIndex...]
        }
        return result + rest
    }
}
