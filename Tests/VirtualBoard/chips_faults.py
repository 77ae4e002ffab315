"""What goes wrong on the virtual board's I2C buses, in phases, and how the agent must tell it: each fault with a
quality and a reason of its own, told once, and without harm to another bus.

Bus 0 is the one in trouble; bus 2 must not notice, nor bus 4, a multiplexer with other chips at the same address behind
two of its branches. On bus 1 a kernel driver holds the BME280's address.
"""
import json
import os
import statistics

import check

BUSES = 6
MULTIPLEXER = (4, 0x71)
SURROUNDINGS = dict(celsius=-12.3, pascal=98_700, percent=91)
WIRING = ["empty 0", "attach 0 0x76 bme280", "attach 0 0x77 bme280", "attach 0 0x44 sht3x", "empty 2",
          "attach 2 0x76 bme280", "empty 4", "multiplex 4 0x71", "attach 4.0 0x76 bme280", "attach 4.3 0x76 bmp280"]
CONFIG = """
node: {id: virtual-board, city: malaga}
board: virtual-buses
clock: trust-system             # nothing in the guest ever calls the kernel's clock synchronised
broker: {url: mqtt://127.0.0.1:1883}
sensors:
  - {id: air, driver: bme280, bus: i2c0, address: 0x76, every: 1s}
  - {id: neighbour, driver: bme280, bus: i2c0, address: 0x77, every: 1s}
  - {id: checked, driver: sht3x, bus: i2c0, address: 0x44, every: 1s}
  - {id: other, driver: bme280, bus: i2c2, address: 0x76, every: 1s}
  - {id: absent, driver: bme280, bus: i2c2, address: 0x77, every: 1s}
  - {id: left, driver: bme280, bus: branch0, address: 0x76, every: 1s}
  - {id: right, driver: bmp280, bus: branch3, address: 0x76, every: 1s}
  - {id: held, driver: bme280, bus: i2c1, address: 0x76, every: 1s}
"""
# From a change on, so long may pass before the next reading tells it.
SETTLING_SECONDS = 2.5
# An adapter's time-out is 30 ms, in ticks of this kernel: up to 40.
TIMEOUT_SECONDS = 0.040


class Phase:
    """`tells`: sensor → how its readings are, from SETTLING_SECONDS (or `settling`) on; of all others they are good.
    `lost`: sensor → words that the journal has for it."""

    def __init__(self, name, seconds, orders, tells=None, lost=None, settling=SETTLING_SECONDS):
        self.name, self.seconds, self.orders, self.settling = name, seconds, orders, settling
        self.tells, self.lost = tells or {}, lost or {}


ALWAYS = {"absent": "no acknowledge", "held": "busy"}
PAUSE_SECONDS = 62                  # the longest pause of a bus, and the reading after it
STUCK = {sensor: "bus stuck" for sensor in ("air", "neighbour", "checked")}
PHASES = [
    Phase("all is well", 10, [],
          lost={"absent": "nobody acknowledges", "held": "a kernel driver holds the address"}, settling=6),
    Phase("a chip is gone", 10, ["detach 0 0x76"], {"air": "no acknowledge"}, {"air": "nobody acknowledges"}),
    Phase("another chip in its place", 10, ["attach 0 0x76 bmp280"], {"air": "wrong chip"}),
    Phase("it is back", 10, ["attach 0 0x76 bme280"]),
    Phase("a bit flips", 10, ["flip 0 0x44 1 3"], {"checked": "checksum"}, {"checked": "checksum is wrong"}),
    Phase("no bit flips", 10, ["steady 0 0x44"]),
    Phase("SDA is held", 30, ["stick 0"], STUCK, {"neighbour": "nobody gets through on the bus"}),
    Phase("SDA is free", PAUSE_SECONDS + 10, ["free 0"], settling=PAUSE_SECONDS),
    Phase("SCL is held", 400, ["wedge 0"], STUCK, {"neighbour": "nobody gets through on the bus"}),
    Phase("SCL is free", PAUSE_SECONDS + 10, ["free 0"], settling=PAUSE_SECONDS),
]
SENSORS = ("air", "neighbour", "checked", "other", "left", "right", "absent", "held")


def lateness(readings):
    """How much later than the others of its series the latest reading was: the schedule is a grid of whole seconds."""
    offsets = [float(reading["time"]) % 1 for reading in readings]
    usual = statistics.median(offsets)
    return max((offset - usual + 0.5) % 1 - 0.5 for offset in offsets)


def judge(out):
    """Prints what was found; returns what is wrong."""
    report = check.Report()
    try:
        phases = [json.loads(line) for line in check.lines(out, "phases")]
        batches = check.collect(check.messages(out, "messages"), report)
    except (OSError, ValueError, KeyError) as error:
        return [f"the recordings of the faults: {type(error).__name__}: {error}"]
    report.equal("faults: phases played", len(phases), len(PHASES))
    items = [item for (_, lane, _), batch in batches.items() if lane == "readings" for item in batch["items"]]
    events = [{**item, "t": float(batch["base"] + item["t"])} for (_, lane, _), batch in batches.items()
              if lane == "events" for item in batch["items"] if item["kind"] == "sensor"]
    journal = check.lines(out, "agent.log")
    for played, phase in zip(phases, PHASES):
        begun, ended = played["from"], played["to"]
        for sensor in SENSORS:
            found = {item["text"] if item["quality"] == "bad" else item["quality"] for item in items
                     if item["name"] == sensor + ".temperature" and begun + phase.settling <= item["time"] <= ended}
            report.equal(f"{phase.name}: {sensor} is", found, {{**ALWAYS, **phase.tells}.get(sensor, "good")})
        for sensor, words in phase.lost.items():
            told = [event.get("reason") for event in events
                    if event["sensor"] == sensor and event["state"] == "lost" and begun - 5 <= event["t"] <= ended]
            report.equal(f"{phase.name}: one event tells {sensor} and why", told, [{**ALWAYS, **phase.tells}[sensor]])
            said = [line for line in journal if f"sensor {sensor}: lost" in line and words in line]
            report.true(f"{phase.name}: the journal has words for it", bool(said), words if said else "none", words)
    for sensor in SENSORS:
        states = [event["state"] for event in events if event["sensor"] == sensor]
        report.true(f"{sensor}: lost and back in turn", states == ["lost", "back"] * (len(states) // 2)
                    + ["lost"] * (len(states) % 2), ", ".join(states), "lost, back, ...")
    judge_wedge(out, phases, items, report)
    report.end()
    return report.failures


def judge_wedge(out, phases, items, report):
    """What a bus whose clock is held may cost another: one time-out an attempt, and ever fewer attempts."""
    number = next(index for index, phase in enumerate(PHASES) if phase.orders == ["wedge 0"])
    if len(phases) <= number:
        return
    booted, length = phases[number]["booted"], PHASES[number].seconds
    attempts = [at - booted for line in check.lines(out, "chips.log") if line.startswith("held 0 at ")
                and booted <= (at := float(line.split()[3])) < booted + length]
    report.true("SCL is held: attempts", 0 < len(attempts) <= 20, len(attempts), "at most 20")
    gaps = [later - earlier for earlier, later in zip(attempts, attempts[1:])]
    report.true("SCL is held: known as bad, one attempt a minute", gaps and min(gaps[-3:]) >= 59,
                [round(gap, 2) for gap in gaps], "at last a minute and more between two")
    others = [item for item in items if item["name"] == "other.temperature"
              and phases[number]["from"] <= item["time"] <= phases[number]["to"]]
    report.true("SCL is held: readings of the other bus", len(others) >= length - 1, len(others), f"{length} or so")
    # At the onset each chip of the bus finds out for itself.
    bound = CONFIG.count("bus: i2c0") * TIMEOUT_SECONDS + 0.001
    late = lateness(others) if others else 9
    report.true("SCL is held: the other bus's latest reading, ms late", late <= bound, round(late * 1e3, 1),
                f"at most {bound * 1e3:.0f}")
