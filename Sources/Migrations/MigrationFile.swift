import Foundation

/// One file of `migrations/`, in dbmate's format: `-- migrate:up`, statements, `-- migrate:down`,
/// statements.
package struct MigrationFile: Sendable {
    /// The file's name: `0001_calendar.sql`.
    package let name: String
    /// The digits in front of the name, by which dbmate and Holdfast remember it: `0001`.
    package let version: String
    /// The statements under `-- migrate:up`.
    package let up: String

    /// Reads all `*.sql` files of a directory, in the order of their versions.
    /// - Throws: ``MigrationError`` naming the directory or the file.
    package static func all(in directory: String) throws -> [MigrationFile] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw MigrationError.noDirectory(directory)
        }
        let files = try names.filter { $0.hasSuffix(".sql") }.sorted().map { name in
            let path = "\(directory)/\(name)"
            guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
                throw MigrationError.unreadable(file: name, reason: "it is not a UTF-8 text file")
            }
            return try MigrationFile(name: name, text: text)
        }
        for (earlier, later) in zip(files, files.dropFirst()) where earlier.version == later.version
        {
            throw MigrationError.unreadable(
                file: later.name, reason: "\(earlier.name) has the same version")
        }
        guard !files.isEmpty else { throw MigrationError.noDirectory(directory) }
        return files
    }

    init(name: String, text: String) throws(MigrationError) {
        self.name = name
        version = String(name.prefix(while: \.isNumber))
        guard !version.isEmpty else {
            throw .unreadable(file: name, reason: "its name must begin with a number")
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(where: { $0.hasPrefix("-- migrate:up") }) else {
            throw .unreadable(file: name, reason: "it has no line '-- migrate:up'")
        }
        guard !lines[start].contains("transaction:false") else {
            throw .unreadable(file: name, reason: "'transaction:false' is not supported")
        }
        let end = lines.firstIndex { $0.hasPrefix("-- migrate:down") } ?? lines.endIndex
        guard start < end else {
            throw .unreadable(file: name, reason: "'-- migrate:down' stands before '-- migrate:up'")
        }
        up = lines[(start + 1)..<end].joined(separator: "\n")
    }
}

/// Why migrations could not be read or applied.
package enum MigrationError: Error, CustomStringConvertible {
    case noDirectory(String)
    case unreadable(file: String, reason: String)
    case failed(file: String, reason: String)

    package var description: String {
        switch self {
        case .noDirectory(let directory):
            "There are no migrations in '\(directory)'; name their folder with --migrations."
        case .unreadable(let file, let reason): "Migration \(file) cannot be read: \(reason)."
        case .failed(let file, let reason):
            "Migration \(file) failed and was rolled back: \(reason). Earlier ones stay applied."
        }
    }
}
