// The world of the virtual board's chips: what they measure, where they sit, and what is wrong with their buses.
//
//     celsius 21.4                   a physical value of the surroundings, by its name in Surroundings.swift
//     volts 1.2 -0.35 2.048 0.02     several, where there are several of it
//     attach BUS ADDRESS DRIVER      the chip of that driver, freshly powered, or one of its kind that ChipWorld.kin
//                                    knows; numbers as 118 or 0x76
//     attach BUS ADDRESS nothing     acknowledges all, and leaves the data line alone: every byte read is 0xFF
//     detach BUS ADDRESS
//     empty BUS                      takes all its chips away
//     multiplex BUS ADDRESS          a PCA9548, at most one on a bus; its eight branches are the buses BUS.0 to BUS.7
//     flip BUS ADDRESS BYTE BIT      that bit of each reply arrives wrong, until `steady`
//     refuse BUS ADDRESS             no transfer is acknowledged, until `steady`
//     steady BUS ADDRESS
//     stick BUS                      somebody holds SDA: the adapter sees it and says so, until `free`
//     wedge BUS                      somebody holds SCL: no transfer ends, until `free`
//     free BUS
//
// A transfer on a held bus is told on standard error: `held BUS at SECONDS` (CLOCK_BOOTTIME).

import Glibc
import LinuxWorld
import SimulatedWorld
import World

private final class Nothing: SimulatedChip {
    func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool { true }

    func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        reply.initializeMemory(as: UInt8.self, repeating: 0xFF)
        return true
    }
}

final class ChipWorld {
    /// How a bus can be beyond use.
    enum Hold { case data, clock }

    private let clock = LinuxClock()
    private let bus: SimulatedBus
    private var surroundings = Surroundings()
    private var holds: [Hold?]
    /// By bus: a multiplexer's address, and its branches that are connected. Branches are buses of `bus` behind those
    /// that have a number of their own.
    private var multiplexers: [UInt8: (address: UInt8, connected: UInt8)] = [:]
    private var troubles: [BusDevice: SimulatedBus.Trouble] = [:]

    init(buses: Int) {
        let clock = self.clock
        bus = SimulatedBus(count: buses * 9) { clock.now() }
        holds = Array(repeating: nil, count: buses)
        bus.trouble = { [unowned self] device, _ in self.troubles[device] }
    }

    // MARK: Transfers

    /// 0, an errno, or nil for no answer at all.
    func transfer(_ messages: inout [Message], on bus: UInt8) -> Int32? {
        if let hold = holds[Int(bus)] {
            tell("held \(bus) at \(Double(clock.now().nanoseconds) / 1e9)", on: 2)
            return hold == .data ? EBUSY : nil
        }
        var index = 0
        while index < messages.count {
            let address = messages[index].address
            if multiplexers[bus]?.address == address {
                connect(bus, &messages[index])
                index += 1
                continue
            }
            guard let device = place(address, on: bus) else { return ENXIO }
            // A write and the read behind it are one transaction, as our own driver makes them.
            let isPair =
                !messages[index].isRead && index + 1 < messages.count && messages[index + 1].isRead
                && messages[index + 1].address == address
            let written = messages[index].isRead ? [] : messages[index].bytes
            let last = isPair ? index + 1 : index
            if let error = exchange(device, written, &messages[last]) { return error }
            index = last + 1
        }
        return 0
    }

    /// The chip that hears the address: on the bus itself, or on a branch that is connected to it.
    private func place(_ address: UInt8, on bus: UInt8) -> BusDevice? {
        let branches = (0..<8).filter { (multiplexers[bus]?.connected ?? 0) >> $0 & 1 == 1 }.map { branch($0, of: bus) }
        return ([bus] + branches).map { BusDevice(bus: $0, address: address) }.first { self.bus.chip(at: $0) != nil }
    }

    private func branch(_ number: UInt8, of bus: UInt8) -> UInt8 { UInt8(holds.count) + bus * 8 + number }

    /// NXP PCA9548A, revision 4.1, section 6.2: one control register, a bit for each branch.
    private func connect(_ bus: UInt8, _ message: inout Message) {
        if message.isRead {
            for index in message.bytes.indices { message.bytes[index] = multiplexers[bus]?.connected ?? 0 }
        } else if let last = message.bytes.last {
            multiplexers[bus]?.connected = last
        }
    }

    private func exchange(_ device: BusDevice, _ written: [UInt8], _ last: inout Message) -> Int32? {
        // A bare address (`i2cdetect`): somebody is there.
        if written.isEmpty && (last.bytes.isEmpty || !last.isRead) { return nil }
        var reply = last.isRead ? last.bytes : []
        do throws(BusFault) {
            try transfer(device, written, &reply)
        } catch {
            switch error {
            case .noAcknowledge: return ENXIO
            case .arbitrationLost: return EAGAIN
            case .stuck: return EBUSY
            default: return EIO
            }
        }
        if last.isRead { last.bytes = reply }
        return nil
    }

    private func transfer(_ device: BusDevice, _ written: [UInt8], _ reply: inout [UInt8]) throws(BusFault) {
        var fault: BusFault?
        written.withUnsafeBytes { written in
            reply.withUnsafeMutableBytes { reply in
                do throws(BusFault) { try bus.transfer(device, write: written, read: reply) } catch { fault = error }
            }
        }
        if let fault { throw fault }
    }

    // MARK: Commands

    /// Nil: done; else what is wrong with the line.
    func obey(_ line: String) -> String? {
        let words = line.utf8.split(separator: 0x20).map { String(Substring($0)) }
        guard let command = words.first else { return "nothing to do" }
        switch (command, words.count) {
        case ("stick", 2), ("wedge", 2), ("free", 2):
            guard let place = number(words[1]), place < holds.count else { return "no bus \(words[1])" }
            holds[place] = command == "stick" ? .data : command == "wedge" ? .clock : nil
        case ("attach", 4):
            guard let device = device(words) else { return "no place \(words[1]) \(words[2])" }
            // The same seed for all of a kind: a chip of ours and one of the kernel's are twins.
            let surroundings = { [unowned self] (_: Boottime) in self.surroundings }
            guard let chip = Self.kin(words[3], surroundings)
                    ?? SimulatedChips.make(words[3], seed: 1, surroundings: surroundings)
            else { return "no chip for \(words[3])" }
            bus.attach(chip, at: device)
        case ("detach", 3):
            guard let device = device(words) else { return "no place \(words[1]) \(words[2])" }
            bus.detach(device)
        case ("empty", 2):
            guard let place = number(words[1]), place < holds.count else { return "no bus \(words[1])" }
            for address in UInt8(0x08)...0x77 { bus.detach(BusDevice(bus: UInt8(place), address: address)) }
        case ("multiplex", 3):
            guard let device = device(words) else { return "no place \(words[1]) \(words[2])" }
            multiplexers[device.bus] = (device.address, 0)
        case ("flip", 5), ("refuse", 3), ("steady", 3):
            guard let device = device(words) else { return "no place \(words[1]) \(words[2])" }
            switch command {
            case "flip":
                guard let byte = number(words[3]), let bit = number(words[4]) else { return "not a bit: \(line)" }
                troubles[device] = .flippedBit(byte: byte, bit: bit)
            case "refuse": troubles[device] = .fault(.noAcknowledge)
            default: troubles[device] = nil
            }
        default: return set(command, words.dropFirst().map { Double($0) })
        }
        return nil
    }

    /// Chips that a driver knows beside the one that goes by its name.
    private static func kin(
        _ name: String, _ surroundings: @escaping (Boottime) -> Surroundings
    ) -> (any SimulatedChip)? {
        switch name {
        case "nothing": Nothing()
        // Every sign that the trimming can have.
        case "bme280-negative": SimulatedBME280(trimming: .negative, surroundings: surroundings)
        case "tmp75": SimulatedLM75(.tmp75, surroundings: surroundings)
        case "ezo-ec": SimulatedEZO(.ec, surroundings: surroundings)
        case "ezo-do": SimulatedEZO(.dissolvedOxygen, surroundings: surroundings)
        case "ezo-orp": SimulatedEZO(.orp, surroundings: surroundings)
        case "ezo-rtd": SimulatedEZO(.rtd, surroundings: surroundings)
        default: nil
        }
    }

    private func set(_ name: String, _ given: [Double?]) -> String? {
        let values = given.compactMap { $0 }
        guard values.count == given.count else { return "not a number after \(name)" }
        if values.count == 1, let path = scalar(name) {
            surroundings[keyPath: path] = values[0]
            return nil
        }
        switch (name, values.count) {
        case ("volts", 4): surroundings.volts = SIMD4(values)
        case ("amperes", 4): surroundings.amperes = SIMD4(values)
        case ("acceleration", 3): surroundings.acceleration = SIMD3(values)
        case ("inputs", 1): surroundings.inputs = UInt16(clamping: Int(values[0]))
        default: return "no \(name) with \(values.count) values in the surroundings"
        }
        return nil
    }

    private func scalar(_ name: String) -> WritableKeyPath<Surroundings, Double>? {
        switch name {
        case "celsius": \.celsius
        case "pascal": \.pascal
        case "percent": \.percent
        case "carbonDioxidePPM": \.carbonDioxidePPM
        case "vocIndex": \.vocIndex
        case "noxIndex": \.noxIndex
        case "gasOhm": \.gasOhm
        case "pm1": \.pm1
        case "pm2_5": \.pm2_5
        case "pm4": \.pm4
        case "pm10": \.pm10
        case "gasPPB": \.gasPPB
        case "objectCelsius": \.objectCelsius
        case "lux": \.lux
        case "uvIndex": \.uvIndex
        case "soundDecibel": \.soundDecibel
        case "waterCelsius": \.waterCelsius
        case "acidityPH": \.acidityPH
        case "microsiemensPerCentimetre": \.microsiemensPerCentimetre
        case "dissolvedOxygenMilligramsPerLitre": \.dissolvedOxygenMilligramsPerLitre
        case "redoxMillivolts": \.redoxMillivolts
        case "soilMoisture": \.soilMoisture
        case "soilCelsius": \.soilCelsius
        case "distanceMetres": \.distanceMetres
        default: nil
        }
    }

    private func device(_ words: [String]) -> BusDevice? {
        let parts = words[1].utf8.split(separator: 0x2E).map { number(String(Substring($0))) }
        guard let first = parts.first, let bus = first, bus < holds.count, let address = number(words[2]),
            (0x08...0x77).contains(address)
        else { return nil }
        guard parts.count == 2 else { return BusDevice(bus: UInt8(bus), address: UInt8(address)) }
        guard let number = parts[1], number < 8 else { return nil }
        return BusDevice(bus: branch(UInt8(number), of: UInt8(bus)), address: UInt8(address))
    }

    private func number(_ text: String) -> Int? {
        text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text)
    }
}
