// A thread with a small stack and a name. The system's default of 8 MiB each is address space that a board with 512 MB
// and strict overcommit does not have to spare; what runs here needs little depth.

import CLinux
import Glibc
import World

/// A running thread. Dropped without `join`, it runs on by itself.
public struct Thread: ~Copyable {
    private static let stackBytes = 256 * 1024

    private let thread: pthread_t

    /// Starts a thread that takes over `state` and runs `body` with it.
    ///
    /// The parameter of `body` is to be written with its ownership, `{ (state: consuming State) in ... }`: Swift 6.0
    /// does not infer it.
    ///
    /// `body` captures nothing that is not Sendable, and `state` has no other owner: so all that the thread touches is
    /// its own.
    public static func start<State: ~Copyable>(
        named name: String, with state: consuming sending State,
        _ body: @escaping @Sendable (consuming State) -> Void
    ) throws(SystemError) -> Thread {
        try start(Work(name, state, body))
    }

    public static func start(named name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) -> Thread {
        try start(Work(name, (), { _ in body() }))
    }

    private static func start(_ work: AnyWork) throws(SystemError) -> Thread {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        let sized = pthread_attr_setstacksize(&attributes, stackBytes)
        invariant(sized == 0, "256 KiB is a stack size that every system takes")
        var thread = pthread_t()
        let passed = Unmanaged.passRetained(work)
        // A closure that captures nothing, in a nonisolated function: one written in isolated code would trap when the
        // new thread entered it.
        let answer = pthread_create(
            &thread, &attributes,
            { argument in
                let work = Unmanaged<AnyWork>.fromOpaque(argument!).takeRetainedValue()
                work.run()
                return nil
            }, passed.toOpaque())
        guard answer == 0 else {
            passed.release()
            throw SystemError(operation: "start", place: "thread \(work.name)", errno: answer)
        }
        return Thread(thread: thread)
    }

    /// Waits until the thread has ended.
    public consuming func join() {
        let answer = pthread_join(thread, nil)
        invariant(answer == 0, "a thread is joined once, by another (errno \(answer))")
        discard self
    }

    deinit { pthread_detach(thread) }
}

/// What a thread is to do; generic work behind a plain class, because a C function pointer can carry no type parameter.
private class AnyWork {
    let name: String
    init(name: String) { self.name = name }

    func run() { invariantFailed("work is always of a subclass") }
}

private final class Work<State: ~Copyable>: AnyWork {
    private var state: State?
    private let body: @Sendable (consuming State) -> Void

    init(_ name: String, _ state: consuming State, _ body: @escaping @Sendable (consuming State) -> Void) {
        self.state = consume state
        self.body = body
        super.init(name: name)
    }

    override func run() {
        clinux_name_this_thread(name)
        if let state = state.take() { body(state) }
    }
}

/// All threads share one malloc arena. To be called before the first is started.
public func shareOneMallocArena() { clinux_one_arena() }

/// To be called once the start is over: the code that only it needed (reading the configuration, the dynamic linker's
/// tables) leaves our memory. What is needed again comes back by itself.
public func giveBackStartupCode() { clinux_give_back_code() }
