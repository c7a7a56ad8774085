/// What a server says of itself.
struct RedisGreeting {
    /// Another one for each start.
    let runID: String
}

extension RedisConnection {
    /// Logs in.
    func greet(
        _ url: RedisURL, until deadline: ContinuousClock.Instant
    ) throws(RedisUnreachable) -> RedisGreeting {
        var commands: [[String]] = []
        if let password = url.password {
            commands.append(["AUTH"] + (url.user.map { [$0] } ?? []) + [password])
        }
        if url.database != 0 { commands.append(["SELECT", "\(url.database)"]) }
        commands.append(["INFO", "server"])
        let replies = try perform(commands, until: deadline)
        for (command, reply) in zip(commands, replies) {
            if let code = reply.errorCode {
                throw RedisUnreachable(description: "it answers \(command[0]) with \(code)")
            }
        }
        let mark = "run_id:"
        guard case .text(let info)? = replies.last,
            let line = info.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix(mark) })
        else { throw .garbled }
        return RedisGreeting(runID: String(line.dropFirst(mark.count)))
    }
}
