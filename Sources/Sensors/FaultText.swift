// What a technician is told of a failed measurement: what was found, what was expected, what to do.

public import World

extension SensorFault {
    /// `found; expected; what to do`, for messages, events and `cityedge read`.
    public var text: String {
        switch self {
        case .bus(let fault): fault.text
        case .line(let fault): fault.text
        case .attribute(let fault): fault.text
        case .checksum:
            "the answer's checksum is wrong; expected a clean answer; look for a long cable, a loose contact, missing "
                + "pull-ups or a bus set too fast"
        case .wrongChip(let found, let expected):
            "chip id \(hexadecimal(found))\(Self.chip(found, expected: expected)) answers; expected "
                + "\(hexadecimal(expected))\(Self.chip(expected, expected: expected)); fit that chip, or name the one "
                + "that is there as the driver"
        case .implausible:
            "the chip answered with what cannot be a measurement; expected converted data; look at its supply, then "
                + "replace it"
        case .notReady:
            "the chip has not finished; expected it to in the datasheet's longest time; look at its supply"
        case .program(let fault): fault.text
        case .deviceFault(let code):
            "the chip reports a fault of its own (status \(hexadecimal(code))); expected none; clean or replace the "
                + "sensor, its manual tells what the status means"
        case .noData:
            "there is nothing to read from; expected a kernel device or data that has not ended; look at `device` or "
                + "`file`"
        }
    }

    /// Bosch's environmental chips share address and id register, so one is easily bought for the other. Ids from their
    /// datasheets, register 0xD0.
    private static func chip(_ id: UInt32, expected: UInt32) -> String {
        guard (0x58...0x61).contains(expected) else { return letters(id) }
        return switch id {
        case 0x55: " (BMP180)"
        case 0x56, 0x57, 0x58: " (BMP280, which has no humidity)"
        case 0x60: " (BME280)"
        case 0x61: " (BME680 or BME688)"
        default: ""
        }
    }
}

extension ProgramFault {
    public var text: String {
        switch self {
        case .notStarted(let errno):
            "the program cannot be started (errno \(errno)); expected one that this user may run; look at `run`"
        case .noSocket(let errno):
            "the socket cannot be made (errno \(errno)); expected a writable runtime folder; look at its permissions"
        case .ended(let status, let words):
            "the program ended (status \(status)\(words.isEmpty ? "" : ": " + words)); expected it to run on; "
                + "it is started again, look at what it needs"
        case .silent:
            "the program says nothing; expected lines `channel value`; look at what it measures, and whether it writes "
                + "each line at once (unbuffered)"
        case .notUnderstood(let lines):
            "\(lines) lines that cannot be meant; expected `channel value [unit] [time]`, the channel one of "
                + "`measures`; start the program by hand and look"
        }
    }
}

extension BusFault {
    public var text: String {
        switch self {
        case .noAcknowledge:
            "nobody acknowledges at the address; expected the chip; look at its supply, wiring and address pins"
        case .arbitrationLost: "another master won the bus; expected to be alone on it; it will be tried again"
        case .timedOut:
            "the transfer did not end in time; expected an answer; look for a chip that holds the clock line"
        case .stuck:
            "nobody gets through on the bus; expected its lines to be free; look for a short, missing pull-ups or a "
                + "chip that holds it, and take power from the chips once"
        case .heldByKernel:
            "a kernel driver holds the address; expected it free; unbind that driver, or read the chip with "
                + "`driver: iio`"
        case .absent(let errno):
            "the bus is not there or may not be opened (errno \(errno)); expected its device node; enable I2C on the "
                + "board, and let the agent's user into the group i2c"
        case .unsupported:
            "the adapter can do neither this transfer nor its SMBus equivalent; expected an I2C adapter; take another"
        case .failed(let errno): "the transfer failed (errno \(errno)); expected an answer; look at the kernel's log"
        }
    }
}

extension LineFault {
    public var text: String {
        switch self {
        case .noSuchChip:
            "no GPIO chip carries the label; expected the board's; look at `board`, or load the controller's driver"
        case .noSuchLine: "the GPIO chip has no such line; expected the board's; look at `board`"
        case .taken(let owner): "the line is taken by \(owner); expected it free; end that program or overlay"
        case .notPermitted:
            "the GPIO chip may not be opened; expected read and write permission; let the agent's user into the group "
                + "gpio"
        case .failed(let errno):
            "the request failed (errno \(errno)); expected the line; look at the kernel's log"
        }
    }
}

extension AttributeFault {
    public var text: String {
        switch self {
        case .noSuchFile: "the kernel file is not there; expected it; look whether the kernel driver is bound"
        case .notPermitted: "the kernel file may not be read; expected permission; look at the agent's user and groups"
        case .failed(let errno):
            "reading the kernel file failed (errno \(errno)); expected a value; look at the kernel's log"
        }
    }
}

/// ` ("EC")` for an id that is letters: what an EZO circuit or a manufacturer calls itself.
private func letters(_ id: UInt32) -> String {
    let all: [UInt32] = [id >> 24, id >> 16, id >> 8, id]
    let bytes = all.map { UInt8(truncatingIfNeeded: $0) }.drop { $0 == 0 }
    guard bytes.count > 1, bytes.allSatisfy({ (0x41...0x5A).contains($0 & 0xDF) || $0 == 0x2E }) else { return "" }
    return " (\"" + String(decoding: bytes, as: UTF8.self) + "\")"
}

/// `0x60`
private func hexadecimal(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return "0x" + (digits.utf8.count < 2 ? "0" : "") + digits
}
