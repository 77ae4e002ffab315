// A chip described in words of its datasheet: what to say to it, what it answers, what the bits of the answer mean.
//
// A value, checked by the configuration against `Limits` and against itself (fields within their answers, checksums
// that fit): `DescribedChip` relies on that. Everything is bounded.

public struct RegisterMap: Sendable, Equatable {
    public enum Limits {
        /// Of `setup` and `trigger` together.
        public static let writes = 16
        public static let reads = 8
        /// Of one message or one answer.
        public static let bytes = 64
        public static let fields = 16
        public static let wait = Duration.seconds(10)
    }

    /// Bytes to write, exactly as they go over the wire.
    public struct Message: Sendable, Equatable {
        public var bytes: [UInt8]
        /// What the chip needs afterwards.
        public var wait: Duration

        public init(_ bytes: [UInt8], wait: Duration = .zero) {
            self.bytes = bytes
            self.wait = wait
        }
    }

    /// CRC-8, highest bit first.
    public struct Checksum: Sendable, Equatable {
        public enum Span: String, Sendable, CaseIterable {
            /// A byte after every two (Sensirion).
            case word
            /// The last byte, over all before it.
            case frame
            /// The same, over the address and the message as well (SMBus packet error code).
            case packet
        }
        public var polynomial: UInt8
        public var initial: UInt8
        public var span: Span

        public init(polynomial: UInt8, initial: UInt8, span: Span) {
            self.polynomial = polynomial
            self.initial = initial
            self.span = span
        }
    }

    /// Bits of one byte of an answer.
    public struct Flag: Sendable, Equatable {
        public var byte: Int
        public var mask: UInt8
        public var expected: UInt8

        public init(byte: Int, mask: UInt8, expected: UInt8) {
            self.byte = byte
            self.mask = mask
            self.expected = expected
        }
    }

    /// A message (a register's number, a command, or none) and the answer.
    public struct Read: Sendable, Equatable {
        public var send: [UInt8]
        /// Nil: a repeated start right after the message.
        public var wait: Duration?
        /// Bytes of the answer, checksums included.
        public var count: Int
        public var checksum: Checksum?
        /// Otherwise the chip has not finished.
        public var ready: Flag?
        /// Otherwise the chip reports a fault of its own.
        public var healthy: Flag?

        public init(
            send: [UInt8] = [], wait: Duration? = nil, count: Int, checksum: Checksum? = nil, ready: Flag? = nil,
            healthy: Flag? = nil
        ) {
            self.send = send
            self.wait = wait
            self.count = count
            self.checksum = checksum
            self.ready = ready
            self.healthy = healthy
        }

        /// Whether the answer's checksums come out even.
        public var checksumFits: Bool {
            switch checksum?.span {
            case nil: true
            case .word?: count % 3 == 0
            case .frame?, .packet?: count >= 2
            }
        }

        public func isChecksum(_ byte: Int) -> Bool {
            switch checksum?.span {
            case nil: false
            case .word?: byte % 3 == 2
            case .frame?, .packet?: byte == count - 1
            }
        }

        /// The byte that follows among the data: checksums are skipped.
        func following(_ byte: Int) -> Int {
            var next = byte + 1
            while next < count, isChecksum(next) { next += 1 }
            return next
        }

        /// Whether so many bits, so far from the right, begin at a data byte and end within the answer.
        public func holds(bits: Int, shift: Int, at byte: Int) -> Bool {
            var byte = byte
            if byte < 0 || byte >= count || isChecksum(byte) { return false }
            for _ in 1..<max(1, (bits + shift + 7) / 8) { byte = following(byte) }
            return byte < count
        }
    }

    /// An answer of up to four bytes, highest first, of which some bits are known.
    public struct Check: Sendable, Equatable {
        public var read: Read
        public var mask: UInt32
        public var expected: UInt32

        public init(_ read: Read, mask: UInt32, expected: UInt32) {
            self.read = read
            self.mask = mask
            self.expected = expected
        }
    }

    public enum Format: String, Sendable, CaseIterable {
        case unsigned
        /// Two's complement.
        case signed
        case signMagnitude = "sign-magnitude"
        /// IEEE 754, 32 bits.
        case float
    }

    public enum Order: String, Sendable, CaseIterable { case big, little }

    /// A number within an answer, and what it means: `raw × scale + offset`, in `unit`.
    public struct Field: Sendable, Equatable {
        public var channel: DriverChannel
        /// Index into `reads`.
        public var read: Int
        /// Of the answer, counted as the datasheet's table does, checksums included. A number that goes on behind a
        /// checksum skips it.
        public var byte: Int
        /// Width, 1 to 32.
        public var bits: Int
        /// Bits to the right of it.
        public var shift: Int
        public var format: Format
        public var order: Order
        public var scale: Double
        public var offset: Double
        /// Bits that say "no measurement".
        public var invalid: UInt32?
        /// Bits at the end of the converter's range.
        public var saturated: UInt32?

        public init(
            _ channel: DriverChannel, read: Int = 0, byte: Int, bits: Int, shift: Int = 0, format: Format = .unsigned,
            order: Order = .big, scale: Double = 1, offset: Double = 0, invalid: UInt32? = nil, saturated: UInt32? = nil
        ) {
            self.channel = channel
            self.read = read
            self.byte = byte
            self.bits = bits
            self.shift = shift
            self.format = format
            self.order = order
            self.scale = scale
            self.offset = offset
            self.invalid = invalid
            self.saturated = saturated
        }
    }

    /// Tells the chip from others at the address, before it is set up.
    public var identity: Check?
    /// Once, and again after every fault.
    public var setup: [Message]
    /// What must still hold after each measurement: a chip that lost its supply meanwhile gives no values.
    public var verify: Check?
    /// Before each measurement.
    public var trigger: [Message]
    public var reads: [Read]
    public var fields: [Field]

    public init(
        identity: Check? = nil, setup: [Message] = [], verify: Check? = nil, trigger: [Message] = [], reads: [Read],
        fields: [Field]
    ) {
        self.identity = identity
        self.setup = setup
        self.verify = verify
        self.trigger = trigger
        self.reads = reads
        self.fields = fields
    }

    /// Of each measurement, setting up not counted.
    public var measuringTime: Duration {
        trigger.reduce(.zero) { $0 + $1.wait } + reads.reduce(.zero) { $0 + ($1.wait ?? .zero) }
    }
}
