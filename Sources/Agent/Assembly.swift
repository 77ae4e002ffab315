// From a checked configuration to the gateway's parts: drivers are made, channels calibrated, the contract's fixed
// texts built.

import Gateway
import LinuxWorld
import Outbox
import Sensors
import SiteConfig
import Uplink
import World

struct Assembly {
    let site: Site
    let boot: BootID

    /// Makes every driver; files that a driver replays are read here.
    func installedSensors(_ programs: Programs? = nil) throws(Failure) -> [InstalledSensor] {
        var sensors: [InstalledSensor] = []
        for sensor in site.sensors {
            guard let entry = Catalogue.entry(named: sensor.driver) else {
                throw Failure(.software, "driver \(sensor.driver) passed the checks and is not in the catalogue")
            }
            var settings = sensor.settings
            settings.mailbox = programs?.mailbox(of: sensor.id)
            for parameter in entry.parameters {
                guard case .file = parameter.kind, case .text(let path) = settings.values[parameter.name] else {
                    continue
                }
                do throws(SystemError) { settings.files[parameter.name] = try readFile(path, limit: 64 << 20) } catch {
                    throw Failure(
                        .configuration,
                        "sensor \(sensor.id): \(parameter.name) \(path): \(error.reason); expected a readable file")
                }
            }
            do throws(SettingFault) {
                var installed = InstalledSensor(
                    id: sensor.id, driver: try entry.make(settings), every: sensor.every,
                    channels: sensor.channels.map {
                        InstalledChannel(
                            id: $0.id, channel: $0.channel, calibration: $0.calibration, conditioning: $0.conditioning)
                    }, device: settings.device, warmUp: sensor.warmUp)
                if case .text(let role)? = settings.values["role"] { installed.role = LineRole.named(role) }
                sensors.append(installed)
            } catch {
                throw Failure(.configuration, "sensor \(sensor.id): \(error.parameter): \(error.text)")
            }
        }
        return sensors
    }

    var outboxLimits: OutboxLimits {
        OutboxLimits(
            recordsMax: Limits.batchReadings, channelsMax: max(site.channels.count, 64),
            lossWindow: site.outbox.lossWindow, memoryBytesMax: site.outbox.memory,
            keepAcknowledgedBytes: site.outbox.keepAcknowledged, flashBytesMax: site.outbox.maxSize,
            memorySegmentBytes: Limits.memorySegmentBytes, flashSegmentBytes: Limits.flashSegmentBytes,
            readChunkBytes: Limits.readChunkBytes, liveAge: max(Limits.liveAge, site.outbox.lossWindow),
            historyOldestFirst: site.outbox.historyOldestFirst)
    }

    /// What gives the readings in a ring their meaning.
    var ringTag: UInt64 { UInt64(dictionary.configHash) + 1 }

    var dictionary: ChannelDictionary {
        ChannelDictionary(boot: boot, prefix: "\(site.node.city)/\(site.node.id)/", table: site.channels)
    }

    func plan(password: String?, reconnectLongest: Duration, serial: String?) -> CourierPlan {
        var plan = CourierPlan(
            nodeID: site.node.id, city: site.node.city, version: cityEdgeVersion, boardSerial: serial,
            topicRoot: site.broker.topicRoot, inventory: inventory,
            channels: site.channels, sensorIDs: site.sensors.map(\.id), kpis: site.kpis,
            alarms: site.alarms,
            session: SessionParameters(
                address: site.broker.address, tls: site.broker.tls, version: site.broker.version,
                clientID: site.node.id,
                username: site.broker.username, password: password,
                keepAliveSeconds: UInt16(clamping: site.broker.keepAlive.nanoseconds / 1_000_000_000), will: nil),
            trustsSystemClock: site.clock == .trustSystem, settleWait: site.settleWait, batchAge: site.outbox.batchAge,
            lossWindow: site.outbox.lossWindow, checkpointEvery: site.outbox.checkpoint,
            historyBytesPerSecond: site.outbox.historyBytesPerSecond,
            historyBatchesPerSecond: site.outbox.historyBatchesPerSecond, reconnectLongest: reconnectLongest)
        plan.channelPeriods = channelPeriods
        plan.busNames = site.board.buses.map(\.name)
        plan.isSwitched = site.node.powered == .switched
        plan.calendar = site.calendar
        plan.withheldChannels = Set(site.withheldChannels.map { site.channels[$0].name })
        return plan
    }

    /// Every sensor is read by its period; lines tell changes besides.
    private var channelPeriods: [Duration?] {
        var periods = [Duration?](repeating: nil, count: site.channels.count)
        for sensor in site.sensors {
            for channel in sensor.channels { periods[Int(channel.id.rawValue)] = sensor.period(of: channel) }
        }
        return periods
    }

    private var inventory: Inventory {
        var location: Inventory.Location?
        if let latitude = site.node.latitude, let longitude = site.node.longitude {
            location = Inventory.Location(latitude: latitude, longitude: longitude)
        }
        var inventory = Inventory(
            node: site.node.id, city: site.node.city, site: site.node.site, timezone: site.node.timezone,
            powered: site.node.powered.rawValue, location: location, board: site.board.name,
            configHash: site.channels.configHash,
            alarms: site.alarms.map {
                Inventory.Alarm(
                    id: $0.id, watches: $0.source == .gauge ? "gauge.\($0.name)" : $0.name,
                    severity: $0.severity.rawValue)
            },
            sensors: site.sensors.map { sensor in
                Inventory.Sensor(
                    id: sensor.id, driver: sensor.driver,
                    channels: sensor.channels.map {
                        var channel = Inventory.Channel(
                            name: $0.channel.name, unit: $0.channel.unit, scale: $0.channel.scale,
                            calibration: $0.calibrationHash, instrument: instrument($0))
                        channel.isWithheld = site.withheldChannels.contains($0.id)
                        return channel
                    })
            }, kpis: site.kpis.map(\.record),
            timezoneVersion: site.zone?.version)
        inventory.noiseHours = site.noisePeriods.toldHours
        inventory.peakHours = site.peakPeriods.toldHours
        return inventory
    }

    private func instrument(_ channel: ChannelSettings) -> Inventory.Instrument? {
        let instrument = channel.instrument
        if instrument == .unstated { return nil }
        return Inventory.Instrument(
            grade: instrument.grade.rawValue, standard: instrument.standard, serial: instrument.serial,
            certificate: instrument.certificate?.id, laboratory: instrument.certificate?.laboratory,
            validUntil: instrument.certificate?.lastDay, sha256: instrument.certificate?.sha256)
    }

    /// The broker's password, from its file, without a final line break.
    func password() throws(Failure) -> String? {
        guard let file = site.broker.passwordFile else { return nil }
        do throws(SystemError) {
            var bytes = try readFile(file, limit: 4_096)
            while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
            return String(decoding: bytes, as: UTF8.self)
        } catch {
            throw Failure(
                .configuration,
                "broker.password_file \(file): \(error.reason); expected a readable file with the password")
        }
    }
}
