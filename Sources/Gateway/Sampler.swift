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
enum Place {
    case bus(Int), line(Int), attribute(Int), source(Int)
}

/// One installed sensor. Outside of the Sampler, because inside it would be generic too, and each access would look its
/// layout up at run time.
struct SensorState {
    let id: String
    /// Its place among the node's sensors.
    let number: Int
    let every: Duration
    let channels: [InstalledChannel]
    let device: BusDevice?
    let driver: Place
    var due: Boottime
    /// A measurement is under way: collect then.
    var collectAt: Boottime?
    var startedAt = Boottime(nanoseconds: 0)
    var held: HeldLines?
    /// A line driver that starts what it collects.
    var drives = false
    var isClaimed = false
    /// Why the last measurement failed; nil while the sensor gives values.
    var fault: SensorFault?
    /// The chip held its bus: it is left alone until then.
    var pause = Pause()
    /// Steps of the measurement under way.
    var steps = 0
    let role: LineRole?
    /// What was last told of the role.
    var roleIsActive: Bool?
    let warmUp: Duration
    /// Warming up until then; set when the first value comes, and when values come again.
    var warmUntil: Boottime?
    /// By place in `channels`: their pasts, readings completed, and the quality last told.
    var conditioned: [ConditionedChannel]
    var ordinals: [UInt64]
    var told: [Quality]
}

public struct Sampler<C: Clock, B: Bus & ~Copyable, L: Lines & ~Copyable, A: Attributes & ~Copyable>: ~Copyable {
    let clock: C
    var bus: B
    var lines: L
    var attributes: A
    var states: [SensorState] = []
    var busDrivers: [any BusDriver] = []
    var lineDrivers: [any LineDriver] = []
    var attributeDrivers: [any AttributeDriver] = []
    var sourceDrivers: [any SourceDriver] = []
    /// By the bus's index.
    var buses: [BusHealth] = []
    /// By line handle; nil: nobody's.
    var lineOwners: [LineOwner?] = []
    var samples = Samples(capacity: Limits.samplesPerCollect)
    let readings: Ring<Reading>
    let notices: Ring<Notice>
    let counters: CounterPage
    let meters: MeterPage?
    public let counts: SamplerCounts
    /// Take the wall clock's word for certificates that end, though the kernel does not vouch for it.
    public var trustsSystemClock = false
    var utc: UTC?
    var wallDue = Boottime(nanoseconds: .min)
    /// The last good value of channels that others are compared with, by channel.
    var latest: [Double?] = []
    /// The last ordinal that another Sampler gave, by channel.
    var relayed: [UInt64] = []
    /// Something was put into a ring since it was last asked for.
    var hasNews = false

    public init(
        clock: C, bus: consuming B, lines: consuming L, attributes: consuming A, sensors: [InstalledSensor],
        readings: Ring<Reading>, notices: Ring<Notice>, counters: CounterPage, counts: SamplerCounts,
        meters: MeterPage? = nil
    ) {
        invariant(sensors.count <= Limits.sensors, "\(sensors.count) sensors")
        self.clock = clock
        self.bus = bus
        self.lines = lines
        self.attributes = attributes
        self.readings = readings
        self.notices = notices
        self.counters = counters
        self.meters = meters
        self.counts = counts
        let now = clock.now()
        for (index, sensor) in sensors.enumerated() {
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
                    id: sensor.id, number: sensor.number ?? index, every: sensor.every, channels: sensor.channels,
                    device: sensor.device, driver: place, due: now, role: sensor.role,
                    warmUp: sensor.warmUp, conditioned: sensor.channels.map(ConditionedChannel.init),
                    ordinals: [UInt64](repeating: 0, count: sensor.channels.count),
                    told: [Quality](repeating: .good, count: sensor.channels.count)))
        }
        // Only for those that somebody compares with.
        let partners = sensors.flatMap(\.channels).compactMap { $0.conditioning.partner?.channel.rawValue }
        latest = [Double?](repeating: nil, count: partners.max().map { Int($0) + 1 } ?? 0)
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
        for slot in 0..<CounterPage.slots where !states.contains(where: { $0.number == slot }) {
            counters.assign(slot, key: 0, checkpoint: 0)
        }
        for index in states.indices {
            guard case .line(let place) = states[index].driver, lineDrivers[place].checkpoint != nil else {
                counters.assign(states[index].number, key: 0, checkpoint: 0)
                continue
            }
            let id = states[index].id
            if let kept = exact(id) {
                lineDrivers[place].resume(from: kept, isExact: true)
            } else if let kept = afterPowerCut(id) {
                lineDrivers[place].resume(from: kept, isExact: false)
                tellEpoch(index, total: lineDrivers[place].total ?? 0, at: now)
            } else if isFlashSilent {
                // Whether there was a total nobody could tell: counted anew, and said so.
                tellEpoch(index, total: lineDrivers[place].total ?? 0, at: now)
            }
            counters.assign(states[index].number, key: key(id), checkpoint: lineDrivers[place].checkpoint ?? 0)
        }
    }

    private mutating func tellEpoch(_ index: Int, total: Int64, at now: Boottime) {
        note(Notice(kind: .counterEpoch, sensor: UInt16(states[index].number), at: now, value: total))
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
            if case .line(let place) = states[index].driver { finishLine(index, place, now: clock.now()) }
            for (channel, count) in zip(states[index].channels, states[index].ordinals) {
                let number = Int(channel.id.rawValue)
                while taken.count <= number { taken.append(0) }
                taken[number] = count
            }
        }
        while taken.count < relayed.count { taken.append(0) }
        for (number, count) in relayed.enumerated() where count > 0 { taken[number] = count }
        counts.finish(taken)
        hasNews = true
    }

    /// What another Sampler has measured: into this one's rings, as if it were its own.
    public mutating func relay(_ others: Ring<Reading>, _ othersNotices: Ring<Notice>) {
        while let reading = others.take() {
            let number = Int(reading.channel.rawValue)
            while relayed.count <= number { relayed.append(0) }
            relayed[number] = reading.ordinal
            counts.add(refused: !readings.put(reading))
            hasNews = true
        }
        while let notice = othersNotices.take() { note(notice) }
    }

    /// Why the sensor, by its place among those installed, gave no value when it was last measured; nil when it did.
    public func fault(ofSensor index: Int) -> SensorFault? { states[index].fault }

    /// A measurement has been started and not collected.
    public var isMeasuring: Bool { states.contains { $0.collectAt != nil } }

    // MARK: One measurement

    mutating func begin(_ index: Int, now: Boottime) {
        states[index].startedAt = now
        states[index].due = Self.nextOnGrid(after: now, every: states[index].every)
        do throws(SensorFault) {
            switch states[index].driver {
            case .source(let place):
                samples.removeAll()
                try sourceDrivers[place].collect(at: now, into: &samples)
                succeed(index)
            case .bus(let place): startChip(index, place, now: now)
            case .attribute(let place):
                states[index].startedAt = clock.now()
                let wait = try attributeDrivers[place].start(on: &attributes)
                states[index].collectAt = clock.now() + wait
            case .line(let place): startLine(index, place, now: now)
            }
        } catch { fail(index, error) }
        // Nothing to wait for: the result is there already.
        if let at = states[index].collectAt, at <= clock.now() { collect(index) }
    }

    mutating func collect(_ index: Int) {
        states[index].collectAt = nil
        samples.removeAll()
        do throws(SensorFault) {
            switch states[index].driver {
            case .bus(let place):
                guard try collectChip(index, place) else { return }
            case .attribute(let place): try attributeDrivers[place].collect(from: &attributes, into: &samples)
            case .line(let place): return advanceLine(index, place, now: clock.now())
            case .source: invariantFailed("a driver without a second step was collected")
            }
            succeed(index)
        } catch { fail(index, error) }
    }

    mutating func succeed(_ index: Int) {
        if states[index].warmUntil == nil || states[index].fault != nil {
            let warmUp = states[index].warmUp
            // Without one nothing is before its end.
            states[index].warmUntil = warmUp > .zero ? states[index].startedAt + warmUp : Boottime(nanoseconds: .min)
        }
        if states[index].fault != nil {
            states[index].fault = nil
            note(Notice(kind: .sensorBack, sensor: UInt16(states[index].number), at: clock.now()))
        }
        emit(index)
    }

    /// A failed read is a reading too: every channel is bad, with the reason.
    mutating func fail(_ index: Int, _ fault: SensorFault) {
        let isNews = states[index].fault == nil
        states[index].fault = fault
        if isNews {
            counts.setFault(fault, ofSensor: states[index].number)
            note(
                Notice(
                    kind: .sensorLost, sensor: UInt16(states[index].number), at: clock.now(),
                    detail: fault.quality.rawValue))
        }
        samples.removeAll()
        for place in states[index].channels.indices {
            samples.append(Sample(channel: UInt8(truncatingIfNeeded: place), .exact(0), quality: fault.quality))
            states[index].conditioned[place].forget()
        }
        emit(index, isWhole: false)
    }
}
