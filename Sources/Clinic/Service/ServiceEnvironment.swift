import FoundationEssentials
import Logging
import Redlock

/// What the services take from outside, so that tests own it.
///
/// The time is not among it: whatever another process must agree on goes by the database's clock.
package struct ServiceEnvironment: Sendable {
    /// Makes the id of something new. Ids are made before the transaction that uses them, so that a
    /// transaction that is run again writes the same rows; inside it only where nobody knows before how
    /// many will be needed, and of several runs one at the most leaves its rows behind.
    package var newID: @Sendable () -> UUID
    /// For what no caller is told.
    package var logger: Logger
    /// Called behind each change that was committed here, for whoever waits for changes. Returns at
    /// once. Changes that other processes make are not told: those only a look at the data can find.
    package var onChange: @Sendable () -> Void
    /// How long a batch waits for what cannot be stepped over, such as an appointment of a patient's that is
    /// being written elsewhere, before its slots go one by one; nil: as long as everybody waits for a lock.
    /// Not to be longer than that (`lock_timeout`).
    package var batchPatience: Duration?
    /// Says who goes first for a slot that several instances want; nil: PostgreSQL alone does.
    package var redlock: Redlock?

    /// The environment of a running service.
    package init(
        logger: Logger, newID: @escaping @Sendable () -> UUID = { UUID.version7(at: Date()) },
        onChange: @escaping @Sendable () -> Void = {},
        batchPatience: Duration? = .milliseconds(500), redlock: Redlock? = nil
    ) {
        self.logger = logger
        self.newID = newID
        self.onChange = onChange
        self.batchPatience = batchPatience
        self.redlock = redlock
    }
}

extension UUID {
    /// A time-ordered id: 48 bits of Unix milliseconds, 12 bits of what is left of the millisecond, and 62
    /// random bits. Source: RFC 9562, 5.7 and 6.2, method 3. Ids that rise keep the right-hand edge of an
    /// index warm.
    static func version7(at time: Date) -> UUID {
        let ticks = UInt64(max(0, time.timeIntervalSince1970 * 1000 * 4096))
        let high = (ticks & ~0x0FFF) << 4 | 0x7000 | ticks & 0x0FFF
        var generator = SystemRandomNumberGenerator()
        let low = generator.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        return withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { bytes in
            UUID(uuid: bytes.load(as: uuid_t.self))
        }
    }
}
