// `cityedge simulate --replay`: the same Sampler and drivers, with a recording for hardware. Prints every reading and
// whether it is, bit for bit, the one that was recorded; touches no hardware, and takes no time.

import Gateway
import LinuxWorld
import Sensors
import SimulatedWorld
import SiteConfig
import World

/// Fails when the file is no recording or damaged (after what is sound of it), was made with another configuration, or
/// gives other readings.
public func replayRecording(_ path: String, configuration: String) throws(Failure) {
    let bytes: [UInt8]
    do throws(SystemError) { bytes = try readFile(path, limit: recordingBytesMax) } catch {
        throw Failure(.disk, "\(error); expected a recording of at most \(sizeText(recordingBytesMax))")
    }
    let replayer: SeamReplayer
    do throws(SeamRecordingFault) { replayer = try SeamReplayer(bytes) } catch {
        throw Failure(.disk, "\(text(error, path)); give a file that `cityedge record` wrote")
    }
    let site = try loadSite(configuration, anyBoard: true, preferred: replayer.about.board).site
    try checkSame(replayer.about, SeamRecording.About(site), configuration)
    let programs = RecordedPrograms(site)
    let sensors = try Assembly(site: site, boot: BootID(high: 0, low: 0))
        .installedSensors(mailboxes: programs.mailboxes)
    var replay = Replay(site, path)
    try replay.run(replayer, sensors, programs)

    let same = "\(counted(replayer.readings, "reading")) of \(counted(UInt64(sensors.count), "sensor")), "
    switch replayer.end {
    case .whole: printLine(same + "the same bit for bit")
    case .torn:
        printLine(same + "the same bit for bit; the recording was cut off there: what may have followed is not in it")
    case .damaged(let line):
        throw Failure(
            .disk,
            "\(path):\(line): the step that begins here is damaged, and what stands behind it cannot be replayed; "
                + same + "the same up to there; take an undamaged copy")
    }
}

private func checkSame(
    _ recorded: SeamRecording.About, _ given: SeamRecording.About, _ configuration: String
) throws(Failure) {
    let same = "expected the configuration it was recorded with"
    guard recorded.configHash == given.configHash else {
        throw Failure(
            .configuration,
            "\(configuration): config \(given.configHash) on board \(given.board); \(same), config "
                + "\(recorded.configHash) on board \(recorded.board); give it with --config FILE")
    }
    guard recorded.sensors == given.sensors else {
        let pairs = zip(recorded.sensors, given.sensors)
        let (was, found) = pairs.first { $0 != $1 } ?? (recorded.sensors.last!, given.sensors.last!)
        throw Failure(
            .configuration,
            "\(configuration): found sensor \(found.id) where \(was.id) was; \(same), sensors in the same order; "
                + "give it with --config FILE")
    }
}

private func text(_ fault: SeamRecordingFault, _ path: String) -> String {
    "\(path):\(fault.line): found \(fault.found); expected \(fault.expected)"
}

private struct Replay {
    private let site: Site
    private let path: String
    private let nameWidth: Int
    private var begin: Boottime?

    init(_ site: Site, _ path: String) {
        self.site = site
        self.path = path
        nameWidth = site.channels.channels.map(\.name.count).max() ?? 0
    }

    mutating func run(
        _ replayer: SeamReplayer, _ sensors: [InstalledSensor], _ programs: RecordedPrograms
    ) throws(Failure) {
        var sampler = LoneSampler(
            clock: ReplayingClock(replayer), bus: ReplayingBus(replayer), lines: ReplayingLines(replayer),
            attributes: ReplayingAttributes(replayer), sensors: sensors,
            trustsSystemClock: site.clock == .trustSystem)
        while let mark = replayer.next() {
            switch mark {
            case .source(let sensor, let words):
                guard programs.deliver(sensor, words) else {
                    throw Failure(
                        .disk, "\(path): `source \(sensor)` says \(words); expected a line or state of its program; "
                            + "\(otherVersion(replayer))")
                }
            case .step, .finish:
                guard sampler.replay(replayer, isLast: mark == .finish, each: { show($0, isSame: $1) }) else { break }
            }
        }
        guard let divergence = replayer.divergence else { return }
        throw Failure(
            .software,
            "\(text(divergence, path)); \(counted(replayer.readings, "reading")) before it the same; "
                + otherVersion(replayer))
    }

    private func otherVersion(_ replayer: SeamReplayer) -> String {
        replayer.about.version == cityEdgeVersion
            ? "files that the configuration names may have changed" : "recorded by version \(replayer.about.version), "
                + "replayed by \(cityEdgeVersion): replay it with the same"
    }

    private mutating func show(_ reading: Reading, isSame: Bool) {
        let begin = begin ?? reading.acquired
        self.begin = begin
        let channel = site.channels[reading.channel]
        let name = channel.name + String(repeating: " ", count: nameWidth - channel.name.count)
        let microseconds = (reading.acquired - begin).nanoseconds / 1_000
        printLine(
            "\(decimal(microseconds, scale: -6)) s  \(name)  \(readingText(reading, channel))"
                + (isSame ? "" : "  NOT AS RECORDED"))
    }
}
