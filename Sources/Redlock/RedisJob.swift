/// Commands that go together.
struct RedisJob: Sendable {
    let commands: [[String]]
    /// Nil if nobody waits for the answers.
    let reply: RedisServer.Reply?
    /// How long they are worth sending, to a server that is away until then; nil: not at all.
    let owedUntil: ContinuousClock.Instant?
    /// What has been answered by now.
    var replies: [RedisReply] = []

    init(_ commands: [[String]], reply: @escaping RedisServer.Reply) {
        self.commands = commands
        self.reply = reply
        owedUntil = nil
    }

    init(_ commands: [[String]], owedUntil end: ContinuousClock.Instant) {
        self.commands = commands
        reply = nil
        owedUntil = end
    }

    /// To be sent again, from its first command on.
    var unanswered: RedisJob {
        var job = self
        job.replies = []
        return job
    }

    var isOwed: Bool { owedUntil.map { $0 > .now } ?? false }
}
