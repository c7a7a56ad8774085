internal import CCurl
import Glibc

/// A libcurl handle: the settings of the next transfer, and the connection that the last one left open.
final class CurlHandle {
    private let handle: UnsafeMutableRawPointer

    /// Once for the process, before any handle. Source: libcurl's manual, `curl_global_init`.
    private static let globalSetup: Void = { curl_global_init(curl_global_all) }()

    /// Nil if there is no memory for it.
    init?() {
        Self.globalSetup
        guard let handle = curl_easy_init() else { return nil }
        self.handle = handle
    }

    /// Says goodbye to the server, which libcurl would give two minutes to answer. Nobody waits for
    /// that: the reading side is shut first.
    deinit {
        shutDown(Int32(SHUT_RD))
        curl_easy_cleanup(handle)
    }

    /// Drops the connection, from which nothing good is to be expected, without a word.
    func abandon() { shutDown(Int32(SHUT_RDWR)) }

    private func shutDown(_ sides: Int32) {
        var socket = curl_socket_t()
        // Without a connection it is CURL_SOCKET_BAD.
        guard curl_get_socket(handle, &socket) == CURLE_OK, socket >= 0 else { return }
        shutdown(socket, sides)
    }

    func set(_ option: CURLoption, _ value: Int) throws(CurlError) {
        try check(curl_set_long(handle, option, value))
    }

    func set(_ option: CURLoption, _ value: String) throws(CurlError) {
        try check(curl_set_text(handle, option, value))
    }

    /// Runs a transfer of `message` to its end.
    func perform(
        _ message: MailMessage, heardBy conversation: SMTPConversation
    ) throws(CurlError) {
        let body = try MIMEBody(message, for: handle)
        let recipients = try CurlList([message.recipient.address])
        try set(CURLOPT_MAIL_FROM, message.sender.address)
        try check(curl_set_list(handle, CURLOPT_MAIL_RCPT, recipients.first))
        try check(curl_set_list(handle, CURLOPT_HTTPHEADER, body.headers.first))
        try check(curl_set_mime(handle, body.root))
        try set(CURLOPT_VERBOSE, 1)
        try check(curl_set_debug(handle, SMTPConversation.listener))
        try check(
            curl_set_pointer(
                handle, CURLOPT_DEBUGDATA, Unmanaged.passUnretained(conversation).toOpaque()))
        try set(CURLOPT_NOPROGRESS, 0)
        try check(curl_set_progress(handle, SMTPConversation.ending))
        try check(
            curl_set_pointer(
                handle, CURLOPT_XFERINFODATA, Unmanaged.passUnretained(conversation).toOpaque()))
        // Longer-lived than this call are only the handle's own copies.
        defer {
            curl_set_list(handle, CURLOPT_MAIL_RCPT, nil)
            curl_set_list(handle, CURLOPT_HTTPHEADER, nil)
            curl_set_mime(handle, nil)
            curl_set_long(handle, CURLOPT_VERBOSE, 0)
            curl_set_pointer(handle, CURLOPT_DEBUGDATA, nil)
            curl_set_long(handle, CURLOPT_NOPROGRESS, 1)
            curl_set_pointer(handle, CURLOPT_XFERINFODATA, nil)
        }
        let code = withExtendedLifetime((body, recipients, conversation)) {
            curl_easy_perform(handle)
        }
        try check(code)
    }

    private func check(_ code: CURLcode) throws(CurlError) { try CurlError.check(code) }
}

/// What libcurl says went wrong.
struct CurlError: Error {
    let code: CURLcode

    var words: String { String(cString: curl_easy_strerror(code)) }

    static func check(_ code: CURLcode) throws(CurlError) {
        guard code == CURLE_OK else { throw CurlError(code: code) }
    }
}

/// A list of texts as libcurl wants it.
final class CurlList {
    private(set) var first: UnsafeMutablePointer<curl_slist>?

    init(_ texts: [String]) throws(CurlError) {
        for text in texts {
            guard let longer = curl_slist_append(first, text) else {
                throw CurlError(code: CURLE_OUT_OF_MEMORY)
            }
            first = longer
        }
    }

    deinit { curl_slist_free_all(first) }
}
