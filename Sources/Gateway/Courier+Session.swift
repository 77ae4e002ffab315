// Speaking with the broker: greeting, offering, acknowledgements, and an orderly end.

import Outbox
import Uplink
import World

/// How far an orderly stop has come.
struct Stop {
    enum Stage { case draining, spilling, done }
    var stage = Stage.draining
    let drainUntil: Boottime
    let endAt: Boottime
    var nextStage: Boottime {
        switch stage {
        case .draining: drainUntil
        case .spilling: endAt
        case .done: .distantFuture
        }
    }
}

extension Courier where D: ~Copyable, R: ~Copyable {
    // MARK: The session

    mutating func speakWithBroker() {
        switch session.step(at: now, &random) {
        case .connect:
            if stop == nil { broker.connect(parameters) }
        case .abandon(let change):
            broker.disconnect()
            tellLost(change, "no answer")
        case .none: break
        }
        while let happening = broker.nextEvent() {
            switch happening {
            case .connected(let receiveMaximum, let maximumPacketBytes):
                guard
                    let greeting = session.connected(
                        receiveMaximum: receiveMaximum, maximumPacketBytes: maximumPacketBytes, at: now)
                else {
                    broker.disconnect()
                    continue
                }
                greet(greeting)
            case .ended(let fault): ended(fault)
            case .acknowledged(let id, let reason): acknowledged(id, reason)
            case .received: break  // nothing is subscribed
            }
        }
        if let report = session.flapReport(at: now) {
            switch report {
            case .stillFlapping(let changes):
                event(EventItem.flapping("broker", .still, changes: changes))
                journal.append(JournalLine(.notice, "broker: \(changes) changes in the last hour"))
            case .ended:
                event(EventItem.flapping("broker", .ended, changes: 0))
                journal.append(JournalLine(.notice, "broker: no longer flapping"))
            }
        }
        while let (topic, report) = session.topicReport(at: now) {
            let subject = "topic \(topic.name)"
            switch report {
            case .began(let changes):
                event(EventItem.flapping(subject, .began, changes: changes))
                journal.append(JournalLine(.warning, "\(subject): flapping, counted from now on"))
            case .still(let changes): event(EventItem.flapping(subject, .still, changes: changes))
            case .ended: event(EventItem.flapping(subject, .ended, changes: 0))
            }
        }
    }

    private var parameters: SessionParameters {
        var parameters = plan.session
        guard !plan.carriesOnly else { return parameters }
        parameters.will = BrokerMessage(
            topic: topics.status, payload: status.payload(isOnline: false), isRetained: true)
        return parameters
    }

    private var status: Status {
        Status(
            node: plan.nodeID, version: plan.version, boardSerial: plan.boardSerial, stream: outbox.stream.rawValue,
            bootID: outbox.boot.description, configHash: plan.channels.configHash,
            clock: knownAnchor == nil ? .unsettled : .synced)
    }

    private mutating func greet(_ greeting: Session.Greeting) {
        figures.reconnects &+= 1
        if !plan.carriesOnly { publishRetained(.status, status.payload(isOnline: true)) }
        if greeting.publishesInventory, !plan.carriesOnly { publishRetained(.inventory, plan.inventory.payload()) }
        outbox.beginSession(now: now)
        packsHistory = true
        hasGivenForOutage = false
        switch greeting.change {
        case .tell:
            if !greeting.isFirst { event(EventItem.broker(.back)) }
            journal.append(JournalLine(.notice, greeting.isFirst ? "broker: connected" : "broker: back"))
        case .beganFlapping(let changes): toldFlapping(changes)
        case .counted, nil: break
        }
    }

    private mutating func ended(_ fault: BrokerFault) {
        outbox.endSession()
        skips.sessionEnded(at: now)
        tellLost(session.ended(fault, at: now, &random), fault.text)
    }

    private mutating func tellLost(_ change: FlapFilter.Verdict?, _ reason: String) {
        switch change {
        case .tell:
            event(EventItem.broker(.lost, reason: reason))
            journal.append(JournalLine(.warning, "broker: \(reason); what is taken meanwhile is kept"))
        case .beganFlapping(let changes): toldFlapping(changes)
        case .counted, nil: break
        }
    }

    private mutating func toldFlapping(_ changes: UInt64) {
        event(EventItem.flapping("broker", .began, changes: changes))
        journal.append(JournalLine(.warning, "broker: flapping, counted from now on"))
    }

    mutating func republishStatus() {
        guard !plan.carriesOnly else { return }
        statusIsDue = session.phase == .online && !publishRetained(.status, status.payload(isOnline: true))
    }

    /// False when the broker had no room for it now.
    @discardableResult
    private mutating func publishRetained(_ kind: TopicKind, _ bytes: [UInt8]) -> Bool {
        let topic = topics.topic(kind)
        var id: MessageID?
        bytes.withUnsafeBytes { buffer in
            do throws(BrokerFault) {
                id = try broker.publish(topic: topic, payload: buffer, qualityOfService: 1, retained: true)
            } catch {
                let text = "\(topic): \(error.text)"
                if error != .notNow, retainedFault != text {
                    retainedFault = text
                    journal.append(JournalLine(.warning, text))
                }
            }
        }
        // A full window has no room to remember it, as when the broker does not answer while we stop; nothing waits for
        // its acknowledgement.
        if let id, !session.inFlight.isFull { session.sent(id, .retained(kind, bytes: UInt32(bytes.count))) }
        return id != nil
    }

    // MARK: Offering

    mutating func offer() {
        historyAllowance.wait(isNeeded: false)
        offersMore = false
        guard session.phase == .online, mayOffer else { return }
        // The window is left to the goodbye.
        if let stop, stop.stage != .draining { return }
        for _ in 0..<Limits.offersPerStep {
            guard let next = nextOffer() else { return }
            guard send(next) else { return }
        }
        offersMore = senML.isEmpty
    }

    private mutating func nextOffer() -> OfferedBatches? {
        let session = session, now = now
        // Each by its own topic: one that the broker refuses must not hold up the other.
        let isAllowed = { (lane: Lane) in session.mayPublish(Self.kind(of: lane), bytes: 0, at: now) }
        let isLateAllowed = { (lane: Lane) in
            session.mayPublish(lane == .readings ? .history : Self.kind(of: lane), bytes: 0, at: now)
        }
        if case .delivery(let live) = outbox.nextLive(now: now, isAllowed) { return live }
        guard historyAllowance.isOpen(at: now) else {
            historyAllowance.wait(isNeeded: true)
            return nil
        }
        if case .delivery(let late) = outbox.nextHistory(isLateAllowed) { return late }
        return nil
    }

    private static func kind(of lane: Lane) -> TopicKind {
        switch lane {
        case .readings: .readings
        case .contributions: .contributions
        case .events: .events
        case .security: .security
        }
    }

    /// Encodes and hands over what `outbox.codec` holds of the offer; false: no more for now.
    private mutating func send(_ offer: OfferedBatches) -> Bool {
        var offered = offer
        let kind = encode(offered)
        if offered.lane == .readings, senML.isEmpty {
            passOver(offered)
            return true
        }
        let isPacked = kind == .history && packsHistory && pack(&offered)
        let size = payload.count
        guard session.mayPublish(kind, bytes: size, at: now) else {
            if isPacked { outbox.withdraw(offered) }
            skips.takeBack(at: now)
            return false
        }
        let topic = topics.topic(kind)
        var id: MessageID?
        var fault: BrokerFault?
        payload.withUnsafeBytes { bytes in
            do throws(BrokerFault) {
                id = try broker.publish(topic: topic, payload: bytes, qualityOfService: 1, retained: false)
            } catch { fault = error }
        }
        guard let id else {
            skips.takeBack(at: now)
            if isPacked {
                // A broker that takes little gets the blocks one by one.
                packsHistory = packsHistory && fault != .tooLarge
                outbox.withdraw(offered)
            }
            guard fault == .tooLarge else { return false }
            if isPacked { return true }
            if let half = offered.firstHalf {
                // Stored together, but each batch may be sent alone.
                packsHistory = false
                return send(half)
            }
            let reason = "message larger than the broker takes"
            if lossLines.isNews(1, reason, at: now) {
                journal.append(JournalLine(.warning, "\(topic): \(reason): \(size) bytes"))
            }
            outbox.giveUp(offered, reason: reason)
            return true
        }
        outbox.sent(offered)
        skips.sent(id)
        session.sent(
            id,
            Delivery(
                topic: kind, lane: offered.lane, stream: offered.stream.rawValue, firstSeq: offered.range.first,
                count: UInt32(offered.range.last - offered.range.first + 1), bytes: UInt32(size)))
        figures.messages &+= 1
        figures.payloadBytes &+= UInt64(size)
        if !offered.isLive {
            historyAllowance.spend(
                bytes: size, batches: Int(offered.range.last - offered.range.first) + 1,
                bytesPerSecond: plan.historyBytesPerSecond, batchesPerSecond: plan.historyBatchesPerSecond, at: now)
        }
        return true
    }

    /// `goesOn`: behind what the message holds already.
    mutating func encode(_ offered: OfferedBatches, goesOn: Bool = false) -> TopicKind {
        guard let header = outbox.codec.header else { invariantFailed("an offer without a decoded block") }
        let isOurs = offered.stream == outbox.stream
        let anchor = outbox.codec.anchor ?? outbox.anchor(of: offered.stream)
        let bounds = outbox.bounds(of: offered.stream)
        let boot = outbox.boot(of: offered.stream)?.description ?? "unknown"
        let config = Hex.text(UInt64(header.configHash), digits: 8)
        let encodedAt = outbox.momentOfDecoded(now: now)
        if !goesOn { skips.takeBack(at: now) }
        func head(_ sequence: UInt64, skipped: SequenceRange? = nil) -> BatchHead {
            var head = BatchHead(
                stream: offered.stream.rawValue, seq: sequence, config: config, bootID: boot, anchor: anchor,
                notBefore: bounds.notBefore, notAfter: bounds.notAfter, isThinned: header.isThinned)
            head.skipped = skipped
            return head
        }
        guard offered.lane == .readings else {
            let items = outbox.codec.items
            lanes.begin(
                head(offered.range.first), lane: offered.lane, first: items.first?.time, encodedAt: encodedAt,
                into: &payload)
            for item in items { item.body.withUnsafeBytes { lanes.append(time: item.time, body: $0, into: &payload) } }
            lanes.end(into: &payload)
            return Self.kind(of: offered.lane)
        }
        let channels = channelFragments(config, header)
        if goesOn { senML.goOn(in: &payload) } else { senML.begin(into: &payload) }
        for batch in outbox.codec.batches
        where offered.range.first <= batch.sequence && batch.sequence <= offered.range.last {
            if isLeftOut(offered, batch, channels) { continue }
            let skipped = skips.attach(offered.stream)?.range
            senML.append(
                head(batch.sequence, skipped: skipped), outbox.codec.readings(of: batch), channels,
                encodedAt: encodedAt, into: &payload)
        }
        if !senML.isEmpty { senML.end(into: &payload) }
        let age = isOurs ? now - outbox.codec.newest : .seconds(Int64.max / 2_000_000_000)
        return age <= outbox.limits.liveAge && !header.isThinned ? .readings : .history
    }

    private mutating func channelFragments(_ config: String, _ header: BlockHeader) -> ChannelFragments {
        let key = header.isThinned ? config + "/thinned" : config
        if let known = fragments[key] { return known }
        // Without its table a batch says so in its records; another configuration's names would be lies.
        guard let table = outbox.table(header.configHash) else {
            return ChannelFragments(ChannelTable(channels: [], configHash: config))
        }
        let made = ChannelFragments(header.isThinned ? table.thinned : table, withheld: plan.withheldChannels)
        if fragments.count >= 8 { fragments.removeAll() }
        fragments[key] = made
        return made
    }

    // MARK: Acknowledgements

    private mutating func acknowledged(_ id: MessageID, _ reason: UInt8) {
        skips.answered(id, isTaken: reason < PublishReason.firstFailure, at: now)
        switch session.acknowledged(id, reason: reason, at: now, &random) {
        case .acknowledged(let delivery, let audience):
            if delivery.count > 0 {
                figures.acknowledged &+= UInt64(delivery.count)
                outbox.acknowledge(Self.first(of: delivery))
            }
            switch audience {
            case .nobody:
                event(EventItem.nobodySubscribed(delivery.topic, .began, messages: 1))
                journal.append(JournalLine(.warning, "broker: nobody subscribes to \(delivery.topic.name)"))
            case .back(let messages):
                event(EventItem.nobodySubscribed(delivery.topic, .ended, messages: messages))
                journal.append(JournalLine(.notice, "broker: somebody subscribes to \(delivery.topic.name) again"))
            case nil: break
            }
        case .refused(let delivery, let isNews):
            if delivery.count > 0 { outbox.refuse(Self.first(of: delivery)) }
            if isNews {
                event(EventItem.refused(delivery.topic, code: reason))
                journal.append(
                    JournalLine(
                        .warning,
                        "broker: refuses \(delivery.topic.name): \(PublishReason.text(reason)); kept and offered again")
                )
            }
        case .unknown: break
        }
    }

    private static func first(of delivery: Delivery) -> BatchID {
        BatchID(stream: StreamID(rawValue: delivery.stream), lane: delivery.lane, sequence: delivery.firstSeq)
    }

    // MARK: The orderly end

    /// Begins the stop: seal, offer for a moment, spill the rest, write the checkpoint, say goodbye.
    public mutating func beginStop() {
        guard stop == nil else { return }
        now = clock.now()
        stop = Stop(drainUntil: now + Limits.stopDrain, endAt: now + Limits.stopWithin)
        _ = step()
        lastKPIs()
        sealEvents()
    }

    public var isStopped: Bool { stop?.stage == .done }

    mutating func advanceStop() {
        guard var current = stop else { return }
        if current.stage == .draining, now >= current.drainUntil || !isOnline || outbox.isDrained && skips.isEmpty {
            current.stage = .spilling
            stop = current
        }
        if current.stage == .spilling {
            if !hasWrittenLastCheckpoint, !outbox.isCheckpointPending {
                hasWrittenLastCheckpoint = true
                writeCheckpoint(isOrderly: true)
            }
            outbox.spillWhatIsDue(now: now, isOffering: false, everything: true)
            let isSafe = outbox.isEverythingSpilled && !outbox.isCheckpointPending
            if isSafe || now >= current.endAt {
                if session.phase == .online,
                    plan.carriesOnly || publishRetained(.status, status.payload(isOnline: false))
                {
                    // Otherwise the connection just ends, and the will says the same.
                    broker.disconnect()
                }
                session.stop()
                current.stage = .done
                stop = current
            }
        }
    }
}
