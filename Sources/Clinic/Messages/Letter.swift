import FoundationEssentials
import Mail

/// What a message says, in the two forms that a mail has.
struct Letter: Hashable, Sendable {
    let subject: String
    /// Who is addressed.
    let name: String
    /// Who writes.
    let clinic: String
    let opening: String
    /// What the reader looks for, each with its label.
    var details: [Detail] = []
    let closing: String

    struct Detail: Hashable, Sendable {
        let label: String
        let value: String
    }

    /// The letter as plain text.
    var text: String {
        let details = details.map { "  \($0.label): \($0.value)\n" }.joined()
        return """
            Dear \(name),

            \(opening)
            \(details.isEmpty ? "" : "\n\(details)")
            \(closing)

            \(clinic)

            """
    }

    /// The letter as an HTML document that needs nothing from elsewhere.
    var html: String {
        let rows = details.map { detail in
            "<tr><td>\(detail.label.inHTML)</td><td><b>\(detail.value.inHTML)</b></td></tr>\n"
        }.joined()
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head><meta charset="utf-8"><title>\(subject.inHTML)</title></head>
            <body>
            <p>Dear \(name.inHTML),</p>
            <p>\(opening.inHTML)</p>
            \(rows.isEmpty ? "" : "<table cellpadding=\"4\">\n\(rows)</table>\n")<p>\(closing.inHTML)</p>
            <p>\(clinic.inHTML)</p>
            </body>
            </html>

            """
    }
}

extension String {
    /// The text as HTML shows it.
    fileprivate var inHTML: String {
        replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}
