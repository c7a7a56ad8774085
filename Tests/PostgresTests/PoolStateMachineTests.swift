import Testing

@testable import Postgres

@Suite("The pool's state machine")
struct PoolStateMachineTests {
    @Test("opens lanes up to its size, then lets callers wait, then refuses")
    func bounds() {
        var pool = PoolStateMachine(size: 2, waitingLimit: 1)
        #expect(pool.lease(1) == .grant(0))
        #expect(pool.lease(2) == .grant(1))
        #expect(pool.lease(3) == .wait)
        #expect(pool.lease(4) == .refuse(.tooManyWaiting))
    }

    @Test("hands a released lane to who has waited longest")
    func firstComeFirstServed() {
        var pool = PoolStateMachine(size: 1, waitingLimit: 300)
        #expect(pool.lease(0) == .grant(0))
        for waiter in 1...200 { #expect(pool.lease(waiter) == .wait) }
        for waiter in 1...200 { #expect(pool.release(0) == .grant(0, to: waiter)) }
        #expect(pool.release(0) == .park)
    }

    @Test("passes over who gave up, and says so only once")
    func abandoned() {
        var pool = PoolStateMachine(size: 1, waitingLimit: 3)
        _ = pool.lease(0)
        for waiter in 1...3 { #expect(pool.lease(waiter) == .wait) }
        #expect(pool.abandon(1) == true)
        #expect(pool.abandon(1) == false)
        #expect(pool.lease(4) == .wait)
        #expect(pool.release(0) == .grant(0, to: 2))
        #expect(pool.abandon(2) == false)
    }

    @Test("prefers the lane released last")
    func warmestFirst() {
        var pool = PoolStateMachine(size: 3, waitingLimit: 0)
        for waiter in 0..<3 { _ = pool.lease(waiter) }
        for lane in [0, 2, 1] { #expect(pool.release(lane) == .park) }
        #expect(pool.lease(9) == .grant(1))
    }

    @Test("closed: fails who waits, closes what is free, then what is released")
    func closing() {
        var pool = PoolStateMachine(size: 2, waitingLimit: 2)
        _ = pool.lease(0)
        _ = pool.lease(1)
        #expect(pool.lease(2) == .wait)
        #expect(pool.close() == PoolStateMachine.CloseAction(lanes: [], waiters: [2]))
        #expect(pool.release(0) == .close(0))
        #expect(pool.lease(3) == .refuse(.closed))
    }
}
