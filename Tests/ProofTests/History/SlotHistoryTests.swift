import FoundationEssentials
import ServiceTesting
import Proof
import Testing

@Suite("Whether some order explains all that was said of a slot")
struct SlotHistoryTests {
    @Test("every history of a slot that does one thing after the other is explained")
    func good() {
        for seed in 0..<200 {
            #expect(made(seed).history.violations() == [], "seed \(seed)")
        }
    }

    @Test("no history is explained that was broken", arguments: Flaw.allCases)
    func bad(flaw: Flaw) {
        var broken = 0
        for seed in 0..<200 where broken < 20 {
            var dice = Dice(seed: UInt64(1000 + seed))
            let made = made(seed)
            guard let operations = flaw.broken(made, &dice) else { continue }
            broken += 1
            let history = SlotHistory(from: made.start, operations)
            #expect(!history.violations().isEmpty, "seed \(seed)")
        }
        #expect(broken == 20)
    }

    @Test("short histories are explained if and only if some order is found by trying all")
    func exact() {
        var good = 0
        let count = 4000
        for seed in 0..<count {
            var dice = Dice(seed: UInt64(seed))
            let (slot, history) = dice.shortHistory()
            let isGood = BruteForce(history.operations).explains(from: slot)
            #expect(history.violations().isEmpty == isGood, "seed \(seed)")
            if isGood { good += 1 }
        }
        #expect(good > count / 5 && good < count * 4 / 5)
    }

    private func made(_ seed: Int) -> MadeUpHistory {
        var dice = Dice(seed: UInt64(seed))
        return MadeUpHistory(
            count: .random(in: 1...300, using: &dice), spread: .random(in: 0...20, using: &dice),
            capacity: .random(in: 1...3, using: &dice), dice: dice)
    }
}
