#!/usr/bin/env python3
"""chips.py plan OUT: from the catalogue ($OUT/drivers.json), what `chips-init` is to do (plan.json), the agent's config
and a board with the buses.

chips.py judge OUT: prints the table of agreement and what else was found; exit 1 when anything is not as it must be.

chips.py --self-test: recordings made up here; a good one must pass, and each way of spoiling it must be noticed.
"""
import glob
import json
import os
import re
import sys

import check
import chips_faults
from chips_expected import ANONYMOUS, CHIPS, WORLDS

MOST_BUSES = 16                     # of i2c-user


def bus_drivers(out):
    with open(os.path.join(out, "drivers.json"), encoding="utf-8") as file:
        return [driver for driver in json.load(file) if driver["attachment"] == "bus"]


def places(chips):
    """Chip → (bus, address): the address that the chip usually has, on the first bus where it is free. The twin
    sits on the next bus."""
    taken, found = set(), {}
    for name, addresses in chips.items():
        found[name] = place = next(
            (bus, address) for address in addresses for bus in range(0, MOST_BUSES, 2)
            if (bus, address) not in taken)
        taken.add(place)
    return found


def described(root):
    """Chips that the configuration describes register by register: driver that it is the like of → its sensor's text,
    with placeholders."""
    found = {}
    for path in sorted(glob.glob(os.path.join(root, "config/drivers/registers-*.yaml"))):
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"(?s)^.*?^sensors:\n", "", file.read(), flags=re.MULTILINE)
        for key in ("id", "bus", "address"):
            text = re.sub(rf"(?m)^(\s+(?:- )?{key}:).*$", rf"\1 @{key}@", text, count=1)
        found[re.search("registers-(.*).yaml", path)[1]] = text
    return found


def plan(out):
    addresses = {driver["name"]: driver["addresses"] for driver in bus_drivers(out)}
    names = [name for name, chip in CHIPS.items() if (chip.driver or name) in addresses]
    likes = described(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    found = places({**{name: addresses[CHIPS[name].driver or name] for name in names},
                    **{"registers-" + name: addresses[name] for name in likes if name in addresses}})
    buses = max(chips_faults.BUSES, max(bus for bus, _ in found.values()) + 2)
    chips, twins, sensors = [], {}, []
    for name, (bus, address) in found.items():
        if name.startswith("registers-"):
            chips.append((bus, address, name.removeprefix("registers-")))
            continue
        chip = CHIPS[name]
        chips.append((bus, address, name))
        if chip.device:
            chips.append((bus + 1, address, name))
            twins[name] = {"device": chip.device, "bus": bus + 1, "address": address, "files": chip.files,
                           "setup": chip.setup}
        sensors.append({"id": name, "driver": chip.driver or name, "bus": f"i2c{bus}", "address": address, **chip.settings})
    with open(os.path.join(out, "plan.json"), "w", encoding="utf-8") as file:
        json.dump({"buses": buses, "chips": chips, "twins": twins, "worlds": WORLDS}, file, indent=1)
    # YAML's flow style is JSON.
    with open(os.path.join(out, "data/boards/virtual-buses.yaml"), "w", encoding="utf-8") as file:
        file.write("name: virtual-buses\nbuses:\n")
        file.writelines(f"  - {{name: i2c{bus}, path: /dev/i2c-{bus}}}\n" for bus in range(buses))
        # The next free numbers: the branches of the multiplexer of chips_faults.py.
        file.writelines(f"  - {{name: branch{branch}, path: /dev/i2c-{buses + branch}}}\n" for branch in range(8))
    with open(os.path.join(out, "cityedge.yaml"), "w", encoding="utf-8") as file:
        file.write("node: {id: virtual-board, city: malaga}\nboard: virtual-buses\nclock: trust-system\n"
                   "broker: {url: mqtt://127.0.0.1:1883}\nsensors:\n")
        file.writelines(f"  - {json.dumps(sensor)}\n" for sensor in sensors)
        for name, text in likes.items():
            if "registers-" + name not in found:
                continue
            bus, address = found["registers-" + name]
            file.write(text.replace("@id@", "registers-" + name).replace("@bus@", f"i2c{bus}")
                       .replace("@address@", str(address)))


def ours(text):
    """Channel's full name → value and unit where it is good, or warming up as a sensor is that has just been started;
    else what stands there, and no unit."""
    found = {}
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        match = re.fullmatch(r"(-?[\d.]+)(?: (\S+))?  (?:good|uncertain: warming up)", rest.strip())
        found[name] = (float(match[1]), match[2] or "") if match else (rest.strip(), "")
    return found


class Row:
    """One channel in all the worlds. `name`: our sensor's; `twin`: the chip that it is the like of."""

    def __init__(self, name, twin, quantity, channel, readings):
        self.chip, self.quantity, self.channel = name, quantity, channel
        found = [ours(reading["ours"]).get(f"{name}.{quantity}", ("no reading", "")) for reading in readings]
        self.ours = [value for value, _ in found]
        self.unit = next((unit for _, unit in found if unit), "")
        self.kernels = []
        if channel.kernel:
            for reading in readings:
                try:
                    self.kernels.append(channel.kernel.value(reading["kernel"].get(twin, {})))
                except ValueError as error:
                    self.kernels.append(str(error))
        self.worlds = [WORLDS[reading["world"]] for reading in readings]
        self.truths = [channel.truth(world) for world in self.worlds]

    @property
    def verdict(self):
        if not self.ours or not all(map(self.channel.is_true, self.ours, self.worlds)):
            return "NOT THE SURROUNDINGS"
        if not self.channel.kernel:
            return "no kernel driver"
        if any(isinstance(value, str) for value in self.kernels) or not all(
                map(self.channel.agrees, self.ours, self.kernels)):
            return "NOT THE KERNEL'S"
        return "agree"

    def cells(self):
        def several(values):
            return "  ".join(value if isinstance(value, str) else f"{value:.6g}" for value in values)
        return [self.chip, self.quantity, self.unit, several(self.ours), several(self.kernels) or "-",
                several(self.truths), f"{self.channel.resolution:g}", self.verdict]


def print_table(rows):
    head = ["chip", "channel", "unit", "ours", "the kernel's", "the surroundings", "resolution", "verdict"]
    table = [head] + [row.cells() for row in rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def judge_strangers(records, drivers):
    """Without a chip every channel says that nobody acknowledges. What is no chip gives no good value, where a chip has
    anything to be told by. Returns what is wrong."""
    wrong = [] if len(records) == 2 else [f"readings of {len(records)} kinds of strangers; expected 2"]
    for record in records:
        found = ours(record["ours"])
        for channel, (value, _) in found.items():
            if record["chips"] == "absent":
                if value != "bad: no acknowledge":
                    wrong.append(f"{channel} without a chip: {value}")
            elif not isinstance(value, str) and channel.split(".")[0] not in ANONYMOUS:
                wrong.append(f"{channel} of what is no chip: {value}")
        wrong += [f"{name}, {record['chips']}: no reading" for name in drivers
                  if not any(channel.startswith(name + ".") for channel in found)]
    return wrong


def judge_chips(drivers, readings, strangers, chips):
    """The table's rows, and what is wrong with them."""
    wrong = [] if len(readings) == len(WORLDS) else [f"readings of {len(readings)} worlds; expected {len(WORLDS)}"]
    known = {name: chip for name, chip in chips.items() if (chip.driver or name) in drivers}
    wrong += [f"{name}: unknown here; tell chips_expected.py what it must say" for name in drivers - set(chips)]
    wrong += [f"{name}: no such driver any more" for name in set(chips) - set(known)]
    told = {channel for reading in readings for channel in ours(reading["ours"])}
    rows = []
    for name in sorted(known):
        for chip in (name, "registers-" + name):
            if chip == name or any(channel.startswith(chip + ".") for channel in told):
                rows += [Row(chip, name, quantity, channel, readings)
                         for quantity, channel in chips[name].channels.items()]
    wrong += [f"{channel}: unknown here; tell chips_expected.py what it must say"
              for channel in told - {f"{row.chip}.{row.quantity}" for row in rows}]
    wrong += [f"{row.chip}.{row.quantity}: {row.verdict.lower()}" for row in rows if row.verdict.startswith("NOT")]
    return rows, wrong + judge_strangers(strangers, set(known))


def records(out, name):
    return [json.loads(line) for line in check.lines(out, name)]


def judge(out):
    drivers = {driver["name"] for driver in bus_drivers(out)} - {"i2c-registers"}
    readings = records(out, "readings")
    rows, wrong = judge_chips(drivers, readings, records(out, "strangers"), CHIPS)
    wrong += check.lines(out, "failed")
    if readings:
        print_table(rows)
    judged = {row.chip for row in rows if row.channel.kernel}
    alone = {row.chip for row in rows} - judged
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in ("agree", "no kernel driver")}
    print(f"{counts['agree']} channels of {len(judged)} chips agree with the kernel's drivers; "
          f"{counts['no kernel driver']} others, {len(alone)} chips without a kernel driver among them, tell the "
          f"surroundings; {len(drivers)} drivers asked for chips that are absent, and for what is no chip")
    for line in sorted(wrong):
        print("FAILED  " + line)
    if wrong:
        for reading in readings:
            print(reading["complaints"].strip())
    wrong += chips_faults.judge(out)
    return 1 if wrong else 0


def self_test():
    """A made-up run of two chips must pass, and each way of spoiling it must be noticed."""
    chips = {name: CHIPS[name] for name in ("bme280", "decibel-i2c")}
    air = ("temperature", "celsius", "in_temp_input", 1e3), ("pressure", "pascal", "in_pressure_input", 1e-3), (
        "humidity", "percent", "in_humidityrelative_input", 1e3)

    def run():
        """Drivers, readings and strangers as they must be."""
        readings = [{"world": name, "ours": "".join(
            [f"bme280.{quantity}  {world[key]:.2f} u  good\n" for quantity, key, _, _ in air]
            + [f"decibel-i2c.{quantity}  {world['soundDecibel']:.0f} dB  good\n"
               for quantity in chips["decibel-i2c"].channels]),
            "kernel": {"bme280": {file: str(world[key] * factor) for _, key, file, factor in air}}}
            for name, world in WORLDS.items()]
        absent = "".join(f"{name}.{quantity}  bad: no acknowledge\n"
                         for name in chips for quantity in chips[name].channels)
        return set(chips), readings, [{"chips": "absent", "ours": absent},
                                      {"chips": "nothing", "ours": absent.replace("no acknowledge", "wrong chip")}]

    def replace(found, place, old, new):
        record = found[place][1 if place == 1 else 0]
        assert old in record["ours"]
        record["ours"] = record["ours"].replace(old, new)

    spoiled = {
        "a driver that nobody expects": lambda found: found[0].add("new"),
        "a driver that is gone": lambda found: found[0].remove("decibel-i2c"),
        "a world without readings": lambda found: found[1].pop(),
        "a value beside the surroundings": lambda found: replace(found, 1, "-9.30", "-9.28"),
        "a lost sign": lambda found: replace(found, 1, "-9.30", "9.30"),
        "a bad reading": lambda found: replace(found, 1, "91.00 u  good", "bad: checksum"),
        "an uncertain reading": lambda found: replace(found, 1, "91.00 u  good", "91.00 u  uncertain: saturated"),
        "a missing channel": lambda found: replace(found, 1, "bme280.humidity  91.00 u  good\n", ""),
        "a channel that nobody expects": lambda found: replace(found, 1, "bme280.humidity", "bme280.dew"),
        "another value of the kernel's": lambda found: found[1][1]["kernel"]["bme280"].update(in_temp_input="-9280"),
        "an error of the kernel's": lambda found: found[1][1]["kernel"]["bme280"].update(in_temp_input="I/O error"),
        "a kernel driver that is not bound": lambda found: found[1][1]["kernel"].update(bme280={"": "no driver bound"}),
        "a value without a chip": lambda found: replace(found, 2, "bad: no acknowledge", "1.00 u  good"),
        "another fault without a chip": lambda found: replace(found, 2, "no acknowledge", "checksum"),
        "a value of what is no chip": lambda found: found[2][1].update(ours="bme280.temperature  1.00 u  good\n"),
        "no strangers": lambda found: found[2].clear(),
    }
    wrong = judge_chips(*run(), chips)[1]
    missed = [name for name, spoil in spoiled.items() if not judge_chips(*spoilt(run(), spoil), chips)[1]]
    for line in [f"a good run: {line}" for line in wrong] + [f"not noticed: {name}" for name in missed]:
        print("FAILED  " + line)
    print("chips.py: " + (f"a good run passes, {len(spoiled)} spoiled ones do not" if not wrong and not missed
                          else "does not judge as it must"))
    return 1 if wrong or missed else 0


def spoilt(run, spoil):
    spoil(run)
    return run


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments == ["--self-test"]:
        sys.exit(self_test())
    if len(arguments) != 2 or arguments[0] not in ("plan", "judge"):
        sys.exit(__doc__)
    sys.exit(plan(arguments[1]) if arguments[0] == "plan" else judge(arguments[1]))
