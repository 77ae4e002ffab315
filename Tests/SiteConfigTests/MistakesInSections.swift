// The golden list of mistakes: everything that is no sensor: node, board, broker, kpis.

import SiteConfig
import Testing

@Suite struct MistakesInSections {
    @Test("Each mistake is told at its place, with what to do", arguments: mistakes)
    func told(mistake: Mistake) throws { try mistake.check() }

    static let mistakes: [Mistake] = [
        Mistake(
            "Nothing in the sections",
            """
            node: {city: c}
            broker: {}
            sensors: []

            """,
            [
                .at("1:7", "no `id` in `node`", "the name of this place", "add `id: lamppost-0042`"),
                .at("2:9", "no `url` in `broker`", "the broker's address", "add `url: mqtts://mqtt.city.example:8883`"),
                .at(
                    "3:1", "no sensors", "at least one",
                    "add for example `sensors: [{id: air, driver: bme280, bus: i2c1}]`"),
            ]),
        Mistake(
            "A node as people write it",
            """
            node:
              id: Lamp Post 42
              city: Málaga
              timezone: CEST
              location: {latitude: 91}
              powered: solar
              name: x
            broker: {url: mqtt://b}
            sensors: [{id: air, driver: bme280, bus: i2c1}]

            """,
            [
                .at(
                    "2:7", "`id: Lamp Post 42`", "1 to 63 lower-case letters and digits, `-`, a letter or digit first",
                    "write `id: lamp-post-42`"),
                .at(
                    "3:9", "`city: Málaga`", "1 to 63 lower-case letters and digits, `-`, `_`, a letter or digit first",
                    "write `city: malaga`"),
                .at(
                    "4:13", "`timezone: CEST`", "a name of the tz database, or UTC",
                    "write for example `timezone: Europe/Madrid`"),
                .at("5:13", "no `longitude` in `location`", "both of them", "add `longitude: ...`"),
                .at("5:24", "`latitude: 91`", "a number between -90 and 90", "correct it"),
                .at("6:12", "`powered: solar`", "permanent or switched", "write one of them"),
                .at("7:3", "`name: x` in `node`", "`id`", "write `id: x`"),
            ]),
        Mistake(
            "A time zone by another name",
            "node: {id: n, city: c, timezone: Europe/Madird}\nbroker: {url: mqtt://b}\n" + air,
            [
                .at(
                    "1:34", "the unknown time zone `Europe/Madird`", "a name of the tz database, or UTC",
                    "write `timezone: Europe/Madrid`")
            ]),
        Mistake(
            "A time zone in another region",
            "node: {id: n, city: c, timezone: Argentina/Ushuaia}\nbroker: {url: mqtt://b}\n" + air,
            [
                .at(
                    "1:34", "the unknown time zone `Argentina/Ushuaia`", "a name of the tz database, or UTC",
                    "write `timezone: America/Argentina/Ushuaia`")
            ]),
        Mistake(
            "A time zone by a former name",
            "node: {id: n, city: c, timezone: Africa/Asmera}\nbroker: {url: mqtt://b}\n" + air,
            [
                .at(
                    "1:34", "the former time zone `Africa/Asmera`", "its name of today",
                    "write `timezone: Africa/Asmara`")
            ]),
        Mistake(
            "A time zone that nobody knows",
            "node: {id: n, city: c, timezone: Mars/Olympus_Mons}\nbroker: {url: mqtt://b}\n" + air,
            [
                .at(
                    "1:34", "the unknown time zone `Mars/Olympus_Mons`", "a name of the tz database, or UTC",
                    "write for example `timezone: Europe/Madrid`")
            ]),
        Mistake(
            "A time zone out of its folder",
            "node: {id: n, city: c, timezone: Europe/../../etc/passwd}\nbroker: {url: mqtt://b}\n" + air,
            [
                .at(
                    "1:34", "`timezone: Europe/../../etc/passwd`", "a name of the tz database, or UTC",
                    "write for example `timezone: Europe/Madrid`")
            ]),
        Mistake(
            "A time zone whose file is damaged",
            "node: {id: n, city: c, timezone: Europe/Broken}\nbroker: {url: mqtt://b}\n" + air,
            [
                .at(
                    "1:34", "`timezone: Europe/Broken`: a damaged file", "a sound one",
                    "`apt install --reinstall tzdata`")
            ]),
        Mistake(
            "Top-level keys of other agents",
            head + air + """
                board: raspberrypi-5
                clock: gps
                settle_wait: 2h
                logger: debug
                mqtt: x
                timezone: Europe/Madrid

                """,
            [
                .at(
                    "4:8", "the unknown board `raspberrypi-5`",
                    "auto, banana-pi-m5, beaglebone-black, generic, odroid-c4, orangepi-zero-3, radxa-zero-3,"
                        + " raspberry-pi-3b-plus, raspberry-pi-4b, raspberry-pi-5, raspberry-pi-cm4,"
                        + " raspberry-pi-zero-2w, rock-4 or simulated",
                    "write `board: raspberry-pi-5`"),
                .at("5:8", "`clock: gps`", "ntp or trust-system", "write one of them"),
                .at("6:14", "`settle_wait: 2h`", "between 0s and 1h", "write `settle_wait: 1h`"),
                .at(
                    "7:1", "`logger: debug` in the configuration", "no log settings: the journal has its own",
                    "remove it"),
                .at("8:1", "`mqtt: x` in the configuration", "`broker`", "write `broker: x`"),
                .at(
                    "9:1", "`timezone: Europe/Madrid` in the configuration", "`timezone` within `node`",
                    "indent it below `node:`"),
            ]),
        Mistake(
            "A broker as other agents have it",
            """
            node: {id: n, city: c}
            broker:
              host: b
              port: 1883
              password: hunter2
              client_id: n
              cafile: /ca
              qos: 2
            sensors: [{id: air, driver: bme280, bus: i2c1}]

            """,
            [
                .at(
                    "3:3", "`host: b` in `broker`", "`url`",
                    "write it as one: `url: mqtt://host:1883`, or `url: mqtts://host:8883` with TLS"),
                .at("3:3", "no `url` in `broker`", "the broker's address", "add `url: mqtts://mqtt.city.example:8883`"),
                .at(
                    "4:3", "`port: 1883` in `broker`", "`url`",
                    "write it as one: `url: mqtt://host:1883`, or `url: mqtts://host:8883` with TLS"),
                .at(
                    "5:3", "`password` in `broker`", "`password_file`: secrets never stand in the configuration",
                    "put it in a file of its own (mode 0600) and write `password_file: /etc/cityedge/password`"),
                .at(
                    "6:3", "`client_id: n` in `broker`", "no client id: it is the node id",
                    "remove it, and give the node its name: `node: {id: ...}`"),
                .at("7:3", "`cafile: /ca` in `broker`", "`ca`", "write `ca: /ca`"),
                .at("8:3", "`qos: 2` in `broker`", "no `qos`: everything but health is sent with QoS 1", "remove it"),
            ]),
        Mistake(
            "A password in the url, which is not repeated",
            """
            node: {id: n, city: c}
            broker:
              url: mqtts://user:hunter2@b
              certificate: c.pem
            sensors: [{id: air, driver: bme280, bus: i2c1}]

            """,
            [
                .at(
                    "3:8", "a user name or password in `url`", "a url without them",
                    "write `url: mqtts://b`, `username: ...` and `password_file: /etc/cityedge/password`"),
                .at(
                    "4:3", "`certificate` without `key`", "both: a client certificate needs its key",
                    "add `key: /etc/cityedge/node.key`"),
            ]),
        Mistake(
            "A password in a url without a scheme",
            """
            node: {id: n, city: c}
            broker: {url: "user:hunter2@b:8883"}
            sensors: [{id: air, driver: bme280, bus: i2c1}]

            """,
            [
                .at(
                    "2:15", "a user name or password in `url`", "a url without them",
                    "write `url: mqtt://b:8883`, `username: ...` and `password_file: /etc/cityedge/password`")
            ]),
        Mistake(
            "Everything of the broker wrong at once",
            """
            node: {id: n, city: c}
            broker:
              url: tcp://b
              password_file: p
              version: 4
              keep_alive: 60
              root: City/{node}
            sensors: [{id: air, driver: bme280, bus: i2c1}]

            """,
            [
                .at("3:8", "`url: tcp://b`", "mqtt://host[:port] or mqtts://host[:port]", "write `url: mqtt://b`"),
                .at("4:3", "`password_file` without `username`", "both", "add `username: ...`"),
                .at("5:12", "`version: 4`", "5 or 3.1.1", "write `version: 5`"),
                .at(
                    "6:15", "`keep_alive: 60`", "a duration with a unit (ms, s, min, h or d)",
                    "write `keep_alive: 60s`"),
                .at(
                    "7:9", "the topic level `City` in `root`",
                    "levels of a-z, 0-9, `_`, `-`, or {city} or {node}, joined by single `/`",
                    "write for example `root: cityedge/v1/{city}/{node}`"),
            ]),
        Mistake(
            "TLS files without TLS",
            """
            node: {id: n, city: c}
            broker: {url: mqtt://b, ca: x}
            sensors: [{id: air, driver: bme280, bus: i2c1}]

            """,
            [
                .at(
                    "2:25", "`ca` with an mqtt:// url", "TLS files with mqtts:// only",
                    "write `mqtts://` in the url, or remove `ca`")
            ]),
        Mistake(
            "A port that there is not, and an empty topic level",
            """
            node: {id: n, city: c}
            broker: {url: "mqtt://b:99999", root: a//b}
            sensors: [{id: air, driver: bme280, bus: i2c1}]

            """,
            [
                .at(
                    "2:15", "`url: mqtt://b:99999`", "mqtt://host[:port] or mqtts://host[:port]",
                    "write a port between 1 and 65535, as in `mqtt://host:1883`"),
                .at(
                    "2:39", "an empty topic level in `root`",
                    "levels of a-z, 0-9, `_`, `-`, or {city} or {node}, joined by single `/`",
                    "write for example `root: cityedge/v1/{city}/{node}`"),
            ]),
        Mistake(
            "A url without its scheme, and a root that nodes would share",
            """
            node: {id: n, city: c}
            broker: {url: "broker.example:8883", root: a/b}
            sensors: [{id: air, driver: bme280, bus: i2c1}]

            """,
            [
                .at(
                    "2:15", "`url: broker.example:8883`", "mqtt://host[:port] or mqtts://host[:port]",
                    "write `url: mqtts://broker.example:8883`"),
                .at("2:44", "`root: a/b`", "a root that contains {node}", "write `root: a/b/{node}`"),
            ]),
        Mistake(
            "A scheme of TLS's",
            """
            node: {id: n, city: c}
            broker: {url: ssl://b}
            sensors: [{id: air, driver: bme280, bus: i2c1}]

            """,
            [
                .at("2:15", "`url: ssl://b`", "mqtt://host[:port] or mqtts://host[:port]", "write `url: mqtts://b`")
            ]),
        Mistake(
            "A path in the url",
            """
            node: {id: n, city: c}
            broker: {url: mqtt://b/topic}
            sensors: [{id: air, driver: bme280, bus: i2c1}]

            """,
            [
                .at(
                    "2:15", "`url: mqtt://b/topic`", "mqtt://host[:port] or mqtts://host[:port]",
                    "write the broker's name or address, and nothing after the port")
            ]),
    ]
}
