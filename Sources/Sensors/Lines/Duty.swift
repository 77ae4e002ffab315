// How long and how often a line is active: presence, occupancy, a pump's running time.
//
// Two channels: the share of the time since the last reading in which the line was active, from the kernel's time of
// every change, and how often it became active. When edges were lost the count is right (changes alternate, and their
// sequence numbers tell how many there were) but the share is not: that reading is `estimated`.

internal import World

struct Duty: LineDriver {
    let request: LineRequest
    private var isActive = false
    /// The time up to here is accounted for.
    private var seen = Boottime(nanoseconds: 0)
    private var begin = Boottime(nanoseconds: 0)
    private var activeTime = Duration.zero
    private var activations: Int64 = 0
    private var lastSequence: UInt32 = 0
    private var hasBegun = false
    private var isEstimated = false

    init(request: LineRequest) {
        var request = request
        request.edges = .both
        self.request = request
    }

    mutating func begin(at now: Boottime, isActive: Bool, into samples: inout Samples) {
        // Requested again: what was in between is nobody's to tell.
        if hasBegun { isEstimated = true }
        hasBegun = true
        self.isActive = isActive
        lastSequence = 0
        seen = now
        begin = now
        activeTime = .zero
    }

    mutating func edge(_ edge: Edge, into samples: inout Samples) {
        let lost = edge.sequence &- lastSequence &- 1
        lastSequence = edge.sequence
        account(to: edge.at)
        if lost != 0 { isEstimated = true }
        if lost <= UInt32.max / 2 {
            let changes = Int64(lost) + 1
            activations += isActive ? changes / 2 : (changes + 1) / 2
        }
        isActive = edge.isActive
    }

    /// A change that is told late, after a reading, counts from there on.
    private mutating func account(to moment: Boottime) {
        guard moment > seen else { return }
        if isActive { activeTime += moment - seen }
        seen = moment
    }

    mutating func collect(at now: Boottime, isActive: Bool, into samples: inout Samples) {
        account(to: now)
        let length = seen - begin
        let quality: Quality = isEstimated ? .estimated : .good
        // Nothing has passed: what it is now.
        let share =
            length > .zero
            ? Double(activeTime.nanoseconds) / Double(length.nanoseconds) : self.isActive ? 1 : 0
        samples.append(Sample(channel: 0, .physical(share * 100), quality: quality, acquired: now))
        samples.append(Sample(channel: 1, .exact(activations), quality: quality, acquired: now))
        begin = seen
        activeTime = .zero
        activations = 0
        isEstimated = false
    }
}

extension Duty {
    static let entry = DriverEntry(
        name: "duty",
        about: "How long a GPIO line is active, in percent of the time, and how often: presence, occupancy",
        attachment: .line,
        defaultEvery: .seconds(60),
        channels: { _ throws(SettingFault) in
            [
                DriverChannel("active", unit: "%", scale: -2, plausible: 0...100, isCalibratable: false),
                // A change every millisecond for a day.
                DriverChannel("activations", unit: "count", scale: 0, plausible: 0...86_400_000, isCalibratable: false),
            ]
        },
        make: { settings throws(SettingFault) in .line(Duty(request: try settings.requiredLine())) })
}
