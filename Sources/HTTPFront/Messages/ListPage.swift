import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird

/// One page of a list as clients see it.
struct ListPage<Item: Representation & Sendable>: Representation {
    let page: Page<Item>

    func write(to members: inout MemberWriter) {
        members.write("items", page.items)
        members.write("next_cursor", page.next?.cursor)
    }

    /// The response, with the next page's address in `Link`. Source: RFC 8288.
    func response(to request: Request) -> Response {
        var response = Response.json(.ok, self)
        if let cursor = page.next?.cursor {
            // The caller's own query again, as it wrote it, but for the cursor.
            var parameters = (request.uri.query ?? "").split(separator: "&")
                .filter { !$0.hasPrefix("cursor=") }.map(String.init)
            parameters.append("cursor=\(cursor)")
            let target = "\(request.uri.path)?\(parameters.joined(separator: "&"))"
            response.headers[.link] = "<\(target)>; rel=\"next\""
        }
        return response
    }
}

extension Keyset {
    /// The keyset as a client carries it: 24 bytes in base64url, which it need not understand.
    var cursor: String {
        var bytes: [UInt8] = []
        let microseconds = Int64((time.timeIntervalSince1970 * 1_000_000).rounded())
        withUnsafeBytes(of: microseconds.bigEndian) { bytes += $0 }
        withUnsafeBytes(of: id.uuid) { bytes += $0 }
        return Data(bytes).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_")
    }

    init?(cursor: String) {
        let base64 = cursor.replacing("-", with: "+").replacing("_", with: "/")
        guard let bytes = Data(base64Encoded: base64), bytes.count == 24 else { return nil }
        let microseconds = bytes.prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
        let id = bytes.suffix(16).withUnsafeBytes { $0.loadUnaligned(as: uuid_t.self) }
        let time = Date(timeIntervalSince1970: Double(microseconds) / 1_000_000)
        // Beyond the years of PostgreSQL's timestamps is no place in any list.
        guard (Date.distantPast...Date.distantFuture).contains(time) else { return nil }
        self.init(time: time, id: UUID(uuid: id))
    }
}
