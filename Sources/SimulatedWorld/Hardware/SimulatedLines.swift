// GPIO lines without a board, with the kernel's habits (drivers/gpio/gpiolib-cdev.c): a line has one owner; edges are
// numbered per request from 1; a request keeps 64 edges and when full drops the *oldest*, so that the gap shows at the
// next one read; debounce reports a level that has lasted, stamped when it had.
//
// A line is moved by `drive` (a test, at any time up to now), by a `LineSignal` attached to it, which is asked up to
// the clock's now whenever anybody looks, or by a `LineTwin`: a module that answers on its lines when one of them has
// been driven. An output keeps the outside's level to itself, and has no edges; given up, it is an input again.

public import World

public final class SimulatedLines: Lines {
    public static let edgesKept = 64

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
        /// What the holder drives it to; nil while it is an input.
        var driven: Bool?
        var drivenSince = Boottime(nanoseconds: 0)
        var twin: (any LineTwin)?
        /// Changes to come, oldest first.
        var planned: [LineChange] = []
        /// Its chip was unbound: every use of it fails (ENODEV) until it is requested anew.
        var isGone = false
    }

    private let now: () -> Boottime
    private let chips: [String: UInt32]
    private var lines: [Line] = []
    /// By handle: the line's place in `lines`; nil: given up.
    private var requests: [(place: Int, request: LineRequest)?] = []
    /// Edges not yet taken, per request; oldest first.
    private var queues: [[Edge]] = []
    private var unbound: Set<String> = []

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

    /// Connects a module to the line that wakes it, its trigger or its only one. Its answer comes on `answer`.
    public func connect(_ twin: any LineTwin, to chipLabel: String, _ offset: UInt32) {
        lines[place(chipLabel, offset)].twin = twin
    }

    /// The level that the line has for whoever looks from outside: driven, or as it was moved.
    public func isHigh(_ chipLabel: String, _ offset: UInt32) -> Bool {
        let line = lines[place(chipLabel, offset)]
        return line.driven ?? line.isHigh ?? false
    }

    /// The chip is unbound from its driver, or comes back, with nobody holding its lines.
    public func unbind(_ chipLabel: String, back isBack: Bool = false) {
        for place in lines.indices where lines[place].chipLabel == chipLabel {
            lines[place].isGone = !isBack
            lines[place].driven = nil
        }
        if isBack { unbound.remove(chipLabel) } else { unbound.insert(chipLabel) }
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
            if let planned = line.planned.first { next = min(next, planned.at) }
        }
        return next
    }

    // MARK: Lines

    public func request(_ wanted: LineRequest) throws(LineFault) -> LineHandle {
        guard let count = chips[wanted.chipLabel], !unbound.contains(wanted.chipLabel) else { throw .noSuchChip }
        guard wanted.offset < count else { throw .noSuchLine }
        let place = place(wanted.chipLabel, wanted.offset)
        if let owner = lines[place].foreignOwner { throw .taken(by: owner) }
        if let owner = lines[place].owner { throw .taken(by: requests[Int(owner.index)]?.request.name ?? "") }
        let free = requests.indices.first { requests[$0] == nil }
        let handle = LineHandle(index: UInt16(free ?? requests.count))
        catchUp()
        let isHigh = lines[place].isHigh ?? (wanted.bias == .pullUp)
        lines[place].owner = handle
        lines[place].debounce = wanted.debounce
        lines[place].sequence = 0
        lines[place].isHigh = isHigh
        lines[place].settledHigh = isHigh
        lines[place].waiting = nil
        if case .output(let isActive) = wanted.direction {
            lines[place].driven = isActive != wanted.isActiveLow
            lines[place].drivenSince = now()
        }
        if free == nil {
            requests.append((place, wanted))
            queues.append([])
            queues[queues.count - 1].reserveCapacity(Self.edgesKept)
        } else {
            requests[Int(handle.index)] = (place, wanted)
        }
        return handle
    }

    public func giveUp(_ handle: LineHandle) {
        guard let place = requests[Int(handle.index)]?.place else { return }
        lines[place].owner = nil
        lines[place].driven = nil
        requests[Int(handle.index)] = nil
        queues[Int(handle.index)].removeAll(keepingCapacity: true)
    }

    public func drive(_ handle: LineHandle, active isActive: Bool) throws(LineFault) {
        let (place, request) = try held(handle)
        let isHigh = isActive != request.isActiveLow
        if lines[place].driven == nil { lines[place].waiting = nil }
        let before = lines[place].driven
        guard before != isHigh else { return }
        lines[place].driven = isHigh
        wake(place, from: before)
    }

    public func release(_ handle: LineHandle) throws(LineFault) {
        let (place, _) = try held(handle)
        guard let before = lines[place].driven else { return }
        lines[place].driven = nil
        lines[place].settledHigh = lines[place].isHigh ?? false
        wake(place, from: before)
    }

    public func pulse(_ handle: LineHandle, for width: Duration) throws(LineFault) {
        try drive(handle, active: true)
        lines[try held(handle).place].drivenSince = now() - width
        try drive(handle, active: false)
    }

    /// The module on the line sees that its level has changed, or that it has been let go.
    private func wake(_ place: Int, from before: Bool?) {
        let moment = now()
        let lasted = moment - lines[place].drivenSince
        lines[place].drivenSince = moment
        guard let before, let twin = lines[place].twin else { return }
        for change in twin.answer(after: before, lasting: lasted, at: moment) {
            let place = self.place(lines[place].chipLabel, change.offset)
            lines[place].planned.append(change)
        }
    }

    private func held(_ handle: LineHandle) throws(LineFault) -> (place: Int, request: LineRequest) {
        guard Int(handle.index) < requests.count, let held = requests[Int(handle.index)] else {
            invariantFailed("line \(handle.index) is not held")
        }
        if lines[held.place].isGone { throw .failed(errno: 19) }  // ENODEV
        return held
    }

    /// The process that held lines is gone: the kernel lets go of them.
    public func releaseAll() {
        for place in lines.indices {
            lines[place].owner = nil
            lines[place].driven = nil
        }
        for index in queues.indices { queues[index].removeAll() }
    }

    public func isActive(_ handle: LineHandle) throws(LineFault) -> Bool {
        catchUp()
        let (place, request) = try held(handle)
        return (lines[place].driven ?? lines[place].settledHigh) != request.isActiveLow
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
            while let planned = lines[place].planned.first, planned.at <= moment {
                lines[place].planned.removeFirst()
                change(place, high: planned.isHigh, at: planned.at)
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
        guard let owner = lines[place].owner, let request = requests[Int(owner.index)]?.request,
            lines[place].driven == nil, !lines[place].isGone
        else { return }
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
