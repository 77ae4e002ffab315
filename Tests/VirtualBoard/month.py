#!/usr/bin/env python3
"""Judges a run of `month`: month.py FOLDER [CITYEDGE]

What the city has added up (month_merge.py, and `cityedge kpi merge` where that command is there) against the books that
the script kept. Exit 0 only when all holds; one line a check, and a table of what there was.
"""
import decimal
import glob
import json
import os
import subprocess
import sys

from month_books import EVERY, SECOND, Life, local_day, shown
from month_figures import compare
from month_merge import Merged
from month_spoiled import CUSTOMERS, spoil

CHECKPOINT = 600
LEVEL = "campaign/month/no2.no2"
CHANGE = "2026-10-25"               # the local day of 25 hours
CLASSES = ("le3", "le5", "gt5", "unclear")
# Of flags only these lie on time that is known all the same.
OF_VALID = ("clock_step", "estimated", "calibration_expired")


class Judge:
    def __init__(self, folder, command):
        self.folder, self.command, self.passed, self.failed = folder, command, 0, 0
        folders = sorted(glob.glob(os.path.join(folder, "life-*")))
        for trouble in glob.glob(os.path.join(folder, "life-*", "failed")):
            with open(trouble, encoding="utf-8") as file:
                sys.exit(f"FAILED  {trouble}: {file.read().strip()}")
        self.lives = [Life(life) for life in folders if os.path.exists(os.path.join(life, "books"))]
        self.merged, self.topics, self.levels = Merged(), {}, {}
        self.exported = os.path.join(folder, "contributions")
        with open(self.exported, "wb") as exported:
            for life in folders:
                with open(os.path.join(life, "messages"), "rb") as file:
                    for line in file:
                        topic, payload = line.split(b" ", 1)
                        name = topic.rsplit(b"/", 1)[1].decode()
                        self.topics[name] = self.topics.get(name, 0) + 1
                        if name in ("readings", "history"):
                            self.take_readings(json.loads(payload, parse_float=decimal.Decimal))
                        if name == "contributions":
                            self.merged.add(payload)
                            exported.write(line)

    def check(self, what, holds, found=""):
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        print(f"{'ok' if holds else 'FAILED':7} {what}{': ' if found != '' else ''}{found}")

    def each(self, what, wrong, count):
        """A check of many: `wrong` are the ones that do not hold."""
        shown = "; ".join(wrong[:4]) + (f"; and {len(wrong) - 4} more" if len(wrong) > 4 else "")
        self.check(what, not wrong, shown or count)

    # --- meters ------------------------------------------------------------------------------------------------------

    def meter(self, name, slug, per_pulse, length):
        """To the pulse, window by window."""
        windows = self.merged.of(slug)
        done = {}
        for life in self.lives:
            for read, pulses in life.readings(name).items():
                cell = life.utc(read) // length * length
                done.setdefault(cell, []).append((life, read, pulses))
        told = {}
        for window in windows:
            told.setdefault(window.start // length * length, []).append(window)
        missing, wrong = 0, []
        lost_to_cut = self.lost_to_cut(windows, name)
        for cell in sorted(done.keys() | told.keys()):
            amount = sum(window.state["amount"] * 10 ** window.item["scale"] for window in told.get(cell, []))
            expected = sum(pulses for _, _, pulses in done.get(cell, []))
            short = expected - amount / per_pulse
            if short == 0:
                continue
            if cell in lost_to_cut and short == lost_to_cut[cell]:
                missing += short
                continue
            wrong.append(f"{shown(cell)}: {expected} pulses, told {amount / per_pulse:g}")
        total = sum(pulses for life in self.lives for pulses in life.readings(name).values())
        merged = self.amount(slug) / per_pulse
        self.each(f"{name}: every window has its pulses", wrong, f"{len(told)} windows")
        self.check(f"{name}: the total is what was done", merged + missing == total,
                   f"{total} pulses, {merged:g} merged, {missing:g} missing and said so")
        return windows, {"windows": len(windows), "pulses done": total, "pulses merged": int(merged),
                         "pulses missing": int(missing)}

    def lost_to_cut(self, windows, name):
        """Cells at the end of the first life, and the pulses that its last revisions say they do not have."""
        life = self.lives[0]
        if not life.all("cut"):
            return {}
        length = max(window.length for window in windows)
        last = max((window for window in windows if window.stream == self.merged.streams[0]),
                   key=lambda window: window.valid_through)
        until, cut = last.valid_through, life.all("cut")[0]
        self.check(f"{name}: at most one checkpoint was lost", cut[2] // SECOND - until <= CHECKPOINT + 61,
                   f"{cut[2] // SECOND - until} s")
        found = {}
        # Only readings of the last hours: the wall clock was stepped long before.
        for read, pulses in life.readings(name).items():
            if read > life.end - 3 * CHECKPOINT * SECOND and life.utc(read) > until:
                cell = life.utc(read) // length * length
                found[cell] = found.get(cell, 0) + pulses
        known = {cell: sum(window.coverage["valid_s"] for window in windows if window.start // length * length == cell)
                 for cell in found}
        self.check(f"{name}: nobody says that what the power cut took is known", found and all(
            seconds < length for seconds in known.values()), f"known up to {shown(until)}, cut at "
            f"{shown(cut[2] // SECOND)}; valid of {length} s: " + ", ".join(map(str, known.values())))
        flagged = {cell: sum(window.coverage["flags"].get("dark", 0) for window in windows
                             if window.start // length * length == cell) for cell in found}
        self.check(f"{name}: what the power cut took is flagged", found and all(flagged.values()),
                   ", ".join(f"{seconds} s dark" for seconds in flagged.values()))
        return found

    # --- mains -------------------------------------------------------------------------------------------------------

    def mains(self, slug, length):
        windows = self.merged.of(slug)
        streams = self.merged.streams
        expected, across, across_cell = {}, None, None
        for life in self.lives:
            for begin, end in life.failures():
                if end is None:
                    across, across_cell = (life, begin), life.utc(begin) // length * length
                    continue
                seconds = (end - begin + SECOND // 2) // SECOND
                kind = "le3" if seconds <= 180 else "le5" if seconds <= 300 else "gt5"
                tally = expected.setdefault(life.utc(begin) // length * length, {}).setdefault(kind, [0, 0])
                tally[0] += CUSTOMERS
                tally[1] += CUSTOMERS * seconds
        dark = [window for window in windows if window.state["dark"]]
        # It had been told as open before the power was cut, and the next boot counts it too: once, says the platform.
        superseded = [window for window in windows if window.state["open"] == CUSTOMERS and window.stream == streams[0]
                      and dark and window.start // length * length == across_cell]
        told, wrong = {}, []
        for window in windows:
            if window in dark:
                continue
            for kind in CLASSES:
                count, least, most = window.state[kind]
                tally = told.setdefault(window.start // length * length, {}).setdefault(kind, [0, 0, 0])
                told[window.start // length * length][kind] = [
                    tally[0] + count, tally[1] + least, tally[2] + most]
            if window.state["open"] and window not in superseded:
                wrong.append(f"{shown(window.start)}: {window.state['open']} left open")
        for cell in sorted(expected.keys() | told.keys()):
            for kind in CLASSES:
                count, seconds = expected.get(cell, {}).get(kind, [0, 0])
                found = told.get(cell, {}).get(kind, [0, 0, 0])
                if found != [count, seconds, seconds]:
                    wrong.append(
                        f"{shown(cell)} {kind}: {count} interruptions of {seconds} customer-seconds, told {found}")
        interruptions = sum(count for kinds in expected.values() for count, _ in kinds.values())
        self.each(f"mains, {slug}: every failure that was watched, exactly", wrong,
                  f"{interruptions} customer interruptions, {sum(s for k in expected.values() for _, s in k.values())} "
                  "customer-seconds")
        if across is not None:
            self.across(slug, dark, across)
        return windows, {"outages": interruptions // CUSTOMERS + (across is not None), "windows": len(windows)}

    def across(self, slug, dark, across):
        """The failure that went on until the power was cut, and ended with the boot that followed."""
        life, begin = across
        lasted = self.across_seconds(life, begin)
        tallies = [window.state[kind] for window in dark for kind in CLASSES if window.state[kind][0]]
        holds = len(dark) == 1 and len(tallies) == 1 and tallies[0][0] == CUSTOMERS \
            and tallies[0][1] <= CUSTOMERS * lasted <= tallies[0][2] \
            and tallies[0][2] - tallies[0][1] <= CUSTOMERS * (CHECKPOINT + 61)
        self.check(f"mains, {slug}: the failure across the power cut counts once, its length lies within what is told",
                   holds, f"{lasted:.1f} s × {CUSTOMERS}, told {tallies}, "
                   f"{'flagged dark' if dark and 'dark' in dark[0].flags else 'NOT flagged dark'}")

    # --- levels ------------------------------------------------------------------------------------------------------

    def take_readings(self, pack):
        """Of LEVEL, what a SenML pack publishes: (stream, microseconds) and the value."""
        base, stream, prefix = 0, None, ""
        for record in pack:
            base, stream, prefix = record.get("bt", base), record.get("stream", stream), record.get("bn", prefix)
            if prefix + record.get("n", "") == LEVEL:
                self.levels[stream, int((base + record.get("t", 0)) * 1_000_000)] = record["v"]

    def level(self, slug, length, factor):
        """Of each window that is valid throughout, the time integral of the readings as they were published."""
        expected = {}
        readings = sorted((time, stream, value) for (stream, time), value in self.levels.items())
        for (time, stream, value), (after, its, _) in zip(readings, readings[1:]):
            if stream != its:
                continue
            second, end = time // 1_000_000, after // 1_000_000
            while second < end:
                cell = second // length * length
                part = min(end, cell + length) - second
                expected[cell] = expected.get(cell, 0) + int(value * factor) * part
                second += part
        stepped = {life.utc(boot + shift) // length * length + more * length for life in self.lives
                   for _, boot, *_ in life.all("step") for shift in (-1, 0, EVERY) for more in (-1, 0, 1)}
        wrong, judged, windows = [], 0, self.merged.of(slug)
        if any(window.state["type"] != "level" for window in windows):
            print(f"        {slug}: no level is folded here")
            return None
        for window in windows:
            if window.state["n_s"] != window.coverage["valid_s"]:
                wrong.append(
                    f"{shown(window.start)}: {window.state['n_s']} s summed, valid {window.coverage['valid_s']}")
            if window.coverage["valid_s"] < length or window.start in stepped:
                continue
            judged += 1
            told = window.state["sum"] * 10 ** window.item["scale"]
            if told != expected.get(window.start):
                wrong.append(f"{shown(window.start)}: {expected.get(window.start)} by the readings, told {told}")
        self.each(f"{slug}: every whole window is the integral of the readings published", wrong,
                  f"{judged} of {len(windows)} windows, {len(self.levels)} readings")
        return windows

    # --- completeness ------------------------------------------------------------------------------------------------

    def coverage(self, name, windows, length):
        """Every window of the period is there; what is not valid is flagged, but for what lies before the first and
        after the last reading of a stream."""
        unflagged, unexpected = [], []
        for stream in self.merged.streams:
            own = [window for window in windows if window.stream == stream]
            first = next((window for window in own if window.coverage["valid_s"]), None)
            for window in own:
                cov = window.coverage
                flagged = sum(cov["flags"].values())
                of_valid = sum(seconds for flag, seconds in cov["flags"].items() if flag in OF_VALID)
                ends = (cov["from_s"] if window is first else 0)
                ends += cov["exp_s"] - cov["to_s"] if window is own[-1] else 0
                silent = cov["exp_s"] - cov["valid_s"] - (ends if cov["valid_s"] else 0)
                if "dark" not in cov["flags"] and not flagged - of_valid <= silent <= flagged:
                    unflagged.append(f"{shown(window.start)}: {silent} s, flagged {flagged} ({json.dumps(cov)})")
                if cov["exp_s"] != window.length:
                    unexpected.append(f"{shown(window.start)}: expected {cov['exp_s']} s of {window.length}")
        self.each(f"{name}: what is not valid is flagged", unflagged, f"{len(windows)} windows")
        self.each(f"{name}: each window expects its own length", unexpected,
                  f"{sum(window.coverage['exp_s'] for window in windows)} s")
        cells, holes = sorted({window.start // length * length for window in windows}), []
        dark = self.dark()
        for before, after in zip(cells, cells[1:]):
            is_dark = dark and dark[0] < before + 2 * length and after - length < dark[1]
            if after - before > length and not is_dark:
                holes.append(f"{shown(before)} to {shown(after)}")
        self.each(f"{name}: no window of the period is missing", holes, f"{len(cells)} of {length} s")
        left = [window for window in windows if not window.is_final]
        self.check(f"{name}: only the last window of a stream is left provisional",
                   all(window is max((w for w in windows if w.stream == window.stream), key=lambda w: w.start)
                       for window in left) or name.startswith("mains"), len(left))
        return {"seconds expected": sum(w.coverage["exp_s"] for w in windows),
                "seconds valid": sum(w.coverage["valid_s"] for w in windows), "provisional left open": len(left)}

    def dark(self):
        if len(self.lives) < 2:
            return None
        return self.lives[0].all("cut")[0][2] // SECOND, self.lives[1].books[0][2] // SECOND

    def days(self, name, windows, length):
        """The local day in which each window begins; that of the clock change has an hour more."""
        tagged = [window for window in windows if "day" in window.item["win"]]
        if not tagged:
            print(f"        {name}: no local days are told")
            return
        wrong = [f"{shown(window.start)}: {window.item['win']['day']}, expected {local_day(window.start)}"
                 for window in windows if window.item["win"].get("day") != local_day(window.start)]
        self.each(f"{name}: every window names its local day", wrong, len(tagged))
        count = len({window.start for window in windows if window.item["win"].get("day") == CHANGE})
        self.check(f"{name}: the day of the clock change has 25 hours", count == 25 * 3600 // length,
                   f"{count} windows")

    # --- all of it ---------------------------------------------------------------------------------------------------

    def run(self):
        self.check("the run came to its end", len(self.lives) == 2 and self.lives[0].all("cut")
                   and self.lives[1].all("stopped"))
        if self.failed:
            return
        before = self.failed
        rows = self.judge()
        unspoiled = self.failed - before
        self.table(rows)
        self.ours()
        spoil(self, unspoiled)

    def judge(self):
        rows = {}
        self.each("no pulse is on the edge of a minute", [
            f"{name} at {boot}" for life in self.lives for name, boot, _ in life.all("water", "energy")
            if not SECOND // 10 < boot % EVERY < EVERY - SECOND // 20], "")
        self.each("the join has nothing to complain of", self.merged.faults, f"{self.merged.messages} messages")
        self.check("one stream a boot", len(self.merged.streams) == 2, len(self.merged.streams))
        meters = (("water", "en-en-ws-2c", 10_000, 900), ("energy", "en-e-e-2c", 1_000, 3600))
        for name, slug, per_pulse, length in meters:
            windows, rows[name] = self.meter(name, slug, per_pulse, length)
            rows[name].update(self.coverage(name, windows, length))
            self.days(name, windows, length)
            first = next(window for window in windows if window.stream == self.merged.streams[1])
            self.check(f"{name}: the first window after the power cut says that it does not know all",
                       "estimated" in first.flags or first.coverage["valid_s"] < first.coverage["exp_s"],
                       json.dumps(first.coverage))
        for slug, length in (("ec-i-es-1c", 900), ("ec-i-es-2c", 3600)):
            windows, rows[slug] = self.mains(slug, length)
            rows[slug].update(self.coverage(f"mains, {slug}", windows, length))
            self.days(f"mains, {slug}", windows, length)
        if (windows := self.level("en-en-aq-1c", 3600, 1000)) is not None:
            rows["en-en-aq-1c"] = {"windows": len(windows), **self.coverage("en-en-aq-1c", windows, 3600)}
            self.days("en-en-aq-1c", windows, 3600)
        return rows

    def table(self, rows):
        names = list(dict.fromkeys(name for row in rows.values() for name in row))
        print(" " * 24 + "".join(f"{row:>12}" for row in rows))
        for name in names:
            print(f"{name:24}" + "".join(f"{row.get(name, ''):>12}" for row in rows.values()))
        merged = self.merged
        flags = {}
        for window in merged.windows.values():
            for flag, seconds in window.flags.items():
                flags[flag] = flags.get(flag, 0) + seconds
        print(f"{sum(self.topics.values())} messages ("
              + ", ".join(f"{count} {topic}" for topic, count in sorted(self.topics.items())) + ")")
        print(f"{len(merged.windows)} windows in all, {merged.revisions} revisions gave way, {merged.duplicates} "
              f"duplicates, {merged.compact} in the compact form; seconds by flag, of all windows: {json.dumps(flags)}")
        counts = {what: sum(len(life.all(what)) for life in self.lives)
                  for what in ("broker_off", "step", "killed", "cut")}
        print(f"script: {counts['broker_off'] - 1} broker outages, {counts['step']} steps of the clock, "
              f"{counts['killed']} kill, {counts['cut']} power cut")

    def ours(self):
        """What the project's own platform half says of the same messages."""
        run = None
        if os.access(self.command, os.X_OK):
            run = subprocess.run([self.command, "kpi", "merge", "--json", self.exported], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        if run is None or run.returncode == 64:
            print("        cityedge kpi merge: not there, not asked")
            return
        self.check("cityedge kpi merge: exit code", run.returncode == 0, run.stderr.strip()[:200] or 0)
        if run.returncode == 0:
            self.each("cityedge kpi merge: nothing is refused", [
                f"{refusal['count']} × {refusal['reason']}" for refusal in json.loads(run.stdout)["refused"]], 0)
            compare(self, json.loads(run.stdout))

    def amount(self, slug):
        return sum(window.state["amount"] * 10 ** window.item["scale"] for window in self.merged.of(slug))

    def outages(self, is_sustained):
        """(customer interruptions, customer-seconds) by the books; sustained: longer than five minutes."""
        lengths = []
        for life in self.lives:
            for begin, end in life.failures():
                lengths.append(self.across_seconds(life, begin) if end is None else (end - begin) / SECOND)
        lengths = [length for length in lengths if (length > 300) == is_sustained]
        return CUSTOMERS * len(lengths), CUSTOMERS * sum(lengths)

    def across_seconds(self, life, begin):
        return (self.lives[1].books[0][2] - self.lives[1].books[0][1] - begin - life.offsets[-1][1]) / SECOND


def main():
    judge = Judge(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
    judge.run()
    print(f"{judge.passed} passed, {judge.failed} failed")
    return 1 if judge.failed else 0


if __name__ == "__main__":
    sys.exit(main())
