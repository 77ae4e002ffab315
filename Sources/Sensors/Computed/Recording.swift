// One column of a CSV file with times, in memory.
//
// Taken: UTF-8 with or without byte order mark, LF or CRLF, fields apart by `,` or by `;` (then numbers have a decimal
// comma), quoted or not, comment lines that begin with `#`, empty lines, a header row. Times are a column `timestamp`,
// or `Date` and `Time` (any case), as 2004-03-10 18:00:00, 2004-03-10T18:00:00Z, 10/03/2004 18.00.00, or a number of
// seconds; they must grow from row to row. An empty field and the number `missing` are no measurement. At most a
// million rows.
//
// Anything else is an error that names line and column.

internal import World

struct Recording: Sendable {
    /// Since the first row; growing.
    private(set) var milliseconds: [Int64] = []
    /// NaN where nothing was measured.
    private(set) var values: [Double] = []
    /// From the first row to the end of the last, which is held as long as the one before it.
    private(set) var length: Int64 = 1

    static let maximumRows = 1_000_000

    /// The last row that is due, looking from a row that is.
    func lastRow(atOrBefore moment: Int64, from row: Int) -> Int {
        var low = row
        var high = milliseconds.count
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if milliseconds[middle] <= moment { low = middle } else { high = middle }
        }
        return low
    }

    init(csv: [UInt8], column: String, missing: Double?) throws(SettingFault) {
        var lines = CSVLines(csv)
        guard let header = lines.next() else {
            throw SettingFault(
                parameter: "file", text: "empty; expected a row of column names, then data; look at the file")
        }
        let semicolons = csv[header].contains(0x3B)
        let separator: UInt8 = semicolons ? 0x3B : 0x2C
        var fields: [Range<Int>] = []
        CSVLines.split(csv, header, by: separator, into: &fields)
        let names = fields.map { String(decoding: csv[$0], as: UTF8.self) }
        guard let wanted = names.firstIndex(of: column) else {
            throw SettingFault(
                parameter: "column",
                text: "no column \"\(column)\" in line \(lines.number); expected one of "
                    + "\(names.filter { !$0.isEmpty }.joined(separator: ", ")); take one of these")
        }
        let lowered = names.map { $0.lowercased() }
        let dateColumn: Int
        var timeColumn: Int?
        if let stamp = lowered.firstIndex(of: "timestamp") {
            dateColumn = stamp
        } else if let date = lowered.firstIndex(of: "date"), let time = lowered.firstIndex(of: "time") {
            dateColumn = date
            timeColumn = time
        } else {
            throw SettingFault(
                parameter: "file",
                text: "no time column in line \(lines.number); expected `timestamp`, or `Date` and `Time`; name the "
                    + "file's time column so")
        }

        var first: Int64?
        while let line = lines.next() {
            CSVLines.split(csv, line, by: separator, into: &fields)
            // Spreadsheets leave rows of nothing but separators at the end.
            if fields.allSatisfy(\.isEmpty) { continue }
            func field(_ column: Int) -> String {
                column < fields.count ? String(decoding: csv[fields[column]].prefix(40), as: UTF8.self) : ""
            }
            func fault(_ column: Int, _ expected: String) -> SettingFault {
                var text = field(column)
                if column == dateColumn, let timeColumn { text += " " + field(timeColumn) }
                let found = text.isEmpty ? "nothing" : "\"\(text)\""
                return SettingFault(
                    parameter: "file",
                    text: "line \(lines.number), column \(names[column]): \(found); expected \(expected); mend it")
            }
            for needed in [dateColumn, timeColumn ?? dateColumn, wanted] where needed >= fields.count {
                throw fault(needed, "\(names.count) fields in every line")
            }
            guard
                let moment = RecordedTime.milliseconds(
                    csv[fields[dateColumn]], timeColumn.map { csv[fields[$0]] }, decimalComma: semicolons)
            else { throw fault(dateColumn, "a time as 2004-03-10 18:00:00") }
            let start = first ?? moment
            first = start
            let since = moment - start
            if let last = milliseconds.last, since <= last {
                throw fault(timeColumn ?? dateColumn, "a later time than the row before has")
            }
            var value = Double.nan
            if !fields[wanted].isEmpty {
                guard let number = DecimalText.parse(csv[fields[wanted]], decimalComma: semicolons) else {
                    throw fault(wanted, "a number or nothing")
                }
                if number != missing { value = number }
            }
            guard milliseconds.count < Self.maximumRows else {
                throw SettingFault(
                    parameter: "file",
                    text: "more than \(Self.maximumRows) rows; expected at most so many; cut the file")
            }
            milliseconds.append(since)
            values.append(value)
        }
        guard let last = milliseconds.last else {
            throw SettingFault(
                parameter: "file", text: "no rows after line \(lines.number); expected data; look at the file")
        }
        length = last + (milliseconds.count > 1 ? last - milliseconds[milliseconds.count - 2] : 1_000)
    }
}

/// The lines of a CSV text that are neither empty nor comments, as ranges without their line ends.
struct CSVLines {
    private let bytes: [UInt8]
    private var position: Int
    /// Of the line that `next` gave, counted from 1.
    private(set) var number = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    mutating func next() -> Range<Int>? {
        while position < bytes.count {
            let start = position
            var end = start
            while end < bytes.count && bytes[end] != 0x0A { end += 1 }
            position = end + 1
            number += 1
            if end > start && bytes[end - 1] == 0x0D { end -= 1 }
            if end > start && bytes[start] != 0x23 { return start..<end }
        }
        return nil
    }

    /// Fields of a line, without spaces and quotes around them. A quoted field may hold separators, but no line end and
    /// no quote: recorded numbers and times have neither.
    static func split(_ bytes: [UInt8], _ line: Range<Int>, by separator: UInt8, into fields: inout [Range<Int>]) {
        fields.removeAll(keepingCapacity: true)
        var start = line.lowerBound
        var isQuoted = false
        for index in line.lowerBound...line.upperBound {
            if index < line.upperBound {
                if bytes[index] == 0x22 { isQuoted.toggle() }
                if isQuoted || bytes[index] != separator { continue }
            }
            var (low, high) = (start, index)
            func trim(_ isEdge: (UInt8) -> Bool) {
                while low < high && isEdge(bytes[low]) { low += 1 }
                while low < high && isEdge(bytes[high - 1]) { high -= 1 }
            }
            trim { $0 == 0x20 || $0 == 0x09 }
            trim { $0 == 0x22 }
            fields.append(low..<high)
            start = index + 1
        }
    }
}

enum RecordedTime {
    /// Milliseconds on some scale that grows evenly; nil when the text is no time. UTC or local is all the same here:
    /// only differences are used.
    static func milliseconds(_ date: ArraySlice<UInt8>, _ time: ArraySlice<UInt8>?, decimalComma: Bool) -> Int64? {
        if time == nil, let seconds = DecimalText.parse(date, decimalComma: decimalComma) {
            return abs(seconds) < 1e12 ? Int64((seconds * 1_000).rounded()) : nil
        }
        var numbers: (Int64, Int64, Int64, Int64, Int64, Int64) = (0, 0, 0, 0, 0, 0)
        var count = 0
        var digits = 0
        var milliseconds: Int64 = 0
        var fractionDigits = -1
        var isSlashed = false
        /// Takes the digit groups of both fields, whatever stands between them; false when something cannot be a time.
        func take(_ text: ArraySlice<UInt8>) -> Bool {
            digits = 0
            for byte in text {
                switch byte {
                case 0x30...0x39:
                    if fractionDigits >= 0 {
                        if fractionDigits < 3 { milliseconds = milliseconds * 10 + Int64(byte - 0x30) }
                        fractionDigits += 1
                        continue
                    }
                    if digits == 0 {
                        guard count < 6 else { return false }
                        count += 1
                    }
                    digits += 1
                    guard digits <= 4 else { return false }
                    withUnsafeMutableBytes(of: &numbers) { raw in
                        let groups = raw.bindMemory(to: Int64.self)
                        groups[count - 1] = groups[count - 1] * 10 + Int64(byte - 0x30)
                    }
                case 0x2E where count == 6 && fractionDigits < 0 && digits > 0: fractionDigits = 0
                case 0x2D, 0x2F, 0x3A, 0x2E, 0x20, 0x54, 0x5A:  // - / : . space T Z
                    if byte == 0x2F { isSlashed = true }
                    digits = 0
                default: return false
                }
            }
            return true
        }
        guard take(date), time.map(take) ?? true, count == 5 || count == 6 else { return nil }
        var (year, month, day) = (numbers.0, numbers.1, numbers.2)
        if isSlashed && year <= 31 { (year, day) = (day, year) }
        guard (1...9_999).contains(year), (1...12).contains(month), (1...31).contains(day), numbers.3 <= 24,
            numbers.4 < 60, numbers.5 <= 60
        else { return nil }
        for _ in max(fractionDigits, 0)..<3 { milliseconds *= 10 }
        let seconds = days(year, month, day) * 86_400 + numbers.3 * 3_600 + numbers.4 * 60 + numbers.5
        return seconds * 1_000 + milliseconds
    }

    /// Days since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant, `days_from_civil`).
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = y / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
