// Modules that answer on their lines when they are asked there: the twins of what line drivers drive.

public import World

/// A change of an electrical level to come.
public struct LineChange: Hashable, Sendable {
    public var offset: UInt32
    public var isHigh: Bool
    public var at: Boottime
    public init(offset: UInt32, isHigh: Bool, at: Boottime) {
        self.offset = offset
        self.isHigh = isHigh
        self.at = at
    }
}

/// A module wired to one chip's lines.
public protocol LineTwin {
    /// The line that it listens on was driven to a level for so long, and is no more. What happens next, in order.
    func answer(after wasHigh: Bool, lasting: Duration, at now: Boottime) -> [LineChange]
}

/// An HC-SR04: after 10 µs high on its trigger the echo line is high for 58 µs a centimetre.
public struct EchoTwin: LineTwin {
    private let echo: UInt32
    private let surroundings: (Boottime) -> Surroundings
    /// What is farther gives no echo: the line is high for 38 ms.
    private let farthest: Double

    public init(echo: UInt32, farthest: Double = 4.5, surroundings: @escaping (Boottime) -> Surroundings) {
        self.echo = echo
        self.farthest = farthest
        self.surroundings = surroundings
    }

    public func answer(after wasHigh: Bool, lasting: Duration, at now: Boottime) -> [LineChange] {
        guard wasHigh, lasting >= .microseconds(10) else { return [] }
        let air = surroundings(now)
        let speed = 331.3 * (1 + air.celsius / 273.15).squareRoot()
        let seconds = air.distanceMetres > farthest ? 0.038 : 2 * air.distanceMetres / speed
        // Eight periods of 40 kHz, and the module's own pause.
        let begin = now + .microseconds(450)
        return [
            LineChange(offset: echo, isHigh: true, at: begin),
            LineChange(offset: echo, isHigh: false, at: begin + .nanoseconds(Int64(seconds * 1e9))),
        ]
    }
}

/// A DHT22 or DHT11: after its line was held low long enough and let go, 40 bits.
public struct DHTTwin: LineTwin {
    private let offset: UInt32
    private let isDHT11: Bool
    private let surroundings: (Boottime) -> Surroundings
    /// For tests of what a noisy wire does: turned bits of the 40.
    public var turnedBits: UInt64 = 0

    public init(offset: UInt32, isDHT11: Bool = false, surroundings: @escaping (Boottime) -> Surroundings) {
        self.offset = offset
        self.isDHT11 = isDHT11
        self.surroundings = surroundings
    }

    public func answer(after wasHigh: Bool, lasting: Duration, at now: Boottime) -> [LineChange] {
        guard !wasHigh, lasting >= (isDHT11 ? .milliseconds(18) : .microseconds(800)), lasting <= .milliseconds(30)
        else { return [] }
        return changes(bytes(surroundings(now)), from: now)
    }

    private func bytes(_ air: Surroundings) -> [UInt8] {
        let percent = UInt16((air.percent * 10).rounded())
        let celsius = UInt16((air.celsius.magnitude * 10).rounded())
        let sign: UInt8 = air.celsius < 0 ? 0x80 : 0
        let bytes: [UInt8] =
            isDHT11
            ? [UInt8(percent / 10), 0, UInt8(celsius / 10), UInt8(celsius % 10) | sign]
            : [UInt8(percent >> 8), UInt8(percent & 0xFF), UInt8(celsius >> 8) | sign, UInt8(celsius & 0xFF)]
        return bytes + [bytes.reduce(0, &+)]
    }

    /// The answer's levels: 80 µs low, 80 high, each bit 50 low and 26 or 70 high, and 50 low at the end.
    private func changes(_ bytes: [UInt8], from begin: Boottime) -> [LineChange] {
        var moment = begin + .microseconds(30)
        var changes: [LineChange] = []
        func level(_ isHigh: Bool, _ microseconds: Int64) {
            changes.append(LineChange(offset: offset, isHigh: isHigh, at: moment))
            moment = moment + .microseconds(microseconds)
        }
        level(false, 80)
        level(true, 80)
        var word = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } ^ turnedBits
        word <<= 24
        for _ in 0..<40 {
            level(false, 50)
            level(true, word >> 63 == 1 ? 70 : 26)
            word <<= 1
        }
        level(false, 50)
        level(true, 0)
        return changes
    }
}
