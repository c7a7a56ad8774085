import Postgres

extension Database {
    /// The database as the service uses it: with the role that can do what the service does.
    static func service(_ settings: Settings) throws -> Database {
        var configuration = DatabaseConfiguration(
            url: settings.databaseURL, role: "holdfast_service")
        configuration.poolSize = try settings.poolSize
        return Database(configuration)
    }

    /// The database as its owner changes it, with time for large tables.
    static func owner(_ settings: Settings) -> Database {
        var configuration = DatabaseConfiguration(url: settings.databaseURL)
        configuration.poolSize = 1
        configuration.lockTimeout = .seconds(60)
        configuration.statementTimeout = .seconds(600)
        configuration.deadline = .seconds(900)
        return Database(configuration)
    }
}
