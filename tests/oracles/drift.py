#!/usr/bin/env python3
"""Compares our drift statistics with SciPy's and Evidently's on a thousand random cases, and what is expected of a model without
labels with what happens where labels are drawn.

    make test-oracles    # runs it; or: python3 tests/oracles/drift.py target/debug/drift-statistics
"""

import json
import subprocess
import sys

import drift_evidently
import numpy as np
from scipy import special, stats
from scipy.spatial.distance import jensenshannon

CASES = 1000
CLOSE = 1e-9
# A p-value of the limiting distribution of Kolmogorov and Smirnov is so close to the exact one where samples are large.
APPROXIMATED = 0.02


def main():
    random = np.random.default_rng(7)
    cases = {
        "numbers": [numbers(random, case) for case in range(CASES)],
        "categories": [categories(random) for _ in range(CASES)],
        "tests": [random.random(random.integers(1, 100)) ** random.integers(1, 6) for _ in range(CASES)],
        "probabilities": [probabilities(random) for _ in range(20)],
    }
    cases |= drift_evidently.cases(cases["numbers"], cases["categories"])
    text = json.dumps(cases, default=lambda array: array.tolist())
    found = json.loads(subprocess.run([sys.argv[1]], input=text, capture_output=True, check=True, text=True).stdout)
    exact = 0
    for (reference, current), ours in zip(cases["numbers"], found["numbers"], strict=True):
        exact += compare_numbers(reference, current, ours)
    assert exact >= CASES // 2 and exact < CASES, exact
    for (reference, current), ours in zip(cases["categories"], found["categories"], strict=True):
        compare_categories(reference, current, ours)
    for p_values, ours in zip(cases["tests"], found["tests"], strict=True):
        close(ours, stats.false_discovery_control(p_values, method="bh"))
    for case, ours in zip(cases["probabilities"], found["probabilities"], strict=True):
        compare_expectations(random, case, ours)
    print(f"drift: {CASES} cases of each kind agree with SciPy ({exact} p-values of two samples are exact ones)")
    approximated = drift_evidently.compare(cases["numbers"], cases["categories"], found, close)
    assert approximated < APPROXIMATED, approximated
    print(f"drift: they agree with Evidently (p-values that are approximated to {approximated:.4f})")


def numbers(random, case):
    """Two samples: of few or many values, shifted, scaled, with values that occur more than once."""
    # Every fiftieth is too large for exact p-values.
    sizes = random.integers(1200, 2500, 2) if case % 50 == 0 else random.integers(1, 250, 2)
    reference = random.standard_t(3, sizes[0])
    current = random.standard_t(3, sizes[1]) * random.choice([1, 1, 1.5]) + random.choice([0, 0, 0.3, 1])
    if case % 3 == 0:
        reference, current = reference.round(random.integers(0, 3)), current.round(1)
    return [reference, current]


def compare_numbers(reference, current, ours):
    reference, current = np.asarray(reference), np.asarray(current)
    small = len(reference) * len(current) <= 1_000_000
    expected = stats.ks_2samp(reference, current, method="exact" if small else "asymp")
    close(ours["distance"], expected.statistic)
    pairs = len(reference) * len(current) / (len(reference) + len(current))
    close(ours["p_value"], expected.pvalue if small else special.kolmogorov(np.sqrt(pairs) * expected.statistic))
    close(ours["wasserstein"], stats.wasserstein_distance(reference, current))
    close(ours["deviation"], reference.std())
    return small


def categories(random):
    """Counts of two samples, some of them 0."""
    count = random.integers(2, 40)
    shares = random.dirichlet(np.full(count, 0.7))
    other = random.choice([shares, random.dirichlet(np.full(count, 0.7))]) if random.random() < 0.5 else shares
    return [random.multinomial(random.integers(20, 5000), each) for each in (shares, other)]


def compare_categories(reference, current, ours):
    reference, current = np.asarray(reference), np.asarray(current)
    occurs = reference + current > 0
    expected = stats.chi2_contingency([reference[occurs], current[occurs]], correction=False)
    close(ours["statistic"], expected.statistic)
    close(ours["p_value"], expected.pvalue)
    assert ours["degrees"] == expected.dof
    close(ours["cramers_v"], stats.contingency.association([reference[occurs], current[occurs]], method="cramer"))
    close(ours["jensen_shannon"], jensenshannon(reference, current))
    shares = [filled(counts / counts.sum()) for counts in (reference, current)]
    close(ours["stability"], np.sum((shares[0] - shares[1]) * np.log(shares[0] / shares[1])))


def filled(shares):
    """Evidently's way with shares of 0."""
    least = shares[shares > 0].min()
    return np.where(shares == 0, least / 10**6 if least <= 0.0001 else 0.0001, shares)


def probabilities(random):
    classes = int(random.integers(2, 9))
    rows = random.dirichlet(np.full(classes, 0.5), random.integers(50, 3000)).astype(np.float32)
    return {"classes": classes, "rows": rows.ravel()}


def compare_expectations(random, case, ours):
    """Labels are drawn by the probabilities, often: the mean and the spread of the metrics are what was expected."""
    rows = np.asarray(case["rows"], dtype=np.float64).reshape(-1, case["classes"])
    edges = rows.cumsum(axis=1) / rows.sum(axis=1, keepdims=True)
    draws = 400
    measured = {"log_loss": [], "accuracy": [], "brier": []} | {("roc_auc", area): [] for area in range(case["classes"])}
    ranks = stats.rankdata(rows, axis=0)
    for _ in range(draws):
        labels = (random.random((len(rows), 1)) > edges).sum(axis=1)
        happened = np.eye(case["classes"])[labels]
        measured["log_loss"].append(-np.log(rows[np.arange(len(rows)), labels]).mean())
        measured["accuracy"].append((rows.argmax(axis=1) == labels).mean())
        measured["brier"].append(((rows - happened) ** 2).sum(axis=1).mean())
        for area in range(case["classes"]):
            count = (labels == area).sum()
            # The area under the ROC curve from the sum of ranks (Mann & Whitney).
            above = ranks[labels == area, area].sum() - count * (count + 1) / 2
            measured["roc_auc", area].append(above / (count * (len(rows) - count)))
    for name, values in measured.items():
        value, error = ours[name] if name in ours else ours["roc_auc"][name[1]]
        if name not in ours:
            # A ratio's mean is the ratio of the means, and its spread what the labels change, to first order only.
            assert abs(np.mean(values) - value) < 5 * error / np.sqrt(draws) + 0.1 * error, (name, np.mean(values), value, error)
            assert abs(np.std(values) / error - 1) < 5 / np.sqrt(2 * draws) + 0.05, (name, np.std(values), error)
            continue
        # Five standard errors of the mean of so many draws, and as many of their spread.
        assert abs(np.mean(values) - value) < 5 * error / np.sqrt(draws), (name, np.mean(values), value, error)
        assert abs(np.std(values) / error - 1) < 5 / np.sqrt(2 * draws), (name, np.std(values), error)


def close(ours, expected):
    np.testing.assert_allclose(ours, expected, rtol=CLOSE, atol=CLOSE)


if __name__ == "__main__":
    main()
