internal import CLibPQ
internal import Glibc

extension Connection {
    /// Runs text that is not a literal of the source: a migration file, whole.
    ///
    /// It travels as one simple query, so it may hold several statements and takes no parameters.
    /// - Throws: `server` for the first statement that fails; `connectionLost`.
    func runScript(_ text: String, until deadline: Deadline) throws(PostgresError) {
        guard PQexitPipelineMode(handle) == 1 else { throw broken() }
        guard PQsendQuery(handle, text) == 1 else { throw broken() }
        var failure: PostgresError?
        while true {
            while PQflush(handle) == 1 { _ = try wait(for: POLLOUT, until: deadline) }
            while PQisBusy(handle) == 1 {
                _ = try wait(for: POLLIN, until: deadline)
                guard PQconsumeInput(handle) == 1 else { throw broken(failure) }
            }
            guard let result = PQgetResult(handle).map(QueryResult.init) else { break }
            if result.status == PGRES_FATAL_ERROR { failure = failure ?? result.error }
        }
        guard PQstatus(handle) == CONNECTION_OK, PQenterPipelineMode(handle) == 1 else {
            throw broken(failure)
        }
        if let failure { throw failure }
    }

    private func broken(_ cause: PostgresError? = nil) -> PostgresError {
        markBroken()
        return cause?.with(kind: .connectionLost) ?? PostgresError(kind: .connectionLost)
    }
}
