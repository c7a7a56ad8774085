/// Where the database is, how many connections to keep, and how long anything may take.
///
/// Each limit is shorter than the next, so that the wait closest to the cause gives up first and
/// its error names the cause.
public struct DatabaseConfiguration: Sendable {
    /// A libpq URI or keyword string; several hosts are allowed. Empty: libpq's `PG*` variables.
    public var url: String
    /// The role that each connection takes on with `SET ROLE`; nil stays the login role.
    public var role: String?
    /// Connections at the most, each with a thread of its own.
    public var poolSize = 16
    /// Callers at the most that may wait for a connection; one more is refused at once.
    public var waitingLimit = 4096
    /// What connections are called in `pg_stat_activity`, unless the URL or `PGAPPNAME` says else.
    public var applicationName = "holdfast"

    /// How long a statement waits for a row's lock (SQLSTATE 55P03 after that).
    public var lockTimeout: Duration = .seconds(2)
    /// How long the server lets a transaction idle between two round trips before it ends the
    /// session: what frees the locks of a process that froze.
    public var idleInTransactionTimeout: Duration = .seconds(3)
    /// How long one statement may run (SQLSTATE 57014 after that).
    public var statementTimeout: Duration = .seconds(5)
    /// How long to wait for a free connection.
    public var leaseTimeout: Duration = .seconds(5)
    /// How long one transaction may take in all: lease, retries and answers. Making a connection on
    /// the way is limited by `connectTimeout` alone.
    public var deadline: Duration = .seconds(10)
    /// How long to wait for each host when connecting, in whole seconds; libpq's least is 2.
    public var connectTimeout: Duration = .seconds(3)
    /// How long sent bytes may stay unacknowledged before the network counts as broken.
    public var tcpUserTimeout: Duration = .seconds(5)

    /// Whether a session plans each statement once, for whatever parameters come, and by an index where
    /// there is one. Right for short statements: planning them anew costs more than running them, and a
    /// plan that was made while a table was empty must not scan it when it is full. Wrong for reports, and
    /// not done on Citus, which has no plan for whatever comes.
    public var plansOnce = true

    /// A configuration with the limits above.
    public init(url: String, role: String? = nil) {
        self.url = url
        self.role = role
    }
}

extension Duration {
    /// Whole milliseconds, as PostgreSQL's settings take them.
    package var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}
