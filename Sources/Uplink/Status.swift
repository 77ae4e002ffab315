// The node's retained `status`: online, or offline as the broker's will tells it.
//
//     {"v":1,"node":"lamppost-0042","status":"online","version":"0.1.0","board_serial":"10000000abcdef01",
//      "stream":"7f3a91c2d04be815","boot_id":"…","config_hash":"9c1e04d2","clock_state":"synced"}
//
// The will is handed over before the session begins and says the same with `offline`; its clock state is that of the
// moment it was handed over. An orderly stop publishes it itself.

public struct Status: Sendable, Equatable {
    public var node: String
    public var version: String
    /// Nil where the board has none.
    public var boardSerial: String?
    public var stream: UInt64
    public var bootID: String
    public var configHash: String
    public var clock: ClockState

    public init(
        node: String, version: String, boardSerial: String?, stream: UInt64, bootID: String, configHash: String,
        clock: ClockState
    ) {
        self.node = node
        self.version = version
        self.boardSerial = boardSerial
        self.stream = stream
        self.bootID = bootID
        self.configHash = configHash
        self.clock = clock
    }

    public func payload(isOnline: Bool) -> [UInt8] {
        var body = ObjectBody()
        body.integer("v", 1)
        body.text("node", node)
        body.literal("status", isOnline ? "online" : "offline")
        body.text("version", version)
        body.text("board_serial", ifPresent: boardSerial)
        body.stream("stream", stream)
        body.text("boot_id", bootID)
        body.text("config_hash", configHash)
        body.text("clock_state", clock.rawValue)
        return body.object
    }
}
