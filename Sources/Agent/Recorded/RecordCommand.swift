// `cityedge record`: runs the sensors as in service, without broker or outbox, and writes everything that the hardware
// answers to a file, which `cityedge simulate --replay` makes the same readings of: on a desk, under a debugger, in a
// bug report. The format is documented in SimulatedWorld/Recorded/SeamRecorder.swift.
//
// Everything is measured by one Sampler on one thread, kernel attributes that block too: then the others are late, as
// the recording shows. The file is written between steps, as it grows; what was sealed by a power cut is good.

import Gateway
import Glibc
import LinuxWorld
import Sensors
import SimulatedWorld
import SiteConfig
import World

/// A recording ends when it has grown to this, and is never read further.
let recordingBytesMax = 64 << 20

extension SeamRecording.About {
    init(_ site: Site) {
        self.init(
            configHash: site.channels.configHash, board: site.board.name,
            sensors: site.sensors.map { Sensor(id: $0.id, driver: $0.driver) }, version: cityEdgeVersion)
    }
}

/// Records for so many seconds, or until SIGINT or SIGTERM.
public func record(_ site: Site, seconds: Int64, to path: String) throws(Failure) {
    guard (1...86_400).contains(seconds) else {
        throw Failure(.usage, "found a length of \(seconds) s; expected 1 s to 24 h; give for example --for 60s")
    }
    for sensor in site.sensors where sensor.settings.values["socket"] != nil && sensor.driver == "external" {
        printError("sensor \(sensor.id): its socket is the agent's; nothing that is sent to it is recorded")
    }
    var recording = try Recording(site, path)
    let clock = LinuxClock()
    let end = clock.now() + .seconds(seconds)
    if site.board.isSimulated {
        let simulated = try simulatedHardware(of: site, seed: 1) { clock.now() }
        try recording.run(
            until: end, bus: simulated.bus, lines: simulated.lines, attributes: simulated.attributes,
            linesDescriptor: nil, nextChange: { simulated.lines.nextChange() })
    } else {
        let lines: GPIOLines
        do throws(SystemError) { lines = try GPIOLines(keptEdges: UInt32(Limits.edgesPerStep)) } catch {
            throw Failure(.software, "\(error)")
        }
        let descriptor = lines.descriptor
        try recording.run(
            until: end, bus: I2CBuses(site.board.buses.map(\.attachment)), lines: lines,
            attributes: KernelAttributes(), linesDescriptor: descriptor, nextChange: { .distantFuture })
    }
}

private struct Recording: ~Copyable {
    private let site: Site
    private let file: NewFile
    private let recorder: SeamRecorder
    private let programs: Programs
    private var recorded: RecordedPrograms
    private let sensors: [InstalledSensor]
    private var signals: Signals
    private var loop: EventLoop

    init(_ site: Site, _ path: String) throws(Failure) {
        let programs = Programs(site, runtime: nil)
        let recorded = RecordedPrograms(site)
        let sensors = try Assembly(site: site, boot: BootID(high: 0, low: 0))
            .installedSensors(mailboxes: recorded.mailboxes)
        let file: NewFile
        do throws(SystemError) { file = try NewFile(path) } catch {
            throw Failure(
                .disk, "\(error); expected a name that is not taken, in a folder that can be written; give another")
        }
        self = try Self.make(site, file, programs, recorded, sensors)
    }

    // Apart, because Swift 6.0 cannot compile an initialiser that throws once it owns descriptors.
    private static func make(
        _ site: Site, _ file: NewFile, _ programs: Programs, _ recorded: RecordedPrograms, _ sensors: [InstalledSensor]
    ) throws(Failure) -> Recording {
        do throws(SystemError) {
            return Recording(
                site: site, file: file, recorder: SeamRecorder(SeamRecording.About(site)), programs: programs,
                recorded: recorded, sensors: sensors, signals: try Signals(), loop: try EventLoop())
        } catch { throw Failure(.software, "\(error)") }
    }

    private init(
        site: Site, file: NewFile, recorder: SeamRecorder, programs: Programs, recorded: RecordedPrograms,
        sensors: [InstalledSensor], signals: consuming Signals, loop: consuming EventLoop
    ) {
        self.site = site
        self.file = file
        self.recorder = recorder
        self.programs = programs
        self.recorded = recorded
        self.sensors = sensors
        self.signals = signals
        self.loop = loop
    }

    mutating func run<B: Bus & ~Copyable, L: Lines & ~Copyable, A: Attributes & ~Copyable>(
        until end: Boottime, bus: consuming B, lines: consuming L, attributes: consuming A, linesDescriptor: Int32?,
        nextChange: () -> Boottime
    ) throws(Failure) {
        let recorder = recorder
        let clock = LinuxClock()
        let begin = clock.now()
        do throws(SystemError) {
            try loop.watch(signals.descriptor)
            if let linesDescriptor { try loop.watch(linesDescriptor) }
        } catch { throw Failure(.software, "\(error)") }
        printError("recording into \(file.path); Ctrl-C ends it in order")
        let host = try programs.start()
        defer { host?.stop() }
        var sampler = LoneSampler(
            clock: RecordingClock(clock, recorder), bus: RecordingBus(bus, recorder),
            lines: RecordingLines(lines, recorder), attributes: RecordingAttributes(attributes, recorder),
            sensors: sensors, trustsSystemClock: site.clock == .trustSystem)
        var hasRoom = true
        while clock.now() < end, hasRoom, signals.next() != .stop {
            recorded.handOver(from: programs, to: recorder)
            let next = sampler.record(recorder)
            try write()
            hasRoom = recorder.bytes < recordingBytesMax - Self.lastStepBytes
            if hasRoom { loop.wait(until: min(min(next, nextChange()), end)) }
        }
        recorded.handOver(from: programs, to: recorder)
        _ = sampler.record(recorder, isLast: true)
        recorder.finish()
        try write()
        do throws(SystemError) { try file.finish() } catch { throw failure(error) }
        if !hasRoom { printError("\(file.path): the largest recording there can be, \(sizeText(recordingBytesMax))") }
        let seconds = (clock.now() - begin + .milliseconds(500)).nanoseconds / 1_000_000_000
        printLine(
            "\(file.path): \(counted(recorder.readings, "reading")) of \(counted(UInt64(sensors.count), "sensor")) in "
                + "\(seconds) s, \(sizeText(recorder.bytes)); "
                + "config \(site.channels.configHash)")
    }

    /// More than one step and the end can take: every sensor with all its samples.
    private static let lastStepBytes = 8 << 20

    private func write() throws(Failure) {
        let bytes = recorder.takeBytes()
        if bytes.isEmpty { return }
        do throws(SystemError) { try file.append(bytes) } catch { throw failure(error) }
    }

    private func failure(_ error: SystemError) -> Failure {
        Failure(.disk, "\(error); expected room for the recording; what is written replays up to its last whole step")
    }
}
