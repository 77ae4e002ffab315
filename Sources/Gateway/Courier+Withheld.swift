// Counts that are too small to leave the node are carried from cell to cell (`Withholding`). What is carried is kept in
// the runtime directory before the cursor moves on, so that a restart of the process neither loses nor doubles it. A
// power cut loses the hour at hand, which is said, and what was carried.
//
// Two files, written in turn: [generation, stream, number of words, FNV-1a of the words], then the words, as
// little-endian 64-bit numbers. A file that is not whole is not there.

import KPIs
import World

struct WithheldFeed {
    static let fileNames = ["withheld-0", "withheld-1"]
    private static let headWords = 4
    /// 64 bindings with three cells each, every flag and every bin of speed in use, are less.
    static let longestBytes = 1 << 20

    var generation: Int64 = 0
    /// As last kept.
    var kept: [Int64] = []

    static func encoded(_ words: [Int64], generation: Int64, stream: UInt64) -> [UInt8] {
        let head = [generation, Int64(bitPattern: stream), Int64(words.count), hash(words)]
        return (head + words).flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    }

    static func decoded(_ bytes: [UInt8], stream: UInt64) -> (generation: Int64, words: [Int64])? {
        guard bytes.count >= headWords * 8 else { return nil }
        let words = bytes.withUnsafeBytes { raw in
            (0..<bytes.count / 8).map {
                Int64(littleEndian: raw.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self))
            }
        }
        guard words[1] == Int64(bitPattern: stream), (0...Int64(words.count - headWords)).contains(words[2]) else {
            return nil
        }
        let content = Array(words[headWords..<headWords + Int(words[2])])
        return hash(content) == words[3] ? (words[0], content) : nil
    }

    private static func hash(_ words: [Int64]) -> Int64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for word in words {
            for shift in stride(from: 0, to: 64, by: 8) {
                hash = (hash ^ UInt64(truncatingIfNeeded: word >> Int64(shift)) & 0xFF) &* 0x0000_0100_0000_01B3
            }
        }
        return Int64(bitPattern: hash)
    }
}

extension Courier where D: ~Copyable, R: ~Copyable {
    /// Before the first batch is folded.
    mutating func takeUpWithheld(into folder: inout KPIFolder) {
        guard let kept = keptWithheld() else { return }
        withheld.generation = kept.generation
        withheld.kept = kept.words
        _ = folder.takeUp(kept.words)
    }

    /// After what is due was sealed and before the cursor moves. False when there was no room: then the cursor has to
    /// stay, and a restart folds again what the older file has not got.
    mutating func keepWithheld() -> Bool {
        guard let words = kpis.folder?.carried, !words.isEmpty, words != withheld.kept else { return true }
        let generation = withheld.generation + 1
        let name = WithheldFeed.fileNames[Int(generation & 1)]
        let content = WithheldFeed.encoded(words, generation: generation, stream: outbox.stream.rawValue)
        let isKept = content.withUnsafeBytes { (try? outbox.disk.runtimeWrite(name, at: 0, $0)) != nil }
        guard isKept else { return false }
        withheld.generation = generation
        withheld.kept = words
        return true
    }

    private mutating func keptWithheld() -> (generation: Int64, words: [Int64])? {
        var newest: (generation: Int64, words: [Int64])?
        for name in WithheldFeed.fileNames {
            let bytes = readRuntime(name, atMost: WithheldFeed.longestBytes)
            guard let found = WithheldFeed.decoded(bytes, stream: outbox.stream.rawValue) else { continue }
            if found.generation > newest?.generation ?? .min { newest = found }
        }
        return newest
    }

    /// All of a runtime file; empty when there is none.
    mutating func readRuntime(_ name: String, atMost longest: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while bytes.count < longest {
            let offset = bytes.count
            let count = chunk.withUnsafeMutableBytes { buffer in
                (try? outbox.disk.runtimeRead(name, at: offset, into: buffer)) ?? 0
            }
            bytes += chunk[..<count]
            if count < chunk.count { break }
        }
        return bytes
    }
}
