/// Numbers that look random and are the same in every run.
package struct Dice: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// Source: D. E. Knuth, MMIX. The upper bits are the better ones, so each number takes two steps.
    package mutating func next() -> UInt64 {
        step() << 32 | step()
    }

    private mutating func step() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 32
    }
}
