// GPIO lines of the kernel's character devices.
//
// libgpiod finds the chip by its label and says who holds a line; the line itself is requested through the kernel's
// interface version 2 (linux/gpio.h), so that sequence numbers and debounce are there whichever libgpiod the system
// has. One request per line: its descriptor's edges are numbered from 1 by the kernel, and a gap in them is edges that
// were lost.

import CGpio
import CLinux
import Glibc
import World

public struct GPIOLines: Lines, ~Copyable {
    private let epoll: Descriptor
    private let keptEdges: UInt32
    private struct Held {
        var descriptor: Int32
        var request: LineRequest
        var isOutput: Bool
    }
    /// By handle; nil: given up, and free for the next.
    private var lines: [Held?] = []
    /// Read from the kernel and not yet taken: `taken` of them are.
    private var edges: [Edge] = []
    private var taken = 0
    /// CLOCK_BOOTTIME minus CLOCK_MONOTONIC, which stamps edges. Grows only while the board sleeps.
    private var boottimeOffset: Int64

    /// `keptEdges`: how many edges per line the kernel keeps until they are taken (at most 1024, linux/gpio.h).
    public init(keptEdges: UInt32) throws(SystemError) {
        invariant((1...1024).contains(keptEdges), "the kernel keeps 1 to 1024 edges a line")
        self.init(epoll: try Descriptor(clinux_epoll_create(), "create", "epoll"), keptEdges: keptEdges)
    }

    // Apart, because Swift 6.0 cannot compile an initialiser that both throws and fills in a type with a `deinit`.
    private init(epoll: consuming Descriptor, keptEdges: UInt32) {
        self.epoll = epoll
        self.keptEdges = keptEdges
        edges.reserveCapacity(Int(keptEdges) + CLINUX_EDGE_LIMIT)
        boottimeOffset = clinux_boottime() - clinux_monotonic()
    }

    deinit { for line in lines { if let line { close(line.descriptor) } } }

    /// Readable while an edge of any line waits: for the owner's event loop.
    public var descriptor: Int32 { epoll.number }

    public mutating func request(_ line: LineRequest) throws(LineFault) -> LineHandle {
        var found = cgpio_line()
        switch cgpio_find(line.chipLabel, line.offset, &found) {
        case 0: break
        case -ENODEV, -ENOENT: throw .noSuchChip
        case -EACCES, -EPERM: throw .notPermitted
        case -EINVAL: throw .noSuchLine
        case let answer: throw .failed(errno: -answer)
        }
        let holder = found.is_used ? withUnsafeBytes(of: found.consumer, Self.text) : ""
        if found.is_used { throw .taken(by: holder.isEmpty ? "the kernel" : holder) }
        let answer = requestFromKernel(line, withUnsafeBytes(of: found.path, Self.text))
        switch answer {
        case 0...: break
        // Somebody was quicker between the look and the request.
        case -EBUSY: throw .taken(by: "another program")
        case -EACCES, -EPERM: throw .notPermitted
        default: throw .failed(errno: -answer)
        }
        let watched = clinux_epoll_watch(epoll.number, answer, false)
        guard watched >= 0 else {
            close(answer)
            throw .failed(errno: -watched)
        }
        let held = Held(descriptor: answer, request: line, isOutput: line.direction != .input)
        let place = lines.firstIndex { $0 == nil } ?? lines.count
        if place == lines.count { lines.append(held) } else { lines[place] = held }
        return LineHandle(index: UInt16(place))
    }

    public mutating func giveUp(_ line: LineHandle) {
        let place = Int(line.index)
        guard let held = lines[place] else { return }
        // Closing takes it out of the epoll too.
        close(held.descriptor)
        lines[place] = nil
        edges.removeSubrange(..<taken)
        taken = 0
        edges.removeAll { $0.line == line }
    }

    private func held(_ line: LineHandle) -> Held {
        guard let held = lines[Int(line.index)] else { invariantFailed("line \(line.index) has been given up") }
        return held
    }

    private static func flags(_ line: LineRequest, isOutput: Bool) -> UInt64 {
        var flags = isOutput ? clinux_line_output : clinux_line_input
        if line.isActiveLow { flags |= clinux_line_active_low }
        switch line.bias {
        case .asIs: break
        case .disabled: flags |= clinux_line_no_bias
        case .pullUp: flags |= clinux_line_pull_up
        case .pullDown: flags |= clinux_line_pull_down
        }
        if isOutput { return flags }
        // The kernel's "rising" is inactive to active, with active-low already applied (GPIO_V2_LINE_FLAG_EDGE_RISING).
        switch line.edges {
        case .none: break
        case .toActive: flags |= clinux_line_to_active
        case .toInactive: flags |= clinux_line_to_inactive
        case .both: flags |= clinux_line_to_active | clinux_line_to_inactive
        }
        return flags
    }

    private static func debounce(_ line: LineRequest) -> UInt32 {
        UInt32(clamping: line.debounce.nanoseconds / 1_000)
    }

    private func requestFromKernel(_ line: LineRequest, _ path: String) -> Int32 {
        let chip = uninterrupted { open(path, O_RDONLY | O_CLOEXEC) }
        guard chip >= 0 else { return chip }
        defer { close(chip) }
        return clinux_line_request(
            chip, line.offset, "cityedge \(line.name)", Self.flags(line, isOutput: line.direction != .input),
            Self.debounce(line), line.direction == .output(isActive: true), keptEdges)
    }

    public mutating func isActive(_ line: LineHandle) throws(LineFault) -> Bool {
        let answer = clinux_line_value(held(line).descriptor)
        guard answer >= 0 else { throw .failed(errno: -answer) }
        return answer == 1
    }

    public mutating func drive(_ line: LineHandle, active isActive: Bool) throws(LineFault) {
        let held = held(line)
        let answer =
            held.isOutput
            ? clinux_line_set(held.descriptor, isActive)
            : clinux_line_reconfigure(held.descriptor, Self.flags(held.request, isOutput: true), 0, isActive)
        guard answer >= 0 else { throw .failed(errno: -answer) }
        lines[Int(line.index)]?.isOutput = true
    }

    public mutating func release(_ line: LineHandle) throws(LineFault) {
        let held = held(line)
        let answer = clinux_line_reconfigure(
            held.descriptor, Self.flags(held.request, isOutput: false), Self.debounce(held.request), false)
        guard answer >= 0 else { throw .failed(errno: -answer) }
        lines[Int(line.index)]?.isOutput = false
    }

    /// Nothing sleeps for ten microseconds: a sleep costs fifty. Should we be taken off the processor meanwhile, the
    /// pulse is longer, which no trigger input minds.
    public mutating func pulse(_ line: LineHandle, for width: Duration) throws(LineFault) {
        try drive(line, active: true)
        let end = clinux_monotonic() + min(max(width.nanoseconds, 0), 20_000)
        while clinux_monotonic() < end {}
        try drive(line, active: false)
    }

    public mutating func nextEdge() -> Edge? {
        if taken == edges.count { fetch() }
        guard taken < edges.count else { return nil }
        defer { taken += 1 }
        return edges[taken]
    }

    /// Empties the kernel's queues into ours, oldest edge first.
    private mutating func fetch() {
        edges.removeAll(keepingCapacity: true)
        taken = 0
        guard !lines.isEmpty else { return }
        var sources = 0
        withUnsafeTemporaryAllocation(of: clinux_ready.self, capacity: CLINUX_READY_LIMIT) { ready in
            let count = clinux_epoll_wait(epoll.number, ready.baseAddress, 0)
            guard count > 0 else { return }
            refreshOffset()
            for index in 0..<Int(count) {
                let descriptor = ready[index].descriptor
                guard let line = lines.firstIndex(where: { $0?.descriptor == descriptor }) else { continue }
                sources += 1
                fetch(line)
            }
        }
        if sources > 1 { edges.sort { $0.at < $1.at } }
    }

    /// Takes what the kernel had kept for one line when we came, and no more: a line that never rests must not keep us
    /// here.
    private mutating func fetch(_ line: Int) {
        let descriptor = held(LineHandle(index: UInt16(line))).descriptor
        withUnsafeTemporaryAllocation(of: clinux_edge.self, capacity: CLINUX_EDGE_LIMIT) { buffer in
            var left = Int(keptEdges)
            while left > 0 {
                let count = clinux_line_edges(descriptor, buffer.baseAddress)
                if count < 0 {
                    // ENODEV: the chip was unbound. It would stay readable for ever; `isActive` tells of it from now
                    // on.
                    _ = clinux_epoll_unwatch(epoll.number, descriptor)
                }
                guard count > 0 else { return }
                for edge in buffer[..<Int(count)] {
                    edges.append(
                        Edge(
                            line: LineHandle(index: UInt16(line)), isActive: edge.is_active,
                            at: Boottime(nanoseconds: edge.monotonic_nanoseconds + boottimeOffset),
                            sequence: edge.sequence))
                }
                left -= Int(count)
            }
        }
    }

    /// The offset is kept while it is right to a millisecond, so that the jitter of reading two clocks after each other
    /// cannot turn the order of edges.
    private mutating func refreshOffset() {
        let offset = clinux_boottime() - clinux_monotonic()
        if abs(offset - boottimeOffset) > 1_000_000 { boottimeOffset = offset }
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
