import FoundationEssentials
import Glibc

extension MailMessage {
    /// The header fields that MIME does not bring along, each without its line end.
    var headers: [String] {
        [
            "Date: \(date.mailDate)",
            "From: \(sender.header)",
            "To: \(recipient.header)",
            "Subject: \(subject.headerText)",
            "Message-ID: <\(id)>",
            // Keeps vacation notices away. Source: RFC 3834, 5.
            "Auto-Submitted: auto-generated",
        ]
    }
}

extension MailAddress {
    /// The address as a header field names it.
    fileprivate var header: String {
        let name = name.singleLine
        return name.isEmpty ? address : "\(name.encodedWords)\r\n <\(address)>"
    }
}

extension String {
    /// White space of all kinds and control characters become single spaces.
    var singleLine: String {
        unicodeScalars
            .split { $0.properties.isWhitespace || $0.properties.generalCategory == .control }
            .map(String.init).joined(separator: " ")
    }

    /// A header field's text: as it is where that is plain, else as encoded words.
    fileprivate var headerText: String {
        let line = singleLine
        let isPlain = line.utf8.allSatisfy { (0x20..<0x7F).contains($0) } && !line.contains("=?")
        return isPlain && line.utf8.count < 66 ? line : line.encodedWords
    }

    /// Encoded words of whole characters, one a line. Source: RFC 2047, 2: at most 75 characters a
    /// word, and 5: no character may be divided.
    fileprivate var encodedWords: String {
        var words: [[UInt8]] = [[]]
        for scalar in unicodeScalars {
            let bytes = Array(String(scalar).utf8)
            // 45 bytes become 60 characters of base64.
            if words[words.count - 1].count + bytes.count > 45 { words.append([]) }
            words[words.count - 1] += bytes
        }
        return words.map { "=?utf-8?B?\(Data($0).base64EncodedString())?=" }
            .joined(separator: "\r\n ")
    }
}

extension Date {
    /// The date and time, in UTC. Source: RFC 5322, 3.3.
    var mailDate: String {
        var seconds = time_t(timeIntervalSince1970.rounded(.down))
        var parts = tm()
        gmtime_r(&seconds, &parts)
        // English, because nobody sets the process's locale.
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            let length = strftime(
                buffer.baseAddress, buffer.count, "%a, %d %b %Y %H:%M:%S +0000", &parts)
            return String(
                decoding: buffer.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
    }
}
