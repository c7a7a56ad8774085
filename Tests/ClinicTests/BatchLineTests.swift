import FoundationEssentials
import Testing

@testable import Clinic

@Suite("The line for batches, without a database")
struct BatchLineTests {
    /// A line of names, each of which wants a slot of one of two clinics.
    private final class Line {
        private var line: BatchLine<String>
        private var tickets = 0
        let clinics = [UUID(), UUID()]
        let slots = (0..<500).map { _ in UUID() }

        init(_ change: (inout BatchLimits) -> Void = { _ in }) {
            var limits = BatchLimits()
            change(&limits)
            line = BatchLine(limits: limits)
        }

        @discardableResult
        func enter(_ name: String, _ slot: Int, clinic: Int = 0) -> Bool {
            tickets += 1
            return line.enter(
                BatchLine.Entry(
                    ticket: tickets, clinicID: clinics[clinic], slotID: slots[slot], element: name))
        }

        func next() -> BatchLine<String>.Batch? { line.next() }

        func finish(
            _ batch: BatchLine<String>.Batch, late: [BatchLine<String>.Entry] = []
        ) { line.finish(batch, late: late) }

        func leave(_ names: String...) -> Int {
            line.leave { names.contains($0.element) }.count
        }

        var count: Int { line.count }
    }

    @Test("who comes first goes at once and alone; who comes meanwhile goes together behind that")
    func batches() throws {
        let line = Line()
        line.enter("ann", 1)
        let first = try #require(line.next())
        #expect(first.names == ["ann"])
        line.enter("ben", 2)
        line.enter("cat", 3)
        #expect(line.next()?.names == nil)
        line.finish(first)
        #expect(line.next()?.names == ["ben", "cat"])
        #expect(line.count == 0)
    }

    @Test("a slot is in one batch at a time: who wants it as well stands behind, in order")
    func oneSlot() throws {
        let line = Line { $0.second = 1 }
        line.enter("ann", 1)
        let first = try #require(line.next())
        line.enter("ben", 1)
        line.enter("cat", 2)
        line.enter("dan", 1)
        // A second batch may begin, with whomever the first does not concern.
        let second = try #require(line.next())
        #expect(second.names == ["cat"])
        line.finish(second)
        #expect(line.next()?.names == nil)
        line.enter("eva", 3)
        #expect(try #require(line.next()).names == ["eva"])
        line.finish(first)
        #expect(line.next()?.names == ["ben", "dan"])
    }

    @Test("whoever stood behind a slot goes before those who came later")
    func orderOfArrival() throws {
        let line = Line()
        line.enter("ann", 1)
        let first = try #require(line.next())
        line.enter("ben", 1)
        line.enter("cat", 2)
        line.finish(first)
        #expect(line.next()?.names == ["ben", "cat"])
    }

    @Test("a second batch of a clinic begins when enough wait, a third never")
    func secondBatch() throws {
        let line = Line { $0.second = 3 }
        line.enter("ann", 0)
        #expect(line.next()?.names != nil)
        for slot in 1...2 { line.enter("\(slot)", slot) }
        #expect(line.next()?.names == nil)
        line.enter("3", 3)
        #expect(line.next()?.names == ["1", "2", "3"])
        for slot in 4...9 { line.enter("\(slot)", slot) }
        #expect(line.next()?.names == nil)
    }

    @Test("clinics take turns, and one's batch in flight keeps the other from nothing")
    func turns() throws {
        let line = Line { ($0.slots, $0.batches) = (1, 1) }
        for slot in 0..<4 { line.enter("a\(slot)", slot) }
        line.enter("b9", 9, clinic: 1)
        var order: [String] = []
        while let batch = line.next() {
            order += batch.names
            line.finish(batch)
        }
        #expect(order == ["a0", "b9", "a1", "a2", "a3"])

        let both = Line()
        both.enter("ann", 1)
        both.enter("ben", 2, clinic: 1)
        #expect(both.next()?.names == ["ann"])
        #expect(both.next()?.names == ["ben"])
    }

    @Test("a batch takes so many slots and no more, but all who want one of them")
    func limits() throws {
        let line = Line { ($0.slots, $0.requests) = (2, 4) }
        for (name, slot) in [("a", 1), ("b", 2), ("c", 3), ("d", 1), ("e", 2), ("f", 1), ("g", 3)] {
            line.enter(name, slot)
        }
        let first = try #require(line.next())
        #expect(first.names == ["a", "b", "d", "e"])
        line.finish(first)
        // Where a slot was too many wanted, its order stays.
        #expect(line.next()?.names == ["c", "f", "g"])
    }

    @Test("a slot that somebody else has locked: all who want it wait for it together")
    func late() throws {
        let line = Line()
        line.enter("ann", 1)
        line.enter("dan", 2)
        let first = try #require(line.next())
        line.enter("ben", 1)
        line.finish(first, late: [first.entries[0]])
        let waiting = try #require(line.next())
        #expect(waiting.waitsForLocks)
        #expect(waiting.names == ["ann", "ben"])
        // Who comes now stands behind; whose slot is not locked goes on.
        line.enter("cat", 1)
        line.enter("eva", 2)
        #expect(line.next()?.names == ["eva"])
        line.finish(waiting)
        line.enter("fay", 3)
        #expect(line.next()?.names == nil)
        #expect(line.count == 2)
    }

    @Test("so many wait for a locked slot together and no more; the rest stand behind")
    func lateLimit() throws {
        let line = Line { $0.requests = 3 }
        line.enter("ann", 1)
        let first = try #require(line.next())
        for name in ["ben", "cat", "dan", "eva"] { line.enter(name, 1) }
        line.finish(first, late: first.entries)
        let late = try #require(line.next())
        #expect(late.names == ["ann", "ben", "cat"])
        line.finish(late)
        #expect(line.next()?.names == ["dan", "eva"])
    }

    @Test("of slots that somebody else has locked, so many are waited for and no more")
    func lateAtMost() throws {
        let line = Line { $0.late = 2 }
        for slot in 1...3 { line.enter("\(slot)", slot) }
        let first = try #require(line.next())
        line.finish(first, late: first.entries)
        let two = [try #require(line.next()), try #require(line.next())]
        #expect(line.next()?.names == nil)
        line.finish(two[0])
        let third = try #require(line.next())
        #expect(Set((two + [third]).flatMap(\.names)) == ["1", "2", "3"])
    }

    @Test("too many are turned away, of one clinic before the other one has nothing left")
    func bounded() {
        let line = Line { $0.waiting = 4 }
        #expect([1, 2, 3].map { line.enter("a", $0) } == [true, true, false])
        #expect([1, 2, 3].map { line.enter("b", $0, clinic: 1) } == [true, true, false])
        #expect(line.count == 4)
        #expect(line.next()?.names != nil)
        #expect(line.enter("a", 4))
    }

    @Test("who leaves is gone, wherever it stood; a locked slot whose all have left is free again")
    func leaving() throws {
        let line = Line { $0.late = 0 }
        line.enter("ann", 1)
        let first = try #require(line.next())
        line.enter("ben", 1)
        line.enter("cat", 2)
        line.finish(first, late: first.entries)
        #expect(line.leave("ann", "ben") == 2)
        #expect(line.leave("ann") == 0)
        #expect(line.count == 1)
        #expect(line.next()?.names == ["cat"])

        let other = Line()
        other.enter("ann", 1)
        let batch = try #require(other.next())
        other.finish(batch, late: batch.entries)
        _ = other.leave("ann")
        #expect(other.next()?.names == nil)
        other.enter("ben", 1)
        #expect(other.next()?.names == ["ben"])
    }

    @Test("20,000 comings and goings: each is answered once, no slot is in two batches")
    func atRandom() throws {
        var random = Seeded(state: 7)
        let line = Line { ($0.slots, $0.requests, $0.second) = (4, 6, 3) }
        var inFlight: [BatchLine<String>.Batch] = []
        var answered: [String] = []
        var entered = 0
        while entered < 20_000 || !inFlight.isEmpty || line.count > 0 {
            if entered < 20_000, random.next(below: 3) > 0 {
                let clinic = random.next(below: 2)
                if line.enter("\(entered)", clinic * 20 + random.next(below: 20), clinic: clinic) {
                    entered += 1
                }
            } else if !inFlight.isEmpty {
                let batch = inFlight.remove(at: random.next(below: inFlight.count))
                let late = batch.waitsForLocks || random.next(below: 4) > 0 ? 0 : 1
                let lateSlots = Set(batch.entries.map(\.slotID).prefix(late))
                let lateEntries = batch.entries.filter { lateSlots.contains($0.slotID) }
                line.finish(batch, late: lateEntries)
                answered += batch.entries.filter { !lateSlots.contains($0.slotID) }.map(\.element)
            }
            while let batch = line.next() {
                let busy = Set(inFlight.flatMap { $0.entries.map(\.slotID) })
                #expect(busy.isDisjoint(with: batch.entries.map(\.slotID)))
                inFlight.append(batch)
            }
        }
        #expect(answered.count == entered)
        #expect(Set(answered).count == entered)
    }
}

/// Numbers that are the same in every run.
private struct Seeded {
    var state: UInt64

    mutating func next(below bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }
}

extension BatchLine<String>.Batch {
    fileprivate var names: [String] { entries.map(\.element) }
}
