// What the simulated disk promises to the process that uses it, and to the one after it.

import SimulatedWorld
import Testing
import World

struct SimulatedDiskTests {
    private let clock = SimulatedClock(seed: 1)

    /// Submits everything and lets time go by until all is answered.
    private func run(_ works: [DiskWork], on disk: SimulatedDisk, _ handle: inout SimulatedDisk.Handle)
        -> [DiskCompletion]
    {
        var completions: [DiskCompletion] = []
        for (index, work) in works.enumerated() {
            while !handle.submit(DiskRequest(token: UInt64(index), work: work)) {
                clock.advance(to: disk.nextDeadline!)
                while let completion = handle.nextCompletion() { completions.append(completion) }
            }
        }
        while let due = disk.nextDeadline {
            clock.advance(to: max(due, clock.elapsed))
            while let completion = handle.nextCompletion() { completions.append(completion) }
        }
        return completions
    }

    private func isDone(_ completion: DiskCompletion?) -> Bool {
        if case .done? = completion?.result { true } else { false }
    }

    private func fault(_ completion: DiskCompletion?) -> DiskFault? {
        if case .failed(let fault)? = completion?.result { fault } else { nil }
    }

    @Test("Requests are completed in order, each later than the one before, and none before its time")
    func inOrder() {
        let disk = SimulatedDisk(clock: clock, seed: 1)
        var handle = disk.handle()
        for token in 0..<20 as Range<UInt64> {
            let taken = handle.submit(
                DiskRequest(token: token, work: .write(file: "a", offset: Int(token), bytes: [UInt8(token)])))
            #expect(taken)
        }
        var early = handle.nextCompletion()
        #expect(early == nil)
        var tokens: [UInt64] = []
        while let due = disk.nextDeadline {
            #expect(due > clock.elapsed)
            clock.advance(to: due)
            early = handle.nextCompletion()
            tokens.append(early!.token)
        }
        #expect(tokens == Array(0..<20))
        #expect(disk.flash.content(of: "a") == Array(0..<20))
        #expect(disk.statistics.bytesWritten == 20 && disk.statistics.writes == 20)
    }

    @Test("A full queue answers false, and takes a request again after a completion")
    func boundedQueue() {
        let disk = SimulatedDisk(clock: clock, seed: 1)
        var handle = disk.handle()
        var taken = 0
        while handle.submit(DiskRequest(token: 0, work: .list)) { taken += 1 }
        #expect(taken == 64)
        clock.advance(to: disk.nextDeadline!)
        let again = handle.submit(DiskRequest(token: 1, work: .list))
        #expect(again)
    }

    @Test("A full disk refuses what lengthens a file, still overwrites, and heals")
    func full() {
        let disk = SimulatedDisk(clock: clock, seed: 1)
        var handle = disk.handle()
        _ = run([.write(file: "a", offset: 0, bytes: [1, 2, 3])], on: disk, &handle)
        disk.isFull = true
        let results = run(
            [.write(file: "a", offset: 3, bytes: [4]), .write(file: "a", offset: 0, bytes: [9]), .list], on: disk,
            &handle)
        #expect(fault(results[0]) == .full && isDone(results[1]))
        if case .entries(_, let free) = results[2].result { #expect(free == 0) }
        disk.isFull = false
        let healed = run([.write(file: "a", offset: 3, bytes: [4])], on: disk, &handle)
        #expect(isDone(healed[0]) && disk.flash.content(of: "a") == [9, 2, 3, 4])
    }

    @Test("A disk is full when its capacity is used up, and a removal makes room")
    func capacity() {
        var profile = SimulatedDisk.Profile()
        profile.capacityBytes = 10
        let disk = SimulatedDisk(clock: clock, seed: 1, profile: profile)
        var handle = disk.handle()
        let bytes = [UInt8](repeating: 1, count: 10)
        let results = run(
            [
                .write(file: "a", offset: 0, bytes: bytes), .write(file: "b", offset: 0, bytes: bytes),
                .remove(file: "a"),
                .truncate(file: "b", bytes: 0), .write(file: "c", offset: 0, bytes: bytes),
            ], on: disk, &handle)
        #expect(isDone(results[0]) && fault(results[1]) == .full && isDone(results[4]))
    }

    @Test("Read-only refuses every change; a missing file is told as such; a failed sync is EIO, once")
    func faults() {
        let disk = SimulatedDisk(clock: clock, seed: 1)
        var handle = disk.handle()
        disk.isReadOnly = true
        let refused = run(
            [.write(file: "a", offset: 0, bytes: [1]), .remove(file: "a"), .syncDirectory, .list], on: disk, &handle)
        #expect(refused.prefix(3).allSatisfy { fault($0) == .readOnly } && fault(refused[3]) == nil)
        disk.isReadOnly = false
        let missing = run(
            [
                .sync(file: "a"), .remove(file: "a"), .truncate(file: "a", bytes: 0),
                .read(file: "a", offset: 0, count: 1),
            ], on: disk, &handle)
        #expect(missing.allSatisfy { fault($0) == .noSuchFile })
        disk.failSyncs(1)
        let synced = run(
            [.write(file: "a", offset: 0, bytes: [1]), .sync(file: "a"), .sync(file: "a")], on: disk, &handle)
        #expect(isDone(synced[0]) && fault(synced[1]) == .failed(errno: 5) && isDone(synced[2]))
        #expect(disk.statistics.syncs == 3)
    }

    @Test("A sync that hangs delays what is behind it, and ends when everything is calmed")
    func hang() {
        let disk = SimulatedDisk(clock: clock, seed: 1)
        var handle = disk.handle()
        disk.hangNextSync(for: .seconds(60))
        for work in [DiskWork.syncDirectory, .list] {
            let taken = handle.submit(DiskRequest(token: 0, work: work))
            #expect(taken)
        }
        clock.advance(by: .seconds(59))
        var completion = handle.nextCompletion()
        #expect(completion == nil)
        disk.calm()
        clock.advance(by: .seconds(7))
        completion = handle.nextCompletion()
        #expect(completion != nil)
    }

    @Test("A mapped file survives the crash of the process; a store by what is left of that process is lost")
    func runtimeSurvivesCrash() throws {
        let disk = SimulatedDisk(clock: clock, seed: 1)
        var first = disk.handle()
        let mapping = try first.map("open", bytes: 100)
        #expect(mapping.allSatisfy { $0 == 0 })
        mapping[7] = 42
        try [UInt8]([1, 2]).withUnsafeBytes { try first.runtimeWrite("note", at: 3, $0) }
        disk.crashProcess()
        mapping[7] = 99
        var second = disk.handle()
        let entries = try second.runtimeList()
        #expect(entries == [FileEntry(name: "note", bytes: 5), FileEntry(name: "open", bytes: 100)])
        let again = try second.map("open", bytes: 100)
        #expect(again[7] == 42)
        var reply = [UInt8](repeating: 7, count: 10)
        let count = try reply.withUnsafeMutableBytes {
            try second.runtimeRead("note", at: 2, into: $0)
        }
        #expect(count == 3 && reply.prefix(3) == [0, 1, 2])
        let other = try second.map("open", bytes: 50)
        #expect(other.count == 50 && other.allSatisfy { $0 == 0 }, "another size is another file")
        #expect(again[7] == 42, "a mapping stays for the life of the process")
    }

    @Test("A power cut wipes the runtime directory, and a runtime directory that is full says so")
    func runtimeWiped() throws {
        var profile = SimulatedDisk.Profile()
        profile.runtimeCapacityBytes = 1_000
        let disk = SimulatedDisk(clock: clock, seed: 1, profile: profile)
        var first = disk.handle()
        _ = try first.map("open", bytes: 1_000)
        var seen: DiskFault?
        do throws(DiskFault) { _ = try first.map("more", bytes: 1) } catch { seen = error }
        #expect(seen == .full)
        disk.powerCut()
        var second = disk.handle()
        let entries = try second.runtimeList()
        #expect(entries.isEmpty)
    }

    @Test("When the process dies some first requests of its queue are carried out, in order, and none is answered")
    func crashWithQueue() {
        var prefixes: Set<Int> = []
        var partial = false
        for seed in 0..<100 as Range<UInt64> {
            let disk = SimulatedDisk(clock: clock, seed: seed)
            var handle = disk.handle()
            for index in 0..<4 {
                _ = handle.submit(
                    DiskRequest(
                        token: 0,
                        work: .write(file: "f\(index)", offset: 0, bytes: [UInt8](repeating: 1, count: 10_000))))
            }
            disk.crashProcess()
            #expect(disk.nextDeadline == nil)
            let entries = disk.flash.entries
            #expect(entries.map(\.name) == (0..<entries.count).map { "f\($0)" }, "seed \(seed)")
            #expect(entries.dropLast().allSatisfy { $0.bytes == 10_000 }, "seed \(seed)")
            if let last = entries.last, last.bytes < 10_000 {
                partial = true
                #expect(last.bytes % 4_096 == 0, "seed \(seed)")
            }
            prefixes.insert(entries.filter { $0.bytes == 10_000 }.count)
            var next = disk.handle()
            clock.advance(by: .seconds(10))
            let completion = next.nextCompletion()
            #expect(completion == nil, "seed \(seed)")
        }
        #expect(prefixes == [0, 1, 2, 3, 4] && partial)
    }

    @Test("What was synced before the power cut is there after it; a kill of the process loses nothing written")
    func durability() {
        for seed in 0..<200 as Range<UInt64> {
            let disk = SimulatedDisk(clock: clock, seed: seed)
            var handle = disk.handle()
            let bytes = [UInt8](repeating: 3, count: 3_000)
            _ = run(
                [
                    .write(file: "a", offset: 0, bytes: bytes), .sync(file: "a"), .syncDirectory,
                    .write(file: "a", offset: 3_000, bytes: bytes),
                ], on: disk, &handle)
            disk.crashProcess()
            #expect(disk.flash.content(of: "a") == bytes + bytes, "seed \(seed)")
            disk.powerCut()
            #expect(disk.flash.content(of: "a")?.prefix(3_000) == bytes[...], "seed \(seed)")
        }
    }

    @Test("A bad sector fails every read that touches it, for as long as its file exists; others work")
    func badSector() {
        let disk = SimulatedDisk(clock: clock, seed: 1)
        var handle = disk.handle()
        _ = run([.write(file: "a", offset: 0, bytes: [UInt8](repeating: 1, count: 1_500))], on: disk, &handle)
        // The second of three sectors.
        #expect(disk.spoilSector(pick: 1 << 16) == "a" && disk.spoilSector(pick: 0) == nil)
        let reads = [(0, 512), (500, 20), (512, 512), (1_023, 1), (1_024, 476)].map {
            DiskWork.read(file: "a", offset: $0.0, count: $0.1)
        }
        disk.calm()
        let results = run(reads, on: disk, &handle)
        #expect(results.map { fault($0) != nil } == [false, true, true, true, false])
        let again = run(
            [.remove(file: "a"), .write(file: "a", offset: 0, bytes: [1]), .read(file: "a", offset: 0, count: 1)],
            on: disk, &handle)
        #expect(again.allSatisfy { fault($0) == nil } && disk.hasHadBadSectors)
    }

    @Test("While reads fail, nothing can be read or listed, and writing works; it ends")
    func failingReads() {
        let disk = SimulatedDisk(clock: clock, seed: 1)
        var handle = disk.handle()
        disk.failsReads = true
        let results = run(
            [.write(file: "a", offset: 0, bytes: [1]), .sync(file: "a"), .read(file: "a", offset: 0, count: 1), .list],
            on: disk, &handle)
        #expect(results.map { fault($0) } == [nil, nil, .failed(errno: 5), .failed(errno: 5)])
        disk.calm()
        #expect(fault(run([.list], on: disk, &handle)[0]) == nil)
    }

    @Test("A full runtime directory takes nothing longer, and overwrites what is there")
    func runtimeFull() throws {
        let disk = SimulatedDisk(clock: clock, seed: 1)
        var handle = disk.handle()
        func write(_ bytes: [UInt8], _ handle: inout SimulatedDisk.Handle) throws {
            try bytes.withUnsafeBytes { try handle.runtimeWrite("a", at: 0, $0) }
        }
        try write([1, 2], &handle)
        disk.isRuntimeFull = true
        #expect(throws: DiskFault.full) { try write([1, 2, 3], &handle) }
        try write([3, 4], &handle)
        disk.flipRuntimeBits(in: "a", at: 1, mask: 1)
        disk.isRuntimeFull = false
        try write([5, 6, 7], &handle)
        #expect(disk.runtimeEntries == [FileEntry(name: "a", bytes: 3)])
    }

    @Test("Trouble is known from its first failure until a process has surely tried again")
    func trouble() {
        let disk = SimulatedDisk(clock: clock, seed: 1)
        var handle = disk.handle()
        #expect(disk.troubleSince == nil)
        disk.isReadOnly = true
        _ = run([.write(file: "a", offset: 0, bytes: [1])], on: disk, &handle)
        let began = clock.elapsed
        #expect(disk.troubleSince == began)
        disk.isReadOnly = false
        clock.advance(by: .seconds(9))
        #expect(disk.troubleSince == began)
        clock.advance(by: .seconds(2))
        #expect(disk.troubleSince == nil)
        // A hang is trouble from when it was asked for.
        let asked = clock.elapsed
        disk.hangNextSync(for: .seconds(30))
        _ = run([.write(file: "a", offset: 0, bytes: [1]), .sync(file: "a")], on: disk, &handle)
        #expect(disk.troubleSince == asked)
    }

    @Test("The observer sees the flash after every change, so that a cut can be tried at every point")
    func observer() {
        let disk = SimulatedDisk(clock: clock, seed: 1)
        var unsynced: [Int] = []
        disk.observer = { unsynced.append($0.unsynced.count) }
        var handle = disk.handle()
        _ = run(
            [
                .write(file: "a", offset: 0, bytes: [1]), .read(file: "a", offset: 0, count: 1), .sync(file: "a"),
                .syncDirectory,
            ], on: disk, &handle)
        #expect(unsynced == [2, 1, 0])
    }
}
