// What goes into a Courier beside its parts, and what it tells of itself: its plan, its lines for the journal, its
// figures.

public import KPIs
public import Uplink
public import World

/// What a Courier is told of the node, beside its parts.
public struct CourierPlan: Sendable {
    public var nodeID: String
    public var city: String
    public var version: String
    public var boardSerial: String?
    public var topicRoot: String
    public var inventory: Inventory
    public var channels: ChannelTable
    public var sensorIDs: [String]
    /// The board's buses, by index.
    public var busNames: [String] = []
    public var kpis: [KPIBinding]
    public var alarms: [AlarmRule]
    public var session: SessionParameters
    public var trustsSystemClock: Bool
    public var settleWait: Duration
    public var batchAge: Duration
    public var lossWindow: Duration
    public var checkpointEvery: Duration
    public var historyBytesPerSecond: Int?
    public var historyBatchesPerSecond: Int?
    /// The longest back-off between attempts to reach the broker.
    public var reconnectLongest: Duration
    /// Delivers what is stored and does not speak for the node: no status, no will, no inventory, no health; an event
    /// only where something stored is lost. The node itself may be in service elsewhere.
    public var carriesOnly = false
    /// How often each channel is read, in the order of `channels`; nil, or absent: it has no period.
    public var channelPeriods: [Duration?] = []
    /// The node's power is switched: its time without is expected.
    public var isSwitched = false
    /// Names of channels whose readings are never published, only what is folded from them.
    public var withheldChannels: Set<String> = []
    /// Local days and their parts, for contributions; nil when the node's local time is not known.
    public var calendar: KPICalendar?

    public init(
        nodeID: String, city: String, version: String, boardSerial: String?, topicRoot: String, inventory: Inventory,
        channels: ChannelTable, sensorIDs: [String], kpis: [KPIBinding],
        alarms: [AlarmRule] = [], session: SessionParameters, trustsSystemClock: Bool, settleWait: Duration,
        batchAge: Duration, lossWindow: Duration, checkpointEvery: Duration, historyBytesPerSecond: Int?,
        historyBatchesPerSecond: Int?, reconnectLongest: Duration
    ) {
        self.nodeID = nodeID
        self.city = city
        self.version = version
        self.boardSerial = boardSerial
        self.topicRoot = topicRoot
        self.inventory = inventory
        self.channels = channels
        self.sensorIDs = sensorIDs
        self.kpis = kpis
        self.alarms = alarms
        self.session = session
        self.trustsSystemClock = trustsSystemClock
        self.settleWait = settleWait
        self.batchAge = batchAge
        self.lossWindow = lossWindow
        self.checkpointEvery = checkpointEvery
        self.historyBytesPerSecond = historyBytesPerSecond
        self.historyBatchesPerSecond = historyBatchesPerSecond
        self.reconnectLongest = reconnectLongest
    }
}

/// A line for the journal: a change of state, never a reading.
public struct JournalLine: Sendable, Equatable {
    public enum Level: Int, Sendable { case error = 3, warning = 4, notice = 5, information = 6 }
    public var level: Level
    public var text: String
    public init(_ level: Level, _ text: String) {
        self.level = level
        self.text = text
    }
}

/// What the Courier has done, for health, the demo and the benchmarks.
public struct CourierFigures: Sendable {
    /// Readings taken from the ring, refused by the ring, and given up otherwise.
    public var readings: UInt64 = 0
    public var refused: UInt64 = 0
    public var tombstoned: UInt64 = 0
    public var messages: UInt64 = 0
    public var payloadBytes: UInt64 = 0
    public var acknowledged: UInt64 = 0
    public var reconnects: UInt64 = 0
    public init() {}
}
