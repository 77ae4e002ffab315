// What the demo shows while it runs: a table of the latest values and a progress bar, drawn in place on a terminal, or
// a line a second elsewhere.

import Gateway
import Glibc
import World

struct DemoScreen {
    private let isShown: Bool
    private let isTerminal: Bool
    private let length: Duration
    private let begin: Boottime
    private var linesDrawn = 0
    private var lastSecond: Int64 = -1

    init(isShown: Bool, length: Duration, begin: Boottime) {
        self.isShown = isShown
        self.length = length
        self.begin = begin
        isTerminal = isatty(STDOUT_FILENO) == 1
    }

    mutating func draw(now: Boottime, isAway: Bool, counts: SamplerCounts, audit: SharedAudit) {
        guard isShown else { return }
        let elapsed = now - begin
        let (delivered, late, latest) = audit.value.withLock { ($0.delivered, $0.late, $0.latest) }
        let taken = counts.taken
        let state = elapsed >= length ? "draining" : isAway ? "OUTAGE: the broker is away" : "online"
        guard isTerminal else {
            let second = elapsed.nanoseconds / 1_000_000_000
            guard second != lastSecond else { return }
            lastSecond = second
            printLine("\(second) s  taken \(taken)  received \(delivered) (late \(late))  \(state)")
            return
        }
        var lines: [String] = ["", "  CityEdge demo: simulated board, real gateway, real broker", ""]
        let names = latest.keys.sorted()
        for row in stride(from: 0, to: names.count, by: 2) {
            lines.append(
                "  " + cell(names[row], latest[names[row]]!)
                    + (row + 1 < names.count ? "   " + cell(names[row + 1], latest[names[row + 1]]!) : ""))
        }
        let share = min(1, Double(elapsed.nanoseconds) / Double(max(length.nanoseconds, 1)))
        let filled = Int(share * 40)
        lines.append("")
        lines.append(
            "  [" + String(repeating: "#", count: filled) + String(repeating: ".", count: 40 - filled) + "] "
                + "\(Int(share * 100)) %  \(state)")
        lines.append(
            "  taken \(taken)   received \(delivered)   of them late \(late)   kept for later \(Int(taken) - delivered)"
        )
        var text = linesDrawn > 0 ? "\u{1B}[\(linesDrawn)A" : ""
        for line in lines { text += "\u{1B}[2K" + line + "\n" }
        // A table that shrank leaves no rest behind.
        text += "\u{1B}[J"
        linesDrawn = lines.count
        writeAll(text, to: STDOUT_FILENO)
    }

    mutating func finish() { linesDrawn = 0 }

    private func cell(_ name: String, _ latest: (value: String, unit: String)) -> String {
        padded(name, 24) + padded(latest.value, 10) + padded(latest.unit, 6)
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text.count >= width ? text : text + String(repeating: " ", count: width - text.count)
    }
}
