// Long random traces against the reference: seal, offer, acknowledge, refuse, spill, roll, crash, power cut (also during
// recovery, twice), clock steps, full, read-only and failing disks, other limits after a restart.
//
// The invariants of a store-and-forward log, and the tests that can break them:
//
//   I1   what was sealed is there after any crash; after a power cut what is older than the loss window, or was offered
//        with a window of zero                         ModelTests, OutboxCrashTests (processCrash, powerCut, zeroWindow)
//   I2   nothing is offered that was not sealed, nor otherwise than it was sealed         ModelTests, OutboxCrashTests
//   I3   batches of a lane go out in order, live and history each by itself        ModelTests, OutboxServiceTests.order
//   I4   the cursor never passes a batch that is neither acknowledged nor told                              ModelTests
//   I5   a start never fails and never needs a human                 ModelTests, OutboxCrashTests, OutboxServiceTests
//   I6   what is sound before and behind damage is delivered           OutboxServiceTests.damage, UnreadableTests
//   I7   the flash holds at most `max_size` and one segment, always    ModelTests, OutboxFailureTests.sizeLimit
//   I8   an acknowledged batch comes again only after a power cut, and only when no checkpoint knew of it   ModelTests
//   I9   what is lost is told, once, with its counts          ModelTests, OutboxFailureTests, RuntimeDirectoryTests
//   I10  a crash during recovery, and another one during the next, changes nothing     ModelTests, OutboxCrashTests
//
// CITYEDGE_TRACES=2000 swift test --filter ModelTests runs so many; CITYEDGE_SEED=7 begins at that seed. A single trace
// prints its steps and what the disk was asked for.

import Glibc
import SimulatedWorld
import Synchronization
import Testing
import World

@testable import Outbox

private func number(_ name: String, or other: UInt64) -> UInt64 {
    getenv(name).flatMap { UInt64(String(cString: $0)) } ?? other
}

private let traces = number("CITYEDGE_TRACES", or: 40)
private let firstSeed = number("CITYEDGE_SEED", or: 1)
private let chunk: UInt64 = 20

struct ModelTests {
    private static let totals = Mutex<ModelTotals>(ModelTotals())

    @Test(
        "Whatever happens, in any order, every batch is held, acknowledged or told as lost, and the limits hold",
        arguments: 0..<(traces + chunk - 1) / chunk)
    func model(part: UInt64) throws {
        for seed in firstSeed + part * chunk..<firstSeed + min((part + 1) * chunk, traces) {
            let model = try Model(seed: seed, print: traces == 1 ? { print($0) } : nil)
            model.run()
            let problems = model.reference.problems
            #expect(
                problems.isEmpty,
                """
                seed \(seed), step \(model.steps) (\(model.lastOperation)): \(problems.prefix(3))
                show it again with: CITYEDGE_SEED=\(seed) CITYEDGE_TRACES=1 swift test --filter ModelTests
                """)
            Self.totals.withLock { $0.add(model) }
        }
        let all = Self.totals.withLock { $0 }
        if all.traces == traces { print("model: \(all)") }
    }
}

private struct ModelTotals: CustomStringConvertible {
    var traces: UInt64 = 0
    var (steps, batches, crashes, cuts, told, offered) = (0, 0, 0, 0, 0, 0)

    mutating func add(_ model: Model) {
        traces += 1
        steps += model.steps
        batches += model.reference.batches.count
        crashes += model.crashes
        cuts += model.cuts
        told += model.reference.batches.values.count { $0.fate == .told }
        offered += model.offered
    }

    var description: String {
        "\(traces) traces, \(steps) steps, \(batches) batches, \(crashes) crashes of the process, \(cuts) power cuts, "
            + "\(offered) batches offered, \(told) told as lost, lost otherwise 0"
    }
}
