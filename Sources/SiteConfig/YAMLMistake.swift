// What libyaml says of a syntax mistake, in words of someone who does not know what a "block mapping" is.

import CYaml
import World

enum YAMLMistake {
    static func report(_ parser: yaml_parser_t, file: String, _ findings: Findings) {
        let problem = parser.problem.map { String(cString: $0) } ?? "text that is no YAML"
        let context = parser.context.map { String(cString: $0) } ?? ""
        let place = Place(
            file: file, line: Int(parser.problem_mark.line) + 1, column: Int(parser.problem_mark.column) + 1)
        let contextLine = Int(parser.context_mark.line) + 1
        let (found, expected, remedy) = words(problem, context, contextLine, character(of: parser))
        findings.addSyntax(place, found, expected, remedy)
    }

    /// What is wrong, what should be there, what to do.
    private static func words(
        _ problem: String, _ context: String, _ contextLine: Int, _ character: String?
    ) -> (String, String, String) {
        switch problem {
        case "found character that cannot start any token" where character == "\t",
            "found a tab character that violates indentation",
            "found a tab character where an indentation space is expected":
            return (
                "a tab in the indentation", "spaces: YAML does not indent by tabs",
                "replace every tab in the file by two spaces"
            )
        case "found character that cannot start any token":
            return (
                "a value that begins with \(character == "`" ? "a backquote" : quoted(character ?? "?"))",
                "a value that YAML can tell from its own signs",
                "put the value in quotes"
            )
        case "mapping values are not allowed in this context":
            return (
                "a `:` where no key can be", "`key: value` in line with its neighbours",
                "check the indentation here and above, and that a blank follows every `:` (or quote the value)"
            )
        case "did not find expected key":
            return (
                "a line that does not fit the map begun on line \(contextLine)",
                "`key: value`, indented like the other keys of that map",
                "check the indentation, and quotes that are left open above"
            )
        case "did not find expected '-' indicator":
            return (
                "a line that does not fit the list begun on line \(contextLine)",
                "`- `, indented like the other items of that list", "check the indentation"
            )
        case "did not find expected ',' or ']'":
            return (
                "no end to the list opened with `[` on line \(contextLine)", "`,` or `]`", "close the list with `]`"
            )
        case "did not find expected ',' or '}'":
            return ("no end to the map opened with `{` on line \(contextLine)", "`,` or `}`", "close the map with `}`")
        case "found unexpected end of stream" where context.contains("quoted scalar"):
            return (
                "no end to the quotes opened on line \(contextLine)", "a closing quote",
                "close the quotes on line \(contextLine)"
            )
        case "could not find expected ':'":
            return (
                "a line without a `:` (line \(contextLine))", "`key: value`", "add the `:`, and a blank after it"
            )
        case "did not find expected <document start>":
            return (
                "text after the end of the configuration", "one map of `key: value` lines",
                "check the indentation: top-level keys begin in the first column"
            )
        case "block sequence entries are not allowed in this context":
            return (
                "a `-` where no list can be", "the list on the line below its key", "move the `-` to a line of its own"
            )
        case "did not find expected node content":
            return (
                "no value here", "a value, or the end of a `[` or `{` that is open",
                "close every `[` with `]` and every `{` with `}`"
            )
        case "found unknown escape character":
            return (
                "a `\\` in double quotes that YAML does not know", "`\\\\` for a backslash",
                "use single quotes, in which `\\` is only itself"
            )
        default:
            return ("text that YAML cannot take (\(problem))", "YAML", "check this line and the one above")
        }
    }

    /// The character at which libyaml stopped.
    private static func character(of parser: yaml_parser_t) -> String? {
        guard let start = parser.buffer.pointer, start < parser.buffer.last else { return nil }
        let rest = UnsafeBufferPointer(start: start, count: min(4, parser.buffer.last - start))
        return String(decoding: rest, as: UTF8.self).unicodeScalars.first.map { String(Character($0)) }
    }
}
