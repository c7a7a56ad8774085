internal import CLibPQ
internal import Glibc

/// A statement that waits for the next round trip, and what to do with its answer.
struct QueuedStatement {
    let sql: SQL
    let receive: (QueryResult) throws(PostgresError) -> Void

    init(
        _ sql: SQL,
        receive: @escaping (QueryResult) throws(PostgresError) -> Void = { _ in }
    ) {
        self.sql = sql
        self.receive = receive
    }
}

extension Connection {
    /// Sends all statements in one go, ends them with a sync, and reads all answers.
    ///
    /// The first error wins and is thrown once everything has been read, so that the connection
    /// stays usable. Behind a failed statement the server skips the rest up to the sync; a
    /// transaction that was open stays open, failed, and wants its `ROLLBACK`.
    ///
    /// The trip ends in a sync, not in a mere flush request: only then does the server count the
    /// session as idle in transaction and limit how long it may stay so (`docs/adr/0001`).
    ///
    /// - Throws: `server`, `decoding`, `rowCount`; `connectionLost`, after which `isBroken`.
    func roundTrip(
        _ statements: [QueuedStatement], until deadline: Deadline
    ) throws(PostgresError) {
        var reader = AnswerReader(connection: self, deadline: deadline)
        let prepared = try send(statements)
        try flush(until: deadline)
        for (statement, key) in zip(statements, prepared) {
            if let key { try reader.readPreparation(of: key) }
            try reader.readAnswer(to: statement, wasPreparedBefore: key == nil)
        }
        try reader.readSync()
        if let failure = reader.failure { throw failure }
    }

    /// Forgets every prepared statement, here and on the server.
    func deallocateStatements(until deadline: Deadline) throws(PostgresError) {
        // Twice: the statement that does it may be one that is gone, and it goes itself.
        statements.forgetAll()
        defer { statements.forgetAll() }
        try roundTrip([QueuedStatement("DEALLOCATE ALL")], until: deadline)
    }

    /// Queues the statements in libpq's buffer.
    /// - Returns: For each statement, what it prepares on the way, if it was not yet prepared.
    private func send(
        _ statements: [QueuedStatement]
    ) throws(PostgresError) -> [PreparedStatements.Key?] {
        var prepared: [PreparedStatements.Key?] = []
        for statement in statements {
            let binds = statement.sql.binds
            let key = PreparedStatements.Key(statement.sql)
            let known = self.statements.name(for: key)
            let name = known ?? self.statements.add(key)
            if known == nil {
                try require(
                    PQsendPrepare(handle, name, key.text, Int32(binds.count), key.types))
            }
            try require(
                binds.withArrays { values, lengths, formats in
                    PQsendQueryPrepared(
                        handle, name, Int32(binds.count), values, lengths, formats, 1)
                })
            prepared.append(known == nil ? key : nil)
        }
        try require(PQpipelineSync(handle))
        return prepared
    }

    /// Writes until libpq's buffer is empty. What the server answers meanwhile is taken in, because
    /// with both sides' socket buffers full neither would ever go on.
    private func flush(until deadline: Deadline) throws(PostgresError) {
        while true {
            switch PQflush(handle) {
            case 0: return
            case 1:
                let ready = try wait(for: POLLIN | POLLOUT, until: deadline)
                if ready & POLLIN != 0 { try require(PQconsumeInput(handle)) }
            default: throw lost()
            }
        }
    }

    /// The next result, or nil at the end of a statement's results.
    fileprivate func nextResult(until deadline: Deadline) throws(PostgresError) -> QueryResult? {
        while PQisBusy(handle) == 1 {
            _ = try wait(for: POLLIN, until: deadline)
            try require(PQconsumeInput(handle))
        }
        return PQgetResult(handle).map(QueryResult.init)
    }

    /// The connection is gone. What the server last said, if anything, says why.
    func lost(_ cause: PostgresError? = nil) -> PostgresError {
        markBroken()
        return cause?.with(kind: .connectionLost) ?? PostgresError(kind: .connectionLost)
    }

    /// libpq answers 1 for success; it fails here only when the connection is no more.
    private func require(_ success: Int32) throws(PostgresError) {
        guard success == 1 else { throw lost() }
    }
}

/// Reads the answers of one round trip in order and keeps the first error.
private struct AnswerReader {
    let connection: Connection
    let deadline: Deadline
    private(set) var failure: PostgresError?

    init(connection: Connection, deadline: Deadline) {
        self.connection = connection
        self.deadline = deadline
    }

    mutating func readPreparation(of key: PreparedStatements.Key) throws(PostgresError) {
        let result = try next()
        if result.status != PGRES_COMMAND_OK {
            connection.statements.forget(key)
            note(result)
        }
        try readEnd()
    }

    mutating func readAnswer(
        to statement: QueuedStatement, wasPreparedBefore: Bool
    ) throws(PostgresError) {
        let result = try next()
        switch result.status {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
            do {
                try statement.receive(result)
            } catch {
                failure = failure ?? error
            }
        default:
            if wasPreparedBefore { connection.statements.noteFailure(result.error.sqlState) }
            note(result)
        }
        try readEnd()
    }

    func readSync() throws(PostgresError) {
        guard try next().status == PGRES_PIPELINE_SYNC else { throw connection.lost(failure) }
    }

    /// Each statement's results end in a null.
    private func readEnd() throws(PostgresError) {
        guard try connection.nextResult(until: deadline) == nil else {
            throw connection.lost(failure)
        }
    }

    private func next() throws(PostgresError) -> QueryResult {
        do {
            if let result = try connection.nextResult(until: deadline) { return result }
        } catch {
            throw error.message == nil ? connection.lost(failure) : error
        }
        throw connection.lost(failure)
    }

    /// Keeps the first error; what was skipped because of it has nothing of its own to say.
    private mutating func note(_ result: QueryResult) {
        guard result.status != PGRES_PIPELINE_ABORTED else { return }
        failure = failure ?? result.error
    }
}
