import Foundation
import PostgresTesting

extension Program {
    /// An instance of the service, with the secret of ``Service``.
    /// - Parameters:
    ///   - more: Further arguments of `holdfast serve`.
    ///   - environment: Further settings.
    package static func instance(
        at port: Int, on databaseURL: String, _ more: [String], _ environment: [String: String],
        output: URL
    ) -> Program {
        Program(
            URL(filePath: holdfastProgram),
            ["serve", "--port", "\(port)", "--log-level", "notice"] + more,
            environment: [
                "DATABASE_URL": databaseURL, "HOLDFAST_JWT_SECRET": Service.secret,
                "HOLDFAST_MIGRATIONS": TestServer.shared.migrations,
            ].merging(environment) { $1 },
            output: output)
    }
}
