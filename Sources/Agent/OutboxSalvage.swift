// `cityedge outbox salvage`: every sound block of a damaged outbox, written into clean segments in an empty folder. The
// source is only read.
//
// Where a damaged place was, the new segments just have a gap, and a gap alone would be taken for numbers that were
// acknowledged long ago. So that no loss is silent, the lost numbers go along as tombstones: a batch of events in a
// stream of its own, which whoever delivers the folder delivers too. (A stream that was begun by nobody but us: its
// numbers can collide with no other's.)

import LinuxWorld
import Outbox
import Uplink
import World

public func outboxSalvage(from source: String, to target: String) throws(Failure) {
    let survey = try OutboxSurvey(StoredOutbox(OutboxPlace(state: source, runtime: nil)))
    if survey.stored.isNothing { throw Failure(.usage, survey.stored.nothingText) }
    if let user = survey.stored.user {
        throw Failure(
            .usage, "\(source): in use by process \(user), which delivers what is sound by itself; stop it first, "
                + "or salvage a copy")
    }
    try prepareEmpty(target)
    var salvage = Salvage(survey: survey, target: target)
    do throws(SystemError) { try salvage.run() } catch {
        throw Failure(
            .disk, "\(error); expected a folder that this user may write, with room for \(sizeText(survey.flashBytes));"
                + " what was written so far is no whole copy: empty \(target) before the next attempt")
    }
    for line in survey.damageReport { printLine("not saved: " + line) }
    for line in survey.notes { printLine(line) }
    printLine(
        "saved: \(counted(salvage.batches, "batch")) in \(counted(UInt64(salvage.files), "file")), "
            + "\(sizeText(salvage.bytes)), to \(target)\(salvage.hasCheckpoint ? ", with the checkpoint" : "")"
            + (salvage.tombstones > 0 ? ", and \(counted(UInt64(salvage.tombstones), "tombstone")) for the rest" : ""))
}

/// The folder is made when it is missing, and must be empty.
private func prepareEmpty(_ target: String) throws(Failure) {
    guard fileExists(target) else {
        do throws(SystemError) { try makeDirectory(target) } catch {
            throw Failure(.disk, "\(error); expected a folder that this user may make; give another --to FOLDER")
        }
        return
    }
    let names: [String]
    do throws(SystemError) { names = try listDirectory(target) } catch {
        throw Failure(.usage, "\(target): \(error.reason); expected an empty folder; give another --to FOLDER")
    }
    guard names.allSatisfy({ $0 == "lost+found" }) else {
        throw Failure(
            .usage, "\(target): not empty; expected an empty folder, so that nothing is mixed up or written over; "
                + "give another --to FOLDER")
    }
}

extension OutboxSurvey {
    var flashBytes: Int { lanes.reduce(0) { $0 + $1.flashBytes } }
}

private struct Salvage {
    let survey: OutboxSurvey
    let target: String
    private(set) var batches: UInt64 = 0
    private(set) var files = 0
    private(set) var bytes = 0
    private(set) var tombstones = 0
    private(set) var hasCheckpoint = false
    private var names: Set<SegmentName> = []

    init(survey: OutboxSurvey, target: String) {
        self.survey = survey
        self.target = target
    }

    mutating func run() throws(SystemError) {
        var walk = SegmentWalk()
        for file in survey.files { try copy(file, with: &walk) }
        try writeTombstones(with: &walk)
        if let checkpoint = survey.stored.checkpoint.checkpoint {
            // The sound slot alone, in its place.
            var slots = [UInt8](repeating: 0, count: 2 * Checkpoint.slotBytes)
            slots.replaceSubrange(
                checkpoint.slotOffset..<checkpoint.slotOffset + Checkpoint.slotBytes, with: checkpoint.encoded())
            let file = try NewFile(target + "/" + StateFile.checkpoint)
            try file.append(slots)
            try file.finish()
            hasCheckpoint = true
        }
        try syncDirectory(target)
    }

    /// One source file becomes one new file; several, should its numbers not ascend.
    private mutating func copy(_ source: SurveyedFile, with walk: inout SegmentWalk) throws(SystemError) {
        let name = source.segment.name
        var output: (file: NewFile, last: UInt64)?
        var dictionaries: [UInt32: [UInt8]] = [:]
        // What the file itself has lost may stand in another one.
        for hash in source.configurations where !source.dictionaries.contains(hash) {
            guard let known = survey.dictionary(hash, of: name.stream) else { continue }
            dictionaries[hash] = walk.codec.encode(dictionary: known, lane: name.lane, stream: name.stream)
        }
        var fault: SystemError?
        var copied: UInt64 = 0
        var written = 0
        var taken = names
        _ = try walk.walk(source.segment.path, name) { header, block, kind, _ in
            guard fault == nil else { return }
            do throws(SystemError) {
                if case .dictionary = kind {
                    dictionaries[header.configHash] = Array(block)
                    try output?.file.append(block)
                    return
                }
                if output.map({ header.first <= $0.last }) ?? true {
                    try output?.file.finish()
                    written += output?.file.bytes ?? 0
                    var fresh = SegmentName(
                        stream: name.stream, lane: name.lane, first: header.first, attempt: name.attempt)
                    while !taken.insert(fresh).inserted { fresh.attempt += 1 }
                    let file = try NewFile(target + "/" + fresh.text)
                    for (_, dictionary) in dictionaries.sorted(by: { $0.key < $1.key }) {
                        try file.append(dictionary)
                    }
                    output = (file, 0)
                }
                try output?.file.append(block)
                output?.last = header.last
                copied += UInt64(header.count)
            } catch { fault = error }
        }
        if let fault { throw fault }
        try output?.file.finish()
        files += taken.count - names.count
        names = taken
        batches += copied
        bytes += written + (output?.file.bytes ?? 0)
    }

    // MARK: What could not be saved

    private mutating func writeTombstones(with walk: inout SegmentWalk) throws(SystemError) {
        let clock = LinuxClock().wall()
        let anchor = Anchor(
            offsetNanoseconds: clock.utc.nanoseconds &- clock.boottime.nanoseconds,
            boundNanoseconds: clock.maximumErrorNanoseconds)
        let time = clock.boottime.truncatedToMicroseconds
        var items: [Item] = []
        for file in survey.files {
            for damage in file.totals.damages {
                let name = file.segment.name
                for range in survey.cost(of: damage, in: file).numbers.ranges {
                    let body = EventItem.tombstone(
                        stream: name.stream.rawValue, lane: name.lane, numbers: range.first...range.last, channels: [],
                        reason: "damaged on flash")
                    items.append(Item(time: time, body: body))
                }
            }
        }
        guard !items.isEmpty else { return }
        tombstones = items.count
        var random = Random(seed: randomSeed())
        let stream = StreamID(rawValue: max(random.next(), 1))
        items.insert(
            Item(time: time, body: EventItem.stream(stream.rawValue, previous: nil, lossWindow: .zero)), at: 0)
        var sequence: UInt64 = 1
        let file = try NewFile(target + "/" + SegmentName(stream: stream, lane: .events, first: 1).text)
        let dictionary = survey.anyDictionary(boot: survey.stored.boot ?? BootID(high: 0, low: 0))
        try file.append(walk.codec.encode(dictionary: dictionary, lane: .events, stream: stream))
        while !items.isEmpty {
            let part = Array(items.prefix(256))
            items.removeFirst(part.count)
            try file.append(
                walk.codec.encode(
                    items: part, lane: .events, stream: stream, sequence: sequence, anchor: anchor,
                    configHash: dictionary.configHash))
            sequence += 1
        }
        try file.finish()
    }
}

extension OutboxSurvey {
    /// The names of a configuration, for a stream: its own, or another stream's with the boot of this one.
    fileprivate func dictionary(_ hash: UInt32, of stream: StreamID) -> ChannelDictionary? {
        if let own = dictionaries[DictionaryKey(stream: stream, configHash: hash)] { return own }
        guard var other = dictionaries.first(where: { $0.key.configHash == hash })?.value else { return nil }
        let checkpoint = stored.checkpoint.checkpoint
        other.boot = dictionaries.first { $0.key.stream == stream }?.value.boot
            ?? (checkpoint?.stream == stream ? checkpoint?.boot : nil) ?? BootID(high: 0, low: 0)
        return other
    }

    /// For a batch that names no channels: any dictionary, because one of the same hash must say the same.
    fileprivate func anyDictionary(boot: BootID) -> ChannelDictionary {
        let found = dictionaries.values.min { ($0.prefix, $0.configHash) < ($1.prefix, $1.configHash) }
        guard var dictionary = found else {
            return ChannelDictionary(boot: boot, prefix: "", table: ChannelTable(channels: [], configHash: "0"))
        }
        dictionary.boot = boot
        return dictionary
    }
}
