// Contributions as JSON, alone and in a batch. The canonical object, which `h` is made of, is that of the form alone.

extension Contribution {
    /// Appends the item as a JSON object.
    public func encode(into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "{"))
        encodeBody(into: &bytes)
        bytes.append(UInt8(ascii: "}"))
    }

    /// Appends the item alone, without its braces, beginning with `kind`: as an outbox lane keeps it.
    public func encodeBody(into bytes: inout [UInt8]) {
        var canonical = CanonicalWriter()
        let place = writeMembers(binding, into: &canonical)
        beginItem(&bytes)
        bytes.append(contentsOf: canonical.bytes[1..<place])
        bytes.append(contentsOf: #","h":""#.utf8)
        appendHexadecimal(fnv1a(canonical.bytes), to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: canonical.bytes[place..<canonical.bytes.count - 1])
    }

    /// Appends the item as it stands in a batch in which its binding has been said.
    func encodeBody(citing binding: ContributionBinding, _ id: UInt64, into bytes: inout [UInt8]) {
        var canonical = CanonicalWriter()
        _ = writeMembers(binding, into: &canonical)
        let hash = fnv1a(canonical.bytes)
        var writer = CanonicalWriter()
        writer.object { object in
            object.hexadecimal("b", id)
            if let correction { object.unsigned("correction", correction) }
            if coverage != Coverage(complete: windowSeconds) {
                object.object("cov") { coverage.writeUnusual(windowSeconds, into: &$0) }
            }
            if !isFinal { object.flag("final", false) }
            object.hexadecimal("h", hash)
            if let mark { object.object("mark") { mark.write(into: &$0) } }
            if period != .none { object.text("period", period.rawValue) }
            object.unsigned("rev", revision)
            object.object("state") { state.writeUnusual(coverage.validSeconds, into: &$0) }
            writeWindow(into: &object)
        }
        beginItem(&bytes)
        bytes.append(contentsOf: writer.bytes[1..<writer.bytes.count - 1])
    }

    private func beginItem(_ bytes: inout [UInt8]) {
        let kind = correction == nil ? #""kind":"contribution","# : #""kind":"correction","#
        bytes.append(contentsOf: kind.utf8)
        guard let ofStream else { return }
        bytes.append(contentsOf: #""stream":""#.utf8)
        appendHexadecimal(ofStream, to: &bytes)
        bytes.append(contentsOf: #"","#.utf8)
    }

    /// What `h` says.
    public var contentHash: UInt64 {
        var canonical = CanonicalWriter()
        _ = writeMembers(binding, into: &canonical)
        return fnv1a(canonical.bytes)
    }

    /// Writes the canonical object without `h` and `kind`; returns where `h` belongs.
    private func writeMembers(_ binding: ContributionBinding, into writer: inout CanonicalWriter) -> Int {
        var place = 0
        writer.object { object in
            if let correction { object.unsigned("correction", correction) }
            object.object("cov") { coverage.write(into: &$0) }
            object.flag("final", isFinal)
            place = object.bytes.count
            binding.writeInstrument(into: &object)
            if let mark { object.object("mark") { mark.write(into: &$0) } }
            binding.writeParameters(into: &object)
            object.text("period", period.rawValue)
            object.text("quality", quality.rawValue)
            object.unsigned("rev", revision)
            binding.writeNames(into: &object)
            object.object("state") { state.write(into: &$0) }
            binding.writeTables(into: &object)
            binding.writeUnit(into: &object)
            writeWindow(into: &object)
        }
        return place
    }

    private func writeWindow(into object: inout CanonicalWriter) {
        object.object("win") { window in
            if let localDay { window.text("day", localDay) }
            window.integer("len", windowSeconds)
            window.integer("start", windowStart)
        }
    }
}

extension Coverage {
    /// Of a window all of whose seconds are valid.
    init(complete seconds: Int64) {
        self.init(expectedSeconds: seconds, validSeconds: seconds, fromSecond: 0, toSecond: seconds)
    }

    fileprivate func write(into object: inout CanonicalWriter) {
        object.integer("exp_s", expectedSeconds)
        writeFlags(into: &object)
        object.integer("from_s", fromSecond)
        object.integer("to_s", toSecond)
        object.integer("valid_s", validSeconds)
    }

    /// What cannot be told from the rest (`Contribution.swift` says how).
    fileprivate func writeUnusual(_ windowSeconds: Int64, into object: inout CanonicalWriter) {
        if expectedSeconds != windowSeconds { object.integer("exp_s", expectedSeconds) }
        if !flags.isEmpty { writeFlags(into: &object) }
        if fromSecond != 0 { object.integer("from_s", fromSecond) }
        if toSecond != expectedSeconds { object.integer("to_s", toSecond) }
        if validSeconds != toSecond - fromSecond { object.integer("valid_s", validSeconds) }
    }

    private func writeFlags(into object: inout CanonicalWriter) {
        object.object("flags") { object in
            for flag in flags { object.integer(flag.name, flag.seconds) }
        }
    }
}

extension FoldMark {
    fileprivate func write(into object: inout CanonicalWriter) {
        if let last {
            object.integer("at_us", last.atMicroseconds)
            if let isPresent = last.isPresent { object.integer("line", isPresent ? 1 : 0) }
            if let lineMicroseconds = last.lineMicroseconds { object.integer("line_us", lineMicroseconds) }
            object.unsigned("n", last.ordinal)
        }
        if let open {
            object.integer("open_low_us", open.earliestMicroseconds)
            object.integer("open_us", open.latestMicroseconds)
        }
        if !tail.isEmpty { object.integers("tail", tail) }
        if let value = last?.value { object.integer("v", value) }
    }
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo; IETF draft-eastlake-fnv section 5).
func fnv1a(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBufferPointer { bytes in
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return hash
    }
}
