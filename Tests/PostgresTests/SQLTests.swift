import Testing

@testable import Postgres

@Suite("A statement is a literal with binds")
struct SQLTests {
    @Test("values become parameters, in order")
    func parameters() {
        let sql: SQL = "SELECT \(1), \("x") WHERE \(true)"
        #expect(sql.text == "SELECT $1, $2 WHERE $3")
        #expect(sql.binds.types == [20, 25, 16])
    }

    @Test("a fragment's parameters are renumbered behind those already there")
    func fragments() {
        let inner: SQL = "a = \(10) AND b = \(20)"
        let sql: SQL = "SELECT \(5) WHERE \(fragment: inner) AND c = \(30)\(fragment: .nothing)"
        #expect(sql.text == "SELECT $1 WHERE a = $2 AND b = $3 AND c = $4")
        #expect(sql.binds.count == 4)
    }

    @Test("what looks like SQL inside a value stays a value")
    func injection() {
        let attack = "'; DROP TABLE slots; --"
        let sql: SQL = "SELECT \(attack)"
        #expect(sql.text == "SELECT $1")
    }
}
