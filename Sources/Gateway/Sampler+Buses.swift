// The Sampler's chips on buses, and what a chip or a bus that hangs may cost the others: one bounded time-out for each
// attempt, and ever fewer attempts.
//
// A chip whose transfer times out is left alone for a while. When the next transfer on the same bus times out too,
// whoever makes it, the bus itself is taken to be stuck: nobody uses it until its pause is over, then the first who is
// due tries. Pauses double from `Limits.busPauseFirst` to `busPauseLongest`, and end with the first success. Losing a
// bus and getting it back are notices of their own.

import Sensors
import World

/// How long something that hung is left alone.
struct Pause {
    private(set) var until: Boottime?
    private(set) var fault = SensorFault.bus(.timedOut)
    private var next = Limits.busPauseFirst

    /// The fault to tell meanwhile; nil when it may be tried.
    func stands(at now: Boottime) -> SensorFault? { until.map { now < $0 } == true ? fault : nil }

    mutating func begin(at now: Boottime, _ fault: SensorFault) {
        self.fault = fault
        until = now + next
        next = min(next * 2, Limits.busPauseLongest)
    }

    mutating func end() { self = Pause() }
}

struct BusHealth {
    var pause = Pause()
    /// The sensor whose transfer timed out last, and no other's went well since.
    var suspect: Int?
    var isLost = false
}

extension Sampler where B: ~Copyable, L: ~Copyable, A: ~Copyable {
    mutating func startChip(_ index: Int, _ place: Int, now: Boottime) {
        let number = health(of: index)
        if let fault = buses[number].pause.stands(at: now) ?? states[index].pause.stands(at: now) {
            return fail(index, fault)
        }
        do throws(SensorFault) {
            if !states[index].isClaimed, let device = states[index].device {
                do throws(BusFault) { try bus.claim(device) } catch { throw .bus(error) }
                states[index].isClaimed = true
            }
            states[index].steps = 0
            states[index].startedAt = clock.now()
            let wait = try busDrivers[place].start(on: &bus)
            // Well only once it is collected: a chip that measures by itself is started without a word on the wires.
            states[index].collectAt = clock.now() + wait
        } catch { chipFailed(index, place, bus: number, error) }
    }

    /// False while the measurement goes on.
    mutating func collectChip(_ index: Int, _ place: Int) throws(SensorFault) -> Bool {
        let number = health(of: index)
        do throws(SensorFault) {
            if let fault = buses[number].pause.stands(at: clock.now()) { throw fault }
            guard let wait = try busDrivers[place].collect(from: &bus, into: &samples) else {
                isWell(index, bus: number)
                return true
            }
            states[index].steps += 1
            invariant(
                states[index].steps < Driver.stepsPerMeasurement, "sensor \(states[index].id) never ends measuring")
            states[index].collectAt = clock.now() + wait
            return false
        } catch {
            chipFailed(index, place, bus: number, error)
            return false
        }
    }

    private mutating func chipFailed(_ index: Int, _ place: Int, bus number: Int, _ fault: SensorFault) {
        states[index].isClaimed = false
        busDrivers[place].forget()
        switch fault {
        case .bus(.timedOut), .bus(.stuck):
            let now = clock.now()
            // A pause that stands is no attempt.
            if buses[number].pause.stands(at: now) == nil {
                states[index].pause.begin(at: now, fault)
                if buses[number].suspect.map({ $0 != index }) ?? false || buses[number].isLost {
                    buses[number].pause.begin(at: now, .bus(.stuck))
                    tellBus(number, isLost: true)
                    return fail(index, .bus(.stuck))
                }
                buses[number].suspect = index
            }
        default: break
        }
        fail(index, fault)
    }

    private mutating func isWell(_ index: Int, bus number: Int) {
        states[index].pause.end()
        buses[number].pause.end()
        buses[number].suspect = nil
        tellBus(number, isLost: false)
    }

    private mutating func tellBus(_ number: Int, isLost: Bool) {
        guard buses[number].isLost != isLost else { return }
        buses[number].isLost = isLost
        note(Notice(kind: isLost ? .busLost : .busBack, sensor: UInt16(number), at: clock.now()))
    }

    private mutating func health(of index: Int) -> Int {
        let number = Int(states[index].device?.bus ?? 0)
        while buses.count <= number { buses.append(BusHealth()) }
        return number
    }
}
