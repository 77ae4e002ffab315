// The lines: requested when first measured, their edges taken as they come, their counters kept for a restart.
//
// A line that fails (its chip was unbound, its adapter unplugged) is given up and requested anew when the sensor is
// next due, by its chip's label: the chip may come back under another number. What it counted meanwhile nobody knows;
// the driver says so by its quality.

import Sensors
import World

/// Whose a line is.
struct LineOwner {
    var sensor: Int
    var isSecond: Bool
}

extension Sampler where B: ~Copyable, L: ~Copyable, A: ~Copyable {
    /// Begins a measurement: requests the lines where they are not held.
    mutating func startLine(_ index: Int, _ place: Int, now: Boottime) {
        guard states[index].held == nil else { return advanceLine(index, place, now: now) }
        samples.removeAll()
        do throws(LineFault) {
            let line = try requestLine(lineDrivers[place].request, for: index, isSecond: false)
            states[index].held = HeldLines(line: line)
            let request = lineDrivers[place].secondRequest
            if let request {
                let second = try requestLine(request, for: index, isSecond: true)
                states[index].held = HeldLines(line: line, second: second)
                lineDrivers[place].beginSecond(at: now, isActive: try lines.isActive(second))
            }
            lineDrivers[place].begin(at: now, isActive: try lines.isActive(line), into: &samples)
        } catch { return lineFailed(index, .line(error)) }
        keepCounter(index, place)
        advanceLine(index, place, now: now, isFirst: true)
    }

    private mutating func requestLine(
        _ request: LineRequest, for sensor: Int, isSecond: Bool
    ) throws(LineFault) -> LineHandle {
        let handle = try lines.request(request)
        while lineOwners.count <= Int(handle.index) { lineOwners.append(nil) }
        lineOwners[Int(handle.index)] = LineOwner(sensor: sensor, isSecond: isSecond)
        return handle
    }

    /// One step of a measurement, or its end. `isFirst`: the lines have been requested just now, and what their driver
    /// had to say of them stands in `samples`.
    mutating func advanceLine(_ index: Int, _ place: Int, now: Boottime, isFirst: Bool = false) {
        guard let held = states[index].held else { return }
        do throws(SensorFault) {
            if let wait = try lineDrivers[place].advance(at: now, on: &lines, held) {
                states[index].drives = true
                // No step is so short that others need not get their turn.
                states[index].collectAt = clock.now() + max(wait, .microseconds(100))
                if isFirst { emit(index) }
                return
            }
            // What was requested just now has seen nothing yet.
            if isFirst { return succeed(index) }
            samples.removeAll()
            let isActive: Bool
            do throws(LineFault) { isActive = try lines.isActive(held.line) } catch { throw .line(error) }
            try lineDrivers[place].collect(at: now, isActive: isActive, into: &samples)
            succeed(index)
            setMeter(index, place)
            keepCounter(index, place)
        } catch { lineFailed(index, error) }
    }

    private mutating func lineFailed(_ index: Int, _ fault: SensorFault) {
        if case .line = fault { giveUpLines(index) }
        fail(index, fault)
    }

    private mutating func giveUpLines(_ index: Int) {
        guard let held = states[index].held else { return }
        states[index].held = nil
        for line in [held.line, held.second] {
            guard let line else { continue }
            lines.giveUp(line)
            lineOwners[Int(line.index)] = nil
        }
    }

    /// The orderly end: counters and states say where they stand, outputs are left as they shall be left. What would
    /// have to be started first is not.
    mutating func finishLine(_ index: Int, _ place: Int, now: Boottime) {
        if !states[index].drives { advanceLine(index, place, now: now) }
        // They may have been given up this very moment.
        if let held = states[index].held { lineDrivers[place].finish(on: &lines, held) }
    }

    /// True when there may be more than one step should take.
    mutating func takeEdges() -> Bool {
        for _ in 0..<Limits.edgesPerStep {
            guard let edge = lines.nextEdge() else { return false }
            guard Int(edge.line.index) < lineOwners.count, let owner = lineOwners[Int(edge.line.index)],
                case .line(let place) = states[owner.sensor].driver
            else { continue }
            samples.removeAll()
            if owner.isSecond {
                lineDrivers[place].secondEdge(edge, into: &samples)
            } else {
                lineDrivers[place].edge(edge, into: &samples)
            }
            if samples.count > 0 {
                states[owner.sensor].startedAt = edge.at
                emit(owner.sensor)
            }
            keepCounter(owner.sensor, place)
        }
        return true
    }

    /// What the technician has read off the meter, once everything counted so far is a reading.
    private mutating func setMeter(_ index: Int, _ place: Int) {
        guard let asked = meters?.take(states[index].number) else { return }
        let scale = states[index].channels.count > 1 ? states[index].channels[1].scale : nil
        let isDone = lineDrivers[place].total != nil && asked.scale == scale && lineDrivers[place].setTotal(asked.total)
        if isDone {
            note(
                Notice(
                    kind: .counterSet, sensor: UInt16(states[index].number), at: clock.now(),
                    value: lineDrivers[place].total ?? 0))
        }
        meters?.answer(states[index].number, isDone: isDone)
    }

    func keepCounter(_ index: Int, _ place: Int) {
        if let checkpoint = lineDrivers[place].checkpoint { counters.set(states[index].number, checkpoint: checkpoint) }
    }
}
