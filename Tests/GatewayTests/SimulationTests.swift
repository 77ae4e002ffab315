// The whole agent in simulated worlds: whatever happens, the books balance, and a seed says everything.

import Agent
import Testing

@Suite("Simulation") struct SimulationTests {
    @Test("Every reading is delivered, told as given up, or within what a power cut may take", arguments: 1...40)
    func balances(_ seed: Int) throws {
        let simulation = try Simulation(site: simulationSite(), seed: UInt64(seed))
        let verdict = simulation.run(until: nil)
        #expect(verdict.problem == nil, "show it again with: cityedge simulate --seed \(seed)")
        #expect(verdict.taken > 100)
    }

    @Test("The same seed gives the same trace, another seed another", arguments: [1, 7, 23])
    func repeats(_ seed: Int) throws {
        func hash(_ seed: Int) throws -> UInt64 {
            let simulation = try Simulation(site: simulationSite(), seed: UInt64(seed))
            _ = simulation.run(until: nil)
            return simulation.trace.hash
        }
        let first = try hash(seed)
        #expect(try hash(seed) == first)
        #expect(try hash(seed + 1) != first)
    }
}
