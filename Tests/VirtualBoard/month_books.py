"""The books that month-init keeps of what it did, and what they lead one to expect, without asking the agent anything.

A meter is read on whole minutes of the boot clock, so a pulse belongs to the next of those, and to the window that
this moment lies in by the wall clock as it was set then. A mains failure belongs to the window in which it began and
lasts as long as the boot clock says. A line of the books is [what, boot clock, UTC, ...], in nanoseconds.
"""
import bisect
import datetime
import json
import os
import zoneinfo

EVERY = 60 * 10**9
SECOND = 10**9
ZONE = zoneinfo.ZoneInfo("Europe/Madrid")


class Life:
    """One boot, from its books."""
    def __init__(self, folder):
        with open(os.path.join(folder, "books"), encoding="utf-8") as file:
            self.books = [json.loads(line) for line in file]
        # (boot clock, UTC less boot clock) since when.
        self.offsets = [(boot, utc - boot) for what, boot, utc, *_ in self.books if what in ("booted", "step")]
        self.end = self.books[-1][1]

    def all(self, *names):
        return [entry for entry in self.books if entry[0] in names]

    def utc(self, boot):
        """UTC seconds, rounded down, of a moment of the boot clock."""
        place = bisect.bisect_right(self.offsets, (boot, 1 << 80)) - 1
        return (boot + self.offsets[max(place, 0)][1]) // SECOND

    def readings(self, meter):
        """(when it was read, how many pulses) of the meter; the end of a life in order reads once more."""
        stops, found = [entry[1] for entry in self.all("stopping")], {}
        for _, boot, _ in self.all(meter):
            read = -(-boot // EVERY) * EVERY
            read = min([read] + [stop for stop in stops if boot <= stop])
            found[read] = found.get(read, 0) + 1
        return found

    def failures(self):
        """(begin, end) on the boot clock; end None: out until the power was cut."""
        began = None
        for _, boot, _, is_present in self.all("mains"):
            if not is_present:
                began = boot
            elif began is not None:
                yield began, boot
                began = None
        if began is not None:
            yield began, None


def local_day(second):
    return datetime.datetime.fromtimestamp(second, ZONE).strftime("%Y-%m-%d")


def shown(second):
    return datetime.datetime.fromtimestamp(second, datetime.timezone.utc).strftime("%d %H:%M:%S")
