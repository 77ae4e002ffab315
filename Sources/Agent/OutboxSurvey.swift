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

    private mutating func look(at segment: StoredSegment, with walk: inout SegmentWalk) throws(Failure) {
        let name = segment.name
        let index = lanes.firstIndex { $0.stream == name.stream && $0.lane == name.lane }
        var acknowledged = NumberSet()
        for range in stored.acknowledged(name.stream, name.lane) { acknowledged.insert(range) }
        let known = stored.anchor(of: name.stream)
        for attempt in 0..<4 {
            // Into copies, because a file that somebody was writing to is looked at again.
            var file = SurveyedFile(segment: segment, totals: WalkTotals())
            var lane = index.map { lanes[$0] } ?? SurveyedLane(stream: name.stream, lane: name.lane)
            var found: [ChannelDictionary] = []
            let totals: WalkTotals?
            do throws(SystemError) {
                totals = try walk.walk(segment.path, name) { header, _, block, codec in
                    switch block {
                    case .dictionary(let dictionary):
                        file.dictionaries.append(dictionary.configHash)
                        found.append(dictionary)
                    case .batches:
                        if header.lane == .readings, !file.configurations.contains(header.configHash) {
                            file.configurations.append(header.configHash)
                        }
                        file.numbers.insert(header.range)
                        lane.take(codec, acknowledged, known)
                    }
                }
            } catch { throw Failure(.usage, "\(error); try again with sudo") }
            guard let totals else {
                vanished += 1
                return
            }
            if totals.isTornAtEnd, stored.user != nil, attempt < 3 {
                pause(milliseconds: 150)
                continue
            }
            file.totals = totals
            lane.add(totals.bytes, isInMemory: segment.isInMemory)
            for dictionary in found {
                dictionaries[DictionaryKey(stream: name.stream, configHash: dictionary.configHash)] = dictionary
            }
            if let index { lanes[index] = lane } else { lanes.append(lane) }
            files.append(file)
            return
        }
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
            var follower: UInt64?
            for other in files.map(\.segment.name) where other.stream == name.stream && other.lane == name.lane {
                if other.first > damage.before + 1 { follower = min(follower ?? .max, other.first - 1) }
            }
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

extension SurveyedLane {
    fileprivate mutating func add(_ bytes: Int, isInMemory: Bool) {
        if isInMemory {
            memorySegments += 1
            memoryBytes += bytes
        } else {
            flashSegments += 1
            flashBytes += bytes
        }
    }

    /// Takes the batches of a block; one that is in both tiers, or in an abandoned segment and the one after it, once.
    fileprivate mutating func take(_ codec: borrowing BatchCodec, _ acknowledged: NumberSet, _ known: Anchor?) {
        for batch in codec.batches {
            guard numbers.insert(batch.sequence) else { continue }
            records += UInt64(batch.count)
            guard !acknowledged.contains(batch.sequence) else { continue }
            unacknowledged.insert(batch.sequence)
            unacknowledgedRecords += UInt64(batch.count)
            guard batch.count > 0 else { continue }
            let first = codec.oldest(of: batch)
            if oldest.map({ first < $0.at }) ?? true {
                oldest = (first, (codec.anchor ?? known).map { $0.utc(first) })
            }
        }
    }
}

extension BatchCodec {
    /// When the oldest record of a batch was acquired.
    func oldest(of batch: BatchSlice) -> Boottime {
        if header?.lane == .readings { return readings(of: batch).reduce(.distantFuture) { min($0, $1.acquired) } }
        return items[batch.start..<batch.start + batch.count].reduce(.distantFuture) { min($0, $1.time) }
    }
}
