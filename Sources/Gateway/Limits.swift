// Every limit of the agent, in one place, with the relations that must hold between them. What an operator may set is
// in the configuration; what is here bounds everything else.

import World

public enum Limits {
    /// Channels of one node.
    public static let channels = 1_024
    public static let sensors = 256
    public static let alarms = 64
    /// Samples that one driver may give at once.
    public static let samplesPerCollect = 256
    /// Readings between Sampler and Courier: at 1,000 readings/s four seconds of a stalled Courier.
    public static let ringReadings = 4_096
    /// Readings between the Sampler of kernel attributes and the other.
    public static let ringKernelReadings = 1_024
    /// Changes of state between Sampler and Courier.
    public static let ringNotices = 256
    /// Edges taken in one step before other work gets its turn.
    public static let edgesPerStep = 1_024

    /// Readings in a batch, in a stored block and in a message.
    public static let batchReadings = 1_000
    /// The first batch of a start is sealed this soon after its first reading.
    public static let firstBatchAge = Duration.milliseconds(100)
    public static let memorySegmentBytes = 256 << 10
    public static let flashSegmentBytes = 1 << 20
    public static let readChunkBytes = 256 << 10
    /// Batches up to this age go to `readings`, older ones to `history` (or the loss window, if that is longer).
    public static let liveAge = Duration.seconds(10)
    /// Requests waiting for the Scribe.
    public static let diskRequests = 16

    /// The largest packet that a broker may send us (MQTT 5 section 3.1.2.11.4).
    public static let incomingPacketBytes: UInt32 = 256 << 10

    /// Items of events kept for sealing in one step.
    public static let eventsPerBatch = 256
    /// Batches that the KPIs fold in one step, so that a refold does not hold up the rest.
    public static let foldsPerStep = 64
    /// A day sheet goes out this often while the day lasts, at a checkpoint: with every checkpoint it would be half of
    /// what a small node stores in an outage.
    public static let sheetEvery = Duration.seconds(3_600)
    /// Batches that the day sheet counts before it is kept for a restart of the process, and the fewest of those it
    /// has been kept with that the memory tier should hold.
    public static let foldsPerSheet: UInt64 = 64
    public static let sheetMargin: UInt64 = 16
    /// A history message takes in another stored block while it stays about this small. Larger ones are hardly faster,
    /// and a window of them has to fit into memory.
    public static let historyMessageBytes = 16 << 10
    /// Messages offered in one step before other work gets its turn.
    public static let offersPerStep = 64

    /// Numbers of batches that held nothing to publish are told by a message of their own after this long.
    public static let skippedToldEvery = Duration.seconds(600)

    public static let healthEvery = Duration.seconds(60)
    /// How often the wall clock is looked at while something else wakes us anyway.
    public static let clockLookEvery = Duration.seconds(1)
    /// A wall clock that moved less than this against the boot clock keeps its anchor.
    public static let anchorTolerance = Duration.milliseconds(1)
    /// A wall clock that moved more than this is a step, and an event.
    public static let clockStep = Duration.seconds(1)
    /// Waiting for the checkpoint before the first reading: counters go on from it.
    public static let recoveryWait = Duration.seconds(2)

    /// A battery must be low for so long before the board is switched off: less than any has left then.
    public static let lowBatteryHold = Duration.seconds(10)
    /// How often the wall clock is asked whether a calibration certificate has ended.
    public static let certificateLookEvery = Duration.seconds(600)

    /// An orderly stop: this long for acknowledgements, then the rest goes to flash; gone by `stopWithin` whatever
    /// hangs.
    public static let stopDrain = Duration.milliseconds(300)
    public static let stopWithin = Duration.milliseconds(1_500)

    /// After time-outs of a bus, how long its sensor is left alone: doubles from the first to the last.
    public static let busPauseFirst = Duration.seconds(1)
    public static let busPauseLongest = Duration.seconds(60)

    public static func check() {
        invariant(channels <= Int(UInt16.max), "channel ids are 16 bits")
        invariant(ringReadings.nonzeroBitCount == 1 && ringNotices.nonzeroBitCount == 1, "rings are powers of two")
        invariant(ringReadings >= 2 * batchReadings, "the ring holds less than two batches")
        invariant(memorySegmentBytes >= 4 * batchReadings * 40, "a memory segment holds less than four large batches")
        invariant(flashSegmentBytes >= memorySegmentBytes, "a flash segment is smaller than a memory segment")
        invariant(stopDrain < stopWithin && stopWithin < .seconds(2), "a stop takes longer than promised")
    }
}
