"""Our drift statistics beside those that Evidently computes of the same samples, with its own functions. drift.py runs it."""

import os

# Before it is imported: Evidently tells its makers nothing of these runs.
os.environ["DO_NOT_TRACK"] = "1"

import numpy as np
import pandas as pd
from evidently.legacy.calculations import stattests
from evidently.legacy.calculations.stattests.utils import get_binned_data
from evidently.legacy.core import ColumnType

# So many times the counts of a reference are, beside today's, a reference that is known exactly.
KNOWN = 1e11
# From so many pairs of values on our p-values are those of the limiting distribution.
LARGE = 1_000_000
# The bins that Evidently is asked for. It takes as many as it wants.
BINS = 30


def cases(numbers, categories):
    """What ours are given: the counts of Evidently's bins; and of categories, with references that are known exactly."""
    return {
        "bins": [counts(*series(case), ColumnType.Numerical) for case in numbers],
        "words": [counts(*words(case), ColumnType.Categorical) for case in categories],
        "known": [[np.asarray(case[0]) * KNOWN, case[1]] for case in categories],
    }


def compare(numbers, categories, found, close):
    """Fails where ours differ; gives the greatest difference of a p-value that is approximated on our side."""
    approximated = 0
    for case, ours, bins in zip(numbers, found["numbers"], found["bins"], strict=True):
        samples = series(case)
        compare_distances(samples, bins, ColumnType.Numerical, close)
        # Evidently divides by 0.001 where the reference's standard deviation is less.
        theirs = score(stattests.wasserstein_stat_test, samples, ColumnType.Numerical)
        close(ours["wasserstein"] / max(ours["deviation"], 0.001), theirs)
        # Evidently has SciPy compute exact p-values up to 10,000 rows a side, and they are right. Ours are exact up to a million pairs,
        # which takes milliseconds; above that they are the limiting distribution's, which is close and costs nothing.
        theirs = score(stattests.ks_stat_test, samples, ColumnType.Numerical)
        if len(samples[0]) * len(samples[1]) <= LARGE:
            close(ours["p_value"], theirs)
        else:
            approximated = max(approximated, abs(ours["p_value"] - theirs))
    for case, bins, known in zip(categories, found["words"], found["known"], strict=True):
        samples = words(case)
        compare_distances(samples, bins, ColumnType.Categorical, close)
        # Evidently takes the reference's shares for the truth and tests today's alone against them; so a reference of few rows, which
        # is itself drawn by chance, makes its p-values too small. Ours is the test of two samples, which is right for
        # two samples, and becomes Evidently's where the reference has very many rows.
        close(known["p_value"], score(stattests.chi_stat_test, samples, ColumnType.Categorical))
    return approximated


def compare_distances(samples, ours, kind, close):
    close(ours["stability"], score(stattests.psi_stat_test, samples, kind))
    close(ours["jensen_shannon"], score(stattests.jensenshannon_stat_test, samples, kind))


def score(test, samples, kind):
    with np.errstate(divide="ignore"):
        return float(test(*samples, kind, None).drift_score)


def counts(reference, current, kind):
    shares = get_binned_data(reference, current, kind, BINS, False)
    return [np.rint(side * len(samples)) for side, samples in zip(shares, (reference, current), strict=True)]


def series(case):
    return tuple(pd.Series(np.asarray(side)) for side in case)


def words(case):
    """Rows of words with these counts."""
    names = np.array([f"word {number}" for number in range(len(case[0]))], dtype=object)
    return tuple(pd.Series(names.repeat(side)) for side in case)
