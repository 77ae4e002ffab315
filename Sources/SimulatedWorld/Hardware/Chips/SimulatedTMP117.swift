// A Texas Instruments TMP117 at register level. Datasheet: SNOSD82D, revision D; sections are its.
//
// It has what a driver can get wrong: -256 °C until the first conversion is over, continuous conversion after power-on,
// a data flag that a read of either register clears, an offset that is added to every result.

public import World

public final class SimulatedTMP117: SimulatedChip {
    private static let startUpTime = Duration.microseconds(1_500)  // section 7.3.1
    private static let conversionTime = Duration.milliseconds(17)  // a little less than the longest, section 6.5

    /// What the id register says; another makes it the wrong chip.
    public var id: UInt16 = 0x0117
    /// The world around it: read at the end of each measurement.
    public var surroundings: (Boottime) -> Surroundings
    /// Never finishes a measurement.
    public var isHung = false

    /// Volatile registers by number; 0 and 0x0F apart.
    private var registers: [UInt8: UInt16] = [:]
    private var result: UInt16 = 0x8000
    private var isReady = false
    private var pointer: UInt8 = 0
    private var convertingUntil: Boottime?
    private var startedUp = Boottime(nanoseconds: .min)

    /// `at`: when its supply came; it measures from then on.
    public init(
        surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() },
        at moment: Boottime = Boottime(nanoseconds: 0)
    ) {
        self.surroundings = surroundings
        powerCycle(at: moment)
    }

    /// As when its supply comes back.
    public func powerCycle(at now: Boottime) {
        // Section 7.6, table of registers: the values that the factory leaves in its memory.
        registers = [1: 0x0220, 2: 0x6000, 3: 0x8000, 4: 0, 5: 0, 6: 0, 7: 0, 8: 0]
        (result, isReady, pointer) = (0x8000, false, 0)
        startedUp = now + Self.startUpTime
        convertingUntil = startedUp + averagedTime
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        guard now >= startedUp else { return false }
        pointer = bytes[0] & 0x0F
        guard bytes.count >= 3 else { return true }
        let word = UInt16(bytes[1]) << 8 | UInt16(bytes[2])
        switch pointer {
        case 1 where word & 0b10 != 0: powerCycle(at: now)
        case 1:
            registers[1] = word & 0x0FFC
            isReady = false
            // Any write of the mode begins anew; shutdown (01) stops.
            convertingUntil = word >> 10 & 0b11 == 0b01 ? nil : now + averagedTime
        case 2, 3, 5, 6, 7, 8: registers[pointer] = word
        default: break
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        guard now >= startedUp else { return false }
        let word: UInt16
        switch pointer {
        case 0:
            word = result
            isReady = false
        case 1:
            word = (registers[1] ?? 0) | (isReady ? 0x2000 : 0)
            isReady = false
        case 0x0F: word = id
        default: word = registers[pointer] ?? 0
        }
        for index in 0..<reply.count { reply[index] = UInt8(truncatingIfNeeded: index % 2 == 0 ? word >> 8 : word) }
        return true
    }

    private var configuration: UInt16 { registers[1] ?? 0 }

    /// Section 7.3.2: 1, 8, 32 or 64 conversions.
    private var averagedTime: Duration { Self.conversionTime * [1, 8, 32, 64][Int(configuration >> 5 & 0b11)] }

    /// Section 7.4.1, table of conversion cycle times: at least what the averaging takes.
    private var cycleTime: Duration {
        let cycles: [Duration] = [
            .microseconds(15_500), .milliseconds(125), .milliseconds(250), .milliseconds(500), .seconds(1), .seconds(4),
            .seconds(8), .seconds(16),
        ]
        return max(cycles[Int(configuration >> 7 & 0b111)], averagedTime)
    }

    private func settle(_ now: Boottime) {
        guard !isHung, var end = convertingUntil, now >= end else { return }
        if configuration >> 10 & 0b11 == 0b11 {
            registers[1] = configuration & ~0x0C00 | 0x0400
            convertingUntil = nil
        } else {
            // The last of the cycles that are over.
            let (cycle, passed) = (cycleTime, (now - end))
            end = end + cycle * Int(passed / cycle)
            convertingUntil = end + cycle
        }
        let steps = (surroundings(end).celsius * 128).rounded() + Double(Int16(bitPattern: registers[7] ?? 0))
        result = UInt16(bitPattern: Int16(min(max(steps, -32_768), 32_767)))
        isReady = true
    }
}
