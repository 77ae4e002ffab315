#!/usr/bin/env python3
"""chips.py plan OUT: from the catalogue ($OUT/drivers.json), what `chips-init` is to do (plan.json), the agent's config
and a board with the buses.

chips.py judge OUT: prints the table of agreement and what else was found; exit 1 when anything is not as it must be.
"""
import glob
import json
import os
import re
import sys

import check
import chips_faults
from chips_expected import ANONYMOUS, CHIPS, WORLDS

MOST_BUSES = 16


def bus_drivers(out):
    with open(os.path.join(out, "drivers.json"), encoding="utf-8") as file:
        return [driver for driver in json.load(file) if driver["attachment"] == "bus"]


def places(drivers):
    """Driver → (bus, address): the address that the chip usually has, on the first bus where it is free. The twin sits
    on the next bus."""
    taken, found = set(), {}
    for driver in drivers:
        found[driver["name"]] = place = next(
            (bus, address) for address in driver["addresses"] for bus in range(0, MOST_BUSES, 2)
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
    drivers = [driver for driver in bus_drivers(out) if driver["name"] in CHIPS]
    likes = described(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    addresses = {driver["name"]: driver["addresses"] for driver in drivers}
    found = places(drivers + [{"name": "registers-" + name, "addresses": addresses[name]} for name in likes])
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
        sensors.append({"id": name, "driver": name, "bus": f"i2c{bus}", "address": address, **chip.settings})
    with open(os.path.join(out, "plan.json"), "w", encoding="utf-8") as file:
        json.dump({"buses": buses, "chips": chips, "twins": twins, "worlds": WORLDS}, file, indent=1)
    # YAML's flow style is JSON.
    with open(os.path.join(out, "data/boards/virtual-buses.yaml"), "w", encoding="utf-8") as file:
        file.write("name: virtual-buses\nbuses:\n")
        file.writelines(f"  - {{name: i2c{bus}, path: /dev/i2c-{bus}}}\n" for bus in range(buses))
    with open(os.path.join(out, "cityedge.yaml"), "w", encoding="utf-8") as file:
        file.write("node: {id: virtual-board, city: malaga}\nboard: virtual-buses\nclock: trust-system\n"
                   "broker: {url: mqtt://127.0.0.1:1883}\nsensors:\n")
        file.writelines(f"  - {json.dumps(sensor)}\n" for sensor in sensors)
        for name, text in likes.items():
            bus, address = found["registers-" + name]
            file.write(text.replace("@id@", "registers-" + name).replace("@bus@", f"i2c{bus}")
                       .replace("@address@", str(address)))


def ours(text):
    """Channel's full name → value and unit, or what stands there instead of a value and no unit."""
    found = {}
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        match = re.fullmatch(r"(-?[\d.]+)(?: (\S+))?  (?:good|uncertain: .*)", rest.strip())
        found[name] = (float(match[1]), match[2] or "") if match else (rest.strip(), "")
    return found


class Row:
    """One channel in all the worlds. `name`: our sensor's; `twin`: the chip that it is the like of."""

    def __init__(self, name, twin, quantity, channel, readings):
        self.chip, self.quantity, self.channel = name, quantity, channel
        found = [ours(reading["ours"]).get(f"{name}.{quantity}", ("no reading", "")) for reading in readings]
        self.ours = [value for value, _ in found]
        self.unit = "".join({unit: 0 for _, unit in found if unit})
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
    anything to be told by."""
    wrong = []
    for record in records:
        found = ours(record["ours"])
        for channel, (value, _) in sorted(found.items()):
            if record["chips"] == "absent":
                if value != "bad: no acknowledge":
                    wrong.append(f"{channel} without a chip: {value}")
            elif not isinstance(value, str) and channel.split(".")[0] not in ANONYMOUS:
                wrong.append(f"{channel} of what is no chip: {value}")
        missing = {name for name in drivers if not any(channel.startswith(name + ".") for channel in found)}
        wrong += [f"{name}, {record['chips']}: no reading" for name in sorted(missing)]
    if len(records) != 2:
        wrong.append(f"readings of {len(records)} kinds of strangers; expected 2")
    print(f"without chips {len(drivers)} drivers say so; with what is no chip all but {', '.join(sorted(ANONYMOUS))} do"
          if not wrong else f"strangers: {len(wrong)} failures")
    return wrong


def judge(out):
    wrong = check.lines(out, "failed")
    readings = [json.loads(line) for line in check.lines(out, "readings")]
    if len(readings) != len(WORLDS):
        wrong.append(f"readings of {len(readings)} worlds; expected {len(WORLDS)}")
    drivers = {driver["name"] for driver in bus_drivers(out)} - {"i2c-registers"}
    wrong += [f"{name}: unknown here; tell chips_expected.py what it must say" for name in drivers - set(CHIPS)]
    wrong += [f"{name}: no such driver any more" for name in set(CHIPS) - drivers]
    told = {channel for reading in readings for channel in ours(reading["ours"])}
    rows = []
    for name in sorted(drivers & set(CHIPS)):
        for chip in {name: 0, **({f"registers-{name}": 0} if any(channel.startswith(f"registers-{name}.")
                                                                for channel in told) else {})}:
            rows += [Row(chip, name, quantity, channel, readings) for quantity, channel in CHIPS[name].channels.items()]
    wrong += [f"{channel}: unknown here; tell chips_expected.py what it must say"
              for channel in told - {f"{row.chip}.{row.quantity}" for row in rows}]
    if readings:
        print_table(rows)
    bad = [row for row in rows if row.verdict.startswith("NOT")]
    wrong += [f"{row.chip}.{row.quantity}: {row.verdict.lower()}" for row in bad]
    for reading in readings:
        if reading["complaints"] and bad:
            print(reading["complaints"].strip())
    agreed = sum(row.verdict == "agree" for row in rows)
    print(f"{agreed} channels of {len({row.chip for row in rows if row.channel.kernel})} chips agree with the kernel's "
          f"drivers, {sum(row.verdict == 'no kernel driver' for row in rows)} channels of "
          f"{len({row.chip for row in rows} - {row.chip for row in rows if row.channel.kernel})} chips without one "
          f"tell the surroundings; {len(wrong)} failures")
    wrong += judge_strangers([json.loads(line) for line in check.lines(out, "strangers")], drivers & set(CHIPS))
    for line in sorted(wrong):
        print("FAILED: " + line)
    wrong += chips_faults.judge(out)
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("plan", "judge"):
        sys.exit(__doc__)
    sys.exit(plan(sys.argv[2]) if sys.argv[1] == "plan" else judge(sys.argv[2]))
