// A state on a GPIO line: mains present, door open, float switch. One channel, 1 while the line is active, else 0.
//
// A reading at the start, at every change with the kernel's own time of it, and every `every` as a sign of life. When
// the kernel's buffer overflowed, the state after the gap is right but what lay between was not seen: that one is
// `estimated`.

internal import World

struct DigitalInput: LineDriver {
    let request: LineRequest
    private var lastSequence: UInt32 = 0
    private var hasBegun = false

    init(request: LineRequest) {
        var request = request
        request.edges = .both
        self.request = request
    }

    mutating func begin(at now: Boottime, isActive: Bool, into samples: inout Samples) {
        // Requested again: changes while the line was not held are nobody's to tell.
        samples.append(state(isActive, at: now, quality: hasBegun ? .estimated : .good))
        hasBegun = true
        lastSequence = 0
    }

    mutating func edge(_ edge: Edge, into samples: inout Samples) {
        let isNext = edge.sequence == lastSequence &+ 1
        lastSequence = edge.sequence
        samples.append(state(edge.isActive, at: edge.at, quality: isNext ? .good : .estimated))
    }

    mutating func collect(at now: Boottime, isActive: Bool, into samples: inout Samples) {
        samples.append(state(isActive, at: now, quality: .good))
    }

    private func state(_ isActive: Bool, at moment: Boottime, quality: Quality) -> Sample {
        Sample(channel: 0, .exact(isActive ? 1 : 0), quality: quality, acquired: moment)
    }
}

extension DigitalInput {
    static let entry = DriverEntry(
        name: "digital-input",
        about: "A state on a GPIO line: 1 while it is active, else 0; every change with the kernel's time of it",
        attachment: .line,
        parameters: [
            Parameter(
                "role", .choice(LineRole.allCases.map(\.name)),
                about: "power-fail: everything to flash at once; low-battery: and then switch off; tamper: an alarm")
        ],
        defaultEvery: .seconds(60),
        channels: { _ throws(SettingFault) in
            [DriverChannel("state", unit: "/", scale: 0, plausible: 0...1, isCalibratable: false)]
        },
        make: { settings throws(SettingFault) in
            .line(DigitalInput(request: try settings.requiredLine()))
        })
}
