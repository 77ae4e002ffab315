// Any chip on I2C, from its description in the configuration (`RegisterMap`): the driver that needs no Swift.
//
// The same checks as drivers in Swift: identity before set-up, CRC of every answer, flags for "not ready" and for
// faults of the chip's own, values that say they are none, ends of range, and a last look whether the chip is still set
// as it was. Messages are made once, answers go into memory kept for them: a measurement allocates nothing.

internal import World

struct DescribedChip: BusDriver {
    private struct Step {
        var message: Reply
        var wait: Duration
    }
    private let device: BusDevice
    private let map: RegisterMap
    /// `setup`, then `trigger`.
    private let steps: [Step]
    /// Of `reads`; nil where nothing is said before.
    private let questions: [Reply?]
    private let identityQuestion: Reply?
    private let verifyQuestion: Reply?
    private var answers: [Reply]
    private var nextStep = 0
    private var nextRead = 0
    private var isAsked = false
    private var isSetUp = false

    init(device: BusDevice, map: RegisterMap) {
        invariant(!map.reads.isEmpty && map.reads.count <= RegisterMap.Limits.reads, "\(map.reads.count) reads")
        invariant(map.setup.count + map.trigger.count <= RegisterMap.Limits.writes, "too many writes")
        for field in map.fields {
            invariant(
                map.reads.indices.contains(field.read)
                    && map.reads[field.read].holds(bits: field.bits, shift: field.shift, at: field.byte),
                "\(field.channel.quantity) lies outside its answer")
        }
        self.device = device
        self.map = map
        steps = (map.setup + map.trigger).map { Step(message: Reply($0.bytes), wait: $0.wait) }
        questions = map.reads.map { $0.send.isEmpty ? nil : Reply($0.send) }
        identityQuestion = map.identity.flatMap { $0.read.send.isEmpty ? nil : Reply($0.read.send) }
        verifyQuestion = map.verify.flatMap { $0.read.send.isEmpty ? nil : Reply($0.read.send) }
        answers = map.reads.map { Reply(count: $0.count) }
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if !isSetUp, let identity = map.identity {
            let found = try answer(to: identityQuestion, identity.read, on: &bus).number & identity.mask
            guard found == identity.expected else { throw .wrongChip(found: found, expected: identity.expected) }
        }
        nextStep = isSetUp ? map.setup.count : 0
        nextRead = 0
        isAsked = false
        return try advance(on: &bus) ?? .zero
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        if let wait = try advance(on: &bus) { return wait }
        while nextRead < map.reads.count {
            let read = map.reads[nextRead]
            if let wait = read.wait, let question = questions[nextRead], !isAsked {
                try bus.send(question, to: device)
                isAsked = true
                return wait
            }
            answers[nextRead] = try answer(to: isAsked ? nil : questions[nextRead], read, on: &bus)
            isAsked = false
            nextRead += 1
        }
        if let verify = map.verify {
            let found = try answer(to: verifyQuestion, verify.read, on: &bus).number & verify.mask
            guard found == verify.expected else { throw .implausible }
        }
        for (index, field) in map.fields.enumerated() {
            samples.append(field.sample(UInt8(index), of: answers[field.read], map.reads[field.read]))
        }
        return nil
    }

    mutating func forget() { isSetUp = false }

    /// Writes what is next, up to a message that the chip needs time for; nil: all is written.
    private mutating func advance(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration? {
        while nextStep < steps.count {
            try bus.send(steps[nextStep].message, to: device)
            nextStep += 1
            if nextStep == map.setup.count { isSetUp = true }
            if steps[nextStep - 1].wait > .zero { return steps[nextStep - 1].wait }
        }
        isSetUp = true
        return nil
    }

    private func answer(
        to question: Reply?, _ read: RegisterMap.Read, on bus: inout some Bus & ~Copyable
    ) throws(SensorFault) -> Reply {
        let answer: Reply
        if let question {
            answer = try bus.receive(read.count, after: question, from: device)
        } else {
            answer = try bus.receiveResult(read.count, from: device)
        }
        try read.check(answer, from: device.address)
        return answer
    }
}

extension RegisterMap.Read {
    /// Checksums first: flags of a spoilt answer mean nothing.
    func check(_ answer: Reply, from address: UInt8) throws(SensorFault) {
        if let checksum { try verify(answer, checksum, address) }
        if let ready, answer[ready.byte] & ready.mask != ready.expected { throw .notReady }
        if let healthy, answer[healthy.byte] & healthy.mask != healthy.expected {
            throw .deviceFault(code: UInt32(answer[healthy.byte] & healthy.mask))
        }
    }

    private func verify(
        _ answer: Reply, _ checksum: RegisterMap.Checksum, _ address: UInt8
    ) throws(SensorFault) {
        let crc = CRC8(polynomial: checksum.polynomial, initial: checksum.initial)
        var value = crc.initial
        if checksum.span == .packet {
            // Address with the direction, as on the wire (SMBus 3.2, section 6.4).
            if !send.isEmpty {
                value = crc.adding(address << 1, to: value)
                for byte in send { value = crc.adding(byte, to: value) }
            }
            value = crc.adding(address << 1 | 1, to: value)
        }
        for index in 0..<count {
            if !isChecksum(index) {
                value = crc.adding(answer[index], to: value)
            } else {
                guard answer[index] == value else { throw .checksum }
                value = crc.initial
            }
        }
    }
}

extension RegisterMap.Field {
    /// The field's bits, right-aligned.
    func raw(of answer: Reply, _ read: RegisterMap.Read) -> UInt64 {
        var value: UInt64 = 0
        var position = byte
        for index in 0..<UInt64((bits + shift + 7) / 8) {
            switch order {
            case .big: value = value << 8 | UInt64(answer[position])
            case .little: value |= UInt64(answer[position]) << (8 * index)
            }
            position = read.following(position)
        }
        return value >> UInt64(shift) & (1 << UInt64(bits) - 1)
    }

    /// In the channel's unit.
    func value(of raw: UInt64) -> Double {
        let unused = UInt64(64 - bits)
        let number: Double
        switch format {
        case .unsigned: number = Double(raw)
        case .signed: number = Double(Int64(bitPattern: raw << unused) >> Int64(unused))
        case .signMagnitude:
            let sign = UInt64(1) << UInt64(bits - 1)
            number = raw & sign == 0 ? Double(raw) : -Double(raw & ~sign)
        case .float: number = Double(Float(bitPattern: UInt32(truncatingIfNeeded: raw)))
        }
        return number * scale + offset
    }

    func sample(_ index: UInt8, of answer: Reply, _ read: RegisterMap.Read) -> Sample {
        let raw = raw(of: answer, read)
        let value = value(of: raw)
        if let invalid, raw == UInt64(invalid) { return Sample(channel: index, .physical(0), quality: .implausible) }
        guard value.isFinite else { return Sample(channel: index, .physical(0), quality: .implausible) }
        let isAtEnd = saturated.map { raw == UInt64($0) } ?? false
        return Sample(channel: index, .physical(value), quality: isAtEnd ? .saturated : .good)
    }
}

extension Reply {
    /// At most four bytes as one number, highest first.
    fileprivate var number: UInt32 { (0..<min(count, 4)).reduce(0) { $0 << 8 | UInt32(self[$1]) } }
}

extension DescribedChip {
    static let entry = DriverEntry(
        name: "i2c-registers",
        about:
            "Any other chip on I2C, described here by its registers: what to write, what to read, what the bits mean",
        attachment: .bus(addresses: DriverEntry.anyAddress),
        parameters: [
            Parameter(
                "registers", .registers, isRequired: true,
                about: "identity, setup, trigger, reads and fields, as the datasheet tells them")
        ],
        defaultEvery: .seconds(10),
        channels: { settings throws(SettingFault) in
            let map = try registers(settings)
            guard map.measuringTime < settings.every else {
                throw SettingFault(
                    parameter: "registers",
                    text: "wait longer than `every` in all; expected a measurement to end before the next one begins; "
                        + "measure less often, or shorten the waits")
            }
            return map.fields.map(\.channel)
        },
        make: { settings throws(SettingFault) in
            let device = try settings.requiredDevice()
            return .bus(DescribedChip(device: device, map: try registers(settings)))
        })

    private static func registers(_ settings: DriverSettings) throws(SettingFault) -> RegisterMap {
        if let map = settings.registers("registers") { return map }
        throw SettingFault(
            parameter: "registers",
            text: "tells nothing; expected what to read and what the bits mean; see the examples in config/drivers")
    }
}
