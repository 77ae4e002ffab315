// Makes connections, where that may block: a name server that does not answer holds `getaddrinfo` for 10 s and more, an
// address that swallows packets holds `connect` for two minutes. Each dial has a short-lived thread of its own and
// answers over the bell; a dial that nobody wants any more is simply let go of.

import CMosquitto
import Synchronization
import World

/// One attempt. Dropping it abandons the attempt: its thread, when it comes back, finds itself the last holder of the
/// session and destroys it.
final class Dial: Sendable {
    struct Answer {
        var result: Int32
        /// `errno`, or the getaddrinfo code.
        var cause: Int32
    }

    private let answer = Mutex<Answer?>(nil)

    func post(_ given: Answer) { answer.withLock { $0 = given } }

    /// Nil while it is under way.
    func taken() -> Answer? { answer.withLock { $0 } }
}

/// Begins dials and keeps count of them.
final class Dialer: Sendable {
    /// Abandoned dials may hang in the system for minutes each: a bound on their threads, not on retries.
    private static let dialsLimit = 4

    private let underWay = Mutex(0)
    /// Rung at every answer.
    let bell: Waker

    init() throws(SystemError) { bell = try Waker() }

    func begin(_ session: MosquittoSession) throws(BrokerFault) -> Dial {
        let isFree = underWay.withLock { count in
            guard count < Self.dialsLimit else { return false }
            count += 1
            return true
        }
        guard isFree else { throw .unreachable("\(Self.dialsLimit) earlier attempts still hang in the system") }
        let dial = Dial()
        do throws(SystemError) {
            _ = try Thread.start(named: "Dialer") {
                let (result, cause) = session.dial()
                dial.post(Dial.Answer(result: result, cause: cause))
                self.underWay.withLock { $0 -= 1 }
                self.bell.ring()
            }
        } catch {
            underWay.withLock { $0 -= 1 }
            throw .unreachable(error.description)
        }
        return dial
    }
}
