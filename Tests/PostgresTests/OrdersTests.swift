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
                let next = orders.next(of: left.indices.filter { left[$0] > 0 })
                left[next] -= 1
                order.append(next)
            }
            let (isNew, _) = seen.insert(order)
            #expect(isNew)
        } while try orders.endRun()
        #expect(seen.count == count)
        #expect(orders.runs == count)
    }

    @Test("an order that goes another way is tried again, and what never goes the same way is told")
    func straying() throws {
        var orders = Orders()
        #expect([orders.next(of: [0, 1]), orders.next(of: [0, 1])] == [0, 0])
        var isThereAnother = try orders.endRun()
        #expect(isThereAnother)
        // This time nobody has to wait for the second step.
        #expect([orders.next(of: [0, 1]), orders.next(of: [1])] == [0, 1])
        isThereAnother = try orders.endRun()
        #expect(isThereAnother && orders.runs == 1)
        #expect([orders.next(of: [0, 1]), orders.next(of: [0, 1])] == [0, 1])
        isThereAnother = try orders.endRun()
        #expect(isThereAnother && orders.runs == 2)
        #expect(throws: Orders.NotRepeatable.self) {
            while true {
                _ = orders.next(of: [1])
                _ = try orders.endRun()
            }
        }
    }
}
