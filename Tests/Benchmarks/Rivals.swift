// What people use instead of an outbox of their own, on the same readings: a table of SQLite in WAL mode, and a file of
// JSON lines. Both are made durable every five seconds of readings, as the outbox is, and both are spared the ordinals.

import CSQLite
import Glibc
import LinuxWorld
import World

/// One table, one transaction per `commit`. Channels are numbers; their names would stand in a table of their own.
final class SQLiteStore {
    private var database: OpaquePointer?
    private var insert: OpaquePointer?

    /// `synchronous`: FULL or NORMAL. NORMAL syncs only at a checkpoint: a power cut takes what came since.
    init(_ path: String, synchronous: String) throws {
        try check(sqlite3_open(path, &database))
        try execute("PRAGMA journal_mode=WAL")
        try execute("PRAGMA synchronous=\(synchronous)")
        try execute("CREATE TABLE readings(t INTEGER, channel INTEGER, value INTEGER, quality INTEGER)")
        try check(sqlite3_prepare_v2(database, "INSERT INTO readings VALUES(?,?,?,?)", -1, &insert, nil))
        try execute("BEGIN")
    }

    deinit {
        sqlite3_finalize(insert)
        sqlite3_close(database)
    }

    func append(_ reading: Reading) throws {
        sqlite3_bind_int64(insert, 1, reading.acquired.nanoseconds / 1_000)
        sqlite3_bind_int64(insert, 2, Int64(reading.channel.rawValue))
        sqlite3_bind_int64(insert, 3, reading.value)
        sqlite3_bind_int64(insert, 4, Int64(reading.quality.rawValue))
        guard sqlite3_step(insert) == SQLITE_DONE else { throw BenchFault("SQLite: no insertion") }
        sqlite3_reset(insert)
    }

    func commit() throws {
        try execute("COMMIT")
        try execute("BEGIN")
    }

    /// Ends the last transaction and moves all that is in the log into the database.
    func finish() throws {
        try execute("COMMIT")
        try execute("PRAGMA wal_checkpoint(TRUNCATE)")
    }

    func readBack() throws -> (readings: Int, sum: Int64) {
        var select: OpaquePointer?
        try check(sqlite3_prepare_v2(database, "SELECT t, channel, value, quality FROM readings", -1, &select, nil))
        defer { sqlite3_finalize(select) }
        var readings = 0
        var sum: Int64 = 0
        while sqlite3_step(select) == SQLITE_ROW {
            for column in 0..<4 as Range<Int32> { sum &+= sqlite3_column_int64(select, column) }
            readings += 1
        }
        return (readings, sum)
    }

    private func execute(_ statement: String) throws { try check(sqlite3_exec(database, statement, nil, nil, nil)) }

    private func check(_ result: Int32) throws {
        guard result == SQLITE_OK else { throw BenchFault("SQLite: \(String(cString: sqlite3_errmsg(database)))") }
    }
}

/// `{"t":1795257600.123456,"n":"air.co","v":2.6}`, with `"q"` when it is not good: one line a reading.
final class JSONLinesStore {
    private let file: Int32
    private let names: [[UInt8]]
    private let factors: [Double]
    private let decimals: [Int32]
    private var pending: [UInt8] = []

    init(_ path: String, _ table: ChannelTable) throws {
        file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o640)
        guard file >= 0 else { throw BenchFault("\(path): \(systemReason(errno))") }
        names = table.channels.map { Array($0.name.utf8) }
        factors = table.channels.map { pow(10, Double($0.scale)) }
        decimals = table.channels.map { -Int32($0.scale) }
    }

    deinit { close(file) }

    func append(_ reading: Reading) {
        let channel = Int(reading.channel.rawValue)
        let microseconds = (reading.acquired.nanoseconds + benchAnchor.offsetNanoseconds) / 1_000
        pending += Array("{\"t\":".utf8)
        put(microseconds / 1_000_000)
        pending.append(UInt8(ascii: "."))
        let fraction = microseconds % 1_000_000
        var digit: Int64 = 100_000
        while digit > 0 {
            pending.append(UInt8(ascii: "0") + UInt8(fraction / digit % 10))
            digit /= 10
        }
        pending += Array(",\"n\":\"".utf8)
        pending += names[channel]
        pending += Array("\",\"v\":".utf8)
        put(reading.value, decimals: decimals[channel])
        if reading.quality != .good {
            pending += Array(",\"q\":".utf8)
            put(Int64(reading.quality.rawValue))
        }
        pending += Array("}\n".utf8)
    }

    private func put(_ value: Int64, decimals: Int32 = 0) {
        var digits: [UInt8] = []
        var rest = value.magnitude
        repeat {
            digits.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
            if digits.count == Int(decimals) { digits.append(UInt8(ascii: ".")) }
        } while rest > 0 || decimals > 0 && digits.count < Int(decimals) + 2
        if value < 0 { digits.append(UInt8(ascii: "-")) }
        pending += digits.reversed()
    }

    func commit() throws {
        guard write(file, pending, pending.count) == pending.count, fdatasync(file) == 0 else {
            throw BenchFault("JSON lines: \(systemReason(errno))")
        }
        pending.removeAll(keepingCapacity: true)
    }

    /// The fields are looked for where `append` puts them: no general parser is as fast.
    func readBack() throws -> (readings: Int, sum: Double) {
        var readings = 0
        var sum = 0.0
        var text = [CChar](repeating: 0, count: (1 << 20) + 1)
        var kept = 0
        lseek(file, 0, SEEK_SET)
        while true {
            let count = text.withUnsafeMutableBytes { read(file, $0.baseAddress! + kept, (1 << 20) - kept) }
            guard count > 0 else { break }
            let end = kept + count
            text[end] = 0
            var position = 0
            text.withUnsafeMutableBufferPointer { buffer in
                let start = buffer.baseAddress!
                while let line = memchr(start + position, 0x0A, end - position) {
                    let stop = line.assumingMemoryBound(to: CChar.self)
                    var next: UnsafeMutablePointer<CChar>?
                    sum += strtod(start + position + 5, &next)
                    guard let quote = strchr(next! + 6, 0x22) else { break }
                    for name in names where name.count == quote - (next! + 6) {
                        if memcmp(name, next! + 6, name.count) == 0 { break }
                    }
                    sum += strtod(quote + 6, &next)
                    readings += 1
                    position = stop - start + 1
                }
                kept = end - position
                memmove(start, start + position, kept)
            }
        }
        return (readings, sum)
    }
}
