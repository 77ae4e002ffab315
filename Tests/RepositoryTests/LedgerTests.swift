// What users of other agents suffer from, as far as it concerns the outbox: our answer, and the test that shows it. Kept
// honest by checking that every test named here exists.

import Testing

private struct Entry: Sendable {
    var pain: String
    var seenIn: String
    var answer: String
    /// `Suite.function`; empty: not covered, and `answer` says why.
    var tests: [String]
}

struct LedgerTests {
    private static let ledger = [
        Entry(
            pain: "a corrupt file stops the start", seenIn: "telegraf#18528, fluent-bit#5265 #5003, vector#18336 #19759",
            answer: "starts anyway, keeps what is sound before and behind the damage, tells the rest",
            tests: ["OutboxServiceTests.damage", "OutboxCrashTests.everyOutcome", "CheckpointTests.hostile"]),
        Entry(
            pain: "an endless loop or deadlock after a reset", seenIn: "vector#17644 #16463 #19155",
            answer: "every trace drains in bounded virtual time; a simulation without progress fails",
            tests: ["ModelTests.model", "SimulationTests.balances", "OutboxCrashTests.recoveryCutTwice"]),
        Entry(
            pain: "the whole backlog or the last row is sent again", seenIn: "telegraf#16500 #16981",
            answer: "acknowledged ranges are kept on the tmpfs, in the checkpoint and by unlinked segments",
            tests: ["OutboxServiceTests.secondSession", "RuntimeDirectoryTests.cursorWhileFull", "ModelTests.model"]),
        Entry(
            pain: "duplicates", seenIn: "thingsboard-gateway#2098, mosquitto#1726",
            answer: "a batch keeps (node, stream, lane, seq) in every sending; only what was in flight comes again",
            tests: ["RuntimeDirectoryTests.gapInMemory", "OutboxCrashTests.processCrash", "ServiceTests.killed"]),
        Entry(
            pain: "the store is wiped by another configuration", seenIn: "thingsboard-gateway#2124",
            answer: "segments carry their own names; batches of two configurations go out each with its own",
            tests: ["OutboxCrashTests.twoConfigurations"]),
        Entry(
            pain: "the disk is filled, 45 GB", seenIn: "thingsboard-gateway#2094",
            answer: "never more than `max_size` and one segment",
            tests: ["OutboxFailureTests.sizeLimit", "ModelTests.model"]),
        Entry(
            pain: "a full disk stops the communication", seenIn: "iotedge#835, vector",
            answer: "sampling and live publishing go on from memory; what goes is told; it heals by itself",
            tests: ["OutboxFailureTests.failingDisk", "FullRuntimeTests.tombstone", "SimulationTests.balances"]),
        Entry(
            pain: "worn flash", seenIn: "iotedge#1274, influxdb#23040, SmartPi#50",
            answer: "what is acknowledged in time never touches the flash",
            tests: ["OutboxServiceTests.onlineWritesNothing"]),
        Entry(
            pain: "newest first, and which to drop", seenIn: "telegraf#15208 #15217",
            answer: "live before history; the oldest readings go first, each told with its counts",
            tests: ["OutboxServiceTests.order", "CourierTests.liveBeforeHistory", "OutboxFailureTests.sizeLimit"]),
        Entry(
            pain: "wrong dates after a boot",
            seenIn: "oem_gateway#12, OctoPi#606, homie-esp8266#620, firmware-one-openair#286, tuptime#33 #89",
            answer: "stored by boottime, settled by an anchor, never 1970",
            tests: ["CourierEndTests.unsettled", "CourierEndTests.settledInTime"]),
        Entry(
            pain: "clock quality cannot be seen", seenIn: "rezolus#1058",
            answer: "every batch says whether its clock was synced",
            tests: ["CourierEndTests.unsettled", "CourierEndTests.statusInAFullWindow"]),
        Entry(
            pain: "\"success\" while the broker is down", seenIn: "telegraf#14750",
            answer: "the cursor moves on an acknowledgement only",
            tests: ["CourierTests.cursor", "ModelTests.model"]),
        Entry(
            pain: "an unbounded queue in the client", seenIn: "mosquitto#3243, EdgeX#1516, thin-edge PR#4213",
            answer: "a small window in flight; everything else waits in the outbox, which is bounded",
            tests: ["SessionTests.window", "SessionTests.bytes", "OutboxServiceTests.fullCursor"]),
        Entry(
            pain: "a bridge drops while offline",
            seenIn: "mosquitto#3472 #3394 #2415 #2349 #2362, thin-edge#3083 #3185",
            answer: "no bridge in the path: what was sealed is delivered after the outage",
            tests: ["CourierTests.liveBeforeHistory", "ServiceTests.brokerRestarts"]),
        Entry(
            pain: "late batches in any order", seenIn: "iotagent-json#825",
            answer: "history goes oldest first within its lane",
            tests: ["OutboxServiceTests.order", "ModelTests.model"]),
        Entry(
            pain: "good records behind a bad one are not salvaged", seenIn: "fluent-bit#3229",
            answer: "the frame is found again behind any damage; an unreadable sector costs what it held",
            tests: ["SegmentTests.damageBetween", "SegmentTests.zeroedSectors", "UnreadableTests.lostSector"]),
        Entry(
            pain: "what was missed cannot be filled in later",
            seenIn: "esphome feature-requests#733 #888 #2628, Tasmota#8508",
            answer: "a lane of its own for history, at a rate of its own",
            tests: ["CourierTests.liveBeforeHistory", "RefusedTopicTests.historyRefused"]),
        Entry(
            pain: "the buffer cannot be sized", seenIn: "thingsboard-gateway#959",
            answer: "`outbox size` and `validate` say how many hours of outage it holds, within 30 % of the truth",
            tests: ["EstimateTests.hours"]),
        Entry(
            pain: "downstream lost what was delivered", seenIn: "iotagent-json#718",
            answer: "not covered: there is no replay on request yet", tests: []),
        Entry(
            pain: "time to live across a power cut is undefined", seenIn: "azure-docs#72820 #85803",
            answer: "not covered: nothing expires by age, so there is nothing to define", tests: []),
    ]

    /// `Suite.function` of every function in the tests.
    private static let functions: Set<String> = {
        var found: Set<String> = []
        for path in Repository.files(below: "Tests") where path.hasSuffix(".swift") {
            var suite = ""
            let text = String(decoding: Repository.bytes(of: path), as: UTF8.self)
            for line in text.split(separator: "\n") {
                let words = line.split { " (:<{".contains($0) }
                if line.first != " ", let place = words.firstIndex(of: "struct"), place + 1 < words.count {
                    suite = String(words[place + 1])
                }
                if line.hasPrefix("    func "), words.count > 1 { found.insert(suite + "." + words[1]) }
            }
        }
        return found
    }()

    @Test("Every test that the ledger of other agents' failures names exists, and two of its twenty have none yet")
    func ledger() {
        for entry in Self.ledger {
            for test in entry.tests { #expect(Self.functions.contains(test), "\(entry.pain): no test \(test)") }
            #expect(!entry.seenIn.isEmpty && (!entry.tests.isEmpty || entry.answer.hasPrefix("not covered")))
        }
        let covered = Self.ledger.count { !$0.tests.isEmpty }
        print("ledger: \(covered) of \(Self.ledger.count)")
        #expect(covered == 18 && Self.ledger.count == 20)
    }
}
