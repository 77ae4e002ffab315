// Text → tree, over libyaml's event interface. It never gives up without a problem, and what it read up to a mistake is
// kept, so that the rest of the configuration can still be checked.
//
// Hostile or broken files stay cheap: nesting, aliases and the nodes they multiply to are bounded
// (`Configuration.Limits`).

import CYaml
import World

struct YAMLReader {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let file: String
    private let findings: Findings
    private var anchors: [String: YAMLNode] = [:]
    private var aliases = 0
    private var nodes = 0
    /// No more events: the text ended, or a mistake was reported.
    private var hasStopped = false

    private struct Event {
        enum Kind {
            case scalar(String, isPlain: Bool)
            case listStart, mapStart, end, alias, documentStart, other, streamEnd
        }
        var kind: Kind
        var place: Place
        var anchor: String?
        var tag: String?
    }

    /// Reads the one document of a file. Nil: there is none (only comments, or nothing readable).
    static func read(_ text: SourceText, _ findings: Findings) -> YAMLNode? {
        guard Encoding.check(text, findings) else {
            findings.isPartial = true
            return nil
        }
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else { invariantFailed("libyaml has no memory") }
        defer { yaml_parser_delete(parser) }
        return text.bytes.withUnsafeBufferPointer { bytes in
            yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
            var reader = YAMLReader(parser: parser, file: text.name, findings: findings)
            return reader.document()
        }
    }

    private init(parser: UnsafeMutablePointer<yaml_parser_t>, file: String, findings: Findings) {
        self.parser = parser
        self.file = file
        self.findings = findings
    }

    private mutating func document() -> YAMLNode? {
        var root: YAMLNode?
        while let event = next() {
            switch event.kind {
            case .documentStart where root != nil:
                findings.add(
                    event.place, "a second document (`---`)", "one document in a file",
                    "remove the `---`, or move what follows to a file in conf.d")
                stop()
            case .streamEnd: hasStopped = true
            case .documentStart, .end, .other: break
            default: root = node(event, depth: 1)
            }
        }
        return root
    }

    // MARK: Nodes

    private mutating func node(_ event: Event, depth: Int) -> YAMLNode? {
        if let tag = event.tag {
            findings.addUnreadable(
                event.place, "the tag \(quoted(tag))", "plain values without tags",
                tag.hasSuffix("secret")
                    ? "remove it: secrets are given as files (`password_file`)" : "remove it")
        }
        nodes += 1
        guard nodes <= Configuration.Limits.nodes, depth <= Configuration.Limits.depth else {
            findings.add(
                event.place,
                depth > Configuration.Limits.depth
                    ? "values nested more than \(Configuration.Limits.depth) deep"
                    : "more than \(Configuration.Limits.nodes) values",
                "a configuration as people write it", "check that the file is undamaged")
            stop()
            return nil
        }
        var node: YAMLNode
        switch event.kind {
        case .scalar(let text, let isPlain):
            node = YAMLNode(place: event.place, content: .scalar(text, isPlain: isPlain), weight: 1)
        case .listStart: node = list(at: event.place, depth: depth)
        case .mapStart: node = map(at: event.place, depth: depth)
        case .alias: return alias(event)
        default: return nil
        }
        if let anchor = event.anchor { anchors[anchor] = node }
        return node
    }

    private mutating func list(at place: Place, depth: Int) -> YAMLNode {
        var items: [YAMLNode] = []
        var weight = 1
        while let event = next() {
            if case .end = event.kind { break }
            guard let item = node(event, depth: depth + 1) else { break }
            items.append(item)
            weight += item.weight
        }
        return YAMLNode(place: place, content: .list(items), weight: weight)
    }

    private mutating func map(at place: Place, depth: Int) -> YAMLNode {
        var entries: [YAMLEntry] = []
        var places: [String: Place] = [:]
        var weight = 1
        while let event = next() {
            if case .end = event.kind { break }
            guard let key = node(event, depth: depth + 1) else { break }
            guard let valueEvent = next(), let value = node(valueEvent, depth: depth + 1) else { break }
            weight += 1 + value.weight
            guard case .scalar(let name, _) = key.content else {
                findings.add(
                    key.place, "\(key.kind) where a key should be", "`key: value`",
                    "quote the value if it begins with a bracket or brace")
                continue
            }
            if let first = places[name] {
                findings.add(
                    key.place, "\(quoted(name)) a second time", "each key once in a map",
                    "keep this one or the one at \(first)")
                continue
            }
            places[name] = key.place
            entries.append(YAMLEntry(key: name, keyPlace: key.place, value: value))
        }
        return YAMLNode(place: place, content: .map(entries), weight: weight)
    }

    /// An alias is a copy of what its anchor names. Aliases of aliases multiply ("billion laughs"), so copies count as
    /// nodes.
    private mutating func alias(_ event: Event) -> YAMLNode? {
        guard let name = event.anchor, var copy = anchors[name] else {
            findings.addUnreadable(
                event.place, "the alias \(quoted("*" + (event.anchor ?? "")))",
                "an anchor (`&\(event.anchor ?? "")`) of that name before it",
                "write the value out, or quote it if the `*` belongs to it")
            return YAMLNode(place: event.place, content: .scalar("*", isPlain: true), weight: 1)
        }
        aliases += 1
        nodes += copy.weight
        guard aliases <= Configuration.Limits.aliases, nodes <= Configuration.Limits.nodes else {
            findings.add(
                event.place, "aliases that multiply to more than \(Configuration.Limits.nodes) values",
                "at most \(Configuration.Limits.aliases) aliases, \(Configuration.Limits.nodes) values in all",
                "write the values out")
            stop()
            return nil
        }
        copy.place = event.place
        return copy
    }

    // MARK: Events

    private mutating func stop() {
        hasStopped = true
        findings.isPartial = true
    }

    private mutating func next() -> Event? {
        if hasStopped { return nil }
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else {
            YAMLMistake.report(parser.pointee, file: file, findings)
            stop()
            return nil
        }
        defer { yaml_event_delete(&event) }
        let mark = event.start_mark
        var result = Event(
            kind: .other, place: Place(file: file, line: Int(mark.line) + 1, column: Int(mark.column) + 1))
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            result.kind = .scalar(
                String(decoding: bytes, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
            result.anchor = Self.string(scalar.anchor)
            result.tag = Self.string(scalar.tag)
        case YAML_SEQUENCE_START_EVENT:
            result.kind = .listStart
            result.anchor = Self.string(event.data.sequence_start.anchor)
            result.tag = Self.string(event.data.sequence_start.tag)
        case YAML_MAPPING_START_EVENT:
            result.kind = .mapStart
            result.anchor = Self.string(event.data.mapping_start.anchor)
            result.tag = Self.string(event.data.mapping_start.tag)
        case YAML_ALIAS_EVENT:
            result.kind = .alias
            result.anchor = Self.string(event.data.alias.anchor)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: result.kind = .end
        case YAML_DOCUMENT_START_EVENT: result.kind = .documentStart
        case YAML_STREAM_END_EVENT, YAML_NO_EVENT: result.kind = .streamEnd
        default: break
        }
        return result
    }

    private static func string(_ bytes: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        bytes.map { String(cString: UnsafePointer($0)) }
    }
}
