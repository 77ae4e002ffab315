// The Disk seam from a seed: a runtime directory in memory, a state directory on `Flash` (whose header is the crash
// model), and a worker that takes its time.
//
// Fault model, beside Flash's. A full disk refuses every write that would lengthen a file; one in four such writes
// leaves some of its first bytes behind. Overwriting what is there still works. A read-only disk refuses every change
// and sync. A sync can fail with EIO or hang. Reading can fail with EIO, everywhere for a while, or for good where a
// sector has gone bad: whatever read touches it fails, and nothing but removing the file helps. The runtime directory
// can be full because of others: what would lengthen a file there is refused. When the process dies, the worker has
// carried out some of the queued requests (a prefix: it works in order), and of a write it was at perhaps the first
// pages; their completions are lost.
//
// Promises. Requests are carried out and completed in order, one at a time, each after a delay that the seed chooses,
// in virtual time. A request whose completion was never seen may have been carried out; one that completed was.
//
// The disk outlives processes: each process is lent a `Handle`, and a handle of a process that is gone traps.

public import World

public final class SimulatedDisk {
    public struct Profile: Sendable {
        public var access: ClosedRange<Duration> = .microseconds(100)...(.milliseconds(3))
        public var sync: ClosedRange<Duration> = .milliseconds(2)...(.milliseconds(60))
        /// One sync in so many takes `slowSync`: SD cards collect garbage while the writer waits. 0: never.
        public var slowSyncOneIn: UInt64 = 50
        public var slowSync: ClosedRange<Duration> = .milliseconds(200)...(.seconds(3))
        /// As many requests as the worker's queue holds.
        public var queueLimit = 64
        public var capacityBytes = 1 << 30
        public var runtimeCapacityBytes = 64 << 20
        public init() {}
    }

    public struct Statistics: Equatable, Sendable {
        public var bytesWritten = 0
        public var writes = 0
        public var syncs = 0
        public var directorySyncs = 0
        public var removals = 0
        public var failures = 0
    }

    /// What is on the flash: read it to check, copy it to try other outcomes (`Flash.powerCut(keeping:)`).
    public internal(set) var flash: Flash
    public private(set) var statistics = Statistics()

    // Faults, as the driver of the simulation switches them.
    public var isFull = false { willSet { settle() } }
    public var isReadOnly = false { willSet { settle() } }
    /// Every read and listing fails with EIO.
    public var failsReads = false { willSet { settle() } }
    /// Others have filled the tmpfs.
    public var isRuntimeFull: Bool {
        get { runtime.isFull }
        set { runtime.isFull = newValue }
    }
    /// So many of the next syncs fail with EIO.
    public private(set) var syncsToFail = 0
    /// The next sync that the worker begins takes this much longer.
    public private(set) var nextSyncHangs = Duration.zero
    /// Told after every change and sync of the state directory: to try a power cut at every point of a trace.
    public var observer: ((Flash) -> Void)?

    /// When the flash took nothing.
    private var troubles = DiskTroubles()
    /// The first byte of a sector that cannot be read any more, by file.
    private var badSectors: [String: Int] = [:]
    /// When each queued request was submitted.
    private var submitted: [VirtualTime] = []

    private let clock: SimulatedClock
    private let profile: Profile
    private let trace: Trace?
    private var random: Random
    fileprivate let runtime: RuntimeMemory
    private var queue: [DiskRequest] = []
    private var headFinishes = VirtualTime.distantFuture
    private var completions: [DiskCompletion] = []
    fileprivate private(set) var life = 0

    public init(
        clock: SimulatedClock, seed: UInt64, profile: Profile = Profile(), flash: Flash = Flash(), trace: Trace? = nil
    ) {
        self.clock = clock
        self.profile = profile
        self.flash = flash
        self.trace = trace
        random = Random(seed: seed, purpose: "disk")
        runtime = RuntimeMemory(capacityBytes: profile.runtimeCapacityBytes)
    }

    // MARK: For whoever drives the simulation

    /// What a process that starts now is given. Handles given before are dead.
    public func handle() -> Handle {
        life += 1
        return Handle(disk: self, life: life)
    }

    /// When the next completion is due; nil when nothing is under way.
    public var nextDeadline: VirtualTime? {
        if !completions.isEmpty { return clock.elapsed }
        return queue.isEmpty ? nil : headFinishes
    }

    /// `kill -9`, or the end of an orderly process: what is queued is lost or not. Let go of what the process owned
    /// first.
    public func crashProcess() {
        stopWorker()
        runtime.processEnded()
        trace?.note("disk", "the process is gone")
    }

    /// The power goes: the runtime directory is wiped, and what is not synced is whatever the seed makes of it.
    public func powerCut() {
        stopWorker()
        runtime.wipe()
        let unsynced = flash.unsynced.count
        flash.powerCut(using: &random)
        trace?.note("disk", "power cut with \(unsynced) changes not synced")
    }

    /// The same with outcomes chosen by the caller, for the changes in `flash.unsynced`; queued requests are not
    /// carried out.
    public func powerCut(keeping choose: (Int, FlashChange) -> FlashOutcome) {
        settle()
        forgetQueue()
        runtime.wipe()
        flash.powerCut(keeping: choose)
    }

    public func failSyncs(_ count: Int) {
        settle()
        syncsToFail += count
    }

    public func hangNextSync(for duration: Duration) {
        settle()
        nextSyncHangs = duration
    }

    /// One sector of one of the files that are there goes bad, for as long as the file exists. `pick` is any number;
    /// answers which file, nil when there is none that `isMeant`.
    @discardableResult
    public func spoilSector(pick: UInt64, where isMeant: (String) -> Bool = { _ in true }) -> String? {
        settle()
        let files = flash.entries.filter { isMeant($0.name) && $0.bytes > 0 && badSectors[$0.name] == nil }
        guard !files.isEmpty else { return nil }
        let file = files[Int(pick % UInt64(files.count))]
        let sectors = (file.bytes - 1) / Flash.sectorBytes + 1
        hasHadBadSectors = true
        badSectors[file.name] = Int(pick >> 16 % UInt64(sectors)) * Flash.sectorBytes
        trace?.note("disk", "a sector of \(file.name) cannot be read any more")
        return file.name
    }

    /// Some sector went bad, now or earlier.
    public private(set) var hasHadBadSectors = false

    /// Turns bits over in one byte of a runtime file.
    public func flipRuntimeBits(in file: String, at offset: Int, mask: UInt8) {
        runtime.flipBits(in: file, at: offset, mask: mask)
    }

    /// What is in the runtime directory.
    public var runtimeEntries: [FileEntry] { runtime.list }

    /// Since when the flash may have taken nothing, what waits now included; nil when all is well.
    public var troubleSince: VirtualTime? {
        var troubles = troubles
        for (request, since) in zip(queue, submitted) where request.work.isChange {
            troubles.noteWait(from: since, to: clock.elapsed)
        }
        return troubles.since(at: clock.elapsed)
    }

    /// Ends every fault that can end.
    public func calm() {
        settle()
        isFull = false
        isReadOnly = false
        failsReads = false
        isRuntimeFull = false
        syncsToFail = 0
        nextSyncHangs = .zero
        if let head = queue.first { headFinishes = clock.elapsed + delay(of: head) }
    }

    // MARK: The worker

    fileprivate func submit(_ request: DiskRequest) -> Bool {
        settle()
        guard queue.count < profile.queueLimit else { return false }
        queue.append(request)
        submitted.append(clock.elapsed)
        if queue.count == 1 { headFinishes = clock.elapsed + delay(of: request) }
        return true
    }

    fileprivate func nextCompletion() -> DiskCompletion? {
        settle()
        return completions.isEmpty ? nil : completions.removeFirst()
    }

    /// Carries out what the worker has finished by now.
    private func settle() {
        while headFinishes <= clock.elapsed {
            let request = queue.removeFirst()
            let result = perform(request.work)
            noteTrouble(request.work, result, since: submitted.removeFirst())
            completions.append(DiskCompletion(token: request.token, result: result))
            trace?.note("disk", "\(request.work.summary): \(result.summary)")
            headFinishes = queue.first.map { headFinishes + delay(of: $0) } ?? .distantFuture
        }
    }

    private func noteTrouble(_ work: DiskWork, _ result: DiskCompletion.Result, since: VirtualTime) {
        guard work.isChange else { return }
        if case .failed(let fault) = result, fault != .noSuchFile { troubles.noteFailure(at: headFinishes) }
        troubles.noteWait(from: since, to: headFinishes)
    }

    private func stopWorker() {
        settle()
        for (request, since) in zip(queue, submitted) where request.work.isChange {
            troubles.noteWait(from: since, to: clock.elapsed)
        }
        let carriedOut = Int(random.below(UInt64(queue.count) + 1))
        for request in queue.prefix(carriedOut) { _ = perform(request.work) }
        if carriedOut < queue.count, case .write(let file, let offset, let bytes) = queue[carriedOut].work {
            // The kernel copies page by page and looks for a fatal signal in between (`generic_perform_write`).
            let pages = Int(random.below(UInt64(bytes.count / 4_096) + 1))
            let head = Array(bytes.prefix(max(0, pages * 4_096 - offset % 4_096)))
            if !head.isEmpty { _ = perform(.write(file: file, offset: offset, bytes: head)) }
        }
        forgetQueue()
    }

    private func forgetQueue() {
        queue = []
        submitted = []
        completions = []
        headFinishes = .distantFuture
        life += 1
    }

    private func delay(of request: DiskRequest) -> Duration {
        switch request.work {
        case .sync, .syncDirectory:
            let isSlow = profile.slowSyncOneIn > 0 && random.chance(1, in: profile.slowSyncOneIn)
            let hang = nextSyncHangs
            nextSyncHangs = .zero
            return random.duration(in: isSlow ? profile.slowSync : profile.sync) + hang
        case .write, .truncate, .remove, .read, .list: return random.duration(in: profile.access)
        }
    }

    private func perform(_ work: DiskWork) -> DiskCompletion.Result {
        do throws(DiskFault) {
            let result = try carryOut(work)
            if work.isChange { observer?(flash) }
            return result
        } catch {
            statistics.failures += 1
            if work.isChange { observer?(flash) }
            return .failed(error)
        }
    }

    private func carryOut(_ work: DiskWork) throws(DiskFault) -> DiskCompletion.Result {
        if work.isChange && isReadOnly { throw .readOnly }
        switch work {
        case .write(let file, let offset, let bytes):
            let growth = flash.growth(of: file, offset: offset, count: bytes.count)
            if growth > 0 && (isFull || flash.bytesUsed + growth > profile.capacityBytes) {
                if random.chance(1, in: 4) {
                    flash.write(file, at: offset, Array(bytes.prefix(Int(random.below(UInt64(bytes.count))))))
                }
                throw .full
            }
            flash.write(file, at: offset, bytes)
            statistics.bytesWritten += bytes.count
            statistics.writes += 1
        case .sync(let file):
            statistics.syncs += 1
            guard flash.content(of: file) != nil else { throw .noSuchFile }
            try failSyncIfDue(file)
            _ = flash.sync(file)
        case .syncDirectory:
            statistics.directorySyncs += 1
            try failSyncIfDue(nil)
            flash.syncDirectory()
        case .remove(let file):
            guard flash.remove(file) else { throw .noSuchFile }
            badSectors[file] = nil
            statistics.removals += 1
        case .truncate(let file, let bytes):
            let growth = flash.growth(of: file, offset: 0, count: bytes)
            guard flash.content(of: file) != nil else { throw .noSuchFile }
            if growth > 0 && (isFull || flash.bytesUsed + growth > profile.capacityBytes) { throw .full }
            _ = flash.truncate(file, to: bytes)
        case .read(let file, let offset, let count):
            guard let content = flash.content(of: file) else { throw .noSuchFile }
            try failReadIfDue(file, offset..<offset + max(count, 1))
            return .bytes(Array(content.dropFirst(offset).prefix(count)))
        case .list:
            if failsReads { throw .failed(errno: 5) }
            let free = isFull ? 0 : max(0, profile.capacityBytes - flash.bytesUsed)
            return .entries(flash.entries, freeBytes: Int64(free))
        }
        return .done
    }

    private func failReadIfDue(_ file: String, _ range: Range<Int>) throws(DiskFault) {
        let isBad = badSectors[file].map { range.overlaps($0..<$0 + Flash.sectorBytes) } ?? false
        if failsReads || isBad { throw .failed(errno: 5) }
    }

    private func failSyncIfDue(_ file: String?) throws(DiskFault) {
        guard syncsToFail > 0 else { return }
        syncsToFail -= 1
        flash.failSync(file, using: &random)
        throw .failed(errno: 5)
    }
}

// MARK: - What a process holds

extension SimulatedDisk {
    public struct Handle: ~Copyable, Disk {
        private let disk: SimulatedDisk
        private let life: Int

        fileprivate init(disk: SimulatedDisk, life: Int) {
            self.disk = disk
            self.life = life
        }

        private var alive: SimulatedDisk {
            // A local: Swift 6.0 cannot read a stored property of a class through a borrowed field.
            let disk = disk
            invariant(life == disk.life, "a process that is gone still uses its disk")
            return disk
        }

        public mutating func map(_ name: String, bytes: Int) throws(DiskFault) -> UnsafeMutableRawBufferPointer {
            try alive.runtime.map(name, bytes: bytes)
        }

        public mutating func runtimeList() throws(DiskFault) -> [FileEntry] { alive.runtime.list }

        public mutating func runtimeWrite(
            _ name: String, at offset: Int, _ bytes: UnsafeRawBufferPointer
        ) throws(DiskFault) {
            try alive.runtime.write(name, at: offset, bytes)
        }

        public mutating func runtimeRead(
            _ name: String, at offset: Int, into bytes: UnsafeMutableRawBufferPointer
        ) throws(DiskFault) -> Int {
            try alive.runtime.read(name, at: offset, into: bytes)
        }

        public mutating func runtimeRemove(_ name: String) throws(DiskFault) { try alive.runtime.remove(name) }
        public mutating func submit(_ request: DiskRequest) -> Bool { alive.submit(request) }
        public mutating func nextCompletion() -> DiskCompletion? { alive.nextCompletion() }
    }
}
