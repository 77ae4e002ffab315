#!/usr/bin/env python3
"""Judges a run of the virtual board: what was published against what was driven and what the kernel measured.

check.py FOLDER             the recordings of init.sh; exit 0 only when every check passed
check.py --systemd FOLDER   the results and recordings of debian-job
check.py --self-test        recordings made up here: a good one must pass, and each way of spoiling it must be noticed

It knows the contract (topics, SenML, batch identity) and nothing of the agent: a second reader of what is published.
"""
import json
import os
import sys
from decimal import Decimal

ROOT = "cityedge/v1/malaga/virtual-board/"
BASE_NAME = "malaga/virtual-board/"
# The node that is started with wrong wiring.
BAD_ROOT = "cityedge/v1/malaga/bad-wiring/"
BAD_NAME = "malaga/bad-wiring/"
SENML_TOPICS = ("readings", "history")
TOLERANCE = {"temperature": Decimal("0.02"), "pressure": Decimal("2"), "humidity": Decimal("0.05")}
UNITS = {"temperature": "Cel", "pressure": "Pa", "humidity": "%RH"}
# A reading this close after a change of weather may still hold a channel from before it.
SETTLED_SECONDS = Decimal("1.5")


def shown(value):
    if isinstance(value, (set, list)):
        return ", ".join(sorted(map(str, value))) or "nothing"
    return str(value)


class Report:
    def __init__(self, quiet=False):
        self.passed, self.failed, self.quiet = 0, 0, quiet
        self.failures = []

    def equal(self, what, found, expected):
        self.true(what, found == expected, found, expected)

    def true(self, what, holds, found, expected):
        if holds:
            self.passed += 1
            line = f"ok      {what}" + ("" if found is True or found == [] else f": {shown(found)}")
        else:
            self.failed += 1
            self.failures.append(what)
            line = f"FAILED  {what}: found {shown(found)}, expected {shown(expected)}"
        if not self.quiet:
            print(line)

    def end(self):
        if not self.quiet:
            print(f"{self.passed} passed, {self.failed} failed")
        return self.failed == 0 and self.passed > 0


def lines(folder, name):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\n") for line in file if line.strip()]


def driven(folder):
    return dict(line.split("=", 1) for line in lines(folder, "driven"))


def messages(folder, name, root=ROOT):
    """mosquitto_sub's JSON lines. The payload stays text: Decimal must see the digits as published."""
    result = []
    for line in lines(folder, name):
        message = json.loads(line)
        if message["topic"].startswith(root):
            message["name"] = message["topic"][len(root):]
            result.append(message)
    return result


def parse(payload):
    return json.loads(payload, parse_float=Decimal, parse_int=Decimal)


def batches_of(message):
    """The batches of one message: SenML where a record with a `seq` begins one, a JSON object elsewhere."""
    content = parse(message["payload"])
    if message["name"] in SENML_TOPICS:
        found = []
        base = {}
        for record in content:
            for key in ("bn", "bt", "bu", "bv"):
                if key in record:
                    base[key] = record[key]
            if "seq" in record:
                found.append({"stream": record["stream"], "lane": "readings", "seq": int(record["seq"]),
                              "clock": record.get("clock"), "items": []})
            if record.get("n") == "batch" and record.get("vs") == "empty":
                continue                            # a batch without readings: a number, and nothing in it
            name = base.get("bn", "") + record.get("n", "")
            name = name.removeprefix(BASE_NAME).removeprefix(BAD_NAME)
            channel, _, quality = name.partition("/")
            value = record.get("v")
            if value is not None:
                value += base.get("bv", 0)
            found[-1]["items"].append({
                "name": channel,
                "quality": quality or "good",
                "unit": record.get("u", base.get("bu")),
                "value": value,
                "text": record.get("vs"),
                "time": base.get("bt", Decimal(0)) + record.get("t", Decimal(0)),
            })
        return found
    if isinstance(content, dict) and "lane" in content and "seq" in content:
        return [{"stream": content["stream"], "lane": content["lane"], "seq": int(content["seq"]),
                 "clock": content.get("clock"), "base": content.get("bt", 0), "items": content.get("items", [])}]
    return []


def collect(found_messages, report):
    """Distinct batches by identity, in the order of their streams' first appearance and of their numbers."""
    distinct, duplicates, different, order = {}, 0, 0, []
    for message in found_messages:
        for batch in batches_of(message):
            key = (batch["stream"], batch["lane"], batch["seq"])
            if batch["stream"] not in order:
                order.append(batch["stream"])
            if key in distinct:
                duplicates += 1
                different += distinct[key]["items"] != batch["items"]
            else:
                distinct[key] = batch
    report.equal("a batch that came twice is the same batch", different, 0)
    if not report.quiet:
        print(f"        {len(distinct)} batches, {duplicates} of them more than once, {len(order)} stream(s)")
    ranked = sorted(distinct, key=lambda key: (order.index(key[0]), key[1], key[2]))
    return {key: distinct[key] for key in ranked}


def check_board(facts, report):
    """The board itself, without an agent: what later checks stand on."""
    report.equal("board: gpiomon saw each of 40 edges", facts.get("board_edges"), "40")
    report.equal("board: chip id at 0x76 on /dev/i2c-1", facts.get("board_chip"), "0x60")
    # Bosch's floating point formulas on the registers of init.sh: 21.4013 degrees, 101324.53 Pa, 47.9989 %RH.
    for name, scale, expected in (("temperature", Decimal("0.001"), Decimal("21.4013")),
                                  ("pressure", Decimal(1000), Decimal("101324.53")),
                                  ("humidity", Decimal("0.001"), Decimal("47.9989"))):
        found = Decimal(facts.get("board_" + name) or 0) * scale
        report.true(f"board: the kernel's {name} is the data sheet's", abs(found - expected) <= TOLERANCE[name],
                    found, f"{expected} within {TOLERANCE[name]}")
    report.equal("board: the recorder hears the broker", facts.get("board_recorder"), "heard")


def check_numbers(batches, report):
    lanes = {}
    for stream, lane, seq in batches:
        lanes.setdefault((stream, lane), []).append(seq)
    report.true("readings and events are both published", {"readings", "events"} <= {lane for _, lane in lanes},
                sorted({lane for _, lane in lanes}), "readings and events")
    for (stream, lane), seqs in lanes.items():
        missing = sorted(set(range(1, seqs[-1] + 1)) - set(seqs))
        report.true(f"lane {lane} of stream {stream} has no gap", not missing,
                    f"{missing[:10]} of 1 to {seqs[-1]} missing" if missing else f"1 to {seqs[-1]}", "no gap")
    report.equal("kill -9 keeps the stream", len({stream for stream, _ in lanes}), 1)


def check_water(items, facts, report):
    expected = Decimal(facts["pulses"]) * Decimal(facts["litres_per_pulse"]) / 1000
    volume = [item for item in items if item["name"] == "water.volume"]
    total = [item for item in items if item["name"] == "water.total"]
    report.equal("water: unit", {item["unit"] for item in volume + total}, {"m3"})
    report.equal(f"water: volumes of {facts['pulses']} pulses sum to",
                 sum((item["value"] for item in volume), Decimal(0)), expected)
    values = [item["value"] for item in total]
    report.equal("water: the last total", values[-1] if values else None, expected)
    falls = [f"{later} after {earlier}" for earlier, later in zip(values, values[1:]) if later < earlier]
    report.equal("water: the total never falls", falls, [])


def check_mains(items, facts, report):
    states = [item for item in items if item["name"] == "mains.state"]
    report.equal("mains: unit", {item["unit"] for item in states}, {"/"})
    sequence = []
    for item in states:                             # repeats (a start, a period) are no changes
        if not sequence or sequence[-1] != item["value"]:
            sequence.append(item["value"])
    report.equal("mains: the sequence of states", ",".join(f"{value.normalize():f}" for value in sequence), facts["mains"])


def check_weather(sensor, label, items, folder, report):
    weathers = [parse(line) for line in lines(folder, "kernel")]
    report.equal(f"{label}: the kernel measured", [weather["weather"] for weather in weathers],
                 ["spring", "winter", "summer"])
    for weather in weathers:
        kernel = {"temperature": weather["temperature_milli"] / 1000, "pressure": weather["pressure_kilo"] * 1000,
                  "humidity": weather["humidity_milli"] / 1000}
        for channel, expected in kernel.items():
            found = [item for item in items if item["name"] == f"{sensor}.{channel}" and item["quality"] == "good"
                     and weather["from"] + SETTLED_SECONDS <= item["time"] <= weather["to"]]
            what = f"{label}: {channel} in {weather['weather']}"
            if len(found) < 2:
                report.true(what, False, f"{len(found)} readings", "at least 2")
                continue
            worst = max((item["value"] for item in found), key=lambda value: abs(value - expected))
            fits = abs(worst - expected) <= TOLERANCE[channel] and {item["unit"] for item in found} == {UNITS[channel]}
            report.true(what, fits, f"{worst} {found[0]['unit']} of {len(found)}",
                        f"{expected.normalize():f} {UNITS[channel]} within {TOLERANCE[channel]}")


# What the technician's command must say of wiring that is wrong, a line for the channel and one for the sensor.
WRONG_WIRING = (
    ("taken", "a line that another program holds", "water.volume", "busy",
     ("sensor water", "GPIO17", "taken by gpiomon", "end that program")),
    ("held", "an address that a kernel driver holds", "air.temperature", "busy",
     ("sensor air", "0x77", "/dev/i2c-1", "a kernel driver holds the address", "driver: iio")),
    ("no_device", "a kernel device that is not there", "judge.temperature", "not available",
     ("sensor judge", "kernel device bmp380", "`device`")),
    ("other_chip", "a BMP280 where a BME280 should be", "air.humidity", "wrong chip",
     ("sensor air", "0x58 (BMP280", "expected 0x60 (BME280)")),
    ("no_chip", "an absent chip", "air.temperature", "no acknowledge",
     ("sensor air", "0x76", "nobody acknowledges at the address", "wiring")),
    ("no_bus", "an absent bus", "air.temperature", "not available",
     ("sensor air", "/dev/i2c-1", "the bus is not there", "enable I2C")),
)


def check_read(folder, facts, report):
    """`cityedge read`: columns are two spaces apart, `name  value unit  quality` or `name  bad: reason`."""
    def rows(case):
        found = [[column for column in line.split("  ") if column] for line in lines(folder, "read." + case)]
        return {row[0]: [column.strip() for column in row[1:]] for row in found if len(row) > 1}

    report.equal("read: exit code with all sensors there", facts.get("read_good"), "0")
    good = rows("good")
    expected = {"temperature": ("°C", Decimal("21.4013")), "pressure": ("Pa", Decimal("101324.53")),
                "humidity": ("%RH", Decimal("47.9989"))}
    for sensor in ("air", "judge"):
        for channel, (unit, value) in expected.items():
            row = good.get(f"{sensor}.{channel}", ["nothing", ""])
            number, _, found_unit = row[0].partition(" ")
            fits = (found_unit == unit and row[1:] == ["good"]
                    and abs(Decimal(number) - value) <= TOLERANCE[channel])
            report.true(f"read: {sensor}.{channel}", fits, " ".join(row), f"{value} {unit} good")
    report.equal("read: mains.state", good.get("mains.state"), ["1", "good"])
    report.equal("read: water.volume", good.get("water.volume"), ["0.00 m³", "good"])
    for case, what, channel, reason, words in WRONG_WIRING:
        text = "\n".join(lines(folder, "read." + case))
        found = (facts.get("read_" + case), rows(case).get(channel))
        missing = [word for word in words if word not in text]
        report.true(f"read: {what}", found == ("69", ["bad: " + reason]) and not missing,
                    f"bad: {reason}, exit 69" if found == ("69", ["bad: " + reason]) and not missing else
                    f"exit {found[0]}, {found[1]}, without {missing}: {text!r}", f"exit 69, bad: {reason}, {words}")
    part = rows("part")
    report.equal("read: sensors that are there give values beside those that are not",
                 (facts.get("read_part"), part.get("mains.state", [""])[-1], part.get("water.volume", [""])[-1],
                  part.get("air.pressure"), part.get("judge.pressure")),
                 ("69", "good", "good", ["bad: not available"], ["bad: not available"]))


def check_bad_wiring(folder, facts, report):
    """The agent with a line and a chip that others hold: told once, the rest measured, the line taken up when free."""
    items = [item for message in messages(folder, "messages", BAD_ROOT) for batch in batches_of(message)
             for item in batch["items"]]
    told = [line.split("sensor ", 1)[1] for line in lines(folder, "agent.bad.log") if "sensor " in line]
    for sensor, expected, why in (("water", ["water: lost: busy", "water: back"], "the line is taken by gpiomon"),
                                  ("air", ["air: lost: busy"], "a kernel driver holds the address")):
        own = [line for line in told if line.startswith(sensor)]
        report.equal(f"bad wiring: the journal's lines of {sensor}", [": ".join(line.split(": ")[:3]) for line in own],
                     expected)
        report.true(f"bad wiring: the journal says what is wrong with {sensor}", why in own[0] if own else False, own, why)
        events = [(item["state"], item.get("reason")) for item in items
                  if item.get("kind") == "sensor" and item["sensor"] == sensor]
        report.equal(f"bad wiring: the events of {sensor}", events,
                     [("lost", "busy"), ("back", None)][:len(expected)])
    readings = [item for item in items if "name" in item]
    air = [(item["quality"], item["text"]) for item in readings if item["name"].startswith("air.")]
    report.true("bad wiring: a chip that the kernel holds is bad with its reason", set(air) == {("bad", "busy")},
                set(air), "bad, busy")
    judge = [item for item in readings if item["name"] == "judge.temperature" and item["quality"] == "good"]
    report.true("bad wiring: other sensors go on", len(judge) >= 10, len(judge), "at least 10 readings")
    volume = sum((item["value"] for item in readings if item["name"] == "water.volume" and item["value"] is not None),
                 Decimal(0))
    report.equal("bad wiring: 20 pulses once the line is free", volume, Decimal("0.2"))
    report.equal("bad wiring: SIGTERM: exit code", facts.get("bad_stop_exit"), "0")


def check_contributions(batches, facts, report):
    """The newest revision of each window says what was driven; and nothing is given out twice."""
    newest, again = {}, []
    for key, batch in batches.items():
        if key[1] != "contributions":
            continue
        bindings = {item["id"]: item for item in batch["items"] if item["kind"] == "binding"}
        for item in batch["items"]:
            if item["kind"] != "contribution":
                continue
            item = dict(bindings[item["b"]], **item) if "b" in item else item
            window = (item["slug"], item["sensor"], item["win"]["start"], item["win"]["len"])
            if window in newest and newest[window]["rev"] >= item["rev"]:
                again.append(f"{window[0]} revision {item['rev']}")
            else:
                newest[window] = item
    report.equal("KPIs: each contribution came with a revision above the last", again, [])
    water = sum(item["state"]["amount"] for item in newest.values() if item["slug"] == "en-en-ws-2c")
    report.equal("KPIs: water in millilitres",
                 water, Decimal(facts["pulses"]) * Decimal(facts["litres_per_pulse"]) * 1000)
    outages = sum(item["state"]["le3"][0] for item in newest.values() if item["slug"] == "ec-i-es-1c")
    report.equal("KPIs: outages", outages, facts["mains"].split(",").count("0"))


def check_first_event(batches, report):
    first = {}
    for (stream, lane, seq), batch in batches.items():
        if lane == "events" and seq == 1 and batch["items"]:
            first[stream] = batch["items"][0].get("kind")
    report.true("events: a stream's first event is of the stream", set(first.values()) == {"stream"}, first,
                "kind stream")


def check_status(folder, batches, report):
    for when, word in (("online", "online"), ("offline", "offline")):
        found = [message for message in messages(folder, "retained." + when) if message["name"] == "status"]
        report.equal(f"status: one retained message while {when}", len(found), 1)
        if found:
            content = parse(found[0]["payload"])
            report.true(f"status: says {when}", word in content.values() or content.get("online") is (word == "online"),
                        content, word)
            if when == "online":
                report.true("status: names the stream of the batches",
                            content.get("stream") in {stream for stream, _, _ in batches}, content.get("stream"),
                            "a stream with batches")
    inventories = [message for message in messages(folder, "retained.online") if message["name"] == "inventory"]
    report.equal("inventory: one retained message", len(inventories), 1)


def check_delivery(recorded, report):
    durable = [message for message in recorded if message["name"] != "health" and not message["name"].startswith("cmd/")]
    report.equal("everything but health came with QoS 1", {message["qos"] for message in durable}, {1})


def check(folder, report):
    facts = driven(folder)
    if "failed" in facts:
        report.true("the run", False, facts["failed"], "no failure")
    check_board(facts, report)
    if facts.get("end") == "board":
        return report.end()
    report.equal("the run came to its end", facts.get("end"), "agent")
    if "validate_exit" in facts:
        report.equal("cityedge validate takes the config", facts["validate_exit"], "0")
    if facts.get("end") == "agent":
        recorded = messages(folder, "messages")
        check_delivery(recorded, report)
        batches = collect(recorded, report)
        check_numbers(batches, report)
        unsettled = [key for key, batch in batches.items() if batch["clock"] == "unsettled"]
        report.equal("with clock: trust-system every batch has its time", unsettled, [])
        items = [item for key, batch in batches.items() if key[1] == "readings" for item in batch["items"]]
        bad = sorted({f"{item['name']} {item['text']}" for item in items if item["value"] is None})
        report.equal("no reading is bad", bad, [])
        items = [item for item in items if item["value"] is not None]
        strange = sorted({item["name"] for item in items if item["quality"] not in ("good", "uncertain")})
        report.equal("values are good or uncertain", strange, [])
        check_water(items, facts, report)
        check_mains(items, facts, report)
        check_weather("air", "our driver", items, folder, report)
        check_weather("judge", "kernel's driver", items, folder, report)
        check_contributions(batches, facts, report)
        check_first_event(batches, report)
        check_status(folder, batches, report)
        check_bad_wiring(folder, facts, report)
        if "validate_exit" in facts:
            check_read(folder, facts, report)
        report.equal("SIGTERM: exit code", facts["stop_exit"], "0")
        took = Decimal(facts["stop_ended"]) - Decimal(facts["stop_began"])
        report.true("SIGTERM: seconds to the end", took <= 2, took, "at most 2")
    return report.end()


def check_systemd(folder, report):
    results = lines(folder, "results")
    for line in results:
        what, found, expected = (line.split("\t") + ["", ""])[:3]
        report.equal(what, found, expected)
    report.true("the job came to its end", any(line.startswith("the run\t") for line in results), True, "its results")
    recorded = messages(folder, "messages")
    check_delivery(recorded, report)
    batches = collect(recorded, report)
    check_numbers(batches, report)
    check_first_event(batches, report)
    check_account(folder, report)
    return report.end()


def check_account(folder, report):
    """Every number accounted for, and every counter's amounts, by the campaigns' own reader."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Campaigns"))
    from account import Allowed, account
    result = account(lines(folder, "messages"), Allowed(streams=1))
    report.equal("account of every number: failures", result.failures, [])
    report.true("account of every number", result.figures["missing"] == 0, result.line, "missing 0")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        import spoiled
        good = spoiled.self_test()
    elif sys.argv[1:2] == ["--systemd"] and len(sys.argv) == 3:
        good = check_systemd(sys.argv[2], Report())
    elif len(sys.argv) == 2 and os.path.isdir(sys.argv[1]):
        good = check(sys.argv[1], Report())
    else:
        sys.exit("usage: check.py FOLDER | --systemd FOLDER | --self-test")
    sys.exit(0 if good else 1)
