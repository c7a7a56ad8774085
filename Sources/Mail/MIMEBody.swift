internal import CCurl

/// A message as libcurl will write it: the two forms of the text, then the files.
///
/// ```
///   multipart/mixed
///   ├── multipart/alternative
///   │   ├── text/plain
///   │   └── text/html
///   └── text/calendar ...
/// ```
///
/// Source: RFC 2046, 5.1.
final class MIMEBody {
    let root: OpaquePointer
    let headers: CurlList

    init(_ message: MailMessage, for handle: UnsafeMutableRawPointer) throws(CurlError) {
        headers = try CurlList(message.headers)
        guard let root = curl_mime_init(handle) else {
            throw CurlError(code: CURLE_OUT_OF_MEMORY)
        }
        self.root = root
        try addAlternatives(message, for: handle)
        for file in message.attachments {
            let part = try root.addPart(type: file.type, content: file.content)
            try CurlError.check(curl_mime_filename(part, file.name))
        }
    }

    deinit { curl_mime_free(root) }

    private func addAlternatives(
        _ message: MailMessage, for handle: UnsafeMutableRawPointer
    ) throws(CurlError) {
        guard let alternatives = curl_mime_init(handle), let part = curl_mime_addpart(root) else {
            throw CurlError(code: CURLE_OUT_OF_MEMORY)
        }
        // From here on they belong to the part, and that to the root.
        try CurlError.check(curl_mime_subparts(part, alternatives))
        try CurlError.check(curl_mime_type(part, "multipart/alternative"))
        _ = try alternatives.addPart(type: "text/plain; charset=utf-8", content: message.text)
        _ = try alternatives.addPart(type: "text/html; charset=utf-8", content: message.html)
    }
}

extension OpaquePointer {
    /// Adds a part of text to a `curl_mime`.
    fileprivate func addPart(type: String, content: String) throws(CurlError) -> OpaquePointer {
        guard let part = curl_mime_addpart(self) else {
            throw CurlError(code: CURLE_OUT_OF_MEMORY)
        }
        // Lines end as mail's lines do, else the encoder takes their ends for characters.
        let text = content.replacing("\r\n", with: "\n").replacing("\n", with: "\r\n")
        try CurlError.check(curl_mime_data(part, text, text.utf8.count))
        try CurlError.check(curl_mime_type(part, type))
        try CurlError.check(curl_mime_encoder(part, "quoted-printable"))
        return part
    }
}
