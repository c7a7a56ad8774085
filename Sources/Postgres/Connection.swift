internal import CLibPQ
internal import Glibc

/// One `PGconn`. Not `Sendable`: it lives on its lane's thread and nowhere else.
///
/// It stays in pipeline mode and never blocks inside libpq once it is open: all waiting is done in
/// `wait(for:until:)`, which has a deadline.
final class Connection {
    let handle: OpaquePointer
    var statements = PreparedStatements()
    /// Set once the connection can no longer be trusted; it is then closed, never reused.
    private(set) var isBroken = false
    private(set) lazy var cancelTarget = CancelTarget(handle)
    private let notices = NoticeCounter()

    /// Connects, puts the session's limits in force and takes on the configured role.
    /// - Throws: `connectFailed`, with the server's code where it answered at all.
    init(_ configuration: DatabaseConfiguration) throws(PostgresError) {
        let parameters = configuration.connectionParameters
        let opened = withCStrings(parameters.map(\.keyword)) { keywords in
            withCStrings(parameters.map(\.value)) { PQconnectdbParams(keywords, $0, 1) }
        }
        guard let opened else {
            throw PostgresError(kind: .connectFailed, message: "out of memory")
        }
        handle = opened
        PQsetNoticeReceiver(
            handle,
            { context, result in NoticeCounter.from(context).receive(result) },
            notices.context
        )
        guard PQstatus(handle) == CONNECTION_OK else {
            throw PostgresError(kind: .connectFailed, message: connectionComplaint(of: handle))
        }
        guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1 else {
            throw PostgresError(kind: .connectFailed, message: "no pipeline mode")
        }
        do {
            try roundTrip(
                [QueuedStatement(configuration.sessionSettings)],
                until: .now + configuration.connectTimeout
            )
        } catch {
            throw PostgresError(
                kind: .connectFailed, sqlState: error.sqlState,
                message: configuration.role.map {
                    "does the role \($0) exist (migrations make it), and is the login role its member?"
                } ?? error.message)
        }
    }

    deinit { PQfinish(handle) }

    /// Whether the server has something to say although nothing was asked: that it shut down, that
    /// it ended this session. Such a connection is replaced before anything is sent on it.
    var hasUnexpectedInput: Bool {
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, 0) != 0
    }

    /// Whether a transaction is open on the server, failed or not.
    var isInTransaction: Bool {
        let status = PQtransactionStatus(handle)
        return status == PQTRANS_INTRANS || status == PQTRANS_INERROR
    }

    /// Warnings that the server sent since the last call.
    func takeWarnings() -> Int { notices.take() }

    func markBroken() { isBroken = true }

    /// Waits until the socket is ready for one of `events`.
    /// - Returns: Which of the events are ready.
    /// - Throws: `connectionLost` at the deadline; the connection is then broken, because its
    ///   answer may still come.
    func wait(for events: Int32, until deadline: Deadline) throws(PostgresError) -> Int32 {
        while true {
            var descriptor = pollfd(fd: PQsocket(handle), events: Int16(events), revents: 0)
            let remaining = ContinuousClock.now.duration(to: deadline).milliseconds
            let ready = poll(&descriptor, 1, Int32(clamping: max(0, remaining)))
            if ready > 0 { return Int32(descriptor.revents) }
            if ready < 0 && errno == EINTR { continue }
            markBroken()
            throw PostgresError(
                kind: .connectionLost, message: "no answer from the server before the deadline")
        }
    }
}

/// A moment on this process's own clock, after which nothing is waited for.
public typealias Deadline = ContinuousClock.Instant

extension DatabaseConfiguration {
    /// What libpq is told. Keywords before `dbname` are defaults that the URL may override; those
    /// behind it are not.
    fileprivate var connectionParameters: [(keyword: String, value: String)] {
        [
            ("connect_timeout", "\(connectTimeout.components.seconds)"),
            ("tcp_user_timeout", "\(tcpUserTimeout.milliseconds)"),
            ("target_session_attrs", "read-write"),
            ("fallback_application_name", applicationName),
            ("dbname", url),
            ("client_encoding", "UTF8"),
        ]
    }

    /// The first statement of a session: its limits and its role.
    fileprivate var sessionSettings: SQL {
        let limits: SQL = """
            set_config('lock_timeout', \("\(lockTimeout.milliseconds)"), false),
            set_config('statement_timeout', \("\(statementTimeout.milliseconds)"), false),
            set_config(
                'idle_in_transaction_session_timeout',
                \("\(idleInTransactionTimeout.milliseconds)"), false),
            set_config('TimeZone', 'UTC', false),
            set_config(
                'plan_cache_mode',
                -- Citus, which is there if that table is, plans for the values that it has been given.
                CASE
                    WHEN \(plansOnce) AND to_regclass('pg_dist_partition') IS NULL
                        THEN 'force_generic_plan'
                    ELSE 'auto'
                END,
                false
            ),
            set_config('enable_seqscan', \(plansOnce ? "off" : "on"), false),
            -- Short statements: compiling one takes longer than running it.
            set_config('jit', 'off', false)
            """
        guard let role else { return "SELECT \(fragment: limits)" }
        return "SELECT \(fragment: limits), set_config('role', \(role), false)"
    }
}

/// Counts warnings instead of printing them, which is what libpq does when nobody listens.
private final class NoticeCounter {
    private var warnings = 0

    var context: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    static func from(_ context: UnsafeMutableRawPointer?) -> NoticeCounter {
        guard let context else { preconditionFailure("a notice without its connection") }
        return Unmanaged<NoticeCounter>.fromOpaque(context).takeUnretainedValue()
    }

    func receive(_ result: OpaquePointer?) {
        guard let severity = PQresultErrorField(result, diagnostic_severity) else {
            return
        }
        if String(cString: severity) == "WARNING" { warnings += 1 }
    }

    func take() -> Int {
        defer { warnings = 0 }
        return warnings
    }
}

/// Calls `body` with a null-terminated array of C strings.
private func withCStrings<Result>(
    _ strings: [String],
    _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
    let copies = strings.map { strdup($0) }
    defer { copies.forEach { free($0) } }
    return (copies.map { UnsafePointer($0) } + [nil]).withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("a null array") }
        return body(base)
    }
}

/// What libpq says of a connection that could not be made, in one line.
///
/// Before it talks to a server, it quotes the part of the URL that it stumbled over, which may be of
/// the password; so only what it says of servers is repeated.
private func connectionComplaint(of handle: OpaquePointer) -> String {
    let complaint = String(cString: PQerrorMessage(handle))
        .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    guard complaint.hasPrefix("connection to server") else {
        return "the database URL names no server that libpq can find; check its host and port, and "
            + "that characters such as / : @ % in its password are percent-encoded"
    }
    return complaint
}
