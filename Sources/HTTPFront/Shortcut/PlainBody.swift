import Clinic
import FoundationEssentials
import NIOCore

/// The body of a booking, if it is plain: an object of strings without escapes or anything beyond ASCII.
///
/// Whatever else it is, right or wrong, is for ``Members`` to read.
struct PlainBody {
    let slotID: UUID
    let patientID: UUID?
    let reason: String?

    init?(_ body: ByteBuffer) {
        var scanner = Scanner(rest: body.readableBytesView)
        var slotID: UUID?
        var patientID: UUID?
        var reason: String?
        guard scanner.skip("{") else { return nil }
        repeat {
            guard let name = scanner.string(), scanner.skip(":"), let value = scanner.string()
            else {
                return nil
            }
            if name.elementsEqual("slot_id".utf8), slotID == nil {
                guard let id = UUID(text: value) else { return nil }
                slotID = id
            } else if name.elementsEqual("patient_id".utf8), patientID == nil {
                guard let id = UUID(text: value) else { return nil }
                patientID = id
            } else if name.elementsEqual("reason".utf8), reason == nil {
                guard value.count <= 1000, value.contains(where: { $0 > UInt8(ascii: " ") }) else {
                    return nil
                }
                reason = String(decoding: value, as: UTF8.self)
            } else {
                return nil
            }
        } while scanner.skip(",")
        guard scanner.skip("}"), scanner.isAtEnd, let slotID else { return nil }
        self.slotID = slotID
        self.patientID = patientID
        self.reason = reason
    }

    private struct Scanner {
        var rest: ByteBufferView

        var isAtEnd: Bool {
            mutating get {
                skipSpace()
                return rest.isEmpty
            }
        }

        /// Skips that character, and the space before it. False if there is another one.
        mutating func skip(_ character: UnicodeScalar) -> Bool {
            skipSpace()
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        /// What is between two quotes; nil if it is not plain.
        mutating func string() -> ByteBufferView? {
            guard skip("\""), let end = rest.firstIndex(where: { !$0.isPlain }),
                rest[end] == UInt8(ascii: "\"")
            else { return nil }
            defer { rest = rest[(end + 1)...] }
            return rest[..<end]
        }

        private mutating func skipSpace() {
            rest = rest[(rest.firstIndex { !$0.isSpace } ?? rest.endIndex)...]
        }
    }
}

extension UInt8 {
    /// Source: RFC 8259, 2.
    fileprivate var isSpace: Bool { self == 0x20 || self == 0x0A || self == 0x0D || self == 0x09 }

    fileprivate var isPlain: Bool {
        (0x20...0x7E).contains(self) && self != UInt8(ascii: "\"") && self != UInt8(ascii: "\\")
    }
}
