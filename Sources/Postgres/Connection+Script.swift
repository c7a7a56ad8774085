internal import CLibPQ
internal import Glibc

extension Connection {
    /// Runs text that is not a literal of the source: a migration file, whole.
    ///
    /// It travels as one simple query, so it may hold several statements and takes no parameters.
    /// - Throws: `server` for the first statement that fails, or for a `COPY` from or to the client,
    ///   which is not supported; `connectionLost`.
    func runScript(_ text: String, until deadline: Deadline) throws(PostgresError) {
        guard PQexitPipelineMode(handle) == 1 else { throw lost() }
        guard PQsendQuery(handle, text) == 1 else { throw lost() }
        var failure: PostgresError?
        while true {
            while PQflush(handle) == 1 { _ = try wait(for: POLLOUT, until: deadline) }
            while PQisBusy(handle) == 1 {
                _ = try wait(for: POLLIN, until: deadline)
                guard PQconsumeInput(handle) == 1 else { throw lost(failure) }
            }
            guard let result = PQgetResult(handle).map(QueryResult.init) else { break }
            switch result.status {
            case PGRES_FATAL_ERROR: failure = failure ?? result.error
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                // Would wait for data for ever.
                markBroken()
                throw PostgresError(kind: .server, message: "COPY from or to the client")
            default: break
            }
        }
        guard PQstatus(handle) == CONNECTION_OK, PQenterPipelineMode(handle) == 1 else {
            throw lost(failure)
        }
        if let failure { throw failure }
    }
}
