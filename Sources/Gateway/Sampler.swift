// The Sampler owns pins and buses. It measures what is due, makes readings of the results and puts them into the ring.
// It never waits longer than one bus transfer, and never for the Courier.
//
// `step` does everything that is due and says when it wants to be called again; edges of lines may call it earlier. The
// caller waits. Sensors are due on the grid of their `every` since boot, so that those with one `every` share a wake-up
// and a time.

public import Sensors
public import World

/// Where a sensor's driver is: in the array of its kind, where it is mutated in place. Taken out of an enum it would be
/// copied, and so allocated, at every measurement.
private enum Place {
    case bus(Int), line(Int), attribute(Int), source(Int)
}

/// One installed sensor. Outside of the Sampler, because inside it would be generic too, and each access would look its
/// layout up at run time.
private struct SensorState {
    let id: String
    let every: Duration
    let channels: [InstalledChannel]
    let device: BusDevice?
    let driver: Place
    var due: Boottime
    /// A measurement is under way: collect then.
    var collectAt: Boottime?
    var startedAt = Boottime(nanoseconds: 0)
    var line: LineHandle?
    var isClaimed = false
    /// Why the last measurement failed; nil while the sensor gives values.
    var fault: SensorFault?
    /// The bus timed out: leave it alone until then.
    var pausedUntil: Boottime?
    var pause = Limits.busPauseFirst
    var pausedFault = SensorFault.bus(.timedOut)
    /// Readings completed, by place in `channels`.
    var ordinals: [UInt64]
}

public struct Sampler<C: Clock, B: Bus & ~Copyable, L: Lines & ~Copyable, A: Attributes & ~Copyable>: ~Copyable {
    private let clock: C
    private var bus: B
    private var lines: L
    private var attributes: A
    private var states: [SensorState] = []
    private var busDrivers: [any BusDriver] = []
    private var lineDrivers: [any LineDriver] = []
    private var attributeDrivers: [any AttributeDriver] = []
    private var sourceDrivers: [any SourceDriver] = []
    /// Sensor by line handle.
    private var lineOwners: [Int] = []
    private var samples = Samples(capacity: Limits.samplesPerCollect)
    private let readings: Ring<Reading>
    private let notices: Ring<Notice>
    private let counters: CounterPage
    public let counts: SamplerCounts
    /// Something was put into a ring since it was last asked for.
    private var hasNews = false

    public init(
        clock: C, bus: consuming B, lines: consuming L, attributes: consuming A, sensors: [InstalledSensor],
        readings: Ring<Reading>, notices: Ring<Notice>, counters: CounterPage, counts: SamplerCounts
    ) {
        invariant(sensors.count <= Limits.sensors, "\(sensors.count) sensors")
        self.clock = clock
        self.bus = bus
        self.lines = lines
        self.attributes = attributes
        self.readings = readings
        self.notices = notices
        self.counters = counters
        self.counts = counts
        let now = clock.now()
        for sensor in sensors {
            let place: Place
            switch sensor.driver {
            case .bus(let driver):
                place = .bus(busDrivers.count)
                busDrivers.append(driver)
            case .line(let driver):
                place = .line(lineDrivers.count)
                lineDrivers.append(driver)
            case .attribute(let driver):
                place = .attribute(attributeDrivers.count)
                attributeDrivers.append(driver)
            case .source(let driver):
                place = .source(sourceDrivers.count)
                sourceDrivers.append(driver)
            }
            states.append(
                SensorState(
                    id: sensor.id, every: sensor.every, channels: sensor.channels, device: sensor.device, driver: place,
                    due: now, ordinals: [UInt64](repeating: 0, count: sensor.channels.count)))
        }
    }

    /// Lends the lines, for whoever waits on their descriptors.
    public mutating func withLines<R>(_ body: (inout L) -> R) -> R { body(&lines) }

    /// Counters go on from where they were: `exact` from this boot's memory, `afterPowerCut` from the flash. Before
    /// `step`.
    public mutating func resumeCounters(
        exact: (String) -> Int64?, afterPowerCut: (String) -> Int64?, key: (String) -> UInt64,
        isFlashSilent: Bool = false
    ) {
        let now = clock.now()
        // A sensor that is gone must not come back with what it had counted then.
        for slot in states.count..<CounterPage.slots { counters.assign(slot, key: 0, checkpoint: 0) }
        for index in states.indices {
            guard case .line(let place) = states[index].driver, lineDrivers[place].checkpoint != nil else {
                counters.assign(index, key: 0, checkpoint: 0)
                continue
            }
            let id = states[index].id
            if let kept = exact(id) {
                lineDrivers[place].resume(from: kept, isExact: true)
            } else if let kept = afterPowerCut(id) {
                lineDrivers[place].resume(from: kept, isExact: false)
                note(Notice(kind: .counterEpoch, sensor: UInt16(index), at: now, value: lineDrivers[place].total ?? 0))
            } else if isFlashSilent {
                // Whether there was a total nobody could tell: counted anew, and said so.
                note(Notice(kind: .counterEpoch, sensor: UInt16(index), at: now, value: lineDrivers[place].total ?? 0))
            }
            counters.assign(index, key: key(id), checkpoint: lineDrivers[place].checkpoint ?? 0)
        }
    }

    /// Does what is due; returns when it wants to be called again.
    public mutating func step() -> Boottime {
        let now = clock.now()
        let hasMoreEdges = takeEdges()
        for index in states.indices {
            if let collectAt = states[index].collectAt {
                if collectAt <= now { collect(index) }
            } else if states[index].due <= now {
                begin(index, now: now)
            }
        }
        if hasMoreEdges { return now }
        var next = Boottime.distantFuture
        for index in states.indices { next = min(next, states[index].collectAt ?? states[index].due) }
        return next
    }

    /// True once after anything was put into a ring: wake the Courier.
    public mutating func takeNews() -> Bool {
        defer { hasNews = false }
        return hasNews
    }

    /// The orderly end: counters give what they have counted since their last reading.
    public mutating func finish() {
        // Each line's buffer holds one step's edges at most; a line that never rests does not keep us.
        for _ in 0...lineDrivers.count { if !takeEdges() { break } }
        var taken: [UInt64] = []
        for index in states.indices {
            if case .line(let place) = states[index].driver, states[index].line != nil {
                collectLine(index, place, now: clock.now())
            }
            for (channel, count) in zip(states[index].channels, states[index].ordinals) {
                let number = Int(channel.id.rawValue)
                while taken.count <= number { taken.append(0) }
                taken[number] = count
            }
        }
        counts.finish(taken)
        hasNews = true
    }

    /// Why the sensor, by its place among those installed, gave no value when it was last measured; nil when it did.
    public func fault(ofSensor index: Int) -> SensorFault? { states[index].fault }

    /// A measurement has been started and not collected.
    public var isMeasuring: Bool { states.contains { $0.collectAt != nil } }

    // MARK: One measurement

    private mutating func begin(_ index: Int, now: Boottime) {
        states[index].startedAt = now
        states[index].due = Self.nextOnGrid(after: now, every: states[index].every)
        if let until = states[index].pausedUntil {
            if now < until { return fail(index, states[index].pausedFault, isNewAttempt: false) }
            states[index].pausedUntil = nil
        }
        do throws(SensorFault) {
            switch states[index].driver {
            case .source(let place):
                samples.removeAll()
                try sourceDrivers[place].collect(at: now, into: &samples)
                succeed(index)
            case .bus(let place):
                if !states[index].isClaimed, let device = states[index].device {
                    do throws(BusFault) { try bus.claim(device) } catch { throw .bus(error) }
                    states[index].isClaimed = true
                }
                states[index].startedAt = clock.now()
                let wait = try busDrivers[place].start(on: &bus)
                states[index].collectAt = clock.now() + wait
            case .attribute(let place):
                states[index].startedAt = clock.now()
                let wait = try attributeDrivers[place].start(on: &attributes)
                states[index].collectAt = clock.now() + wait
            case .line(let place):
                collectLine(index, place, now: now)
            }
        } catch { fail(index, error, isNewAttempt: true) }
        // Nothing to wait for: the result is there already.
        if let at = states[index].collectAt, at <= clock.now() { collect(index) }
    }

    private mutating func collect(_ index: Int) {
        states[index].collectAt = nil
        samples.removeAll()
        do throws(SensorFault) {
            switch states[index].driver {
            case .bus(let place): try busDrivers[place].collect(from: &bus, into: &samples)
            case .attribute(let place): try attributeDrivers[place].collect(from: &attributes, into: &samples)
            case .line, .source: invariantFailed("a driver without a second step was collected")
            }
            succeed(index)
        } catch { fail(index, error, isNewAttempt: true) }
    }

    private mutating func succeed(_ index: Int) {
        states[index].pause = Limits.busPauseFirst
        if states[index].fault != nil {
            states[index].fault = nil
            note(Notice(kind: .sensorBack, sensor: UInt16(index), at: clock.now()))
        }
        emit(index)
    }

    /// A failed read is a reading too: every channel is bad, with the reason.
    private mutating func fail(_ index: Int, _ fault: SensorFault, isNewAttempt: Bool) {
        let isNews = states[index].fault == nil
        states[index].fault = fault
        if isNews {
            counts.setFault(fault, ofSensor: index)
            note(
                Notice(
                    kind: .sensorLost, sensor: UInt16(index), at: clock.now(), detail: fault.quality.rawValue))
        }
        if isNewAttempt {
            states[index].isClaimed = false
            switch fault {
            case .bus(.timedOut), .bus(.stuck):
                states[index].pausedFault = fault
                states[index].pausedUntil = clock.now() + states[index].pause
                states[index].pause = min(states[index].pause * 2, Limits.busPauseLongest)
            default: break
            }
        }
        samples.removeAll()
        for place in states[index].channels.indices {
            samples.append(Sample(channel: UInt8(truncatingIfNeeded: place), .exact(0), quality: fault.quality))
        }
        emit(index)
    }

    // MARK: Lines

    private mutating func collectLine(_ index: Int, _ place: Int, now: Boottime) {
        samples.removeAll()
        do throws(LineFault) {
            if let line = states[index].line {
                lineDrivers[place].collect(at: now, isActive: try lines.isActive(line), into: &samples)
            } else {
                let line = try lines.request(lineDrivers[place].request)
                states[index].line = line
                while lineOwners.count <= Int(line.index) { lineOwners.append(-1) }
                lineOwners[Int(line.index)] = index
                lineDrivers[place].begin(at: now, isActive: try lines.isActive(line), into: &samples)
            }
            succeed(index)
            keepCounter(index, place)
        } catch { fail(index, .line(error), isNewAttempt: true) }
    }

    /// True when there may be more than one step should take.
    private mutating func takeEdges() -> Bool {
        for _ in 0..<Limits.edgesPerStep {
            guard let edge = lines.nextEdge() else { return false }
            guard Int(edge.line.index) < lineOwners.count, lineOwners[Int(edge.line.index)] >= 0 else { continue }
            let index = lineOwners[Int(edge.line.index)]
            guard case .line(let place) = states[index].driver else { continue }
            samples.removeAll()
            lineDrivers[place].edge(edge, into: &samples)
            if samples.count > 0 {
                states[index].startedAt = edge.at
                emit(index)
            }
            keepCounter(index, place)
        }
        return true
    }

    private func keepCounter(_ index: Int, _ place: Int) {
        if let checkpoint = lineDrivers[place].checkpoint { counters.set(index, checkpoint: checkpoint) }
    }

    // MARK: Readings

    private mutating func emit(_ index: Int) {
        for place in 0..<samples.count {
            let sample = samples[place]
            let position = Int(sample.channel)
            invariant(
                position < states[index].channels.count,
                "sensor \(states[index].id) gave channel \(position)")
            let channel = states[index].channels[position]
            let (value, quality) = channel.settle(sample)
            states[index].ordinals[position] += 1
            let reading = Reading(
                channel: channel.id,
                acquired: (sample.acquired ?? states[index].startedAt).truncatedToMicroseconds, value: value,
                quality: quality, ordinal: states[index].ordinals[position])
            let isTaken = readings.put(reading)
            counts.add(refused: !isTaken)
        }
        if samples.count > 0 { hasNews = true }
    }

    private mutating func note(_ notice: Notice) {
        // A full ring of notices loses the notice, not the readings that say the same by their quality.
        _ = notices.put(notice)
        hasNews = true
    }

    private static func nextOnGrid(after now: Boottime, every: Duration) -> Boottime {
        let step = max(every.nanoseconds, 1_000_000)
        return Boottime(nanoseconds: (now.nanoseconds / step + 1) * step)
    }
}
