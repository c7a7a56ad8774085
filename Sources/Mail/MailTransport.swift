/// Takes messages where they are to go.
package protocol MailTransport: Sendable {
    /// How long ``send(_:)`` takes at the most.
    var timeout: Duration { get }

    /// Hands a message over. When it returns, another has taken the responsibility for it; when it
    /// throws, that may have happened all the same, if the answer was lost.
    /// - Throws: ``MailFailure``; `CancellationError`.
    func send(_ message: MailMessage) async throws

    /// Ends what connection there is; the next message makes a new one.
    func hangUp() async
}
