// The configuration that is in force, as text: what was typed, what the drop-ins made of it and what is default, each
// value with where it comes from. It is a valid configuration itself and means the same.

struct EffectiveText {
    private var lines: [(text: String, origin: String)] = []
    /// The next line opens a list item.
    private var opensItem = false

    mutating func section(_ key: String, depth: Int) { append("\(key):", depth: depth, origin: "") }

    mutating func item() { opensItem = true }

    mutating func value(_ key: String, _ text: String, isPlain: Bool, depth: Int, origin: String) {
        append("\(key): \(isPlain ? text : Self.quoted(text))", depth: depth, origin: origin)
    }

    private mutating func append(_ text: String, depth: Int, origin: String) {
        var indent = String(repeating: " ", count: depth * 2)
        if opensItem, depth > 0 { indent = String(indent.dropLast(2)) + "- " }
        opensItem = false
        lines.append((indent + text, origin))
    }

    var text: String {
        var result = ""
        for line in lines {
            result += line.text
            if !line.origin.isEmpty {
                result +=
                    String(repeating: " ", count: max(2, 44 - line.text.unicodeScalars.count)) + "# " + line.origin
            }
            result += "\n"
        }
        return result
    }

    /// In double quotes, as YAML wants it.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{85}": result += "\\N"
            case "\u{2028}": result += "\\L"
            case "\u{2029}": result += "\\P"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
