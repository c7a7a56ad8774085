import PostgresTesting
import Testing

@Suite("Every order")
struct OrdersTests {
    @Test(
        "each order of so many steps comes once, and all come",
        arguments: [([2, 2], 6), ([3, 2], 10), ([1, 1, 1], 6), ([2, 2, 2], 90), ([4], 1)])
    func all(steps: [Int], count: Int) throws {
        var orders = Orders()
        var seen: Set<[Int]> = []
        repeat {
            var left = steps
            var order: [Int] = []
            while left.contains(where: { $0 > 0 }) {
                let next = try orders.next(of: left.indices.filter { left[$0] > 0 })
                left[next] -= 1
                order.append(next)
            }
            let (isNew, _) = seen.insert(order)
            #expect(isNew)
        } while orders.endRun()
        #expect(seen.count == count)
        #expect(orders.runs == count)
    }

    @Test("what hangs on something else than the order is told")
    func notRepeatable() throws {
        var orders = Orders()
        _ = try orders.next(of: [0, 1])
        _ = try orders.next(of: [1])
        let isThereAnother = orders.endRun()
        #expect(isThereAnother)
        #expect(throws: Orders.NotRepeatable.self) { _ = try orders.next(of: [1]) }
    }
}
