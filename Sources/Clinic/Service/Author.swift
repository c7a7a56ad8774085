/// Who makes a change, as the journal remembers it.
package struct Author: Hashable, Sendable {
    /// The caller's `sub`, or `system:` and what acted by itself.
    package var subject: String
    /// The `X-Request-Id` of the request that made the change.
    package var requestID: String

    package init(subject: String, requestID: String) {
        self.subject = subject
        self.requestID = requestID
    }
}
