import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird

/// One page of a list as clients see it.
struct ListPage<Item: Representation & Sendable>: Representation {
    private let page: Page<Item>
    private let cursor: String?

    /// - Parameter query: The query that the page answers; its cursor is good for no other.
    init(_ page: Page<Item>, of query: Query) {
        self.page = page
        cursor = page.next?.cursor(of: query)
    }

    func write(to members: inout MemberWriter) {
        members.write("items", page.items)
        members.write("next_cursor", cursor)
    }

    /// The response, with the next page's address in `Link`. Source: RFC 8288.
    func response(to call: Call) -> Response {
        var response = Response.json(.ok, self)
        if let cursor {
            // The caller's own query again, as it wrote it, but for the cursor.
            var parameters = (call.request.uri.query ?? "").split(separator: "&")
                .filter { !$0.hasPrefix("cursor=") }.map(String.init)
            parameters.append("cursor=\(cursor)")
            let target = "\(call.request.uri.path)?\(parameters.joined(separator: "&"))"
            response.headers[.link] = "<\(target)>; rel=\"next\""
        }
        return response
    }
}

extension Keyset {
    /// The keyset as a client carries it, which it need not understand: the time, the id and which
    /// list it is of, 28 bytes in base64url.
    func cursor(of query: Query) -> String {
        var bytes: [UInt8] = []
        let microseconds = Int64((time.timeIntervalSince1970 * 1_000_000).rounded())
        withUnsafeBytes(of: microseconds.bigEndian) { bytes += $0 }
        withUnsafeBytes(of: id.uuid) { bytes += $0 }
        withUnsafeBytes(of: query.listHash.bigEndian) { bytes += $0 }
        return Data(bytes).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// Nil if it is no cursor, or one of another list.
    init?(cursor: String, of query: Query) {
        var base64 = cursor.replacing("-", with: "+").replacing("_", with: "/")
        base64 += String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
        guard let bytes = Data(base64Encoded: base64), bytes.count == 28 else { return nil }
        let microseconds = bytes.prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
        let id = bytes[8..<24].withUnsafeBytes { $0.loadUnaligned(as: uuid_t.self) }
        guard bytes.suffix(4).reduce(0, { $0 << 8 | UInt32($1) }) == query.listHash else {
            return nil
        }
        let time = Date(timeIntervalSince1970: Double(microseconds) / 1_000_000)
        // Beyond the years of PostgreSQL's timestamps is no place in any list.
        guard (Date.distantPast...Date.distantFuture).contains(time) else { return nil }
        self.init(time: time, id: UUID(uuid: id))
    }
}
