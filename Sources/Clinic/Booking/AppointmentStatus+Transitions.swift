extension AppointmentStatus {
    /// What an appointment may become from what it is: the one place that says so.
    ///
    /// Staff may cancel whatever is active, also what was written down by mistake.
    static let transitions: [AppointmentStatus: Set<AppointmentStatus>] = [
        .booked: [.arrived, .fulfilled, .noshow, .cancelled],
        .arrived: [.fulfilled, .cancelled],
        .fulfilled: [.cancelled],
        .noshow: [.cancelled],
        .cancelled: [],
    ]

    /// Whether an appointment that is this may become `other`.
    func mayBecome(_ other: AppointmentStatus) -> Bool {
        Self.transitions[self]?.contains(other) ?? false
    }

    /// Whether an appointment that is this may be moved to another slot: the patient has not come yet.
    var mayMove: Bool { self == .booked }
}
