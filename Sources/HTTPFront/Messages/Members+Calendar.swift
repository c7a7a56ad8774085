import Clinic

// What calendar rules are made of.

extension Members {
    /// A time of day by the clinic's clocks.
    func time(_ name: String) throws -> Availability.Time {
        let kind = "a time from 00:00 to 24:00, such as 09:30"
        let text = try require(name, try value(name, String.self, kind), kind)
        guard let time = Availability.Time(text) else {
            throw Problem.invalidMember(name, "must be \(kind)")
        }
        return time
    }

    /// A list of an enum's values, one or more.
    func choices<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ type: Choice.Type = Choice.self
    ) throws -> [Choice] {
        let all = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        let kind = "a list of one or more of \(all)"
        let texts = try require(name, try value(name, [String].self, kind), kind)
        let choices = texts.compactMap(Choice.init)
        guard !choices.isEmpty, choices.count == texts.count else {
            throw Problem.invalidMember(name, "must be \(kind)")
        }
        return choices
    }

    /// One of an enum's values.
    func requiredChoice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ type: Choice.Type = Choice.self
    ) throws -> Choice {
        let all = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        return try require(name, try choice(name, type), "one of \(all)")
    }

    func integer(_ name: String) throws -> Int {
        try require(name, try optionalInteger(name), "an integer")
    }

    /// Like `objects`, but may be absent or null.
    func optionalObjects<Content: RequestMembers>(
        _ name: String, _ type: Content.Type = Content.self
    ) throws -> [Content]? {
        try has(name) ? objects(name, type) : nil
    }
}
