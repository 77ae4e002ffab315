// Looking for text in text.

extension StringProtocol {
    /// Whether the text stands anywhere in this one, by its bytes.
    ///
    /// Stands before the toolchain's own, which would link its regular expressions in: a megabyte of code that the
    /// daemon would carry, and partly load, for nothing else.
    public func contains(_ text: String) -> Bool {
        var rest = utf8[...]
        while true {
            if rest.starts(with: text.utf8) { return true }
            if rest.popFirst() == nil { return false }
        }
    }
}
