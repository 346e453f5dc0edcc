"""What suite.py found, as the tables of docs/DRIFT.md."""

from statistics import mean, stdev

from scenarios import DRIFTS, NO_DRIFT, SCENARIOS

SIGNIFICANCE, DISTANCE, MISSING = 0.05, 0.1, 0.05
# What can be asked of a feature.
TESTS = {
    "p < 0.05, each feature by itself": lambda it: it["p_value"] is not None and it["p_value"] < SIGNIFICANCE,
    "adjusted p ≤ 0.05": lambda it: it["adjusted_p_value"] is not None and it["adjusted_p_value"] <= SIGNIFICANCE,
    "PSI ≥ 0.1": lambda it: it["psi"] is not None and it["psi"] >= DISTANCE,
    "Jensen–Shannon ≥ 0.1": lambda it: it["jensen_shannon"] is not None and it["jensen_shannon"] >= DISTANCE,
    "Wasserstein ≥ 0.1": lambda it: it["wasserstein"] is not None and it["wasserstein"] >= DISTANCE,
    "missing share up by 0.05": lambda it: it["missing_rise"] >= MISSING,
    "**nextbest's verdict**": lambda it: it["drifted"],
}
# Distances that a verdict could ask for beside an adjusted p ≤ 0.05.
RULES = {
    "PSI ≥ 0.1": lambda it: it["psi"] >= 0.1,
    "PSI ≥ 0.05": lambda it: it["psi"] >= 0.05,
    "PSI ≥ 0.02": lambda it: it["psi"] >= 0.02,
    "PSI ≥ 0.1 or Wasserstein ≥ 0.1 (**nextbest**)": lambda it: it["psi"] >= 0.1 or (it["wasserstein"] or 0) >= 0.1,
    "PSI ≥ 0.05 or Wasserstein ≥ 0.1": lambda it: it["psi"] >= 0.05 or (it["wasserstein"] or 0) >= 0.1,
}
RULED = ["mean_shift=0.15", "scale=0.15", "category_mix=0.3", "missingness=0.2"]
SHORT = ["p", "adjusted p", "PSI", "Jensen–Shannon", "Wasserstein", "missing", "**nextbest**", "Evidently"]
THEIRS = "Evidently's defaults"
# What can be asked of a table as a whole.
WHOLES = {
    "any feature": lambda it: any(feature["drifted"] for feature in it["features"].values()),
    "data set": lambda it: it["data"],
    "scores": lambda it: it["scores"],
    "expected log-loss": lambda it: it["expected_worse"],
    "log-loss": lambda it: it["log_loss_worse"],
    "mix of classes": lambda it: it["classes_p_value"] is not None and it["classes_p_value"] < SIGNIFICANCE,
    "any alert": lambda it: bool(it["alerts"]),
    "Evidently: data set": lambda it: len(it["evidently"]["drifted"]) >= len(it["features"]) / 2,
    "Evidently: the class": lambda it: it["evidently"]["label"],
}


def write(document, results, seconds):
    """Writes each table between its markers."""
    text = document.read_text()
    banks = len({it["seed"] for it in results})
    drifted = len({it["seed"] for it in results if it["scenario"] != NO_DRIFT})
    processes = f"Measured in {seconds / 60:.0f} minutes with two processes: {banks} banks without a drift, {drifted} with each."
    tables = {
        "measured": processes,
        "false alarms": false_alarms(of(results, NO_DRIFT)),
        "false alarms of tables": false_alarms_of_tables(of(results, NO_DRIFT)),
        "features": features(results),
        "rules": rules(results),
        "tables": wholes(results),
        "sizes": sizes(results),
    }
    for name, table in tables.items():
        begin = f"<!-- {name}: written by make drift-suite -->\n"
        before, _, rest = text.partition(begin)
        _, end, after = rest.partition("<!-- end -->\n")
        assert end, f"{document}: no place for {name}"
        text = before + begin + table + "\n" + end + after
    document.write_text(text)


def of(results, scenario):
    return [it for it in results if it["scenario"] == scenario]


def false_alarms(pairs):
    rows = []
    for name, test in TESTS.items():
        rows.append((name, [[test(feature) for feature in it["features"].values()] for it in pairs]))
    rows.append((THEIRS, [[name in it["evidently"]["drifted"] for name in it["features"]] for it in pairs]))
    lines = [row(name, percent(mean(map(mean, calls)), 2), f"{mean(map(sum, calls)):.1f}", percent(mean(map(any, calls)), 1))
             for name, calls in rows]
    return table(["", "of the features", "features a bank", "banks with any"], lines)


def false_alarms_of_tables(pairs):
    lines = [row(name, percent(mean(test(it) for it in pairs), 1)) for name, test in WHOLES.items() if name != "any feature"]
    return table(["", "of the banks"], lines)


def features(results):
    """Of the features that a drift changes, those that are called drifted."""
    lines = []
    for scenario in [it for it in SCENARIOS if changes_features(it)]:
        pairs = of(results, scenario)
        shares = [found(pairs, test) for test in TESTS.values()]
        shares.append(mean(mean(name in it["evidently"]["drifted"] for name in it["changed"]) for it in pairs))
        count = mean(len(it["changed"]) for it in pairs)
        lines.append(row(words(scenario), f"{count:.0f}", *(percent(share) for share in shares)))
    return table(["drift", "features changed", *SHORT], lines)


def found(pairs, test):
    """The share of the changed features that a test finds."""
    return mean(mean(test(it["features"][name]) for name in it["changed"]) for it in pairs)


def changes_features(scenario):
    return scenario.split("=")[0] not in ("label_shift", "concept_shift")


def rules(results):
    lines, pairs = [], of(results, NO_DRIFT)
    for name, distance in RULES.items():
        def test(it, distance=distance):
            return TESTS["adjusted p ≤ 0.05"](it) and distance(it)

        calls = [[test(feature) for feature in it["features"].values()] for it in pairs]
        shares = [percent(found(of(results, scenario), test)) for scenario in RULED]
        lines.append(row(name, percent(mean(map(mean, calls)), 2), percent(mean(map(any, calls)), 1), *shares))
    return table(["adjusted p ≤ 0.05 and", "false: features", "false: banks with any", *map(words, RULED)], lines)


def wholes(results):
    lines = []
    for scenario in [NO_DRIFT, *SCENARIOS]:
        pairs = of(results, scenario)
        lines.append(row(words(scenario), *(percent(mean(test(it) for it in pairs)) for test in WHOLES.values())))
    return table(["drift", *WHOLES], lines)


def sizes(results):
    """How large what was measured is, in the mean, and how far it spreads from bank to bank."""
    lines = []
    for scenario in [NO_DRIFT, *SCENARIOS]:
        pairs = of(results, scenario)
        drifted = mean(mean(feature["drifted"] for feature in it["features"].values()) for it in pairs)
        theirs = mean(len(it["evidently"]["drifted"]) / len(it["features"]) for it in pairs)
        rises = [[it[rise] for it in pairs] for rise in ("expected_rise", "log_loss_rise")]
        lines.append(row(words(scenario), percent(drifted), percent(abs(mean(it["importance"] for it in pairs))), percent(theirs),
                         *(f"{100 * mean(rise):+.0f} ± {100 * stdev(rise):.0f} %" for rise in rises)))
    header = ["drift", "features drifted", "their importance", "Evidently: drifted", "expected log-loss", "log-loss"]
    return table(header, lines)


def words(scenario):
    if scenario == NO_DRIFT:
        return "none"
    kind, size = scenario.split("@")[0].split("=")
    assert kind in DRIFTS, kind
    return f"`{kind}` {size}"


def table(header, lines):
    return "\n".join([row(*header), "|---" * len(header) + "|", *lines])


def row(*cells):
    return f"| {' | '.join(cells)} |"


def percent(share, digits=0):
    return f"{100 * share:.{digits}f} %"
