import Foundation
import Postgres
import PostgresTesting

/// A file system that can be full: PostgreSQL keeps the tables of a database there.
///
/// Mounting one takes root, which not everybody is. The log that PostgreSQL writes ahead lies elsewhere; were
/// that full, it would end itself, and wait for an administrator.
struct SmallDisk: Sendable {
    private let folder: String

    /// Mounts it and moves the tables there.
    /// - Returns: Nil where nothing may be mounted.
    init?(for server: PrivateServer) async throws {
        let folder = "\(server.folder).disk"
        self.folder = folder
        guard geteuid() == 0 else { return nil }
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        guard
            try await Self.run("mount", "-t", "tmpfs", "-o", "size=6g,mode=700", "tmpfs", folder)
        else { return nil }
        do {
            guard try await Self.run("chown", "postgres:", folder) else {
                try await remove()
                return nil
            }
            try await server.database.owner.withSession { session in
                try session.executeUncheckedScript("CREATE TABLESPACE small LOCATION '\(folder)'")
                for kind in ["TABLE", "INDEX"] {
                    try session.executeUncheckedScript(
                        "ALTER \(kind) ALL IN TABLESPACE pg_default SET TABLESPACE small")
                }
            }
        } catch {
            try await remove()
            throw error
        }
    }

    /// Leaves no room for more.
    func fill() async throws {
        // It may grow meanwhile, and nothing can be smaller than what it has.
        for _ in 0..<100 where try await shrink() { return }
        throw CannotBeFilled()
    }

    private struct CannotBeFilled: Error {}

    private func shrink() async throws -> Bool {
        let used = try FileManager.default.attributesOfFileSystem(forPath: folder)
        let bytes = [FileAttributeKey.systemSize, .systemFreeSize].compactMap {
            (used[$0] as? NSNumber)?.intValue
        }
        return try await Self.run("mount", "-o", "remount,size=\(bytes[0] - bytes[1])", folder)
    }

    /// Gives the room back.
    func empty() async throws {
        _ = try await Self.run("mount", "-o", "remount,size=6g", folder)
    }

    func remove() async throws {
        _ = try await Self.run("umount", "--lazy", folder)
        try FileManager.default.removeItem(atPath: folder)
    }

    private static func run(_ arguments: String...) async throws -> Bool {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        return try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = {
                continuation.resume(returning: $0.terminationStatus == 0)
            }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
    }
}
