import Testing

@testable import Redlock

@Suite("Where a Redis server is")
struct RedisURLTests {
    @Test("host, port, database and login are read; what is printed has no password")
    func whole() throws {
        let url = try RedisURL("redis://clinic:p%40ss@redis.example:7001/3")
        #expect(url.host == "redis.example" && url.port == 7001 && url.database == 3)
        #expect(url.user == "clinic" && url.password == "p@ss")
        #expect("\(url)" == "redis.example:7001")
    }

    @Test("a password needs no user; the port is 6379 and the database 0")
    func short() throws {
        let url = try RedisURL("redis://:secret@[::1]")
        #expect(url.host == "::1" && url.port == 6379 && url.database == 0)
        #expect(url.user == nil && url.password == "secret")
    }

    @Test(
        "what is not such a URL is refused, with no part of it in the words",
        arguments: [
            "", "redis.example:6379", "rediss://redis.example", "redis://", "redis://:secret@",
            "redis://host:0", "redis://host:65536", "redis://host/clinic", "redis://host/-1",
            "redis://host/0?secret=1", "redis://ho st",
        ])
    func refused(text: String) {
        do {
            _ = try RedisURL(text)
            Issue.record("taken: \(text)")
        } catch {
            for part in ["secret", "clinic", "65536"] { #expect(!error.description.contains(part)) }
        }
    }
}
