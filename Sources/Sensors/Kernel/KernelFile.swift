// Small kernel files as drivers read them: names in a folder, a text, a number; faults as a sensor's. Values are read
// on the stack.

internal import World

enum KernelFile {
    /// The longest value wanted here: the two lines of a 1-wire thermometer, under 80 characters.
    static let bytes = 128

    static func names(
        in folder: String, on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) -> [String] {
        do throws(AttributeFault) { return try attributes.list(folder) } catch { throw .attribute(error) }
    }

    static func open(
        _ path: String, on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) -> AttributeHandle {
        do throws(AttributeFault) { return try attributes.open(path) } catch { throw .attribute(error) }
    }

    /// What the file holds, without its line end.
    static func text(
        _ handle: AttributeHandle, on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) -> String {
        try contents(handle, on: &attributes) { bytes in
            var end = bytes.count
            while end > 0 && bytes[end - 1] <= 0x20 { end -= 1 }
            return String(decoding: bytes[..<end], as: UTF8.self)
        }
    }

    /// The same by its path; nil when there is no such file, or it vanishes while we look.
    static func text(at path: String, on attributes: inout some Attributes & ~Copyable) -> String? {
        guard let handle = try? open(path, on: &attributes) else { return nil }
        return try? text(handle, on: &attributes)
    }

    static func number(
        _ handle: AttributeHandle, on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) -> Double {
        let number = try contents(handle, on: &attributes) { bytes in DecimalText.parse(bytes) }
        guard let number else { throw .implausible }
        return number
    }

    static func contents<Result>(
        _ handle: AttributeHandle, on attributes: inout some Attributes & ~Copyable,
        _ use: (UnsafeRawBufferPointer) -> Result
    ) throws(SensorFault) -> Result {
        typealias Half = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
        var buffer: (Half, Half) = ((0, 0, 0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0, 0, 0))
        var fault: AttributeFault?
        var result: Result?
        withUnsafeMutableBytes(of: &buffer) { bytes in
            do throws(AttributeFault) {
                let count = try attributes.read(handle, into: bytes)
                result = use(UnsafeRawBufferPointer(rebasing: bytes[..<min(count, bytes.count)]))
            } catch { fault = error }
        }
        if let fault { throw .attribute(fault) }
        return result!
    }

    /// The words of a setting, separated by spaces or commas; each once.
    static func words(_ text: String, of parameter: String) throws(SettingFault) -> [String] {
        var words: [String] = []
        for part in text.split(whereSeparator: { $0 == " " || $0 == "," }) {
            let word = String(part)
            guard !words.contains(word) else {
                throw SettingFault(
                    parameter: parameter, text: "\(word) twice; expected each once; remove one")
            }
            words.append(word)
        }
        guard !words.isEmpty else {
            throw SettingFault(
                parameter: parameter, text: "empty; expected what the device measures; name at least one quantity")
        }
        guard words.count <= 16 else {
            throw SettingFault(
                parameter: parameter,
                text: "\(words.count) words; expected at most 16; make two sensors of the device")
        }
        return words
    }

    /// `temp12` is `temp` and 12.
    static func numbered(_ word: String) -> (stem: String, number: Int)? {
        let digits = word.utf8.reversed().prefix { (0x30...0x39).contains($0) }.count
        guard (1...2).contains(digits), let number = Int(word.suffix(digits)) else { return nil }
        return (String(word.dropLast(digits)), number)
    }
}
