// The six seams: everything of the outside that the agent can touch. `LinuxWorld` makes them of a kernel,
// `SimulatedWorld` of a seed; Sampler and Courier are generic over them and cannot tell the difference.
//
// No operation of a seam waits unbounded. Clock, Bus, Lines and Attributes answer at once (Bus: within the bus
// time-out); Disk and Broker take a request and report its completion later, so that the simulator can delay, lose or
// reorder it.

// MARK: Clock

public protocol Clock {
    /// CLOCK_BOOTTIME. Never goes back.
    func now() -> Boottime
    /// Both clocks together, with what the kernel says of the wall clock.
    func wall() -> WallReading
}

// MARK: Bus

/// An I2C device: which of the board's buses (index in the list that the buses were opened with) and its 7-bit address.
public struct BusDevice: Hashable, Sendable {
    public var bus: UInt8
    public var address: UInt8
    public init(bus: UInt8, address: UInt8) {
        self.bus = bus
        self.address = address
    }
}

public enum BusFault: Error, Hashable, Sendable {
    /// Nobody answered at the address, or the device refused a byte: absent, unpowered or miswired. Try again later.
    case noAcknowledge
    /// Another master won the bus. Try again.
    case arbitrationLost
    /// The transfer did not finish in the bus time-out. The bus may be wedged: back off.
    case timedOut
    /// SDA is held low, or nobody on the bus gets through: no transfer can work until it is freed.
    case stuck
    /// A kernel driver owns the address (EBUSY from I2C_SLAVE): unbind it, or read it through `iio`.
    case heldByKernel
    /// There is no such bus (the device node is missing or may not be opened).
    case absent(errno: Int32)
    /// The adapter can do neither this transfer nor its SMBus equivalent: a matter of configuration.
    case unsupported
    case failed(errno: Int32)
}

/// How one of the board's buses is reached.
public enum BusAttachment: Hashable, Sendable {
    /// By its device node: `/dev/i2c-1`. Muxes' channels and USB adapters have one too.
    case node(String)
    /// By its adapter's place in the device tree, `/soc/i2c@7e804000`: the same whatever number the kernel gives it.
    case deviceTree(String)
    /// Two GPIO lines, driven by ourselves.
    case lines(data: LineRequest, clock: LineRequest)
}

/// The board's I2C buses.
public protocol Bus: ~Copyable {
    /// One transaction: writes `bytes`, then after a repeated start reads `reply.count` bytes. Either may be empty, not
    /// both. Bounded by the adapter's time-out (at most 30 ms where it is ours to set).
    mutating func transfer(
        _ device: BusDevice, write bytes: UnsafeRawBufferPointer, read reply: UnsafeMutableRawBufferPointer
    ) throws(BusFault)

    /// Asks whether the address is free for us (`I2C_SLAVE`). To be called before the first transfer to a device.
    mutating func claim(_ device: BusDevice) throws(BusFault)
}

extension Bus where Self: ~Copyable {
    /// Writes a few bytes.
    public mutating func write(_ bytes: [UInt8], to device: BusDevice) throws(BusFault) {
        var fault: BusFault?
        bytes.withUnsafeBytes { buffer in
            do throws(BusFault) {
                try transfer(device, write: buffer, read: UnsafeMutableRawBufferPointer(start: nil, count: 0))
            } catch { fault = error }
        }
        if let fault { throw fault }
    }

    /// Writes one register number, then reads `reply.count` bytes from there on.
    public mutating func read(
        register: UInt8, of device: BusDevice, into reply: UnsafeMutableRawBufferPointer
    ) throws(BusFault) {
        var fault: BusFault?
        withUnsafeBytes(of: register) { buffer in
            do throws(BusFault) { try transfer(device, write: buffer, read: reply) } catch { fault = error }
        }
        if let fault { throw fault }
    }
}

// MARK: Lines: in Lines.swift

// MARK: Disk

public struct FileEntry: Hashable, Sendable {
    public var name: String
    public var bytes: Int
    public init(name: String, bytes: Int) {
        self.name = name
        self.bytes = bytes
    }
}

public enum DiskFault: Error, Hashable, Sendable {
    /// ENOSPC, EDQUOT. Heals when others free space.
    case full
    /// EROFS. Heals when remounted.
    case readOnly
    case noSuchFile
    case notPermitted
    /// EIO and the rest. After a failed sync the file's unsynced content is unknown: never sync it again, write anew.
    case failed(errno: Int32)
}

public enum DiskWork: Sendable, Equatable {
    /// Writes at the offset, creating the file (mode 0640) when it is missing. All or an error; not durable before
    /// `sync`.
    case write(file: String, offset: Int, bytes: [UInt8])
    /// fdatasync, and after creation also the directory's fsync must be asked for.
    case sync(file: String)
    case syncDirectory
    case remove(file: String)
    /// Up to `count` bytes from `offset`; fewer at the end of the file.
    case read(file: String, offset: Int, count: Int)
    case truncate(file: String, bytes: Int)
    case list
}

public struct DiskRequest: Sendable {
    /// Chosen by the asker, returned with the completion.
    public var token: UInt64
    public var work: DiskWork
    public init(token: UInt64, work: DiskWork) {
        self.token = token
        self.work = work
    }
}

public struct DiskCompletion: Sendable {
    public enum Result: Sendable {
        case done
        case bytes([UInt8])
        case entries([FileEntry], freeBytes: Int64)
        case failed(DiskFault)
    }
    public var token: UInt64
    public var result: Result
    public init(token: UInt64, result: Result) {
        self.token = token
        self.result = result
    }
}

/// Two places to keep bytes, both flat directories of which we are the only user.
///
/// *Runtime* is the tmpfs directory: at memory speed, so its operations answer at once; it survives the process but not
/// the power. *State* is the flash: requests are carried out in the order they were submitted by a worker (Scribe), one
/// at a time, and may take minutes.
public protocol Disk: ~Copyable {
    /// Maps a runtime file of exactly `bytes` bytes, shared, created zero-filled when missing or of another size.
    /// Stores into it survive `kill -9`. The mapping stays for the life of the process.
    mutating func map(_ name: String, bytes: Int) throws(DiskFault) -> UnsafeMutableRawBufferPointer
    mutating func runtimeList() throws(DiskFault) -> [FileEntry]
    mutating func runtimeWrite(_ name: String, at offset: Int, _ bytes: UnsafeRawBufferPointer) throws(DiskFault)
    /// Returns how many bytes were read: fewer than asked for at the end of the file.
    mutating func runtimeRead(
        _ name: String, at offset: Int, into bytes: UnsafeMutableRawBufferPointer
    ) throws(DiskFault) -> Int
    mutating func runtimeRemove(_ name: String) throws(DiskFault)

    /// Takes the request, or answers false when the worker's queue is full (ask again after a completion).
    mutating func submit(_ request: DiskRequest) -> Bool
    mutating func nextCompletion() -> DiskCompletion?
}

// MARK: Broker

public struct BrokerAddress: Hashable, Sendable {
    public var host: String
    public var port: UInt16
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }
}

/// Paths of PEM files. `ca` nil: the system's trust store.
public struct TLSFiles: Hashable, Sendable {
    public var ca: String?
    public var certificate: String?
    public var key: String?
    public init(ca: String?, certificate: String?, key: String?) {
        self.ca = ca
        self.certificate = certificate
        self.key = key
    }
}

public enum MQTTVersion: UInt8, Sendable, Hashable { case v3_1_1 = 4, v5 = 5 }

public struct BrokerMessage: Sendable, Equatable {
    public var topic: String
    public var payload: [UInt8]
    public var isRetained: Bool
    public var qualityOfService: UInt8
    public init(topic: String, payload: [UInt8], isRetained: Bool, qualityOfService: UInt8 = 1) {
        self.topic = topic
        self.payload = payload
        self.isRetained = isRetained
        self.qualityOfService = qualityOfService
    }
}

/// All that one session needs. A session is one MQTT connection with a clean start: what it does not acknowledge is
/// offered again by us, from the outbox, never by the client library.
public struct SessionParameters: Sendable {
    public var address: BrokerAddress
    public var tls: TLSFiles?
    public var version: MQTTVersion
    public var clientID: String
    public var username: String?
    public var password: String?
    public var keepAliveSeconds: UInt16
    public var will: BrokerMessage?
    /// The broker keeps the session's subscriptions and what arrives for them while we are away. For subscribers; a
    /// session that publishes begins clean.
    public var isKept: Bool
    public init(
        address: BrokerAddress, tls: TLSFiles?, version: MQTTVersion, clientID: String, username: String?,
        password: String?, keepAliveSeconds: UInt16, will: BrokerMessage?, isKept: Bool = false
    ) {
        self.address = address
        self.tls = tls
        self.version = version
        self.clientID = clientID
        self.username = username
        self.password = password
        self.keepAliveSeconds = keepAliveSeconds
        self.will = will
        self.isKept = isKept
    }
}

/// What a delivery is recognised by until it is acknowledged (the MQTT packet identifier).
public struct MessageID: Hashable, Sendable {
    public var rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
}

public enum BrokerFault: Error, Hashable, Sendable {
    /// The name does not resolve.
    case nameNotResolved(String)
    /// Nobody listens, or no route: the text is the system's.
    case unreachable(String)
    /// The certificate is not to be trusted, or the TLS handshake failed: the text is the library's.
    case tls(String)
    /// CONNACK with a reason code ≥ 0x80 (MQTT 5 section 3.2.2.2).
    case refused(reason: UInt8)
    /// The peer speaks, but not this version of MQTT.
    case protocolVersion
    /// A file named in the configuration cannot be used.
    case badFile(String)
    /// The connection ended: by the peer, by keep-alive, or by DISCONNECT with a reason code.
    case lost(String)
    /// The message is larger than the broker allows.
    case tooLarge
    /// No session, or the library's window is full: offer again later.
    case notNow
}

public enum BrokerEvent: Sendable {
    /// CONNACK with success. `receiveMaximum`: how many QoS 1 messages the broker wants in flight at most (MQTT 5
    /// section 3.2.2.3.3); `maximumPacketBytes` nil: no limit told.
    case connected(receiveMaximum: UInt16, maximumPacketBytes: UInt32?)
    /// The session could not be made, or has ended. Nothing more comes of it; `connect` makes the next one.
    case ended(BrokerFault)
    /// PUBACK. Success is a reason below 0x80; 0x10 says that nobody subscribes.
    case acknowledged(MessageID, reason: UInt8)
    case received(BrokerMessage)
}

public protocol Broker: ~Copyable {
    /// Ends any session there is and begins a new one; ends in `connected` or `ended`.
    mutating func connect(_ session: SessionParameters)
    /// Hands one message over. QoS 1 is answered by `acknowledged`; QoS 0 by nothing.
    mutating func publish(
        topic: String, payload: UnsafeRawBufferPointer, qualityOfService: UInt8, retained: Bool
    ) throws(BrokerFault) -> MessageID
    /// Subscribes at QoS 1.
    mutating func subscribe(_ topic: String) throws(BrokerFault)
    /// DISCONNECT: an orderly end, after which the broker drops the will. No `ended` follows.
    mutating func disconnect()
    /// Moves the session on as far as it goes without waiting, and takes what has happened, oldest first.
    mutating func nextEvent() -> BrokerEvent?
    /// When the session wants `nextEvent` to be called though nothing arrived (keep-alive).
    func deadline() -> Boottime
}
