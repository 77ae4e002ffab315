// What seams are asked and what they answer, as words of a recording (the format is `SeamRecorder`'s). Recording and
// replaying put their questions through the same functions, so that they cannot disagree.

import World

enum Question {
    static func claim(_ device: BusDevice) -> String { "claim \(device.bus) \(address(device))" }

    static func transfer(_ device: BusDevice, _ bytes: UnsafeRawBufferPointer, _ count: Int) -> String {
        "bus \(device.bus) \(address(device)) \(hex(bytes)) \(count)"
    }

    static func request(_ line: LineRequest) -> String {
        let direction =
            switch line.direction {
            case .input: "input"
            case .output(let isActive): isActive ? "active" : "inactive"
            }
        return "request \(escaped(line.chipLabel)) \(line.offset) \(direction)"
    }
    static func level(_ line: LineHandle) -> String { "level \(line.index)" }
    static let edge = "edge"
    static func drive(_ line: LineHandle, _ isActive: Bool) -> String { "drive \(line.index) \(isActive ? 1 : 0)" }
    static func release(_ line: LineHandle) -> String { "release \(line.index)" }
    static func pulse(_ line: LineHandle, _ width: Duration) -> String { "pulse \(line.index) \(width.nanoseconds)" }
    static func giveUp(_ line: LineHandle) -> String { "give-up \(line.index)" }

    static func list(_ directory: String) -> String { "list \(escaped(directory))" }
    static func open(_ path: String) -> String { "open \(escaped(path))" }
    static func read(_ attribute: AttributeHandle, _ count: Int) -> String { "read \(attribute.index) \(count)" }

    static func write(_ path: String, _ text: String) -> String { "write \(escaped(path)) \(escaped(text))" }
    static func written(_ path: String) -> String { "written \(escaped(path))" }

    private static func address(_ device: BusDevice) -> String { String(device.address, radix: 16) }
}

// MARK: Words

func escaped(_ word: String) -> String {
    if word.isEmpty { return "-" }
    if word == "-" { return "%2d" }
    var bytes: [UInt8] = []
    for byte in word.utf8 {
        if (0x21...0x7E).contains(byte), byte != 0x25, byte != 0x3D {
            bytes.append(byte)
        } else {
            bytes.append(0x25)
            bytes.append(digit(byte >> 4))
            bytes.append(digit(byte & 15))
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// Nil: not what `escaped` gives.
func unescaped(_ word: Substring) -> String? {
    if word == "-" { return "" }
    var bytes: [UInt8] = []
    var rest = word.utf8[...]
    while let byte = rest.popFirst() {
        if byte != 0x25 {
            bytes.append(byte)
        } else {
            guard let high = rest.popFirst().flatMap(nibble), let low = rest.popFirst().flatMap(nibble) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

func hex(_ bytes: UnsafeRawBufferPointer) -> String {
    if bytes.isEmpty { return "-" }
    var digits: [UInt8] = []
    digits.reserveCapacity(2 * bytes.count)
    for byte in bytes {
        digits.append(digit(byte >> 4))
        digits.append(digit(byte & 15))
    }
    return String(decoding: digits, as: UTF8.self)
}

func bytes(_ hex: Substring) -> [UInt8]? {
    if hex == "-" { return [] }
    var bytes: [UInt8] = []
    var rest = hex.utf8[...]
    while let first = rest.popFirst() {
        guard let high = nibble(first), let low = rest.popFirst().flatMap(nibble) else { return nil }
        bytes.append(high << 4 | low)
    }
    return bytes
}

private func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 0x30 + nibble : 0x57 + nibble }

private func nibble(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x61...0x66: digit - 0x57
    default: nil
    }
}

/// A time that no arithmetic of ours can overflow: within a century and a half of the boot.
func boottime(_ word: Substring) -> Boottime? {
    guard let nanoseconds = Int64(word), nanoseconds.magnitude < 1 << 62 else { return nil }
    return Boottime(nanoseconds: nanoseconds)
}

/// TIME UTC synchronised|free LARGEST-ERROR.
extension WallReading {
    public var words: [String] {
        [
            String(boottime.nanoseconds), String(utc.nanoseconds), isSynchronised ? "synchronised" : "free",
            String(maximumErrorNanoseconds),
        ]
    }

    public init?(words: some Collection<some StringProtocol>) {
        let words = words.map { Substring($0) }
        guard words.count == 4, let boottime = SimulatedWorld.boottime(words[0]), let utc = Int64(words[1]),
            utc.magnitude < 1 << 62, ["synchronised", "free"].contains(words[2]), let error = Int64(words[3])
        else { return nil }
        self.init(
            boottime: boottime, utc: UTC(nanoseconds: utc), isSynchronised: words[2] == "synchronised",
            maximumErrorNanoseconds: error)
    }
}

// MARK: Faults

extension BusFault {
    var answer: String {
        switch self {
        case .noAcknowledge: "! no-acknowledge"
        case .arbitrationLost: "! arbitration-lost"
        case .timedOut: "! timed-out"
        case .stuck: "! stuck"
        case .heldByKernel: "! held-by-kernel"
        case .absent(let errno): "! absent \(errno)"
        case .unsupported: "! unsupported"
        case .failed(let errno): "! failed \(errno)"
        }
    }

    init?(_ words: [Substring]) {
        guard words.first == "!", words.count > 1 else { return nil }
        let errno = words.count == 3 ? Int32(words[2]) : nil
        switch (words[1], errno) {
        case ("no-acknowledge", _): self = .noAcknowledge
        case ("arbitration-lost", _): self = .arbitrationLost
        case ("timed-out", _): self = .timedOut
        case ("stuck", _): self = .stuck
        case ("held-by-kernel", _): self = .heldByKernel
        case ("unsupported", _): self = .unsupported
        case ("absent", let errno?): self = .absent(errno: errno)
        case ("failed", let errno?): self = .failed(errno: errno)
        default: return nil
        }
    }
}

extension LineFault {
    var answer: String {
        switch self {
        case .noSuchChip: "! no-such-chip"
        case .noSuchLine: "! no-such-line"
        case .taken(let owner): "! taken \(escaped(owner))"
        case .notPermitted: "! not-permitted"
        case .failed(let errno): "! failed \(errno)"
        }
    }

    init?(_ words: [Substring]) {
        guard words.first == "!", words.count > 1 else { return nil }
        let last = words.count == 3 ? words[2] : nil
        switch words[1] {
        case "no-such-chip": self = .noSuchChip
        case "no-such-line": self = .noSuchLine
        case "not-permitted": self = .notPermitted
        case "taken":
            guard let owner = last.flatMap(unescaped) else { return nil }
            self = .taken(by: owner)
        case "failed":
            guard let errno = last.flatMap({ Int32($0) }) else { return nil }
            self = .failed(errno: errno)
        default: return nil
        }
    }
}

extension AttributeFault {
    var answer: String {
        switch self {
        case .noSuchFile: "! no-such-file"
        case .notPermitted: "! not-permitted"
        case .failed(let errno): "! failed \(errno)"
        }
    }

    init?(_ words: [Substring]) {
        guard words.first == "!", words.count > 1 else { return nil }
        switch words[1] {
        case "no-such-file": self = .noSuchFile
        case "not-permitted": self = .notPermitted
        case "failed":
            guard words.count == 3, let errno = Int32(words[2]) else { return nil }
            self = .failed(errno: errno)
        default: return nil
        }
    }
}
