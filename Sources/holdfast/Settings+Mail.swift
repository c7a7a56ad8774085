import Clinic
import Logging
import Mail

extension Settings {
    /// Where messages go; nil if they are to stay queued.
    func mailTransport(isDevelopment: Bool, _ logger: Logger) throws -> (any MailTransport)? {
        if let smtp = try smtp { return SMTPTransport(smtp) }
        return isDevelopment ? LoggedMail(logger: logger) : nil
    }

    /// The mail server's name and port; nil if there is none.
    var mailServer: String? {
        get throws { try smtp?.server }
    }

    /// A courier who writes from HOLDFAST_MAIL_FROM.
    func courier(store: Store, transport: any MailTransport) throws -> Courier {
        do {
            return try Courier(store: store, transport: transport, sender: mailFrom)
        } catch is MailFailure {
            throw SettingError(
                "HOLDFAST_MAIL_FROM must be an e-mail address such as bookings@clinic.example.")
        }
    }

    private var smtp: SMTPSettings? {
        get throws {
            guard let url = smtpURL else { return nil }
            do {
                return try SMTPSettings(url: url, certificates: smtpCertificates)
            } catch {
                throw SettingError("HOLDFAST_SMTP_URL \(error).")
            }
        }
    }
}
