import Foundation
import Testing

/// Holds the sources against what ARCHITECTURE.md says of them.
@Suite("The architecture")
struct ArchitectureTests {
    /// Which modules of this project each may import: all that lies downstream of its arrows.
    static let arrows: [String: Set<String>] = [
        "Postgres": ["CLibPQ"],
        "Migrations": ["Postgres"],
        "Mail": ["CCurl"],
        "Redlock": ["CHiredis"],
        "Clinic": ["Mail", "Postgres", "Redlock"],
        "HTTPFront": ["Clinic"],
        "PostgresTesting": ["Migrations", "Postgres"],
        "holdfast": ["HTTPFront", "Clinic", "Mail", "Migrations", "Postgres", "Redlock"],
    ]

    @Test("imports follow the arrows", arguments: arrows.keys.sorted())
    func imports(module: String) throws {
        let own = Set(Self.arrows.keys).union(["CCurl", "CHiredis", "CLibPQ", "ServiceTesting"])
        for file in try sources(of: module) {
            let imported = file.lines.compactMap { line -> String? in
                let words = line.split(separator: " ")
                guard let keyword = words.firstIndex(of: "import"), keyword < 3 else { return nil }
                return words.last.map(String.init)
            }
            let forbidden = own.intersection(imported).subtracting(Self.arrows[module] ?? [])
            #expect(forbidden.isEmpty, "\(file.name) imports \(forbidden)")
        }
    }

    @Test("every folder of Sources is known here")
    func modules() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: project("Sources"))
        #expect(Set(folders) == Set(Self.arrows.keys).union(["CCurl", "CHiredis", "CLibPQ"]))
    }

    @Test("the front and the command line hold no SQL", arguments: ["HTTPFront", "holdfast"])
    func noSQL(module: String) throws {
        for file in try sources(of: module) {
            for word in ["SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM"] {
                #expect(!file.lines.contains { $0.contains(word) }, "\(file.name): \(word)")
            }
        }
    }

    @Test("nothing is force-unwrapped, and what is unchecked says why")
    func unsafe() throws {
        for file in try Self.arrows.keys.flatMap(sources) {
            // These words are looked for here, not used.
            for (number, line) in file.lines.enumerated() where line.contains("@unchecked Sendable")
            {
                let reason = file.lines[..<number].suffix(6).contains { $0.contains("`@unchecked") }
                #expect(reason || line.hasPrefix("///"), "\(file.name):\(number + 1)")
            }
            for word in ["try!", "as! ", "TODO", "FIXME", "nonisolated(unsafe)"] {
                #expect(!file.lines.contains { $0.contains(word) }, "\(file.name): \(word)")
            }
        }
    }

    private func sources(of module: String) throws -> [(name: String, lines: [Substring])] {
        let root = project("Sources/\(module)")
        let names = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
        let files = names.filter { $0.hasSuffix(".swift") }
        try #require(!files.isEmpty)
        return try files.map { name in
            let text = try String(contentsOfFile: "\(root)/\(name)", encoding: .utf8)
            return ("\(module)/\(name)", text.split(separator: "\n"))
        }
    }

    private func project(_ path: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../\(path)").standardized.path(percentEncoded: false)
    }
}
