// What the driver of the simulation can do to the broker, and what the platform behind it can say.

import World

extension SimulatedBroker {
    // MARK: Faults

    /// The broker goes away: the session ends, its will is published, and no new one can be made.
    public func goAway(_ how: Absence) {
        settle()
        absence = how
        trace?.note("broker", "goes away: \(how)")
        if session?.phase == .connected { endSession(.lost("connection reset by peer"), at: clock.elapsed) }
    }

    public func comeBack() {
        settle()
        absence = nil
        trace?.note("broker", "is back")
    }

    public func loseConnection() {
        settle()
        if session?.phase == .connected { endSession(.lost("connection reset by peer"), at: clock.elapsed) }
    }

    /// Somebody else connects with the same client id (MQTT 5 section 3.1.4: DISCONNECT with 0x8E).
    public func takeOver() {
        settle()
        if session?.phase == .connected { endSession(.lost("session taken over (0x8E)"), at: clock.elapsed) }
    }

    /// The next acknowledgement does not arrive, and nothing after it: the session ends with the client's keep-alive.
    public func loseNextAcknowledgement() {
        settle()
        losesNextAcknowledgement = true
    }

    /// So many acknowledgements are never sent in a session that is otherwise healthy: only the client's patience ends
    /// it.
    public func swallowAcknowledgements(_ count: Int) {
        settle()
        acknowledgementsToSwallow += count
    }

    public func delayNextAcknowledgement(by duration: Duration) {
        settle()
        nextAcknowledgementLate = duration
    }

    /// Ends every fault that has not struck yet, and every period.
    public func calm() {
        settle()
        if absence != nil { comeBack() }
        isQuotaExceeded = false
        refusedTopics = []
        hasSubscribers = true
        losesNextAcknowledgement = false
        acknowledgementsToSwallow = 0
        nextAcknowledgementLate = .zero
    }

    // MARK: The end of the process

    /// `kill -9`, or the end of an orderly process: the kernel closes the socket. Some of what was under way still
    /// arrives.
    public func crashProcess() {
        settle()
        endSession(.lost("the process is gone"), at: clock.elapsed)
        forgetProcess()
    }

    /// The power goes: nobody closes anything, and the broker gives the session up after 1.5 keep-alives
    /// (MQTT 5 section 3.1.2.10) or when the node is back. To be called before the clock's `powerCut`.
    public func powerCut() {
        settle()
        if let ending = session, ending.phase == .connected {
            receiveSomeOfWhatIsUnderWay(at: clock.elapsed)
            if let will = ending.parameters.will {
                orphanedWill = (clock.elapsed + ending.keepAlive * 3 / 2, will, ending.number)
            }
        }
        forgetProcess()
    }

    // MARK: The platform

    /// A message from the platform, for example `cmd/committed`: to the node, when it has subscribed.
    public func send(topic: String, payload: [UInt8], retained isRetained: Bool = false) {
        settle()
        let message = BrokerMessage(topic: topic, payload: payload, isRetained: isRetained)
        if isRetained {
            retained[topic] =
                payload.isEmpty
                ? nil
                : ReceivedMessage(
                    topic: topic, payload: payload, qualityOfService: 1, isRetained: true, at: clock.elapsed,
                    session: 0,
                    isWill: false, reachedSubscriber: true)
        }
        passOn(message, at: clock.elapsed)
    }
}
