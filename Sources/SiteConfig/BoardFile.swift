// A board definition: `boards/NAME.yaml`.
//
//     name: raspberry-pi-5
//     compatible: ["raspberrypi,5-model-b"]      # any of these at /proc/device-tree/compatible
//     chip: pinctrl-rp1                          # the label of the GPIO chip or its device's name, never its number
//     lines:
//       - {header: J8-11, name: GPIO17, offset: 17}          # and `chip: LABEL` where it is on another one
//     buses:
//       - {name: i2c1, path: /dev/i2c-1, lines: [GPIO2, GPIO3]}
//
// `simulated: true` marks a board without hardware. A label is what the chip's driver says, the same under every kernel
// but for a few drivers; there the name of the device (`4804c000.gpio`), which is made of its address, is certain.
// Positions on a header whose connector has no name of its own are `PIN-3`; two lines on one are `P9-41A`, `P9-41B`.

enum BoardFile {
    static func read(_ text: SourceText, _ findings: Findings) -> Board? {
        guard let root = YAMLReader.read(text, findings) else {
            findings.addMissing(
                Place(file: text.name, line: 1, column: 1), "an empty file", "a board definition",
                "restore it from the package")
            return nil
        }
        let before = findings.problems.count
        var fields = Fields(root, name: "the board", at: root.place, depth: 0, findings)
        let name = fields.required("name", "the board's name", example: "name: my-board").flatMap {
            findings.name($0, extra: "-_")
        }
        let isSimulated = fields.scalar("simulated").flatMap(findings.flag) ?? false
        let compatible = texts(fields.list("compatible", of: "compatible strings"), findings)
        let chip = fields.scalar("chip")?.text
        let lines = lines(fields.list("lines", of: "GPIO lines"), in: fields, chip: chip, findings)
        let buses = buses(fields.list("buses", of: "I2C buses"), in: fields, lines: lines, findings)
        fields.finish()
        guard let name, findings.problems.count == before else { return nil }
        return Board(name: name, compatible: compatible, lines: lines, buses: buses, isSimulated: isSimulated)
    }

    private static func texts(_ nodes: [YAMLNode], _ findings: Findings) -> [String] {
        nodes.compactMap { node in
            if case .scalar(let text, _) = node.content, !text.isEmpty { return text }
            findings.add(node.place, "\(node.kind) in a list of names", "a name", "write one")
            return nil
        }
    }

    private static func lines(
        _ nodes: [YAMLNode], in board: Fields, chip: String?, _ findings: Findings
    ) -> [BoardLine] {
        var seen: [String: Place] = [:]
        var result: [BoardLine] = []
        for node in nodes {
            var fields = board.item(node, name: "a line")
            let name = fields.required("name", "the line's name", example: "name: GPIO17")
            let header = fields.scalar("header")
            let offset = fields.required("offset", "the line's offset on its chip", example: "offset: 17")
                .flatMap { findings.integer($0, in: 0...65_535) }
            let label = fields.scalar("chip")?.text ?? chip
            fields.finish()
            guard let name, let offset else { continue }
            guard let label else {
                findings.addMissing(
                    fields.place, "the line \(quoted(name.text)) without a chip", "a chip label",
                    "add `chip: LABEL` at the top of the file")
                continue
            }
            let keys = [name.text.uppercased(), header?.text.uppercased(), "offset \(offset) of \(label)"]
            for key in keys.compactMap({ $0 }) where !isFirst(key, at: fields.place, &seen, findings) { break }
            result.append(
                BoardLine(name: name.text, header: header?.text, chipLabel: label, offset: UInt32(offset)))
        }
        return result
    }

    private static func buses(
        _ nodes: [YAMLNode], in board: Fields, lines: [BoardLine], _ findings: Findings
    ) -> [BoardBus] {
        var seen: [String: Place] = [:]
        var result: [BoardBus] = []
        for node in nodes {
            var fields = board.item(node, name: "a bus")
            let name = fields.required("name", "the bus's name", example: "name: i2c1")
            let path = fields.required("path", "the bus's device", example: "path: /dev/i2c-1")
            let carriers = fields.list("lines", of: "line names")
            let names = texts(carriers, findings)
            fields.finish()
            for (carrier, node) in zip(names, carriers) where !lines.contains(where: { $0.name == carrier }) {
                findings.add(node.place, "the line \(quoted(carrier))", "a line listed under `lines`", "correct it")
            }
            guard let name, let path else { continue }
            for key in [name.text, path.text] where !isFirst(key, at: fields.place, &seen, findings) { break }
            result.append(BoardBus(name: name.text, attachment: .node(path.text), lines: names))
        }
        if result.count > 256 {
            findings.add(board.place, "\(result.count) buses", "at most 256", "remove some")
        }
        return result
    }

    private static func isFirst(_ key: String, at place: Place, _ seen: inout [String: Place], _ findings: Findings)
        -> Bool
    {
        if let first = seen.updateValue(place, forKey: key) {
            findings.add(
                place, "\(quoted(key)) a second time", "each name and offset once",
                "keep this one or the one at \(first)")
            return false
        }
        return true
    }
}
