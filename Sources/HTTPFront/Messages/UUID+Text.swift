import FoundationEssentials
import NIOCore

// Foundation reads and prints ids through C's scanf and printf; each answer has half a dozen of them.

extension UUID {
    /// Characters of an id, as RFC 9562, 4 has it: 8-4-4-4-12 hexadecimal digits.
    static let textLength = 36

    /// In lower case, as RFC 9562 wants them written.
    package var text: String {
        String(unsafeUninitializedCapacity: Self.textLength) { bytes in
            write(to: UnsafeMutableRawBufferPointer(bytes))
            return Self.textLength
        }
    }

    /// Reads an id in either case; nil for anything else.
    init?(text: some Collection<UInt8>) {
        guard text.count == Self.textLength else { return nil }
        var bytes: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        let isRead = withUnsafeMutableBytes(of: &bytes) { bytes in
            var digits = 0
            for (place, character) in text.enumerated() {
                if Self.hyphens.contains(place) {
                    guard character == UInt8(ascii: "-") else { return false }
                } else {
                    guard let digit = character.hexadecimalDigit else { return false }
                    bytes[digits / 2] = bytes[digits / 2] << 4 | digit
                    digits += 1
                }
            }
            return true
        }
        guard isRead else { return nil }
        self.init(uuid: bytes)
    }

    private static let hyphens = [8, 13, 18, 23]

    /// - Parameter text: Of 36 bytes.
    fileprivate func write(to text: UnsafeMutableRawBufferPointer) {
        withUnsafeBytes(of: uuid) { bytes in
            var place = 0
            for byte in bytes {
                if Self.hyphens.contains(place) {
                    text[place] = UInt8(ascii: "-")
                    place += 1
                }
                text[place] = (byte >> 4).hexadecimalCharacter
                text[place + 1] = (byte & 0x0F).hexadecimalCharacter
                place += 2
            }
        }
    }
}

extension ByteBuffer {
    /// Writes an id in lower case.
    mutating func writeID(_ id: UUID) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: UUID.textLength) { bytes in
            id.write(to: bytes)
            return UUID.textLength
        }
    }
}

extension UInt8 {
    fileprivate var hexadecimalCharacter: UInt8 {
        self < 10 ? UInt8(ascii: "0") + self : UInt8(ascii: "a") - 10 + self
    }

    fileprivate var hexadecimalDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
