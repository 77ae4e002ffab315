// Same seed, same bytes: the plan, the trace, and a whole little world under every fault.

import SimulatedWorld
import Testing
import World

struct FaultPlanTests {
    private static let quiet = VirtualTime(nanoseconds: 1_800_000_000_000)

    @Test("The same seed gives the same plan, in order of time, and another seed another one")
    func deterministic() {
        for seed in 0..<50 as Range<UInt64> {
            let plan = FaultPlan(seed: seed, quietFrom: Self.quiet)
            #expect(plan.faults == FaultPlan(seed: seed, quietFrom: Self.quiet).faults)
            #expect(plan.faults.map(\.at) == plan.faults.map(\.at).sorted(), "seed \(seed)")
            #expect(plan.faults != FaultPlan(seed: seed + 1, quietFrom: Self.quiet).faults, "seed \(seed)")
        }
    }

    @Test("Nothing happens after the quiet begins, which ends everything; every fault is one printable line")
    func quietAtLast() {
        for seed in 0..<50 as Range<UInt64> {
            let plan = FaultPlan(seed: seed, quietFrom: Self.quiet)
            #expect(plan.faults.last == ScheduledFault(at: Self.quiet, fault: .quiet))
            #expect(plan.faults.dropLast().allSatisfy { $0.at < Self.quiet }, "seed \(seed)")
            #expect(plan.faults.allSatisfy { line in !line.description.utf8.contains { $0 < 0x20 || $0 > 0x7E } })
        }
    }

    @Test("Over the seeds every kind of fault occurs, and every kind is absent from some plans")
    func swarm() {
        var plansWith: [String: Int] = [:]
        for seed in 0..<60 as Range<UInt64> {
            let kinds = FaultPlan(seed: seed, quietFrom: Self.quiet).faults.map { fault in
                String("\(fault.fault)".filter { $0.isLetter || $0 == " " }.prefix(18))
            }
            for kind in Set(kinds) { plansWith[kind, default: 0] += 1 }
        }
        let needed = [
            "no acknowledge fro", "a bit flips on the", "the wall clock ste", "the wall clock sle",
            "the broker goes aw",
            "the connection is ", "the session is tak", "the next acknowled", "the brokers quota ",
            "nobody subscribes ",
            "the disk is full", "the disk is readon", "the next sync fail", "the next sync hang", "the disk cannot be",
            "a sector goes bad ", "the runtime direct", "the broker refuses", "the process crashe", "the process is tol",
            "the power goes for",
        ]
        for kind in needed {
            let plans = plansWith[kind] ?? 0
            #expect(plans > 10 && plans < 60, "\(kind): \(plans) of 60")
        }
    }

    @Test("Faults are taken one by one when they are due")
    func taking() {
        var plan = FaultPlan(
            [
                ScheduledFault(at: VirtualTime(nanoseconds: 20), fault: .diskFull),
                ScheduledFault(at: VirtualTime(nanoseconds: 10), fault: .syncFails),
            ], quietFrom: VirtualTime(nanoseconds: 30))
        #expect(plan.nextDeadline == VirtualTime(nanoseconds: 10))
        var taken: [Fault] = []
        while let fault = plan.takeDue(by: VirtualTime(nanoseconds: 20)) { taken.append(fault.fault) }
        #expect(taken == [.syncFails, .diskFull] && plan.nextDeadline == VirtualTime(nanoseconds: 30))
        while plan.takeDue(by: .distantFuture) != nil {}
        #expect(plan.nextDeadline == nil)
    }

    @Test("The trace keeps the last 50 lines, prints each once, and its hash tells two traces apart")
    func trace() {
        var printed: [String] = []
        let clock = SimulatedClock(seed: 1)
        let trace = Trace(clock: clock) { printed.append($0) }
        for number in 0..<120 {
            trace.note("test", "line \(number)")
            clock.advance(by: .milliseconds(1))
        }
        #expect(printed.count == 120 && trace.lines == 120 && trace.recent == Array(printed.suffix(50)))
        #expect(printed[119] == "     0.119000000 test    line 119")
        let other = Trace(clock: SimulatedClock(seed: 1))
        #expect(other.hash != trace.hash && other.recent.isEmpty)
    }

    @Test("A small process under every fault: the same seed, byte for byte the same trace; another seed another one")
    func sameSeedSameBytes() {
        var hashes: Set<UInt64> = []
        for seed in 0..<20 as Range<UInt64> {
            let first = run(seed: seed)
            let second = run(seed: seed)
            #expect(first.text == second.text && first.hash == second.hash, "seed \(seed)")
            #expect(first.text.count > 200, "seed \(seed)")
            hashes.insert(first.hash)
        }
        #expect(hashes.count == 20)
    }

    @Test("When everything is quiet, disk and broker work again, whatever was wrong before")
    func worksWhenQuiet() {
        for seed in 100..<130 as Range<UInt64> {
            let last = run(seed: seed)
            #expect(last.acknowledgedWhenQuiet > 0 && last.syncedWhenQuiet > 0, "seed \(seed)")
        }
    }

    /// Publishes a number and writes it, again and again, under a plan of ten minutes.
    private func run(
        seed: UInt64
    ) -> (text: [String], hash: UInt64, acknowledgedWhenQuiet: Int, syncedWhenQuiet: Int) {
        var text: [String] = []
        let clock = SimulatedClock(seed: seed)
        let trace = Trace(clock: clock) { text.append($0) }
        let disk = SimulatedDisk(clock: clock, seed: seed, trace: trace)
        let broker = SimulatedBroker(clock: clock, seed: seed, trace: trace)
        let quiet = VirtualTime(nanoseconds: 600_000_000_000)
        var plan = FaultPlan(seed: seed, quietFrom: quiet)
        var process = TinyProcess(disk: disk.handle(), broker: broker.client())
        var (acknowledged, synced) = (0, 0)
        while clock.elapsed < quiet + .seconds(120) {
            let due = min(plan.nextDeadline ?? .distantFuture, clock.elapsed + .milliseconds(500))
            clock.advance(to: max(due, clock.elapsed))
            while let scheduled = plan.takeDue(by: clock.elapsed) {
                trace.note("fault", "\(scheduled.fault)")
                guard !scheduled.fault.strike(clock: clock, disk: disk, broker: broker) else { continue }
                if scheduled.fault == .processCrash {
                    endProcess(disk: disk, broker: broker)
                } else if case .powerCut(let off) = scheduled.fault {
                    cutPower(off: off, clock: clock, disk: disk, broker: broker)
                } else {
                    continue
                }
                process = TinyProcess(disk: disk.handle(), broker: broker.client())
            }
            let (acks, syncs) = process.step()
            if clock.elapsed > quiet { (acknowledged, synced) = (acknowledged + acks, synced + syncs) }
        }
        return (text, trace.hash, acknowledged, synced)
    }
}

/// The least that uses both seams: connects when it is not connected, publishes one byte and writes one byte at each
/// step.
private struct TinyProcess: ~Copyable {
    var disk: SimulatedDisk.Handle
    var broker: SimulatedBroker.Client
    private var isConnected = false
    private var isConnecting = false
    private var number: UInt64 = 0
    private var sinceAcknowledged = 0

    init(disk: consuming SimulatedDisk.Handle, broker: consuming SimulatedBroker.Client) {
        self.disk = disk
        self.broker = broker
    }

    mutating func step() -> (acknowledged: Int, synced: Int) {
        number += 1
        var (acknowledged, synced) = (0, 0)
        if !isConnected && !isConnecting {
            isConnecting = true
            broker.connect(
                SessionParameters(
                    address: BrokerAddress(host: "b", port: 1883), tls: nil, version: .v5, clientID: "n", username: nil,
                    password: nil, keepAliveSeconds: 20,
                    will: BrokerMessage(topic: "status", payload: [], isRetained: true)))
        }
        if isConnected {
            let byte = UInt8(truncatingIfNeeded: number)
            _ = withUnsafeBytes(of: byte) {
                try? broker.publish(topic: "t", payload: $0, qualityOfService: 1, retained: false)
            }
        }
        while let event = broker.nextEvent() {
            switch event {
            case .connected: (isConnected, isConnecting) = (true, false)
            case .ended: (isConnected, isConnecting) = (false, false)
            case .acknowledged(_, let reason): acknowledged += reason < 0x80 ? 1 : 0
            case .received: break
            }
        }
        _ = disk.submit(DiskRequest(token: 0, work: .write(file: "f", offset: Int(number) % 4_000, bytes: [1, 2, 3])))
        _ = disk.submit(DiskRequest(token: 1, work: .sync(file: "f")))
        while let completion = disk.nextCompletion() {
            if completion.token == 1, case .done = completion.result { synced += 1 }
        }
        return (acknowledged, synced)
    }
}
