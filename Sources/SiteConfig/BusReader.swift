// `bus:` of a sensor, in any of its forms:
//
//     bus: i2c1                          # a bus of the board
//     bus: /dev/i2c-11                   # any other by its device: a mux's channel, a USB adapter
//     bus: /soc/i2c@7e804000             # by its adapter's place in the device tree, whatever its number
//     bus: {sda: GPIO5, scl: GPIO6}      # two GPIO lines, where the board has no bus to spare

import World

struct BusReader {
    let board: Board?
    let findings: Findings
    /// Those that sensors name beside the board's.
    private(set) var extra: [BoardBus] = []
    /// The lines of those made of GPIO lines.
    private(set) var lines: [(name: String, bus: String, place: Place)] = []

    private static let busesMax = 256

    init(board: Board?, _ findings: Findings) {
        self.board = board
        self.findings = findings
    }

    var all: [BoardBus] { (board?.buses ?? []) + extra }

    /// The bus's index among the board's and those added; nil when there is a problem, which has been reported.
    mutating func read(_ fields: inout Fields) -> UInt8? {
        if fields.isMap("bus") { return wires(&fields) }
        let names = board?.buses.map(\.name) ?? []
        let text = fields.required(
            "bus", board == nil ? "an I2C bus" : "an I2C bus (\(oneOf(names)))",
            example: "bus: \(names.first ?? "i2c1")")
        guard let board, let text else { return nil }
        if let index = all.firstIndex(where: { $0.name == text.text || $0.place == text.text }) {
            return UInt8(index)
        }
        let digits = text.text.hasPrefix("/dev/i2c-") ? text.text.dropFirst(9) : ""
        if !digits.isEmpty, digits.allSatisfy({ ("0"..."9").contains($0) }) {
            return add(BoardBus(name: text.text, attachment: .node(text.text), lines: []), at: text.place)
        }
        if text.text.hasPrefix("/"), !text.text.hasPrefix("/dev/"), text.text.contains("@") {
            return add(BoardBus(name: text.text, attachment: .deviceTree(text.text), lines: []), at: text.place)
        }
        let byDevice = board.buses.first { "i2c-" + $0.name.dropFirst(3) == text.text }
        let nearest = byDevice?.name ?? Nearest.name(to: text.text, among: names) ?? names.first
        findings.add(
            text.place, "\(quoted("bus: \(text.text)")), which \(board.name) does not have",
            oneOf(names + ["a device as /dev/i2c-11"]),
            nearest.map { "write `bus: \($0)`" } ?? "write the bus's device as in `bus: /dev/i2c-1`")
        return nil
    }

    private mutating func wires(_ fields: inout Fields) -> UInt8? {
        var section = fields.section("bus", name: "`bus` of \(fields.name)")
        let data = section.required("sda", "a GPIO line", example: "sda: GPIO5")
        let clock = section.required("scl", "a GPIO line", example: "scl: GPIO6")
        section.finish(["data": .key("sda"), "clock": .key("scl")])
        guard let board, let data, let clock else { return nil }
        let names = LineName(board: board, findings: findings)
        guard let first = names.line(data), let second = names.line(clock) else { return nil }
        guard first.name != second.name, first.chipLabel == second.chipLabel else {
            findings.add(
                clock.place, "SDA on \(first.name) and SCL on \(second.name)", "two lines of one GPIO chip",
                "connect them to two lines of \(first.chipLabel)")
            return nil
        }
        let name = "\(first.name)-\(second.name)"
        if let index = all.firstIndex(where: { $0.name == name }) { return UInt8(index) }
        for (scalar, found) in [(data, first), (clock, second)] {
            if let other = lines.first(where: { $0.name == found.name }) {
                findings.add(
                    scalar.place, "\(found.name), which carries the bus at \(other.place)",
                    "lines of its own for a bus",
                    "connect the sensor to that bus, or to two other lines")
                return nil
            }
            lines.append((found.name, name, scalar.place))
        }
        func request(_ line: BoardLine) -> LineRequest {
            LineRequest(
                chipLabel: line.chipLabel, offset: line.offset, name: line.name, bias: .pullUp, edges: .none)
        }
        return add(
            BoardBus(
                name: name, attachment: .lines(data: request(first), clock: request(second)),
                lines: [first.name, second.name]), at: section.place)
    }

    private mutating func add(_ bus: BoardBus, at place: Place) -> UInt8? {
        guard all.count < Self.busesMax else {
            findings.add(place, "bus number \(all.count + 1)", "at most \(Self.busesMax)", "remove some")
            return nil
        }
        extra.append(bus)
        return UInt8(all.count - 1)
    }
}
