import Postgres

extension Database {
    /// The database as the service uses it: with the role that can do what the service does.
    static func service(_ settings: Settings) throws -> Database {
        var configuration = DatabaseConfiguration(
            url: settings.databaseURL, role: "holdfast_service")
        configuration.poolSize = try settings.poolSize
        return Database(configuration)
    }

    /// A courier's: it does one thing after the other.
    static func courier(_ settings: Settings) throws -> Database {
        var configuration = DatabaseConfiguration(
            url: settings.databaseURL, role: "holdfast_service")
        configuration.poolSize = 1
        return Database(configuration)
    }

    /// A connection of its own for those who ask whether the database is there, who are not to wait in
    /// line with those who work with it.
    static func attendance(_ settings: Settings) -> Database {
        var configuration = DatabaseConfiguration(
            url: settings.databaseURL, role: "holdfast_service")
        configuration.poolSize = 1
        configuration.leaseTimeout = .seconds(1)
        configuration.deadline = .seconds(4)
        return Database(configuration)
    }

    /// The database as its owner changes it. A whole run of migrations may take a day.
    static func owner(
        _ settings: Settings, lockTimeout: Duration, statementTimeout: Duration
    ) -> Database {
        var configuration = DatabaseConfiguration(url: settings.databaseURL)
        configuration.poolSize = 1
        configuration.lockTimeout = lockTimeout
        configuration.statementTimeout = statementTimeout
        // Migrations may have to read whole tables.
        configuration.plansOnce = false
        configuration.deadline = .seconds(86_400)
        return Database(configuration)
    }
}
