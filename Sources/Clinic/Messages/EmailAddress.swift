import Mail

extension String {
    /// Whether a message can be sent there, as far as an address's shape goes. Source of the length:
    /// RFC 5321, 4.5.3.1.3.
    package var isEmailAddress: Bool {
        utf8.count <= 254 && (try? MailAddress(self, name: "")) != nil
    }
}
