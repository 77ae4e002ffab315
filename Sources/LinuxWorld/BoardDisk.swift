// The board's two places to keep bytes: the runtime directory (tmpfs), used directly, and the state directory (flash),
// used through the Scribe.

import World

public struct BoardDisk: Disk, ~Copyable {
    private let runtime: FlatFolder
    private let desk: ScribeDesk
    private let queueLimit: Int
    /// Readable when completions wait: for the owner's event loop.
    public let descriptor: Int32
    /// Submitted, and not yet given back by `nextCompletion`.
    private var outstanding = 0
    /// Fetched from the desk, newest first.
    private var completions: [DiskCompletion] = []

    /// Both directories must exist. At most `queueLimit` requests are under way at once.
    public init(runtime: String, state: String, queueLimit: Int) throws(SystemError) {
        invariant(queueLimit > 0, "a queue has room for something")
        let folder = try FlatFolder(runtime)
        try folder.lock(runtime)
        let desk = try ScribeDesk()
        try Self.startScribe(at: desk, in: state, isOwn: state != runtime)
        self.init(runtime: folder, desk: desk, queueLimit: queueLimit)
    }

    // Apart, because Swift 6.0 cannot compile an initialiser that both throws and fills in a type with a `deinit`.
    private init(runtime: FlatFolder, desk: ScribeDesk, queueLimit: Int) {
        self.runtime = runtime
        self.desk = desk
        descriptor = desk.answers.descriptor
        self.queueLimit = queueLimit
    }

    private static func startScribe(at desk: ScribeDesk, in state: String, isOwn: Bool) throws(SystemError) {
        let folder = try FlatFolder(state)
        if isOwn { try folder.lockInTurn(state) }
        // Detached by being dropped: at the end nobody waits for a sync that does not come back.
        _ = try Thread.start(named: "Scribe", with: folder) { folder in desk.run(folder) }
    }

    /// Requests that the Scribe has not begun are left undone, the one it is at is not waited for. Whoever wants them
    /// done takes their completions first.
    deinit { desk.close() }

    // MARK: runtime

    public mutating func map(_ name: String, bytes: Int) throws(DiskFault) -> UnsafeMutableRawBufferPointer {
        try runtime.map(name, bytes: bytes)
    }

    public mutating func runtimeList() throws(DiskFault) -> [FileEntry] { try runtime.list() }

    public mutating func runtimeWrite(
        _ name: String, at offset: Int, _ bytes: UnsafeRawBufferPointer
    ) throws(DiskFault) {
        try runtime.write(name, at: offset, bytes)
    }

    public mutating func runtimeRead(
        _ name: String, at offset: Int, into bytes: UnsafeMutableRawBufferPointer
    ) throws(DiskFault) -> Int {
        try runtime.read(name, at: offset, into: bytes)
    }

    public mutating func runtimeRemove(_ name: String) throws(DiskFault) { try runtime.remove(name) }

    // MARK: state

    public mutating func submit(_ request: DiskRequest) -> Bool {
        guard outstanding < queueLimit else { return false }
        outstanding += 1
        desk.submit(request)
        return true
    }

    public mutating func nextCompletion() -> DiskCompletion? {
        if completions.isEmpty { completions = desk.takeCompletions().reversed() }
        guard let completion = completions.popLast() else { return nil }
        outstanding -= 1
        return completion
    }
}
