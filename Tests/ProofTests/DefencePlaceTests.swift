import Foundation
import Proof
import Testing

/// No lock, version or constraint without something that shows that it is needed.
@Suite("Every defence is accounted for")
struct DefencePlaceTests {
    @Test("the sources have the locks and versions that the list has, and no others")
    func listed() throws {
        let sources = try files(in: "Sources", "swift").flatMap { name, lines in
            // Comments tell of locks, too.
            try lines.filter { !$0.contains("//") }.flatMap { try defences(in: $0) }
                .map { "\(name): \($0)" }
        }
        let migrations = try files(in: "migrations", "sql").flatMap { _, lines in
            lines.compactMap { line in
                line.firstMatch(
                    of: #/(?:CONSTRAINT (\w+) (?:UNIQUE|EXCLUDE|PRIMARY KEY)|UNIQUE INDEX (\w+))/#
                ).flatMap { $0.1 ?? $0.2 }.map { "migrations: \($0)" }
            }
        }
        #expect((sources + migrations).sorted() == DefencePlace.all.map(\.key).sorted())
    }

    @Test("what the list names is a mutant")
    func known() {
        let mutants = Set(Mutant.all.map(\.description))
        for place in DefencePlace.all {
            if case .mutant(let name) = place.shownBy {
                #expect(mutants.contains(name), "\(place.key)")
            }
        }
    }

    private func defences(in line: String) throws -> [String] {
        let locks = #/FOR (?:NO KEY )?(?:UPDATE|SHARE)(?: OF \w+)?(?: SKIP LOCKED)?/#
        let turns = #/pg_(?:try_)?advisory_(?:xact_)?lock(?:_shared)?/#
        let versions = #/AND (?:\w+\.)?(?:version|attempts)(?= = (?:coalesce\()?\\\()/#
        return line.matches(of: locks).map { String($0.output) }
            + line.matches(of: turns).map { String($0.output) }
            + line.matches(of: versions).map { String($0.output) }
    }

    /// The files of a kind anywhere in a folder of the project: their names, without the ending, and lines.
    private func files(in folder: String, _ kind: String) throws -> [(String, [String])] {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: folder)
        let found = try #require(
            FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil))
        return try found.compactMap { $0 as? URL }.filter { $0.pathExtension == kind }.map {
            let text = try String(contentsOf: $0, encoding: .utf8)
            return (
                $0.deletingPathExtension().lastPathComponent, text.components(separatedBy: "\n")
            )
        }
    }
}
