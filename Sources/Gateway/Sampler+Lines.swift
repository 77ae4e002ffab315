// The Sampler's lines: requested when first measured, their edges taken as they come, their counters kept for a
// restart.

import Sensors
import World

extension Sampler where B: ~Copyable, L: ~Copyable, A: ~Copyable {
    mutating func collectLine(_ index: Int, _ place: Int, now: Boottime) {
        samples.removeAll()
        do throws(LineFault) {
            if let line = states[index].line {
                lineDrivers[place].collect(at: now, isActive: try lines.isActive(line), into: &samples)
            } else {
                let line = try lines.request(lineDrivers[place].request)
                states[index].line = line
                while lineOwners.count <= Int(line.index) { lineOwners.append(-1) }
                lineOwners[Int(line.index)] = index
                lineDrivers[place].begin(at: now, isActive: try lines.isActive(line), into: &samples)
            }
            succeed(index)
            keepCounter(index, place)
        } catch { fail(index, .line(error)) }
    }

    /// True when there may be more than one step should take.
    mutating func takeEdges() -> Bool {
        for _ in 0..<Limits.edgesPerStep {
            guard let edge = lines.nextEdge() else { return false }
            guard Int(edge.line.index) < lineOwners.count, lineOwners[Int(edge.line.index)] >= 0 else { continue }
            let index = lineOwners[Int(edge.line.index)]
            guard case .line(let place) = states[index].driver else { continue }
            samples.removeAll()
            lineDrivers[place].edge(edge, into: &samples)
            if samples.count > 0 {
                states[index].startedAt = edge.at
                emit(index)
            }
            keepCounter(index, place)
        }
        return true
    }

    func keepCounter(_ index: Int, _ place: Int) {
        if let checkpoint = lineDrivers[place].checkpoint { counters.set(states[index].number, checkpoint: checkpoint) }
    }
}
