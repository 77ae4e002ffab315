// Main file + drop-ins → one tree. Maps merge; the lists `sensors`, `kpis` and `alarms` append; of a value set twice
// the later file's counts, and `config show` says so.

enum Merge {
    static func merged(_ base: YAMLNode, _ over: YAMLNode, path: String = "", _ findings: Findings) -> YAMLNode {
        guard case .map(var entries) = base.content else { return over }
        guard case .map(let additions) = over.content else {
            if case .scalar("", isPlain: true) = over.content { return base }
            findings.add(
                over.place, "\(over.kind) for \(path.isEmpty ? "the whole file" : "`\(path)`")",
                "a map, as at \(base.place)", "write `key: value` lines")
            return base
        }
        for addition in additions {
            let key = path.isEmpty ? addition.key : path + "." + addition.key
            guard let index = entries.firstIndex(where: { $0.key == addition.key }) else {
                entries.append(addition)
                continue
            }
            let existing = entries[index].value
            switch (existing.content, addition.value.content) {
            case (.map, _): entries[index].value = merged(existing, addition.value, path: key, findings)
            case (.list(let first), .list(let second)) where path.isEmpty:
                entries[index].value.content = .list(first + second)
            case (_, .scalar("", isPlain: true)): break
            default:
                let isSecret = Hint.isSecret(addition.key)
                findings.note(
                    addition.value.place,
                    "`\(key)`\(isSecret ? "" : shown(addition.value)) replaces\(isSecret ? "" : shown(existing))"
                        + " of \(existing.place)")
                entries[index] = addition
            }
        }
        return YAMLNode(place: base.place, content: .map(entries), weight: base.weight + over.weight)
    }

    private static func shown(_ node: YAMLNode) -> String {
        if case .scalar(let text, _) = node.content { return " " + quoted(text) }
        return ""
    }
}
