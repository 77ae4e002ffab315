// What stays of readings that had to go: per channel and window the least, the mean, the greatest and how many.
//
// Windows do not cross multiples of their length in UTC (in boottime while the clock has not settled). The length is
// the shortest of 15 min, 1 h, 6 h and 24 h that holds at least eight readings of a channel on the average, so that
// windows take at most half of what they replace. Up to three readings of a window are kept as they are.
//
// A thinned batch has the channels of its configuration and four more for each: with `n` channels in the dictionary,
// number `n + 4c` is the least of channel `c`, then mean, greatest and count; their names are the channel's with
// `/min`, `/mean`, `/max` and `/count` behind, their unit and scale the channel's, but a mean has three decimals more
// (so that mean × count is the sum, as near as matters) and a count is in `count`. Values are of the good readings of
// the window; where there are none, of the uncertain ones, and then they are uncertain themselves, for the last one's
// reason. A window of bad readings alone is a count of 0. A record's time is that of the first reading in its window,
// so that two parts of one window (it fell into two segments) have different times; parts join by their counts.

public import World

extension ChannelTable {
    /// What the channel numbers of a thinned batch mean.
    public var thinned: ChannelTable {
        var all = channels
        for channel in channels {
            for (suffix, finer) in [("/min", 0), ("/mean", Int(Thinning.meanDecimals)), ("/max", 0)] {
                var derived = channel
                derived.name += suffix
                derived.scale = Int8(clamping: Int(channel.scale) - finer)
                all.append(derived)
            }
            all.append(Channel(name: channel.name + "/count", unit: "count", scale: 0, plausible: channel.plausible))
        }
        return ChannelTable(channels: all, configHash: configHash)
    }
}

extension ChannelTable {
    /// The names by which a tombstone counts the records of a thinned batch: what was kept as it was is not counted as
    /// a reading a second time.
    var toldThinned: ChannelTable {
        var told = thinned
        for index in channels.indices { told.channels[index].name += "/kept" }
        return told
    }
}

struct Thinning {
    static var meanDecimals: Int8 { 3 }
    private static var meanFactor: Int128 { 1_000 }
    /// Channel numbers of a thinned batch, for `channels` of the configuration.
    static func channelNumbers(_ channels: Int) -> Int { 5 * channels }

    private struct Statistics {
        var count: Int64 = 0
        var sum: Int128 = 0
        var least = Int64.max
        var greatest = Int64.min

        mutating func add(_ value: Int64) {
            count += 1
            sum += Int128(value)
            least = min(least, value)
            greatest = max(greatest, value)
        }

        /// Rounded half away from zero; nil when it does not fit.
        var mean: Int64? {
            let scaled = sum * Thinning.meanFactor, half = Int128(count) / 2
            return Int64(exactly: (scaled < 0 ? scaled - half : scaled + half) / Int128(count))
        }
    }

    private struct Window {
        var number: Int64
        var start: Boottime
        var good = Statistics()
        var uncertain = Statistics()
        var uncertainFor = Quality.estimated
        /// The first usable ones, in case there are no more.
        var kept: [Reading] = []
    }

    private static var keptMax: Int { 3 }

    let anchor: Anchor?
    let configHash: UInt32
    private let windowNanoseconds: Int64
    private var windows: [Window?]
    /// Windows closed, by channel.
    private var closed: [UInt64]
    /// Closed windows, oldest first; whoever adds takes them out.
    var output: [Reading] = []

    init(anchor: Anchor?, configHash: UInt32, channels: Int, window: Duration) {
        self.anchor = anchor
        self.configHash = configHash
        windowNanoseconds = window.nanoseconds
        windows = Array(repeating: nil, count: channels)
        closed = Array(repeating: 0, count: channels)
    }

    /// The length of windows for so many readings of so many channels over such a time.
    static func window(readings: Int, channels: Int, span: Duration) -> Duration {
        let every = Double(span.nanoseconds) / 1e9 * Double(max(channels, 1)) / Double(max(readings, 1))
        let lengths: [Int64] = [900, 3_600, 21_600]
        return .seconds(lengths.first { Double($0) >= 8 * every } ?? 86_400)
    }

    /// `anchor`: that of the reading's own batch.
    mutating func add(_ reading: Reading, anchor own: Anchor?) {
        let channel = Int(reading.channel.rawValue)
        guard channel < windows.count else { return }
        var reading = reading
        if let anchor, let own {
            // UTC stays what it was.
            let shift = own.offsetNanoseconds &- anchor.offsetNanoseconds
            reading.acquired = Boottime(nanoseconds: reading.acquired.nanoseconds &+ shift)
        }
        let moment = reading.acquired.nanoseconds &+ (anchor?.offsetNanoseconds ?? 0)
        let number = moment / windowNanoseconds - (moment % windowNanoseconds < 0 ? 1 : 0)
        if let open = windows[channel], open.number != number { close(channel) }
        var window = windows[channel] ?? Window(number: number, start: reading.acquired)
        windows[channel] = nil
        switch reading.quality.grade {
        case .good: window.good.add(reading.value)
        case .uncertain:
            window.uncertain.add(reading.value)
            window.uncertainFor = reading.quality
        case .bad: break
        }
        if reading.quality.grade != .bad, window.kept.count <= Self.keptMax { window.kept.append(reading) }
        windows[channel] = window
    }

    /// Closes all windows.
    mutating func finish() { for channel in windows.indices { close(channel) } }

    private mutating func close(_ channel: Int) {
        guard let window = windows[channel] else { return }
        windows[channel] = nil
        if 1...Self.keptMax ~= window.kept.count {
            output += window.kept
            return
        }
        let isGood = window.good.count > 0
        let statistics = isGood ? window.good : window.uncertain
        let quality = isGood || statistics.count == 0 ? Quality.good : window.uncertainFor
        let first = windows.count + 4 * channel
        closed[channel] += 1
        let ordinal = closed[channel]
        func put(_ place: Int, _ value: Int64?, _ output: inout [Reading]) {
            output.append(
                Reading(
                    channel: ChannelID(rawValue: UInt16(first + place)), acquired: window.start, value: value ?? 0,
                    quality: value == nil ? .implausible : quality, ordinal: ordinal))
        }
        if statistics.count > 0 {
            put(0, statistics.least, &output)
            put(1, statistics.mean, &output)
            put(2, statistics.greatest, &output)
        }
        put(3, statistics.count, &output)
    }
}
