#!/usr/bin/env python3
"""Judges a run of `edges`: what was published against what the lines were driven to.

edges.py FOLDER        exit 0 only when every check passed
"""
import os
import sys
from decimal import Decimal

from check import Report, collect, driven, messages

KEPT = 1024             # edges that the kernel keeps of a line at most (linux/gpio.h)


def amount(items, name):
    return sum((item["value"] for item in items if item["name"] == name and item["value"] is not None), Decimal(0))


def within(items, begin, end):
    return [item for item in items if Decimal(begin) <= item["time"] <= Decimal(end)]


def check(folder):
    report = Report()
    facts = driven(folder)
    if "failed" in facts:
        report.true("the run", False, facts["failed"], "no failure")
    report.equal("the run came to its end", facts.get("end"), "edges")
    if facts.get("end") != "edges":
        return report.end()
    batches = collect(messages(folder, "messages"), report)
    readings = [item for key, batch in batches.items() if key[1] == "readings" for item in batch["items"]]
    events = [item for key, batch in batches.items() if key[1] == "events" for item in batch["items"]]
    before = within(readings, 0, facts["held_up_from"])

    made = int(facts["changes"])
    report.equal(f"{made} changes of a line are counted", amount(before, "changes.count"), made)
    report.equal("and all of them good", {item["quality"] for item in before if item["name"] == "changes.count"},
                 {"good"})
    report.equal("a debounced reed counts once: litres", amount(readings, "reed.volume") * 1000,
                 int(facts["reed"]) * 10)

    held_up = within(readings, facts["held_up_from"], facts["held_up_to"])
    count = int(facts["held_up"])
    report.equal(f"a reader that was held up: {count} changes are counted through the gap of their numbers",
                 amount(held_up, "changes.count"), count)
    report.equal("a reader that was held up: so are those of a duty", amount(held_up, "bay.activations"), count / 2)
    report.equal("a reader that was held up: the share of a duty is estimated, once",
                 [item["quality"] for item in held_up if item["name"] == "bay.active"].count("uncertain"), 1)
    door = [item for item in held_up if item["name"] == "door.state"]
    # Heartbeats lie between the changes.
    changed = [item for item, last in zip(door[1:], door) if item["value"] != last["value"]]
    report.true("a reader that was held up: a state has what the kernel kept", KEPT - 2 <= len(changed) <= KEPT,
                len(changed), f"{KEPT} changes")
    report.equal("a reader that was held up: the first state after the gap is estimated, and only that",
                 [(item["quality"], item["text"]) for item in door if item["quality"] != "good"],
                 [("uncertain", None)])

    report.equal("meter set: exit code", facts["meter_exit"], "0")
    report.equal("meter set: of what does not count: exit code", facts["meter_wrong_exit"], "64")
    report.equal("meter set: the event tells the total",
                 [(item["sensor"], item["total"], item.get("reason")) for item in events
                  if item.get("kind") == "counter_epoch"], [("changes", 5000000, "meter set")])
    after = within(readings, facts["held_up_to"], facts["gone_from"])
    report.equal("meter set: the amounts know nothing of it", amount(after, "changes.count"), 50)
    totals = [item["value"] for item in after if item["name"] == "changes.total"]
    report.equal("meter set: the total goes on from there", totals[-1] if totals else None, 5000050)

    gone = [item for item in within(readings, facts["gone_from"], facts["back_at"]) if item["name"] == "changes.count"]
    report.true("a chip that goes: its sensors are bad with the reason",
                any(item["text"] == "not available" for item in gone), [item["text"] for item in gone], "not available")
    states = [(item["sensor"], item["state"]) for item in events if item.get("kind") == "sensor"]
    report.true("a chip that goes and comes back: told once each", states.count(("changes", "lost")) == 1
                and states.count(("changes", "back")) == 1, states, "changes lost and back")
    again = [item for item in within(readings, facts["back_at"], 1e12) if item["name"] == "changes.count"]
    report.equal("a chip that came back: counted on", amount(again, "changes.count"), 50)
    report.equal("a chip that came back: what was missed is estimated, once",
                 [item["quality"] for item in again].count("uncertain"), 1)

    before_cut = open(os.path.join(folder, "flash_before")).read().split()
    flash = open(os.path.join(folder, "flash")).read().split()
    new = [name for name in flash if name not in before_cut]
    report.true("power-fail: readings and the event went to flash within 200 ms",
                any("readings" in name for name in new) and any("events" in name for name in new), flash, "both")
    report.equal("power-fail: so did the checkpoint, not before them", facts["checkpoint_kept"], "yes")
    report.equal("power-fail: told to the city, and its end",
                 [item["state"] for item in events if item.get("kind") == "power"], ["lost", "back"])
    log = open(os.path.join(folder, "agent.log")).read()
    failing, safe = log.find("power is failing"), log.find("everything is on flash after")
    report.true("power-fail: told in the journal, and when all was safe", 0 <= failing < safe, log[failing:safe + 40],
                "both, in this order")

    for when, expected in (("before", "0"), ("at_start", "0"), ("running", "1"), ("again", "1"), ("restarted", "0")):
        report.equal(f"output: level {when.replace('_', ' ')}", facts["lamp_" + when], expected)
    report.equal("output: a resistor decides after kill -9", facts["lamp_killed"], "0")
    report.equal("output: and after the orderly end, once the process is gone", facts["lamp_stopped"], "0")
    report.equal("SIGTERM: exit code", facts["stop_exit"], "0")
    return report.end()


if __name__ == "__main__":
    if len(sys.argv) != 2 or not os.path.isdir(sys.argv[1]):
        sys.exit("usage: edges.py FOLDER")
    sys.exit(0 if check(sys.argv[1]) else 1)
