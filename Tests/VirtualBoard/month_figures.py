"""What the project's own platform half makes of a month's messages, against month_merge.py and the books: numerators,
completeness, and the range of what was not seen.
"""
import json


def compare(judge, report):
    """The checks, of a judge of month.py and of what `cityedge kpi merge --json` printed."""
    found = {(indicator["slug"], figure["point"]): figure
             for indicator in report["indicators"] for figure in indicator["figures"]}
    for slug, point, mine in (("en-en-ws-2c", "total", judge.amount("en-en-ws-2c")),
                              ("en-e-e-2c", "total", judge.amount("en-e-e-2c")),
                              ("ec-i-es-1c", "saifi", judge.outages(True)[0]),
                              ("ec-i-es-1c", "maifi", judge.outages(False)[0])):
        figure = found.get((slug, point), {})
        theirs = int((figure.get("numerator") or {"n": -1})["n"])
        judge.check(f"cityedge kpi merge: {slug} {point} is the other join's", theirs == mine,
                   f"{theirs} {(figure.get('numerator') or {}).get('unit', '')}, {mine}")
    caidi, (count, seconds) = found.get(("ec-i-es-2c", "caidi"), {}), judge.outages(True)
    low, high = caidi.get("range") or [caidi.get("value", -1)] * 2
    judge.check("cityedge kpi merge: minutes per interruption lie within its range",
               low - 0.001 <= seconds / count / 60 <= high + 0.001, f"{seconds / count / 60:.4f} in {low} to {high}")
    for slug, point in (("en-en-ws-2c", "total"), ("ec-i-es-1c", "saifi")):
        cov = found.get((slug, point), {}).get("coverage", {})
        valid = sum(window.coverage["valid_s"] for window in judge.merged.of(slug))
        # Of seconds that came twice, because the clock was put back, it counts one.
        twice = -sum(min(entry[3], 0) for life in judge.lives for entry in life.all("step"))
        judge.check(f"cityedge kpi merge: {slug}: valid seconds are those of the windows",
                   valid - twice <= cov.get("valid_s", -1) <= min(valid, cov["exp_s"]),
                   f"{json.dumps(cov)}, {valid}")
