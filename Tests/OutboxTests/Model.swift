// One random trace: does something to an outbox over a simulated disk, and tells the reference.

import SimulatedWorld
import World

@testable import Outbox

final class Model {
    let bench: Bench
    private(set) var reference = Reference()
    private(set) var steps = 0
    private(set) var lastOperation = "start"
    private(set) var crashes = 0
    private(set) var cuts = 0
    private(set) var offered = 0
    private var random: Random
    private var inFlight: [[BatchID]] = []
    private var nextTag: Int64 = 0
    /// Until a smaller limit is reached, what was there may stay.
    private var ceiling: Int
    private var problems: [String] = []
    private var trace: Trace?

    /// `print`: told every step and every request of the disk.
    init(seed: UInt64, print: ((String) -> Void)? = nil) throws {
        random = Random(seed: seed, purpose: "model")
        var limits = Bench.limits
        limits.flashSegmentBytes = 32 << 10
        limits.memorySegmentBytes = 8 << 10
        limits.readChunkBytes = 8 << 10
        limits.historyOldestFirst = random.chance(2, in: 3)
        if random.chance(1, in: 5) { limits.lossWindow = .zero }
        bench = try Bench(seed: seed, limits: limits, print: print)
        trace = bench.trace
        ceiling = .max
        chooseLimits()
        bench.disk.observer = { [unowned self] flash in watch(flash.bytesUsed) }
        restart()
    }

    func run() {
        while steps < 120, reference.problems.isEmpty, problems.isEmpty {
            steps += 1
            operate()
            collect()
            reference.check(bench.box!.uplink)
        }
        settle()
        reference.add(problems)
    }

    private func operate() {
        switch random.below(24) {
        case 0...4: perform("seal") { sealSome(1 + Int(random.below(6)), every: .milliseconds(700)) }
        case 5: perform("seal many") { sealSome(20 + Int(random.below(60)), every: .milliseconds(60)) }
        case 6...8: perform("wait") { advance(.milliseconds(Int64(random.below(9_000)))) }
        case 9...12: perform("session") { session(for: .milliseconds(Int64(200 + random.below(4_000)))) }
        case 13: perform("end of session") { endSession() }
        case 14: perform("crash") { crash() }
        case 15: perform("power cut") { cutPower() }
        case 16:
            perform("crashes during recovery") {
                for _ in 0..<2 {
                    if random.chance(1, in: 2) { crash() } else { cutPower() }
                    advance(.milliseconds(Int64(random.below(40))))
                }
                crash()
            }
        case 17: perform("disk full") { bench.disk.isFull.toggle() }
        case 18: perform("disk read-only") { bench.disk.isReadOnly.toggle() }
        case 19: perform("syncs fail") { bench.disk.failSyncs(1 + Int(random.below(3))) }
        case 20: perform("a sync hangs") { bench.disk.hangNextSync(for: .seconds(Int64(1 + random.below(200)))) }
        case 21: perform("reads fail") { bench.disk.failsReads.toggle() }
        case 22: perform("clock step") { bench.clock.step(by: .seconds(Int64(random.below(1 << 30)) - 1 << 29)) }
        default:
            perform("checkpoint") { bench.box!.writeCheckpoint(now: bench.now, counters: [(key: 1, total: 1)]) }
        }
    }

    private func perform(_ name: String, _ body: () -> Void) {
        lastOperation = name
        trace?.note("step", "\(steps): \(name)")
        body()
    }

    // MARK: Operations

    private func sealSome(_ count: Int, every gap: Duration) {
        for _ in 0..<count {
            let lane = [Lane.readings, .readings, .readings, .readings, .events, .contributions, .security][
                Int(random.below(7))]
            let id = BatchID(stream: bench.box!.stream, lane: lane, sequence: bench.box!.nextSequence(lane))
            let anchor = random.chance(1, in: 3) ? nil : Anchor(offsetNanoseconds: 1, boundNanoseconds: 1)
            if lane == .readings {
                let values = bench.append(1 + Int(random.below(100)))
                reference.seal(id, values, at: bench.clock.elapsed)
                bench.box!.seal(anchor: anchor)
            } else {
                nextTag += 1
                let body = Array(String(nextTag).utf8) + [UInt8](repeating: 0x20, count: Int(random.below(400)))
                reference.seal(id, [nextTag], at: bench.clock.elapsed)
                bench.box!.seal([Item(time: bench.now.truncatedToMicroseconds, body: body)], lane: lane, anchor: anchor)
            }
            advance(gap)
        }
    }

    private func advance(_ duration: Duration) {
        bench.run(for: duration)
        collect()
    }

    /// Takes what was told.
    private func collect() {
        if !isRecalled, bench.box!.isRecovered {
            isRecalled = true
            reference.recall(bench.box!.recoveredCheckpoint?.cursor ?? Cursor())
        }
        for loss in bench.losses { reference.tell(loss) }
        bench.losses = []
    }

    private func session(for duration: Duration, isPatient: Bool = false) {
        inFlight = []
        bench.isOffering = true
        bench.box!.beginSession(now: bench.now)
        var order: [OrderKey: UInt64] = [:]
        var isOrdered = limitsOrder
        let end = bench.clock.elapsed + duration
        while bench.clock.elapsed < end {
            while inFlight.count < 6, let delivery = nextOffer() {
                let ids = take(delivery)
                if isOrdered || delivery.isLive { noteOrder(delivery, &order) }
                if random.chance(1, in: 60), !isPatient {
                    bench.box!.giveUp(delivery, reason: "too large")
                } else {
                    bench.box!.sent(delivery)
                    inFlight.append(ids)
                }
            }
            if !inFlight.isEmpty {
                switch random.below(isPatient ? 1 : 12) {
                case 0...8:
                    let ids = inFlight.remove(at: Int(random.below(UInt64(inFlight.count))))
                    for id in ids { reference.acknowledge(id) }
                    bench.box!.acknowledge(ids[0])
                case 9:
                    isOrdered = false
                    bench.box!.refuse(inFlight.removeFirst()[0])
                default: break
                }
            }
            bench.step()
            collect()
            if isPatient, bench.box!.isDrained { return }
            if bench.disk.failsReads { isOrdered = false }
            let soon = bench.clock.elapsed + .milliseconds(inFlight.isEmpty ? 20 : 2)
            bench.clock.advance(to: min(end, max(bench.clock.elapsed, min(bench.disk.nextDeadline ?? soon, soon))))
        }
    }

    private struct OrderKey: Hashable {
        var stream: StreamID
        var lane: Lane
        var isLive: Bool
    }

    /// What a disk in trouble left in several pieces may be read in another order.
    private var limitsOrder: Bool { bench.limits.historyOldestFirst && crashes + cuts == 0 && !hasHadTrouble }
    private var hasHadTrouble: Bool { bench.disk.statistics.failures > 0 }

    private func noteOrder(_ delivery: OfferedBatches, _ order: inout [OrderKey: UInt64]) {
        let key = OrderKey(stream: delivery.stream, lane: delivery.lane, isLive: delivery.isLive)
        if let last = order[key], delivery.range.first <= last {
            problems.append("I3: \(delivery.lane.name) \(delivery.range.first) after \(last), live: \(delivery.isLive)")
        }
        order[key] = delivery.range.last
    }

    private func nextOffer() -> OfferedBatches? {
        if case .delivery(let live) = bench.box!.nextLive() { return live }
        if case .delivery(let late) = bench.box!.nextHistory() { return late }
        return nil
    }

    /// Shows the reference what is in an offer.
    private func take(_ delivery: OfferedBatches) -> [BatchID] {
        var ids: [BatchID] = []
        for batch in bench.box!.batches
        where delivery.range.first <= batch.sequence && batch.sequence <= delivery.range.last {
            let id = BatchID(stream: delivery.stream, lane: delivery.lane, sequence: batch.sequence)
            let values =
                delivery.lane == .readings
                ? bench.box!.values(of: batch)
                : bench.box!.items.map { Int64(String(decoding: $0.body.prefix { $0 != 0x20 }, as: UTF8.self)) ?? -1 }
            reference.offer(id, values)
            ids.append(id)
        }
        offered += ids.count
        return ids
    }

    private func endSession() {
        bench.box!.endSession()
        bench.isOffering = false
        inFlight = []
    }

    // MARK: The end of a process

    private func crash() {
        crashes += 1
        bench.crash()
        restart()
    }

    private func cutPower() {
        cuts += 1
        let since = min(bench.disk.troubleSince ?? bench.clock.elapsed, heldUpSince ?? bench.clock.elapsed)
        let edge = since + (.zero - bench.limits.lossWindow - .milliseconds(500))
        trace?.note("step", "power cut, edge \(max(edge, .zero))")
        reference.cutPower(bench.box!.stream, edge: bench.limits.lossWindow == .zero ? nil : edge)
        bench.cutPower()
        isRecalled = false
        restart()
    }

    /// Since when processes have begun that may not have come to spilling.
    private var heldUpSince: VirtualTime? { bench.clock.elapsed - lastBegan < .seconds(4) ? began : nil }
    private var began = VirtualTime.zero
    private var lastBegan = VirtualTime.zero
    /// What the checkpoint on flash knows has been taken into account.
    private var isRecalled = true

    private func restart() {
        bench.isOffering = false
        inFlight = []
        if random.chance(1, in: 3) { chooseLimits() }
        began = heldUpSince ?? bench.clock.elapsed
        lastBegan = bench.clock.elapsed
        do { try bench.start() } catch { problems.append("I5: a start failed: \(error)") }
    }

    private func chooseLimits() {
        bench.limits.flashBytesMax = [128 << 10, 192 << 10, 1 << 20][Int(random.below(3))]
        bench.limits.memoryBytesMax = [64 << 10, 256 << 10][Int(random.below(2))]
        bench.limits.keepAcknowledgedBytes = [8 << 10, 32 << 10][Int(random.below(2))]
        ceiling = max(allowed, bench.disk.flash.bytesUsed + bench.limits.flashSegmentBytes)
    }

    // MARK: Limits

    private var allowed: Int { bench.limits.flashBytesMax + bench.limits.flashSegmentBytes }

    private func watch(_ bytes: Int) {
        if bytes > ceiling { problems.append("I7: \(bytes) bytes on flash, at most \(ceiling) allowed") }
        ceiling = max(allowed, min(ceiling, bytes + bench.limits.flashSegmentBytes))
    }

    /// Everything that is wrong ends; then everything has to drain.
    private func settle() {
        guard reference.problems.isEmpty, problems.isEmpty else { return }
        lastOperation = "end"
        bench.disk.calm()
        advance(.seconds(70))
        let memory = bench.box!.memoryBytes
        if memory > bench.limits.memoryBytesMax + bench.limits.memorySegmentBytes {
            problems.append("memory tier of \(memory) bytes")
        }
        session(for: .seconds(400), isPatient: true)
        reference.check(bench.box!.uplink)
        if !bench.box!.isDrained { problems.append("not drained: \(bench.box!.undrained)") }
        reference.checkAllAccounted()
        advance(.seconds(15))
        // With a window of zero every batch comes through the open segment: it is kept until it has grown.
        let isKept = bench.limits.lossWindow == .zero
        if !isKept, !bench.segmentsOnFlash.isEmpty { problems.append("left on flash: \(bench.segmentsOnFlash)") }
    }
}
