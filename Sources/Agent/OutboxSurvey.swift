// What an outbox holds, over all its files: numbers, records, what is not acknowledged and since when, what is damaged
// and what that costs. One survey serves stats, verify, salvage and send, so that they cannot differ. One file is read
// at a time, a chunk of it at once; what is kept is ranges.

import LinuxWorld
import Outbox
import World

/// One file, looked through.
struct SurveyedFile {
    var segment: StoredSegment
    var totals: WalkTotals
    var numbers = NumberSet()
    var dictionaries: [UInt32] = []
    /// Configurations of readings in it.
    var configurations: [UInt32] = []
}

/// One lane of one stream.
struct SurveyedLane {
    var stream: StreamID
    var lane: Lane
    var numbers = NumberSet()
    var records: UInt64 = 0
    var unacknowledged = NumberSet()
    var unacknowledgedRecords: UInt64 = 0
    /// When the oldest record that is not acknowledged was acquired, on its boot's clock and, where known, in UTC.
    var oldest: (at: Boottime, utc: UTC?)?
    var flashSegments = 0
    var flashBytes = 0
    var memorySegments = 0
    var memoryBytes = 0
}

/// What damage costs.
struct DamageCost {
    /// Numbers that are in no file, were not acknowledged, and lay in the damaged place.
    var numbers = NumberSet()
    /// The file ends in damage, and nothing tells the last number that was in it.
    var isOpenEnded = false
}

struct OutboxSurvey {
    let stored: StoredOutbox
    private(set) var files: [SurveyedFile] = []
    private(set) var lanes: [SurveyedLane] = []
    /// All dictionaries met, by stream and config hash.
    private(set) var dictionaries: [DictionaryKey: ChannelDictionary] = [:]
    /// Files that the agent removed while we looked.
    private(set) var vanished = 0

    struct DictionaryKey: Hashable {
        var stream: StreamID
        var configHash: UInt32
    }

    init(_ stored: StoredOutbox) throws(Failure) {
        self.stored = stored
        var walk = SegmentWalk()
        for segment in stored.segments { try look(at: segment, with: &walk) }
        lanes.sort { ($0.stream.rawValue, $0.lane.rawValue) < ($1.stream.rawValue, $1.lane.rawValue) }
    }

    var isDamaged: Bool {
        if case .damaged = stored.checkpoint { return true }
        return files.contains { !$0.totals.damages.isEmpty }
    }

    /// Damage took numbers that nobody has been told about.
    var hasLosses: Bool {
        files.contains { file in file.totals.damages.contains { !cost(of: $0, in: file).numbers.isEmpty } }
    }

    var unacknowledgedBatches: UInt64 { lanes.reduce(0) { $0 + $1.unacknowledged.count } }
    var unacknowledgedRecords: UInt64 { lanes.reduce(0) { $0 + $1.unacknowledgedRecords } }

    /// `city/node/` of everything that is stored; more than one when somebody mixed two cards.
    var prefixes: [String] { Set(dictionaries.values.map(\.prefix)).sorted() }

    // MARK: One file

    /// One batch as it was met.
    private struct Met {
        var number: UInt64
        var records: Int
        var oldest: Boottime
        var anchor: Anchor?
    }

    private mutating func look(at segment: StoredSegment, with walk: inout SegmentWalk) throws(Failure) {
        var attempt = 0
        while true {
            var file = SurveyedFile(segment: segment, totals: WalkTotals())
            var met: [Met] = []
            var found: [ChannelDictionary] = []
            let totals: WalkTotals?
            do throws(SystemError) {
                totals = try walk.walk(segment.path, segment.name) { header, _, block, codec in
                    switch block {
                    case .dictionary(let dictionary):
                        file.dictionaries.append(dictionary.configHash)
                        found.append(dictionary)
                    case .batches:
                        if header.lane == .readings, !file.configurations.contains(header.configHash) {
                            file.configurations.append(header.configHash)
                        }
                        for batch in codec.batches {
                            met.append(
                                Met(
                                    number: batch.sequence, records: batch.count, oldest: codec.oldest(of: batch),
                                    anchor: codec.anchor))
                        }
                    }
                }
            } catch { throw Failure(.usage, "\(error); try again with sudo") }
            guard let totals else {
                vanished += 1
                return
            }
            // Of a live outbox: written to at this moment. It is whole a little later.
            if totals.isTornAtEnd, stored.user != nil, attempt < 3 {
                attempt += 1
                pause(milliseconds: 150)
                continue
            }
            file.totals = totals
            for dictionary in found {
                dictionaries[DictionaryKey(stream: segment.name.stream, configHash: dictionary.configHash)] = dictionary
            }
            take(met, of: &file)
            files.append(file)
            return
        }
    }

    private mutating func take(_ met: [Met], of file: inout SurveyedFile) {
        let name = file.segment.name
        let index: Int
        if let known = lanes.firstIndex(where: { $0.stream == name.stream && $0.lane == name.lane }) {
            index = known
        } else {
            lanes.append(SurveyedLane(stream: name.stream, lane: name.lane))
            index = lanes.count - 1
        }
        var lane = lanes[index]
        if file.segment.isInMemory {
            lane.memorySegments += 1
            lane.memoryBytes += file.totals.bytes
        } else {
            lane.flashSegments += 1
            lane.flashBytes += file.totals.bytes
        }
        var acknowledged = NumberSet()
        for range in stored.acknowledged(name.stream, name.lane) { acknowledged.insert(range) }
        let known = stored.anchor(of: name.stream)
        for batch in met {
            file.numbers.insert(batch.number)
            // In both tiers, or in a segment that was abandoned and in the one after it: once.
            guard lane.numbers.insert(batch.number) else { continue }
            lane.records += UInt64(batch.records)
            guard !acknowledged.contains(batch.number) else { continue }
            lane.unacknowledged.insert(batch.number)
            lane.unacknowledgedRecords += UInt64(batch.records)
            if batch.records > 0, lane.oldest.map({ batch.oldest < $0.at }) ?? true {
                lane.oldest = (batch.oldest, (batch.anchor ?? known).map { $0.utc(batch.oldest) })
            }
        }
        lanes[index] = lane
    }

    // MARK: What damage costs

    /// The numbers that this damage, and nothing else, has taken, as an agent that meets it would reckon.
    func cost(of damage: Damage, in file: SurveyedFile) -> DamageCost {
        let name = file.segment.name
        let lane = lanes.first { $0.stream == name.stream && $0.lane == name.lane }
        var cost = DamageCost()
        var through = damage.behind.map { $0 - 1 }
        if through == nil {
            // As far as the next file, or the number that was given last.
            let follower = files.lazy.map(\.segment.name)
                .filter { $0.stream == name.stream && $0.lane == name.lane && $0.first > damage.before + 1 }
                .map { $0.first - 1 }.min()
            let given = stored.lastGiven(name.stream, name.lane)
            through = follower ?? given.flatMap { $0 > damage.before ? $0 : nil }
            cost.isOpenEnded = through == nil
            // The file was begun for this number.
            if damage.before < name.first { through = max(through ?? 0, name.first) }
        }
        guard let through, through > damage.before else { return cost }
        cost.numbers.insert(SequenceRange(damage.before + 1, through))
        cost.numbers = cost.numbers.subtracting(lane?.numbers.ranges ?? [])
            .subtracting(stored.acknowledged(name.stream, name.lane))
        return cost
    }

    /// Configurations of readings in the file whose names of channels are nowhere.
    func nameless(_ file: SurveyedFile) -> [UInt32] {
        file.configurations.filter { hash in !dictionaries.keys.contains { $0.configHash == hash } }
    }
}

extension BatchCodec {
    /// When the oldest record of a batch was acquired.
    func oldest(of batch: BatchSlice) -> Boottime {
        if items.isEmpty { return readings(of: batch).reduce(.distantFuture) { min($0, $1.acquired) } }
        return items.reduce(.distantFuture) { min($0, $1.time) }
    }
}
