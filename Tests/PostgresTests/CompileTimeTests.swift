import Foundation
import Subprocess
import Testing

/// What must not compile, held against the compiler itself.
@Suite("The compiler refuses", .serialized)
struct CompileTimeTests {
    @Test("nothing in a transaction written as it should be")
    func control() async throws {
        let verdict = try await typecheck(
            """
            let id = 7
            return try await database.transaction { tx in
                try tx.one(Scalar<Int>.self, "SELECT \\(id)").value
            }
            """)
        #expect(verdict.compiles, "\(verdict.output)")
    }

    @Test("an await inside a transaction")
    func awaitInside() async throws {
        let verdict = try await typecheck(
            """
            return try await database.transaction { tx in
                await Task.yield()
                return try tx.one(Scalar<Int>.self, "SELECT 1").value
            }
            """)
        #expect(verdict.isRefused(because: "parameter expecting synchronous function type"))
    }

    @Test("a transaction inside a transaction")
    func nested() async throws {
        let verdict = try await typecheck(
            """
            return try await database.transaction { outer in
                try await database.transaction { inner in
                    try inner.one(Scalar<Int>.self, "SELECT 1").value
                }
            }
            """)
        #expect(verdict.isRefused(because: "parameter expecting synchronous function type"))
    }

    @Test(
        "SQL from a run-time string",
        arguments: ["text", "SQL(stringLiteral: text)", "\"SELECT \" + text", "SQL(text)"])
    func runTimeString(sql: String) async throws {
        let verdict = try await typecheck(
            """
            let text = String(CommandLine.arguments.count)
            return try await database.transaction { tx in
                try tx.one(Scalar<Int>.self, \(sql)).value
            }
            """)
        #expect(verdict.isRefused(because: "'SQL'") || verdict.isRefused(because: "'StaticString'"))
    }

    @Test("a transaction that leaves its body")
    func escaping() async throws {
        let verdict = try await typecheck(
            """
            let leaked = try await database.transaction { tx in tx }
            return try leaked.one(Scalar<Int>.self, "SELECT 1").value
            """)
        #expect(verdict.isRefused(because: "does not conform to the 'Sendable' protocol"))
    }
}

private struct Verdict {
    let compiles: Bool
    let output: String

    func isRefused(because reason: String) -> Bool { !compiles && output.contains(reason) }
}

/// Typechecks the body of a function that has a `database`.
private func typecheck(_ body: String) async throws -> Verdict {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = folder.appending(path: "Snippet.swift")
    try """
    import Postgres

    func snippet(_ database: Database) async throws -> Int {
    \(body)
    }
    """.write(to: source, atomically: true, encoding: .utf8)

    // The test's executable lies beside the modules that it was built with.
    let build = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent()
    let project = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../..").standardized
    let result = try await run(
        .name("swiftc"),
        arguments: [
            "-typecheck", "-swift-version", "6",
            "-I", build.appending(path: "Modules").path(percentEncoded: false),
            "-I", project.appending(path: "Sources/CLibPQ").path(percentEncoded: false),
            "-Xcc", "-I/usr/include/postgresql",
            source.path(percentEncoded: false),
        ],
        output: .discarded, error: .string(limit: 1 << 20))
    return Verdict(
        compiles: result.terminationStatus.isSuccess, output: result.standardError)
}
