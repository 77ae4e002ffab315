// One map of the configuration while it is read: it hands out values, remembers which keys were asked for, and calls
// every other key unknown at the end, with the name that was probably meant.

import World

/// A value as typed, with its place; or a default, with the place of the map that lacks the key.
struct Scalar {
    var key: String
    var text: String
    var place: Place
    var isPlain = true
    var isDefault = false
}

struct Fields {
    /// How messages name this map: `node`, `sensor "air"`.
    var name: String
    let place: Place
    /// It is no map at all, which has been reported: nothing is missing from it.
    private let isBroken: Bool
    let findings: Findings
    private let entries: [YAMLEntry]
    private var known: [String] = []
    private let depth: Int

    /// `node` nil, or without a value: an empty map, so that defaults and "missing" messages come from one place.
    init(_ node: YAMLNode?, name: String, at place: Place, depth: Int, _ findings: Findings) {
        self.name = name
        self.findings = findings
        self.depth = depth
        switch node?.content {
        case .map(let entries):
            self.isBroken = false
            self.entries = entries
            self.place = node?.place ?? place
        case .scalar("", isPlain: true), nil:
            self.isBroken = false
            self.entries = []
            self.place = place
        case .scalar, .list:
            self.isBroken = true
            self.entries = []
            self.place = place
            if let node {
                findings.add(
                    node.place, "\(node.kind) for \(name)", "a map: `key: value` lines, indented",
                    "indent the keys of \(name) below it")
            }
        }
    }

    // MARK: Keys

    private mutating func take(_ key: String) -> YAMLEntry? {
        known.append(key)
        return entries.first { $0.key == key }
    }

    func has(_ key: String) -> Bool { entries.contains { $0.key == key } }

    func isMap(_ key: String) -> Bool {
        if case .map? = entries.first(where: { $0.key == key })?.value.content { true } else { false }
    }

    func place(of key: String) -> Place { entries.first { $0.key == key }?.keyPlace ?? place }

    /// The place of a key's value, or of the map.
    func valuePlace(of key: String) -> Place { entries.first { $0.key == key }?.value.place ?? place }

    /// The value of a key; nil when it is missing (and has no default) or is no scalar (which is reported).
    mutating func scalar(_ key: String, default fallback: String? = nil) -> Scalar? {
        guard let entry = take(key) else {
            guard let fallback else { return nil }
            findings.effective.value(key, fallback, isPlain: true, depth: depth, origin: "default")
            return Scalar(key: key, text: fallback, place: place, isDefault: true)
        }
        guard case .scalar(let text, let isPlain) = entry.value.content else {
            findings.add(
                entry.value.place, "\(entry.value.kind) for `\(key)`", "one value", "write `\(key): ...` on one line")
            return nil
        }
        if isPlain && ["", "~", "null"].contains(text) {
            findings.add(
                entry.keyPlace, "`\(key)` without a value", "a value after the `:`", "write one, or remove the key")
            return nil
        }
        let place = entry.value.place
        findings.effective.value(
            key, text, isPlain: isPlain && !text.contains("\n"), depth: depth, origin: "\(place.file):\(place.line)")
        return Scalar(key: key, text: text, place: place, isPlain: isPlain)
    }

    /// The text of a key that is read in its own turn later.
    func text(of key: String) -> String? {
        guard case .scalar(let text, _)? = entries.first(where: { $0.key == key })?.value.content else { return nil }
        return text
    }

    /// A key without which nothing works. `example` is a whole line.
    mutating func required(_ key: String, _ expected: String, example: String) -> Scalar? {
        let scalar = scalar(key)
        if scalar == nil, !has(key), !isBroken {
            findings.addMissing(place, "no `\(key)` in \(name)", expected, "add `\(example)`")
        }
        return scalar
    }

    /// A map within this one. Its header is shown only if it is given or has defaults to show.
    mutating func section(_ key: String, name: String? = nil, hasDefaults: Bool = false) -> Fields {
        let entry = take(key)
        if entry != nil || hasDefaults { findings.effective.section(key, depth: depth) }
        return Fields(
            entry?.value, name: name ?? "`\(key)`", at: entry?.keyPlace ?? place, depth: depth + 1, findings)
    }

    /// The items of a list, not yet read; empty when the key is missing or is no list (which is reported).
    mutating func list(_ key: String, of what: String) -> [YAMLNode] {
        guard let entry = take(key) else { return [] }
        switch entry.value.content {
        case .list(let items):
            if !items.isEmpty { findings.effective.section(key, depth: depth) }
            return items
        case .scalar("", isPlain: true): return []
        case .scalar, .map:
            findings.add(
                entry.value.place, "\(entry.value.kind) for `\(key)`", "a list of \(what)",
                "begin each of them with `- `")
            return []
        }
    }

    /// One item of a list of maps.
    func item(_ node: YAMLNode, name: String) -> Fields {
        findings.effective.item()
        return Fields(node, name: name, at: node.place, depth: depth + 2, findings)
    }

    /// All keys, for maps whose keys the user chooses.
    var keys: [(key: String, place: Place)] { entries.map { ($0.key, $0.keyPlace) } }

    func isEmptyList(_ key: String) -> Bool {
        switch entries.first(where: { $0.key == key })?.value.content {
        case .list(let items)?: items.isEmpty
        case .scalar("", isPlain: true)?: true
        default: false
        }
    }

    /// A key that is known and means nothing here; whoever says so has said why.
    mutating func pass(over key: String) { known.append(key) }

    // MARK: The rest

    /// Reports only the keys that other agents use: for a map whose own keys are not known.
    func finishHinted(_ hints: [String: Hint]) {
        for entry in entries where !known.contains(entry.key) && Self.hint(for: entry.key, in: hints) != nil {
            report(entry, hints)
        }
    }

    /// Reports every key that nobody asked for.
    func finish(_ hints: [String: Hint] = [:]) {
        for entry in entries where !known.contains(entry.key) { report(entry, hints) }
    }

    private func report(_ entry: YAMLEntry, _ hints: [String: Hint]) {
        if let hint = Self.hint(for: entry.key, in: hints) {
            var value: String?
            if case .scalar(let text, _) = entry.value.content, !Hint.isSecret(entry.key) { value = text }
            let found = quoted(value.map { "\(entry.key): \($0)" } ?? entry.key)
            findings.add(entry.keyPlace, "\(found) in \(name)", hint.expected, hint.remedy(for: value))
        } else if entry.key.first?.isNumber == true, case .scalar("", isPlain: true) = entry.value.content {
            // `offset: -0,4 °C` between braces is a 0 and something else.
            findings.add(
                entry.keyPlace, "\(quoted(entry.key)) after a comma", "a key", "write decimals with a point, as in 0.4")
        } else if let nearest = Nearest.name(to: entry.key, among: known) {
            findings.add(
                entry.keyPlace, "the unknown key \(quoted(entry.key)) in \(name)", "`\(nearest)`",
                has(nearest) ? "remove one of the two" : "write `\(nearest):`")
        } else {
            findings.add(
                entry.keyPlace, "the unknown key \(quoted(entry.key)) in \(name)", oneOf(known),
                "remove it, or see the example configuration")
        }
    }

    private static func hint(for key: String, in hints: [String: Hint]) -> Hint? {
        let key = key.lowercased()
        return hints[key] ?? hints[key.filter { $0 != "-" && $0 != "_" }]
            ?? hints[String(key.map { $0 == "-" ? "_" : $0 })]
    }
}
