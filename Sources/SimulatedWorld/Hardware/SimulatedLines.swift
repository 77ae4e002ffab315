// GPIO lines without a board, with the kernel's habits (drivers/gpio/gpiolib-cdev.c): a line has one owner; edges are
// numbered per request from 1; a request keeps 16 edges and when full drops the *oldest*, so that the gap shows at the
// next one read; debounce reports a level that has lasted, stamped when it had.
//
// A line is moved by `drive` (a test, at any time up to now) or by a `LineSignal` attached to it, which is asked up to
// the clock's now whenever anybody looks.

public import World

public final class SimulatedLines: Lines {
    public static let edgesKept = 16

    private struct Line {
        let chipLabel: String
        let offset: UInt32
        /// Nil until somebody drives it: then the request's bias decides.
        var isHigh: Bool?
        var signal: LineSignal?
        var nextPulse: LineSignal.Pulse?
        var owner: LineHandle?
        var foreignOwner: String?
        /// Level as debounced, and the change that is waiting to have lasted.
        var settledHigh = false
        var waiting: (isHigh: Bool, since: Boottime)?
        var sequence: UInt32 = 0
        var debounce = Duration.zero
    }

    private let now: () -> Boottime
    private let chips: [String: UInt32]
    private var lines: [Line] = []
    /// By handle: the line's place in `lines`.
    private var requests: [(place: Int, request: LineRequest)] = []
    /// Edges not yet taken, per request; oldest first.
    private var queues: [[Edge]] = []

    /// `chips`: label → number of lines. `now` is the simulation's clock.
    public init(chips: [String: UInt32], now: @escaping () -> Boottime) {
        self.chips = chips
        self.now = now
    }

    // MARK: The world's side

    /// Sets a line's electrical level. Moments of one line must not go back.
    public func drive(_ chipLabel: String, _ offset: UInt32, high isHigh: Bool, at moment: Boottime) {
        change(place(chipLabel, offset), high: isHigh, at: moment)
    }

    /// Lets the signal move the line, from now on.
    public func attach(_ signal: LineSignal, to chipLabel: String, _ offset: UInt32) {
        let place = place(chipLabel, offset)
        let moment = now()
        let pulse = signal.pulse(endingAfter: moment)
        lines[place].signal = signal
        lines[place].nextPulse = pulse
        let isInPulse = pulse.map { $0.start <= moment } ?? false
        change(place, high: isInPulse == signal.pulseIsHigh, at: moment)
    }

    /// Another program holds the line; nil gives it back.
    public func hold(_ chipLabel: String, _ offset: UInt32, by owner: String?) {
        lines[place(chipLabel, offset)].foreignOwner = owner
    }

    /// When the next edge of an attached signal or a debounce is due; `.distantFuture` when none is. For a simulation
    /// that jumps from event to event, and for a poller without file descriptors.
    public func nextChange() -> Boottime {
        var next = Boottime.distantFuture
        for line in lines where line.owner != nil {
            if let signal = line.signal, let pulse = line.nextPulse {
                next = min(next, line.isHigh == signal.pulseIsHigh ? pulse.end : pulse.start)
            }
            if let waiting = line.waiting { next = min(next, waiting.since + line.debounce) }
        }
        return next
    }

    // MARK: Lines

    public func request(_ wanted: LineRequest) throws(LineFault) -> LineHandle {
        guard let count = chips[wanted.chipLabel] else { throw .noSuchChip }
        guard wanted.offset < count else { throw .noSuchLine }
        let place = place(wanted.chipLabel, wanted.offset)
        if let owner = lines[place].foreignOwner { throw .taken(by: owner) }
        if let owner = lines[place].owner { throw .taken(by: requests[Int(owner.index)].request.name) }
        let handle = LineHandle(index: UInt16(requests.count))
        catchUp()
        let isHigh = lines[place].isHigh ?? (wanted.bias == .pullUp)
        lines[place].owner = handle
        lines[place].debounce = wanted.debounce
        lines[place].sequence = 0
        lines[place].isHigh = isHigh
        lines[place].settledHigh = isHigh
        lines[place].waiting = nil
        requests.append((place, wanted))
        queues.append([])
        queues[queues.count - 1].reserveCapacity(Self.edgesKept)
        return handle
    }

    /// The process that held lines is gone: the kernel lets go of them.
    public func releaseAll() {
        for place in lines.indices { lines[place].owner = nil }
        for index in queues.indices { queues[index].removeAll() }
    }

    public func isActive(_ handle: LineHandle) throws(LineFault) -> Bool {
        catchUp()
        invariant(Int(handle.index) < requests.count, "line \(handle.index) was never requested")
        let (place, request) = requests[Int(handle.index)]
        return lines[place].settledHigh != request.isActiveLow
    }

    public func nextEdge() -> Edge? {
        catchUp()
        var oldest: Int?
        for index in queues.indices {
            guard let edge = queues[index].first else { continue }
            if oldest == nil || edge.at < queues[oldest!][0].at { oldest = index }
        }
        return oldest.map { queues[$0].removeFirst() }
    }

    // MARK: In between

    private func place(_ chipLabel: String, _ offset: UInt32) -> Int {
        if let place = lines.firstIndex(where: { $0.offset == offset && $0.chipLabel == chipLabel }) { return place }
        lines.append(Line(chipLabel: chipLabel, offset: offset))
        return lines.count - 1
    }

    /// Everything that attached signals and debouncing have done up to now.
    private func catchUp() {
        let moment = now()
        for place in lines.indices {
            while let signal = lines[place].signal, let pulse = lines[place].nextPulse {
                if lines[place].isHigh != signal.pulseIsHigh {
                    guard pulse.start <= moment else { break }
                    change(place, high: signal.pulseIsHigh, at: pulse.start)
                } else {
                    guard pulse.end <= moment else { break }
                    change(place, high: !signal.pulseIsHigh, at: pulse.end)
                    lines[place].nextPulse = signal.pulse(endingAfter: pulse.end)
                }
            }
            settle(place, at: moment)
        }
    }

    private func change(_ place: Int, high isHigh: Bool, at moment: Boottime) {
        settle(place, at: moment)
        guard lines[place].isHigh != isHigh else { return }
        lines[place].isHigh = isHigh
        lines[place].waiting = isHigh == lines[place].settledHigh ? nil : (isHigh, moment)
        settle(place, at: moment)
    }

    /// Makes a change that has lasted the line's debounce time an edge.
    private func settle(_ place: Int, at moment: Boottime) {
        guard let waiting = lines[place].waiting else { return }
        let due = waiting.since + lines[place].debounce
        guard due <= moment else { return }
        lines[place].waiting = nil
        lines[place].settledHigh = waiting.isHigh
        guard let owner = lines[place].owner else { return }
        let request = requests[Int(owner.index)].request
        let isActive = waiting.isHigh != request.isActiveLow
        switch request.edges {
        case .none: return
        case .toActive where !isActive, .toInactive where isActive: return
        default: break
        }
        lines[place].sequence &+= 1
        let edge = Edge(line: owner, isActive: isActive, at: due, sequence: lines[place].sequence)
        let queue = Int(owner.index)
        if queues[queue].count == Self.edgesKept { queues[queue].removeFirst() }
        queues[queue].append(edge)
    }
}
