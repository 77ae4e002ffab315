"""A judge who cannot say no is none: what month.py must notice when the books, or what came of a month, are spoiled."""
import contextlib
import copy
import io

from month_books import SECOND

CUSTOMERS = 40


def add(members, name, number):
    members[name] += number


def spoil(judge, unspoiled):
    """`unspoiled`: how many checks do not hold as it is."""
    middle = {slug: judge.merged.of(slug)[20] for slug in ("en-en-ws-2c", "en-e-e-2c", "ec-i-es-1c")}
    books = judge.lives[0].books
    pulse = next(place for place, entry in enumerate(books) if entry[0] == "water")
    back = next(place for place, entry in enumerate(books) if entry[0] == "mains" and entry[3])
    water = middle["en-en-ws-2c"]

    def gone(place):
        books[place] = ["gone", *books[place][1:]]

    def later(place):
        books[place][1] += 2 * SECOND

    def without():
        judge.merged.windows = {key: window for key, window in judge.merged.windows.items() if window is not water}

    for what, change in (
            ("a pulse less", lambda: gone(pulse)), ("a failure two seconds longer", lambda: later(back)),
            ("a window that did not come", without),
            ("an amount that is a pulse too much", lambda: add(middle["en-e-e-2c"].state, "amount", 1_000)),
            ("a second not valid and not flagged", lambda: add(water.coverage, "valid_s", -1)),
            ("a failure too much", lambda: add(middle["ec-i-es-1c"].state, "open", CUSTOMERS))):
        kept = copy.deepcopy((books, judge.merged.windows, judge.passed, judge.failed))
        judge.failed = 0
        with contextlib.redirect_stdout(io.StringIO()):
            change()
            judge.judge()
        is_noticed = judge.failed > unspoiled
        books[:], judge.merged.windows, judge.passed, judge.failed = kept
        middle = {slug: judge.merged.of(slug)[20] for slug in middle}
        water = middle["en-en-ws-2c"]
        judge.check(f"spoiled by {what}: noticed", is_noticed)
