/// A PostgreSQL type by its number in `pg_type.dat`, which is fixed for the built-in types.
public struct PostgresType: Sendable {
    /// The type's number (libpq's `Oid`).
    public typealias ID = UInt32

    /// The type's number.
    let id: ID
    /// The number of the type "array of this".
    let arrayID: ID

    static let bool = PostgresType(id: 16, arrayID: 1000)
    static let int2 = PostgresType(id: 21, arrayID: 1005)
    static let int4 = PostgresType(id: 23, arrayID: 1007)
    static let int8 = PostgresType(id: 20, arrayID: 1016)
    static let text = PostgresType(id: 25, arrayID: 1009)
    static let varchar = PostgresType(id: 1043, arrayID: 1015)
    static let name = PostgresType(id: 19, arrayID: 1003)
    static let date = PostgresType(id: 1082, arrayID: 1182)
    static let timestamptz = PostgresType(id: 1184, arrayID: 1185)
    static let uuid = PostgresType(id: 2950, arrayID: 2951)
    static let jsonb = PostgresType(id: 3802, arrayID: 3807)
}
