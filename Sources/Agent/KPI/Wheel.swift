// The wheel of the U4SSC reports as SVG: dimensions inside, categories around them, the 91 indicators at the rim. A
// group has the colour of its range: points of four for each indicator that is reported and has a target. Grey is not
// reported; what is reported without a target is said so and does not count.

import Glibc
import KPIs

struct Wheel {
    private let reports: [String: IndicatorReport]
    private let city: String
    private var shapes = ""
    /// Above all shapes, so that no sector hides its neighbour's name.
    private var labels = ""

    private static let centre = 520.0
    private static let notReported = "#d7dade"
    private static let noTarget = "#a9c1d9"

    private static func colour(_ range: Score.Range) -> String {
        switch range {
        case .below33: "#c8442f"
        case .from33: "#e9a13b"
        case .from66: "#b5c94c"
        case .from95: "#3f9a57"
        }
    }

    /// `title`: what stands above it.
    static func svg(_ reports: [IndicatorReport], title: String) -> String {
        var wheel = Wheel(reports: Dictionary(reports.map { ($0.slug, $0) }) { first, _ in first }, city: title)
        wheel.draw()
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1040 1140" font-family="sans-serif" fill="#1d2733">
            <rect width="1040" height="1140" fill="#ffffff"/>
            <text x="520" y="34" font-size="22" text-anchor="middle">\(escaped(title))</text>
            \(wheel.shapes)\(wheel.labels)</svg>

            """
    }

    private init(reports: [String: IndicatorReport], city: String) {
        self.reports = reports
        self.city = city
    }

    private mutating func draw() {
        let entries = U4SSC.entries
        let step = 360.0 / Double(entries.count)
        sectors(entries, step, from: 70, to: 190, { $0.dimension }, fontSize: 15)
        let category = { (entry: CatalogueEntry) in "\(entry.dimension)/\(entry.subDimension)/\(entry.category)" }
        sectors(entries, step, from: 190, to: 340, category, fontSize: 11)
        for (index, entry) in entries.enumerated() {
            let report = reports[entry.slug]
            let begin = Double(index) * step
            let points = report?.points ?? []
            var fill = Self.notReported
            var status = "not reported"
            if let group = Score.Group(points.map { $0 }).range {
                fill = Self.colour(group)
                status = "\(group.name) % of the target"
            } else if report?.isReported == true {
                fill = Self.noTarget
                status = "reported, no target"
            }
            sector(from: 340, to: 410, begin: begin, end: begin + step, fill: fill, title: "\(entry.name): \(status)")
            let words = entry.code.utf8.split(separator: UInt8(ascii: ":")).suffix(2)
                .map { String(decoding: $0.drop { $0 == 0x20 }, as: UTF8.self) }
            label(words.joined(separator: " "), at: 418, angle: begin + step / 2, size: 10, isOutside: true)
        }
        let all = Score.Group(entries.flatMap { reports[$0.slug]?.points ?? [] })
        let reported = entries.count { reports[$0.slug]?.isReported == true }
        text("\(reported) of \(entries.count)", x: Self.centre, y: Self.centre - 4, size: 18)
        text("reported", x: Self.centre, y: Self.centre + 14, size: 12)
        if let percent = all.percent {
            text("\(decimalText(percent, decimals: 1)) %", x: Self.centre, y: Self.centre + 34, size: 13)
        }
        legend()
    }

    /// Neighbours of one group are one sector, coloured by the points of all of them.
    private mutating func sectors(
        _ entries: [CatalogueEntry], _ step: Double, from inner: Double, to outer: Double,
        _ group: (CatalogueEntry) -> String, fontSize: Double
    ) {
        var start = 0
        while start < entries.count {
            var end = start + 1
            while end < entries.count, group(entries[end]) == group(entries[start]) { end += 1 }
            let members = entries[start..<end]
            let points = members.map { reports[$0.slug]?.points ?? [] }
            let score = Score.Group(points.flatMap { $0 })
            let isReported = members.contains { reports[$0.slug]?.isReported == true }
            let name = group(entries[start]).split(separator: "/" as Character).last.map(String.init) ?? ""
            let share = score.percent.map { " \(decimalText($0, decimals: 0)) %" } ?? ""
            let begin = Double(start) * step, finish = Double(end) * step
            sector(
                from: inner, to: outer, begin: begin, end: finish,
                fill: score.range.map(Self.colour) ?? (isReported ? Self.noTarget : Self.notReported),
                title: name + share)
            // A letter is about 0.6 of the size wide.
            let fitting = (outer - inner - 10) / (0.6 * Double((name + share).utf8.count))
            label(
                name + share, at: (inner + outer) / 2, angle: (begin + finish) / 2, size: min(fontSize, fitting),
                isOutside: false)
            start = end
        }
    }

    // MARK: Shapes

    /// Angles in degrees, clockwise from the top.
    private static func point(_ radius: Double, _ angle: Double) -> (x: Double, y: Double) {
        let radians = (angle - 90) * .pi / 180
        return (centre + radius * cos(radians), centre + radius * sin(radians))
    }

    private static func pair(_ point: (x: Double, y: Double)) -> String {
        "\(decimalText(point.x, decimals: 1)) \(decimalText(point.y, decimals: 1))"
    }

    private mutating func sector(
        from inner: Double, to outer: Double, begin: Double, end: Double, fill: String, title: String
    ) {
        let isLarge = end - begin > 180 ? 1 : 0
        let corners = [(outer, begin), (outer, end), (inner, end), (inner, begin)].map { radius, angle in
            Self.pair(Self.point(radius, angle))
        }
        shapes += "<path d=\"M\(corners[0]) A\(Int(outer)) \(Int(outer)) 0 \(isLarge) 1 \(corners[1]) L\(corners[2]) "
            + "A\(Int(inner)) \(Int(inner)) 0 \(isLarge) 0 \(corners[3]) Z\" fill=\"\(fill)\" stroke=\"#ffffff\">"
            + "<title>\(Self.escaped(title))</title></path>\n"
    }

    /// Along the radius, readable from the nearer side.
    private mutating func label(_ words: String, at radius: Double, angle: Double, size: Double, isOutside: Bool) {
        let place = Self.point(radius, angle)
        let isLeft = angle > 180
        let anchor = isOutside ? (isLeft ? "end" : "start") : "middle"
        let turn = decimalText(isLeft ? angle + 90 : angle - 90, decimals: 1)
        labels += "<text transform=\"translate(\(Self.pair(place))) rotate(\(turn))\" "
            + "font-size=\"\(decimalText(size, decimals: 1))\" text-anchor=\"\(anchor)\" "
            + "dominant-baseline=\"central\">\(Self.escaped(words))</text>\n"
    }

    private mutating func text(_ words: String, x: Double, y: Double, size: Double, anchor: String = "middle") {
        shapes += "<text x=\"\(decimalText(x))\" y=\"\(decimalText(y))\" font-size=\"\(decimalText(size))\" "
            + "text-anchor=\"\(anchor)\">\(Self.escaped(words))</text>\n"
    }

    private mutating func legend() {
        var keys = Score.Range.allCases.map { (Self.colour($0), "\($0.name) % of the target") }
        keys += [(Self.noTarget, "reported, no target"), (Self.notReported, "not reported")]
        for (index, key) in keys.enumerated() {
            let x = 60.0 + Double(index % 3) * 320, y = 1_070.0 + Double(index / 3) * 32
            shapes += "<rect x=\"\(decimalText(x))\" y=\"\(decimalText(y))\" width=\"20\" height=\"20\" "
                + "fill=\"\(key.0)\"/>\n"
            text(key.1, x: x + 30, y: y + 15, size: 15, anchor: "start")
        }
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
        return result
    }
}
