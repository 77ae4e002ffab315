import Testing
import World

@testable import Sensors

private let utc = UTC(seconds: 1_795_257_600)

private struct Program {
    let mailbox = Mailbox()
    var driver: External
    var now = Boottime.seconds(1_000)

    init(_ measures: String = "power W 1, energy Wh 0, temperature Cel 2") throws {
        var settings = DriverSettings.of(["measures": .text(measures), "run": .text("/bin/true")])
        settings.values["silent_after"] = .duration(.seconds(10))
        settings.mailbox = mailbox
        guard case .source(let made) = try External.entry.make(settings), let driver = made as? External else {
            throw SensorFault.noData
        }
        self.driver = driver
    }

    func say(_ line: String) {
        mailbox.put(
            Mailbox.Line(
                text: Array(line.utf8),
                arrived: WallReading(boottime: now, utc: utc, isSynchronised: true, maximumErrorNanoseconds: 0)))
    }

    mutating func collect() throws(SensorFault) -> [Sample] {
        var samples = Samples(capacity: 256)
        try driver.collect(at: now, into: &samples)
        return samples.all
    }
}

@Suite("External program")
struct ExternalTests {
    @Test("Lines are values in the channel's unit, with their own times")
    func lines() throws {
        var program = try Program()
        program.say("power 1843.5")
        program.say("energy\t12.57653  kWh\r")
        program.say("temperature 68 °F -2.5")
        program.say("# a remark")
        program.say("")
        program.now = program.now + .milliseconds(400)
        program.say("power -0.5 kW 1795257599.9")
        let samples = try program.collect()
        #expect(physical(samples).map { ($0 * 100).rounded() / 100 } == [1_843.5, 12_576.53, 20, -500])
        #expect(samples.map(\.channel) == [0, 1, 2, 0])
        let moments = samples.map { ($0.acquired ?? .distantFuture).nanoseconds / 1_000_000 }
        #expect(moments == [1_000_000, 1_000_000, 997_500, 1_000_300])
    }

    @Test(
        "A line that cannot be meant makes no reading, and is told when nothing else came",
        arguments: [
            "power", "power much", "Pover 3", "power 3 °C", "power 3 W 5", "power 3 W -90000", "power 3 W now",
            "power 3 4 5 6", "power nan",
        ])
    func mistakes(line: String) throws {
        var program = try Program()
        program.say(line)
        #expect(throws: SensorFault.program(.notUnderstood(lines: 1))) { _ = try program.collect() }
        program.say(line)
        program.say("power 3")
        let samples = try program.collect()
        #expect(physical(samples) == [3])
    }

    @Test("Time of a channel never goes back")
    func order() throws {
        var program = try Program()
        program.say("power 3 W -1")
        program.say("power 4 W -2")
        program.say("power 5 W -0.5")
        let samples = try program.collect()
        #expect(physical(samples) == [3, 5])
    }

    @Test("A program that says nothing, ended or was never there are three faults; it is good again when it speaks")
    func faults() throws {
        var program = try Program()
        #expect(try program.collect().isEmpty)
        program.now = program.now + .seconds(9)
        #expect(try program.collect().isEmpty)
        program.now = program.now + .seconds(1)
        #expect(throws: SensorFault.program(.silent)) { _ = try program.collect() }
        program.mailbox.setCondition(.ended(status: 3, words: "no port"))
        #expect(throws: SensorFault.program(.ended(status: 3, words: "no port"))) { _ = try program.collect() }
        program.mailbox.setCondition(.notStarted(errno: 2))
        #expect(throws: SensorFault.program(.notStarted(errno: 2))) { _ = try program.collect() }
        program.mailbox.setCondition(.open)
        program.say("power 1")
        #expect(try program.collect().count == 1)
    }

    @Test("Lines of channels that the site does not name are ignored; from a program that gives no other they are told")
    func others() throws {
        var program = try Program()
        program.say("voltage 230")
        #expect(try program.collect().isEmpty)
        program.say("power 1")
        program.say("voltage 230")
        #expect(try program.collect().count == 1)
        for _ in 0..<3 { program.say("voltage 230") }
        #expect(try program.collect().isEmpty)
        program.now = program.now + .seconds(10)
        #expect(throws: SensorFault.program(.notUnderstood(lines: 3))) { _ = try program.collect() }
    }

    @Test("A fault stands until the program measures again: being started again is not enough")
    func stands() throws {
        var program = try Program()
        program.mailbox.setCondition(.ended(status: 69, words: "no port"))
        #expect(throws: SensorFault.program(.ended(status: 69, words: "no port"))) { _ = try program.collect() }
        program.mailbox.setCondition(.open)
        #expect(throws: SensorFault.program(.ended(status: 69, words: "no port"))) { _ = try program.collect() }
        program.say("# still looking")
        #expect(throws: SensorFault.program(.ended(status: 69, words: "no port"))) { _ = try program.collect() }
        program.say("power 1")
        #expect(try program.collect().count == 1)
        #expect(try program.collect().isEmpty)
    }

    @Test("A line that is too long is none, though its beginning could be meant")
    func long() throws {
        var program = try Program()
        program.say("power 1" + String(repeating: " ", count: Mailbox.lineBytesMax - 7))
        #expect(try program.collect().count == 1)
        program.say("power 1" + String(repeating: " ", count: Mailbox.lineBytesMax - 6))
        #expect(throws: SensorFault.program(.notUnderstood(lines: 1))) { _ = try program.collect() }
    }

    @Test("A program that talks without end keeps the newest lines, and no more than fit")
    func flood() throws {
        var program = try Program()
        for number in 0..<1_000 {
            program.now = program.now + .microseconds(10)
            program.say("power \(number)")
        }
        let samples = try program.collect()
        #expect(samples.count == 128 && physical(samples)[0] == 872)
        // What went before is not silently gone: the first that follows says that something is missing.
        #expect(samples[0].quality == .estimated && samples.dropFirst().allSatisfy { $0.quality == .good })
    }

    @Test(
        "Channels that cannot be are refused, with an example",
        arguments: ["", "power", "power X 1", "power W 12", "Power W", "power °F 1", "power W 1 2"])
    func channels(measures: String) {
        let fault = settingFault {
            _ = try External.entry.channels(.of(["measures": .text(measures), "run": .text("x")]))
        }
        #expect(fault?.parameter == "measures" && fault?.text.contains("power W 1, energy Wh 0") == true)
    }

    @Test("Either a program or a socket, and not both")
    func sources() {
        let measures = Setting.text("power W")
        #expect(settingFault { _ = try External.entry.channels(.of(["measures": measures])) }?.parameter == "run")
        #expect(
            settingFault {
                _ = try External.entry.channels(
                    .of(["measures": measures, "run": .text("x"), "socket": .text("meter")]))
            }?.parameter == "socket")
        #expect(
            settingFault {
                _ = try External.entry.channels(.of(["measures": measures, "socket": .text("../meter")]))
            }?.parameter == "socket")
    }
}
