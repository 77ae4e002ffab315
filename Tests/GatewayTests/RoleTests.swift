import Outbox
import Sensors
import SimulatedWorld
import Testing
import World

@testable import Gateway

/// What the disk did, line by line.
private final class DiskLog { var lines: [String] = [] }

private func bench(_ log: DiskLog = DiskLog()) throws -> CourierBench {
    let clock = SimulatedClock(seed: 1, wallClock: .rightButNeverSynchronised)
    let trace = Trace(clock: clock) { log.lines.append($0) }
    let surroundings = CourierBench.Surroundings(
        clock: clock, disk: SimulatedDisk(clock: clock, seed: 1, trace: trace),
        broker: SimulatedBroker(clock: clock, seed: 1, profile: SimulatedBroker.Profile()))
    // So long that nothing goes to flash by itself.
    return try CourierBench(in: surroundings) { $0.lossWindow = .seconds(600) }
}

extension CourierBench {
    fileprivate var isSafe: Bool { courier.outbox.isEverythingSpilled }
    fileprivate var wantsPowerOff: Bool { courier.wantsPowerOff }

    fileprivate func tell(_ role: LineRole, _ isActive: Bool) {
        _ = notices.put(
            Notice(kind: .role, sensor: 0, at: clock.now(), value: isActive ? 1 : 0, detail: role.rawValue))
    }
}

@Suite("Roles of lines")
struct RoleTests {
    @Test("On power-fail the ring is sealed, all goes to flash and is synced, then the checkpoint; all in 200 ms")
    func powerFail() throws {
        let log = DiskLog()
        let bench = try bench(log)
        bench.broker.goAway(.unreachable)
        bench.run(.seconds(5))
        bench.counters.assign(1, key: 77, checkpoint: 4_711)
        let before = log.lines.count
        bench.take(0, 2_140)
        bench.tell(.powerFail, true)
        bench.run(.milliseconds(200))
        #expect(bench.backlog == 1 && bench.isSafe)
        let lines = log.lines.dropFirst(before).filter { $0.contains("write") || $0.contains("sync") }
        let checkpoint = try #require(lines.lastIndex { $0.contains("write") && $0.contains("checkpoint") })
        let segments = lines.indices.filter { lines[$0].contains("readings") || lines[$0].contains("events") }
        #expect(segments.contains { lines[$0].contains("write") } && segments.contains { lines[$0].contains("sync") })
        #expect(segments.allSatisfy { $0 < checkpoint } && lines.last?.contains("sync") == true, "\(Array(lines))")
        #expect(bench.journal.contains { $0.text.hasPrefix("everything is on flash after ") })

        // While it fails, whatever is sealed follows at once.
        bench.take(0, 2_141)
        bench.run(.milliseconds(1_500))
        #expect(bench.backlog == 2 && bench.isSafe)
        bench.tell(.powerFail, false)
        bench.run(.seconds(1))
        bench.take(0, 2_142)
        bench.run(.seconds(3))
        #expect(!bench.isSafe)
        bench.broker.comeBack()
        bench.run(.seconds(10))
        #expect(try bench.events("power").compactMap { $0["state"]?.string } == ["lost", "back"])
    }

    @Test("A battery that stays low asks for the board to be switched off, once all is on flash; a short dip does not")
    func lowBattery() throws {
        let bench = try bench()
        bench.run(.seconds(5))
        bench.tell(.lowBattery, true)
        bench.run(.seconds(8))
        bench.tell(.lowBattery, false)
        bench.run(.seconds(10))
        #expect(!bench.wantsPowerOff)
        bench.tell(.lowBattery, true)
        bench.run(.seconds(9))
        #expect(!bench.wantsPowerOff)
        bench.run(.seconds(2))
        #expect(bench.wantsPowerOff && bench.isSafe)
        #expect(try bench.events("battery").compactMap { $0["state"]?.string } == ["low", "ok", "low"])

        // Charged again with the board still on: no longer wanted, and wanted anew the next time.
        bench.tell(.lowBattery, false)
        bench.run(.seconds(1))
        #expect(!bench.wantsPowerOff)
        bench.tell(.lowBattery, true)
        bench.run(.seconds(12))
        #expect(bench.wantsPowerOff)
    }

    @Test("A tamper contact is an item of the security lane, with the edge's own time")
    func tamper() throws {
        let bench = try bench()
        bench.run(.seconds(5))
        bench.tell(.tamper, true)
        bench.tell(.tamper, false)
        bench.run(.seconds(3))
        let items = try bench.received("security").flatMap { $0["items"]?.elements ?? [] }
        #expect(items.compactMap { $0["kind"]?.string } == ["tamper", "tamper"])
        #expect(items.compactMap { $0["state"]?.string } == ["open", "closed"])
        #expect(items.compactMap { $0["sensor"]?.string } == ["air", "air"])
    }
}
