// Where a thread waits: for descriptors, for a moment, for another thread. One epoll, one timer on CLOCK_BOOTTIME
// (which counts through suspend, so that a deadline is never late by the time slept), one bell. It decides nothing and
// calls nobody: `wait` returns, and the owner looks after everything it owns.

import CLinux
import Glibc
import World

/// A descriptor that comes and goes, or is sometimes waited for to be writable: a broker session's socket.
public struct Watch: Hashable, Sendable {
    public var descriptor: Int32
    public var wantsWrite: Bool
    /// Tells two sockets apart that got the same number: a closed one has left the epoll by itself.
    public var generation: UInt32

    public init(descriptor: Int32, wantsWrite: Bool, generation: UInt32) {
        self.descriptor = descriptor
        self.wantsWrite = wantsWrite
        self.generation = generation
    }
}

public struct EventLoop: ~Copyable {
    private let epoll: Descriptor
    private let timer: Descriptor
    /// What the timer is set to, `distantFuture`: it is off. Nil: it has rung, and stays readable until it is set
    /// again.
    private var alarm: Boottime? = .distantFuture
    private var followed: Watch?
    /// Rings this loop from another thread.
    public let waker: Waker

    public init() throws(SystemError) {
        let waker = try Waker()
        let opened = try Self.opened(waker)
        self.init(epoll: opened.epoll, timer: opened.timer, waker: waker)
    }

    // Apart, and from bare numbers: Swift 6.0 fails at an initialiser that may throw while it owns descriptors.
    private init(epoll: Int32, timer: Int32, waker: Waker) {
        self.epoll = Descriptor(owning: epoll)
        self.timer = Descriptor(owning: timer)
        self.waker = waker
    }

    private static func opened(_ waker: Waker) throws(SystemError) -> (epoll: Int32, timer: Int32) {
        let epoll = clinux_epoll_create()
        let timer = clinux_timer_create()
        var answer = min(epoll, timer)
        if answer >= 0 { answer = clinux_epoll_watch(epoll, timer, false) }
        if answer >= 0 { answer = clinux_epoll_watch(epoll, waker.descriptor, false) }
        guard answer < 0 else { return (epoll, timer) }
        for descriptor in [epoll, timer] where descriptor >= 0 { close(descriptor) }
        throw SystemError(operation: "create", place: "event loop", errno: -answer)
    }

    /// Waits for the descriptor to be readable, from now until it is closed.
    public mutating func watch(_ descriptor: Int32) throws(SystemError) {
        let answer = clinux_epoll_watch(epoll.number, descriptor, false)
        guard answer >= 0 else {
            throw SystemError(operation: "watch", place: "descriptor \(descriptor)", errno: -answer)
        }
    }

    /// To be called before each wait with what is wanted now; costs a system call only when that has changed.
    public mutating func follow(_ watch: Watch?) {
        guard watch != followed else { return }
        if let old = followed, old.descriptor != watch?.descriptor {
            // Fails when the socket is closed by now, which is as good.
            _ = clinux_epoll_unwatch(epoll.number, old.descriptor)
        }
        followed = watch
        guard let watch else { return }
        let answer = clinux_epoll_watch(epoll.number, watch.descriptor, watch.wantsWrite)
        invariant(answer >= 0, "a descriptor to be followed is open (errno \(-answer))")
    }

    /// Returns when anything watched has something, when the bell was rung, or at the moment; at once when the moment
    /// has passed. May return early: whoever waits looks at the clock.
    public mutating func wait(until moment: Boottime) {
        if moment != alarm {
            // 0 would disarm: a moment at or before the boot is rung at once instead.
            let answer = clinux_timer_set(timer.number, moment == .distantFuture ? 0 : max(moment.nanoseconds, 1))
            invariant(answer >= 0, "a timer can be set to any moment (errno \(-answer))")
            alarm = moment
        }
        withUnsafeTemporaryAllocation(of: clinux_ready.self, capacity: CLINUX_READY_LIMIT) { ready in
            let count = clinux_epoll_wait(epoll.number, ready.baseAddress, -1)
            for index in 0..<max(0, Int(count)) {
                if ready[index].descriptor == waker.descriptor { waker.hear() }
                if ready[index].descriptor == timer.number { alarm = nil }
            }
        }
    }
}
