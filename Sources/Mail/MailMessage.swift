import FoundationEssentials

/// A message to one recipient, in plain text and in HTML.
///
/// Every text may hold any characters: what is to become a header cannot become two, and no line of
/// the body ends the message.
package struct MailMessage: Hashable, Sendable {
    package let sender: MailAddress
    package let recipient: MailAddress
    package let subject: String
    /// When it was written, which may be long before it is sent.
    package let date: Date
    /// What tells a copy from another message, `left@right`. Source: RFC 5322, 3.6.4.
    package let id: String
    package let text: String
    package let html: String
    package let attachments: [Attachment]

    /// A file that comes with a message.
    package struct Attachment: Hashable, Sendable {
        package let name: String
        /// The media type, with its parameters.
        package let type: String
        package let content: String

        package init(name: String, type: String, content: String) {
            self.name = name
            self.type = type
            self.content = content
        }
    }

    package init(
        from sender: MailAddress, to recipient: MailAddress, subject: String, date: Date,
        id: String, text: String, html: String, attachments: [Attachment] = []
    ) {
        self.sender = sender
        self.recipient = recipient
        self.subject = subject
        self.date = date
        self.id = id
        self.text = text
        self.html = html
        self.attachments = attachments
    }
}

/// An e-mail address and whom it belongs to.
package struct MailAddress: Hashable, Sendable {
    package let name: String
    /// `local@domain`.
    package let address: String

    /// - Throws: ``MailFailure``, permanent, for an address that not every server can carry: without
    ///   exactly one `@`, beyond ASCII, with spaces, control characters or those that delimit addresses.
    package init(_ address: String, name: String) throws(MailFailure) {
        let parts = address.split(separator: "@", omittingEmptySubsequences: false)
        let isSafe = address.unicodeScalars.allSatisfy { scalar in
            (0x21..<0x7F).contains(scalar.value)
                && !"<>()[],;:\\\"".unicodeScalars.contains(scalar)
        }
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }), isSafe else {
            throw MailFailure(.permanent, "the address cannot be used in an e-mail")
        }
        self.address = address
        self.name = name
    }
}
