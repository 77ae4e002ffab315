// The daemon as it was linked: full Foundation costs 51 MB of binary and 12 MB of memory, regular expressions 1.7 MB,
// and none of it is wanted.

import Glibc
import Testing

@Suite("The linked daemon") struct BinaryTests {
    /// Beside the test bundle, where the build puts it.
    static let path: String = {
        var target = [UInt8](repeating: 0, count: 4_096)
        for candidate in CommandLine.arguments + ["/proc/self/exe"] {
            let count = target.withUnsafeMutableBytes { buffer in
                readlink(candidate, buffer.baseAddress!.assumingMemoryBound(to: CChar.self), buffer.count)
            }
            let file = count > 0 ? String(decoding: target[..<count], as: UTF8.self) : candidate
            guard let slash = file.lastIndex(of: "/") else { continue }
            let daemon = file[..<slash] + "/cityedged"
            if access(String(daemon), X_OK) == 0 { return String(daemon) }
        }
        return ""
    }()

    private static func content() throws -> [UInt8] {
        let file = try #require(fopen(path, "r"), "no cityedged beside the tests")
        defer { fclose(file) }
        try #require(fseek(file, 0, SEEK_END) == 0)
        var bytes = [UInt8](repeating: 0, count: ftell(file))
        rewind(file)
        try #require(fread(&bytes, 1, bytes.count, file) == bytes.count)
        return bytes
    }

    private static func contains(_ text: String, in bytes: [UInt8]) -> Bool {
        let wanted = Array(text.utf8)
        return bytes.withUnsafeBytes { all -> Bool in
            var place: UnsafeRawPointer = all.baseAddress!
            let end = place + all.count
            while let found = memchr(place, Int32(wanted[0]), end - place).map({ UnsafeRawPointer($0) }),
                end - found >= wanted.count
            {
                if memcmp(found, wanted, wanted.count) == 0 { return true }
                place = found + 1
            }
            return false
        }
    }

    @Test("cityedged has neither Foundation nor the engine of regular expressions in it")
    func noFoundation() throws {
        let bytes = try Self.content()
        #expect(bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]), "an ELF file")
        #expect(Self.contains("libmosquitto.so", in: bytes), "the search finds names of libraries where they are")
        // Mangled names of a module begin with its length; libraries are named in the dynamic section.
        for name in [
            "libFoundation", "libFoundationEssentials", "lib_FoundationICU", "$s10Foundation",
            "$s20FoundationEssentials",
            // Methods that work on texts of texts (`split` by a text, `replacing`, `firstRange`): 1.7 MB when static.
            "17_StringProcessing",
        ] {
            #expect(!Self.contains(name, in: bytes), "\(name) in \(Self.path)")
        }
    }
}
