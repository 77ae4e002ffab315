// `cityedge meter set`: tells the running agent what a meter shows. The total jumps there, as an event and a new epoch
// of the counter; the amounts, and so every consumption, know nothing of it.
//
// The agent takes it with the sensor's next reading, so the command waits for that and says what came of it. Without a
// running agent there is nobody to tell: start it first.

import Gateway
import Glibc
import LinuxWorld
import Outbox
import SiteConfig
import World

/// Sets the counter of one sensor; `amount` is a quantity with its unit, as the meter shows it.
public func setMeter(_ site: Site, _ folders: Folders, sensor id: String, amount: String) throws(Failure) {
    guard let sensor = site.sensors.first(where: { $0.id == id }) else {
        throw Failure(.usage, "found no sensor \(id); expected the id of a configured meter; see: cityedge validate")
    }
    guard sensor.settings.line != nil, sensor.channels.count > 1, sensor.channels[1].channel.name == id + ".total"
    else {
        throw Failure(
            .usage, "sensor \(id) is a \(sensor.driver); expected one that counts (pulse-counter, rain-gauge)")
    }
    let channel = sensor.channels[1].channel
    let total = try steps(amount, channel)
    let counters = try MappedFile(folders.runtime, CounterPage.file, bytes: CounterPage.bytes)
    let meters = try MappedFile(folders.runtime, MeterPage.file, bytes: MeterPage.bytes)
    guard FolderUse.process(of: folders.runtime) ?? FolderUse.process(of: folders.state) != nil else {
        throw Failure(
            .unavailable, "no agent runs with \(folders.runtime); expected one to tell it to; start it, then try again")
    }
    let slot = CounterPage(memory: counters.memory).slot(ofKey: Checkpoint.key(of: id))
    guard let slot else {
        throw Failure(
            .unavailable,
            "the running agent counts no sensor \(id); expected it to have this configuration; restart it")
    }
    // The pages below stand in their memory.
    defer { withExtendedLifetime((counters, meters)) {} }
    guard meters.lock() else {
        throw Failure(.unavailable, "another meter is being set; expected to be alone; try again in a minute")
    }
    let page = MeterPage(memory: meters.memory)
    page.ask(slot, total: total, scale: channel.scale)
    printLine("waiting for the next reading of \(id), every \(sensor.every.nanoseconds / 1_000_000_000) s")
    let clock = LinuxClock()
    let end = clock.now() + sensor.every + .seconds(5)
    while true {
        switch page.state(slot) {
        case .done:
            return printLine("\(channel.name) is \(decimal(total, scale: channel.scale)) \(channel.unit) from here on")
        case .refused:
            throw Failure(
                .unavailable,
                "\(id) cannot show \(amount); expected at least its `initial`, and the scale of this configuration in "
                    + "the running agent; correct `initial`, or restart the agent")
        case .nothing, .asked, .taken: break
        }
        if clock.now() >= end, page.withdraw(slot, scale: channel.scale) {
            throw Failure(
                .unavailable,
                "the agent took no reading of \(id) in time, and nothing is set; expected one every "
                    + "\(sensor.every.nanoseconds / 1_000_000_000) s; see: journalctl -u cityedged")
        }
        pause(milliseconds: 100)
    }
}

/// The quantity in the channel's steps, exactly.
private func steps(_ amount: String, _ channel: Channel) throws(Failure) -> Int64 {
    let shown = Unit.named(channel.unit)?.display ?? channel.unit
    let expected = "expected what the meter shows, 0 or more, with its unit, in steps of "
        + "\(decimal(1, scale: channel.scale)) \(shown); for example: 12576.53 \(shown)"
    guard let unit = Unit.named(channel.unit), let quantity = try? Quantity.parse(amount, wanted: unit),
        let converted = quantity.converted(to: unit),
        let steps = converted.number.integer(scale: Int(channel.scale)), steps >= 0
    else { throw Failure(.usage, "found \(amount); \(expected)") }
    return steps
}

/// A file of the running agent, mapped beside it.
private final class MappedFile {
    let memory: UnsafeMutableRawBufferPointer
    private let descriptor: Int32

    init(_ folder: String, _ name: String, bytes: Int) throws(Failure) {
        let path = folder + "/" + name
        let file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            throw Failure(
                .unavailable, "\(path): \(systemReason(errno)); expected a running agent's; start it, or try as root")
        }
        var status = stat()
        let address =
            fstat(file, &status) == 0 && Int(status.st_size) == bytes
            ? mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED
        guard let address, address != MAP_FAILED else {
            close(file)
            throw Failure(.unavailable, "\(path) is another version's; expected this one's agent; restart it")
        }
        memory = UnsafeMutableRawBufferPointer(start: address, count: bytes)
        descriptor = file
    }

    deinit {
        munmap(memory.baseAddress, memory.count)
        close(descriptor)
    }

    /// Until the process ends.
    func lock() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }
}
