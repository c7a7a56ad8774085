extension String {
    /// A statement without comments, with one space for all white space.
    var inOneLine: String {
        split(separator: "\n")
            .filter { !$0.drop(while: \.isWhitespace).hasPrefix("--") }
            .joined(separator: " ")
            .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
