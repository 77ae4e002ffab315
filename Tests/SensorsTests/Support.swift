// What the driver tests share: a bus that follows a script, a clock that stands still until told, samples as an array.

import Sensors
import SimulatedWorld
import World

/// A bus with the transactions that a driver is expected to make, in order. Anything else is kept as a complaint.
struct ScriptedBus: Bus {
    struct Step {
        var write: [UInt8]
        var reply: Result<[UInt8], BusFault>

        static func write(_ bytes: UInt8...) -> Step { Step(write: bytes, reply: .success([])) }
        static func read(_ register: UInt8, _ reply: [UInt8]) -> Step {
            Step(write: [register], reply: .success(reply))
        }
        static func fail(_ write: [UInt8], _ fault: BusFault) -> Step { Step(write: write, reply: .failure(fault)) }
    }

    let device: BusDevice
    var steps: [Step]
    var claims = 0
    var complaints: [String] = []

    /// The whole script happened, and nothing else did.
    var isUsedUp: Bool { steps.isEmpty && complaints.isEmpty }

    init(_ device: BusDevice, _ steps: [Step]) {
        self.device = device
        self.steps = steps
    }

    mutating func claim(_ device: BusDevice) throws(BusFault) { claims += 1 }

    mutating func transfer(
        _ device: BusDevice, write bytes: UnsafeRawBufferPointer, read reply: UnsafeMutableRawBufferPointer
    ) throws(BusFault) {
        guard !steps.isEmpty else {
            complaints.append("after the script: \(Array(bytes))")
            throw .failed(errno: 5)
        }
        let step = steps.removeFirst()
        if device != self.device || Array(bytes) != step.write {
            complaints.append("\(Array(bytes)) to \(device), expected \(step.write)")
        }
        switch step.reply {
        case .failure(let fault): throw fault
        case .success(let answer):
            if answer.count != reply.count { complaints.append("\(reply.count) bytes asked, \(answer.count) scripted") }
            reply.copyBytes(from: answer.prefix(reply.count))
        }
    }
}

/// Time stands still until a test moves it.
final class StillClock {
    var moment: Boottime
    init(seconds: Int64 = 1_000) { moment = Boottime(nanoseconds: seconds * 1_000_000_000) }
    func pass(_ duration: Duration) { moment = moment + duration }
}

extension Samples {
    var all: [Sample] { (0..<count).map { self[$0] } }
}

extension Boottime {
    static func seconds(_ seconds: Int64) -> Boottime { Boottime(nanoseconds: seconds * 1_000_000_000) }
}

extension DriverSettings {
    /// Settings as a configuration hands them over.
    static func of(
        _ values: [String: Setting] = [:], files: [String: [UInt8]] = [:], device: BusDevice? = nil,
        line: LineRequest? = nil
    ) -> DriverSettings {
        DriverSettings(
            sensorID: "test", every: .seconds(1), device: device, line: line, values: values, files: files)
    }
}

/// The fault that the settings are refused with.
func settingFault(_ body: () throws -> Void) -> SettingFault? {
    do { try body() } catch { return error as? SettingFault }
    return nil
}

/// One measurement as the Sampler makes it: every step with the time that the driver asks for, and nothing kept of a
/// failed one.
func measure<D: BusDriver>(
    _ driver: inout D, on bus: inout some Bus, _ clock: StillClock
) throws(SensorFault) -> [Sample] {
    var samples = Samples(capacity: 256)
    do throws(SensorFault) {
        clock.pass(try driver.start(on: &bus))
        var steps = 0
        while let wait = try driver.collect(from: &bus, into: &samples) {
            clock.pass(wait)
            steps += 1
            precondition(steps < Driver.stepsPerMeasurement, "a measurement that never ends")
        }
    } catch {
        driver.forget()
        throw error
    }
    return samples.all
}

/// The physical values of samples, in order; nan for an exact one.
func physical(_ samples: [Sample]) -> [Double] {
    samples.map { if case .physical(let value) = $0.measurement { value } else { .nan } }
}
