import Foundation

/// One file of `migrations/`, in dbmate's format: `-- migrate:up`, statements, `-- migrate:down`,
/// statements.
package struct MigrationFile: Hashable, Sendable {
    /// One direction of a file.
    package struct Part: Hashable, Sendable {
        /// The statements.
        package let statements: String
        /// False with `transaction:false`, for what PostgreSQL refuses inside a transaction, such as
        /// `CREATE INDEX CONCURRENTLY`. Such a part has one statement.
        package let isTransactional: Bool
    }

    /// The file's name: `0001_calendar.sql`.
    package let name: String
    /// The digits in front of the name, by which dbmate and Holdfast remember it: `0001`.
    package let version: String
    /// What `-- migrate:up` does.
    package let up: Part
    /// What `-- migrate:down` does; nil if the file has no such part.
    package let down: Part?
    /// The whole file, for its checksum.
    let text: String

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
        for (earlier, later) in zip(files, files.dropFirst())
        where earlier.version == later.version {
            throw MigrationError.unreadable(
                file: later.name, reason: "\(earlier.name) has the same version")
        }
        guard !files.isEmpty else { throw MigrationError.noDirectory(directory) }
        return files
    }

    init(name: String, text: String) throws(MigrationError) {
        self.name = name
        self.text = text
        version = String(name.prefix(while: \.isNumber))
        guard !version.isEmpty else {
            throw .unreadable(file: name, reason: "its name must begin with a number")
        }
        // A file from Windows ends its lines in what Swift takes for one character.
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        guard let start = lines.firstIndex(where: { $0.hasPrefix("-- migrate:up") }) else {
            throw .unreadable(file: name, reason: "it has no line '-- migrate:up'")
        }
        let end = lines.firstIndex { $0.hasPrefix("-- migrate:down") }
        guard start < end ?? lines.endIndex else {
            throw .unreadable(file: name, reason: "'-- migrate:down' stands before '-- migrate:up'")
        }
        up = Part(lines[start..<(end ?? lines.endIndex)])
        down = end.map { Part(lines[$0...]) }
        guard up.statements.contains(where: { !$0.isWhitespace }) else {
            throw .unreadable(file: name, reason: "there is nothing behind its '-- migrate:up'")
        }
    }
}

extension MigrationFile.Part {
    /// A mark and the lines behind it.
    fileprivate init(_ lines: ArraySlice<Substring>) {
        statements = lines.dropFirst().joined(separator: "\n")
        isTransactional = lines.first?.contains("transaction:false") != true
    }
}

/// Why migrations could not be read or applied.
package enum MigrationError: Error, CustomStringConvertible {
    case noDirectory(String)
    case unreadable(file: String, reason: String)
    case failed(file: String, reason: String)
    /// The answer to the `COMMIT` of a file's transaction was lost.
    case inDoubt(file: String)
    /// The file is not what it was when it was applied.
    case drifted(file: String)
    /// A version is applied that no file has.
    case unknownVersion(String)
    case nothingToRevert
    case irreversible(file: String)

    package var description: String {
        switch self {
        case .noDirectory(let directory):
            "There are no migrations in '\(directory)'; name their folder with --migrations."
        case .unreadable(let file, let reason): "Migration \(file) cannot be read: \(reason)."
        case .failed(let file, let reason):
            "Migration \(file) failed: \(reason). Earlier ones stay applied; of this one nothing is "
                + "in effect, unless it is marked transaction:false: then undo by hand what it did, "
                + "an INVALID index for example, before the next run."
        case .inDoubt(let file):
            "The answer to the COMMIT of migration \(file) was lost. Ask 'holdfast migrate status' "
                + "whether it is applied, then go on."
        case .drifted(let file):
            "Migration \(file) was changed after it had been applied. Restore it and put the change "
                + "into a new file."
        case .unknownVersion(let version):
            "Migration \(version) is applied, but there is no such file here: this is an older "
                + "release than the one that migrated the database, or another folder."
        case .nothingToRevert: "No migration is applied, so there is none to revert."
        case .irreversible(let file): "Migration \(file) has no '-- migrate:down' part."
        }
    }
}
