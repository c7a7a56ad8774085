/// Queues statements of one transaction for its next round trip.
///
/// They are sent together by the first `get()` on one of their answers, by the next statement that
/// is not queued, or with `COMMIT`; the server runs them in order and skips the rest behind an
/// error.
public struct Pipeline {
    let transaction: Transaction

    /// Queues a statement of which only the number of rows it touched matters, if that.
    @discardableResult
    public func execute(_ sql: SQL) -> Pending<Int> {
        queue(sql) { result in result.affectedRows }
    }

    /// Queues a statement and reads all its rows.
    public func all<Value: RowDecodable>(
        _ type: Value.Type = Value.self, _ sql: SQL
    ) -> Pending<[Value]> {
        queue(sql) { result in try result.rows(type) }
    }

    /// Queues a statement that must give exactly one row, else `rowCount` is thrown.
    public func one<Value: RowDecodable>(
        _ type: Value.Type = Value.self, _ sql: SQL
    ) -> Pending<Value> {
        queue(sql) { result in
            guard result.rowCount == 1, let row = try result.rows(type).first else {
                throw PostgresError(
                    kind: .rowCount, message: "\(result.rowCount) rows where one was expected")
            }
            return row
        }
    }

    /// Queues a statement that may give no row or one, else `rowCount` is thrown.
    public func optional<Value: RowDecodable>(
        _ type: Value.Type = Value.self, _ sql: SQL
    ) -> Pending<Value?> {
        queue(sql) { result in
            guard result.rowCount <= 1 else {
                throw PostgresError(
                    kind: .rowCount,
                    message: "\(result.rowCount) rows where one at most was expected")
            }
            return try result.rows(type).first
        }
    }

    private func queue<Value>(
        _ sql: SQL, reading read: @escaping (QueryResult) throws -> Value
    ) -> Pending<Value> {
        let answer = Answer<Value>()
        transaction.enqueue(
            QueuedStatement(sql) { (result) throws(PostgresError) in
                do {
                    answer.value = try read(result)
                } catch let error as PostgresError {
                    throw error
                } catch {
                    throw PostgresError(kind: .decoding, message: "\(error)")
                }
            })
        return Pending { [transaction] in
            if answer.value == nil { try transaction.makeRoundTrip() }
            // Still nil only if the trip failed and the body swallowed its error.
            guard let value = answer.value else { throw transaction.failure ?? .neverAnswered }
            return value
        }
    }
}

/// Where a statement's answer is put when its round trip is made.
private final class Answer<Value> {
    var value: Value?
}

extension PostgresError {
    fileprivate static let neverAnswered = PostgresError(
        kind: .server, sqlState: .transactionRollback,
        message: "the statement was never answered because one before it had failed")
}
