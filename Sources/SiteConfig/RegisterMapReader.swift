// `registers:` of a sensor: a chip described by its datasheet's registers. Becomes a `RegisterMap` that fits together,
// or problems, each at the value that is wrong.
//
// Bytes are written as they go over the wire, with blanks between (`send: 0x24 0x00`); numbers may be hexadecimal.

import Sensors
import World

struct RegisterMapReader {
    let findings: Findings
    private static let examples = "see config/drivers/registers-*.yaml"

    func read(_ key: String, _ sensor: inout Fields) -> RegisterMap? {
        guard sensor.has(key) else {
            findings.addMissing(
                sensor.place, "no `\(key)` in \(sensor.name)", "the chip's description",
                "add `\(key):`, \(Self.examples)")
            return nil
        }
        let before = findings.problems.count
        var fields = sensor.section(key, name: "`\(key)` of \(sensor.name)")
        let identity = check("identity", &fields)
        let setup = messages("setup", &fields)
        let verify = check("verify", &fields)
        let trigger = messages("trigger", &fields)
        if setup.count + trigger.count > RegisterMap.Limits.writes {
            findings.add(
                fields.place(of: setup.count > trigger.count ? "setup" : "trigger"),
                "\(setup.count + trigger.count) messages in `setup` and `trigger`",
                "at most \(RegisterMap.Limits.writes)", "write several registers with one message where the chip can")
        }
        let reads = reads(&fields)
        let channels = channels(&fields, reads)
        fields.finish()
        guard findings.problems.count == before else { return nil }
        return RegisterMap(
            identity: identity, setup: setup, verify: verify, trigger: trigger, reads: reads, fields: channels)
    }

    // MARK: Messages and answers

    private func messages(_ key: String, _ map: inout Fields) -> [RegisterMap.Message] {
        map.list(key, of: "messages: `- {send: 0x24 0x00, wait: 16ms}`").compactMap { node in
            var fields = map.item(node, name: "a message of `\(key)`")
            let send = fields.required("send", "the bytes to write", example: "send: 0x24 0x00").flatMap(bytes)
            let wait = wait(&fields)
            fields.finish(Self.messageHints)
            return send.map { RegisterMap.Message($0, wait: wait ?? .zero) }
        }
    }

    private func reads(_ map: inout Fields) -> [RegisterMap.Read] {
        let nodes = map.list("reads", of: "reads: `- {send: 0x00, receive: 2}`")
        if nodes.isEmpty {
            findings.addMissing(
                map.place(of: "reads"), "nothing to read in \(map.name)", "at least one read",
                "add for example `reads: [{send: 0x00, receive: 2}]`")
        }
        limit(nodes, RegisterMap.Limits.reads, "reads")
        return nodes.map { node in
            var fields = map.item(node, name: "a read")
            let read = self.read(&fields, longest: RegisterMap.Limits.bytes)
            fields.finish(Self.readHints)
            return read
        }
    }

    /// Whatever is wrong is reported, and the answer then as good as it gets.
    private func read(_ fields: inout Fields, longest: Int) -> RegisterMap.Read {
        let send = fields.scalar("send").flatMap(bytes) ?? []
        let wait = wait(&fields)
        let count = fields.required("receive", "how many bytes the chip answers", example: "receive: 2")
            .flatMap { number($0, in: 1...UInt32(longest)) }
        var read = RegisterMap.Read(send: send, wait: wait, count: Int(count ?? UInt32(longest)))
        if fields.has("crc") { read.checksum = checksum(&fields) }
        if count != nil, !read.checksumFits {
            findings.add(
                fields.valuePlace(of: "receive"), "an answer of \(read.count) bytes with a checksum",
                read.checksum?.span == .word ? "two bytes and a checksum, any number of times" : "two bytes or more",
                "count the checksums in")
        }
        if wait != nil, !fields.has("send") {
            findings.add(
                fields.valuePlace(of: "wait"), "a `wait` without a message to wait after", "`send`",
                "give the wait to the last message of `trigger`")
        }
        read.ready = flag("ready", &fields, read)
        read.healthy = flag("healthy", &fields, read)
        return read
    }

    private func checksum(_ fields: inout Fields) -> RegisterMap.Checksum? {
        var crc = fields.section("crc")
        let polynomial = crc.required("polynomial", "the CRC's polynomial", example: "polynomial: 0x31")
            .flatMap { number($0, in: 1...255) }
        let initial = crc.scalar("initial", default: "0x00").flatMap { number($0, in: 0...255) }
        let span = crc.required("per", "word, frame or packet", example: "per: word")
            .flatMap { findings.choice($0, of: RegisterMap.Checksum.Span.allCases.map(\.rawValue)) }
            .flatMap(RegisterMap.Checksum.Span.init)
        crc.finish()
        guard let polynomial, let initial, let span else { return nil }
        return RegisterMap.Checksum(polynomial: UInt8(polynomial), initial: UInt8(initial), span: span)
    }

    private func flag(_ key: String, _ fields: inout Fields, _ read: RegisterMap.Read) -> RegisterMap.Flag? {
        guard fields.has(key) else { return nil }
        var flag = fields.section(key)
        let byte = flag.scalar("byte", default: "0").flatMap { number($0, in: 0...UInt32(read.count - 1)) }
        let (mask, expected) = pattern(&flag, widest: 255)
        flag.finish()
        guard let byte, let mask, let expected else { return nil }
        return RegisterMap.Flag(byte: Int(byte), mask: UInt8(mask), expected: UInt8(expected))
    }

    private func check(_ key: String, _ map: inout Fields) -> RegisterMap.Check? {
        guard map.has(key) else { return nil }
        var fields = map.section(key)
        let read = read(&fields, longest: 4)
        if read.checksum != nil {
            findings.add(
                fields.place(of: "crc"), "a checksum in `\(key)`", "an answer of at most four bytes that are all data",
                "remove it, or leave `\(key)` out")
        }
        if read.wait != nil {
            findings.add(
                fields.valuePlace(of: "wait"), "a `wait` in `\(key)`", "registers that can be read at once",
                "remove it, or leave `\(key)` out")
        }
        let (mask, expected) = pattern(&fields, widest: UInt32(truncatingIfNeeded: UInt64(1) << (8 * read.count) - 1))
        fields.finish(Self.readHints)
        guard let mask, let expected else { return nil }
        return RegisterMap.Check(read, mask: mask, expected: expected)
    }

    /// `mask` and `expected`: bits outside the mask can never be.
    private func pattern(_ fields: inout Fields, widest: UInt32) -> (mask: UInt32?, expected: UInt32?) {
        let mask = fields.scalar("mask", default: "0x" + String(widest, radix: 16))
            .flatMap { number($0, in: 1...widest) }
        let expected = fields.required("expected", "what the masked bits are", example: "expected: 0x00")
            .flatMap { number($0, in: 0...widest) }
        if let mask, let expected, expected & ~mask != 0 {
            findings.add(
                fields.valuePlace(of: "expected"), "`expected` with bits that `mask` takes away", "bits of `mask` only",
                "correct one of the two")
        }
        return (mask, expected)
    }

    // MARK: Fields

    private func channels(_ map: inout Fields, _ reads: [RegisterMap.Read]) -> [RegisterMap.Field] {
        let nodes = map.list("fields", of: "fields: `- {quantity: temperature, unit: Cel, byte: 0, bits: 16, ...}`")
        if nodes.isEmpty {
            findings.addMissing(
                map.place(of: "fields"), "no fields in \(map.name)", "at least one",
                "add what the bits mean, \(Self.examples)")
        }
        limit(nodes, RegisterMap.Limits.fields, "fields")
        return nodes.compactMap { node in
            var fields = map.item(node, name: "a field")
            let field = field(&fields, reads)
            fields.finish(Self.fieldHints)
            return field
        }
    }

    private func field(_ fields: inout Fields, _ reads: [RegisterMap.Read]) -> RegisterMap.Field? {
        let quantity = fields.required("quantity", "the channel's name", example: "quantity: temperature")
            .flatMap(quantity)
        let unit = fields.required("unit", "the unit of the result", example: "unit: Cel")
            .flatMap { ParameterReader(folder: "", findings: findings).unit($0) }
        let read = fields.scalar("read", default: "1").flatMap { number($0, in: 1...UInt32(max(1, reads.count))) }
        let byte = fields.required("byte", "where it begins in the answer, from 0", example: "byte: 0")
            .flatMap { number($0, in: 0...UInt32(RegisterMap.Limits.bytes - 1)) }
        let bits = fields.required("bits", "its width", example: "bits: 16").flatMap { number($0, in: 1...32) }
        let shift = fields.scalar("shift", default: "0").flatMap { number($0, in: 0...31) }
        let format = fields.scalar("format", default: "unsigned")
            .flatMap { findings.choice($0, of: RegisterMap.Format.allCases.map(\.rawValue)) }
            .flatMap(RegisterMap.Format.init)
        let order = fields.scalar("order", default: "big")
            .flatMap { findings.choice($0, of: RegisterMap.Order.allCases.map(\.rawValue)) }
            .flatMap(RegisterMap.Order.init)
        let scale = fields.scalar("scale", default: "1").flatMap(factor)
        let offset = fields.scalar("offset", default: "0").flatMap { findings.number($0, in: -1e9...1e9) }
        let decimals = fields.scalar("decimals").flatMap { findings.integer($0, in: 0...9) }
        let plausible = fields.required(
            "plausible", "the measuring range of the datasheet", example: "plausible: -40 to 125"
        ).flatMap(range)
        let widest = UInt32(truncatingIfNeeded: UInt64(1) << UInt64(bits ?? 32) - 1)
        let invalid = fields.scalar("invalid").flatMap { number($0, in: 0...widest) }
        let saturated = fields.scalar("saturated").flatMap { number($0, in: 0...widest) }
        guard let quantity, case .text(let unit)? = unit, let read, let byte, let bits, let shift, let format,
            let order, let scale, let offset, let plausible
        else { return nil }
        if format == .float, bits != 32 {
            findings.add(
                fields.valuePlace(of: "bits"), "a float of \(bits) bits", "32 bits (IEEE 754)", "write `bits: 32`")
        }
        if !reads.isEmpty, !reads[Int(read) - 1].holds(bits: Int(bits), shift: Int(shift), at: Int(byte)) {
            let answer = reads[Int(read) - 1]
            findings.add(
                fields.valuePlace(of: "byte"),
                answer.isChecksum(Int(byte))
                    ? "a field that begins at the checksum in byte \(byte)"
                    : "\(bits + shift) bits from byte \(byte) of an answer of \(answer.count)",
                "a field within its answer", "correct `byte`, `bits`, or `receive` of the read")
        }
        let channel = DriverChannel(
            quantity, unit: unit, scale: -Int8(decimals ?? Self.decimals(of: scale, format)), plausible: plausible)
        return RegisterMap.Field(
            channel, read: Int(read) - 1, byte: Int(byte), bits: Int(bits), shift: Int(shift), format: format,
            order: order, scale: scale, offset: offset, invalid: invalid, saturated: saturated)
    }

    /// As many as the step of a raw number needs.
    private static func decimals(of scale: Double, _ format: RegisterMap.Format) -> Int64 {
        if format == .float { return 3 }
        var step = scale.magnitude
        var decimals: Int64 = 0
        while step < 1, decimals < 9 {
            step *= 10
            decimals += 1
        }
        return decimals
    }
}
