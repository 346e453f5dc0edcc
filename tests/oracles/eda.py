#!/usr/bin/env python3
"""Computes with pandas and SciPy what `nextbest eda` wrote, and compares.

    python3 -m venv oracles && oracles/bin/pip install -r tests/requirements.txt
    nextbest generate && nextbest features && nextbest eda
    oracles/bin/python tests/oracles/eda.py

Reads the feature table's CSV and the files of outputs/eda, both as written. Counts must be equal. Other numbers may
differ by the tolerance: relative to the number, or to the column's standard deviation where a mean is near 0, or to 1
for what is near 0 by its nature (skewness, kurtosis, correlations). Exits with 1 where anything differs by more.
"""

import argparse
import pathlib
import sys

import numpy as np
import pandas as pd
from scipy import stats

# The first columns are the customer, the cut-off, the class and the products held, whatever they are called.
KEYS = 4
NONE = "NONE"


class Comparison:
    """The greatest difference of each statistic."""

    def __init__(self, tolerance):
        self.tolerance = tolerance
        self.greatest = {}
        self.failures = []

    def numbers(self, what, where, ours, theirs, scale=0.0):
        """Two numbers; both must be missing where one is."""
        ours, theirs = float(ours), float(theirs)
        if np.isnan(ours) or np.isnan(theirs):
            difference = 0.0 if np.isnan(ours) and np.isnan(theirs) else np.inf
        else:
            size = max(abs(ours), abs(theirs), scale)
            difference = abs(ours - theirs) / size if size else 0.0
        compared, greatest = self.greatest.get(what, (0, 0.0))
        self.greatest[what] = (compared + 1, max(greatest, difference))
        if difference > self.tolerance:
            self.failures.append(f"{what} of {where}: {ours!r}, but {theirs!r} here")

    def equal(self, what, where, ours, theirs):
        """Two things that must be the same."""
        compared, greatest = self.greatest.get(what, (0, 0.0))
        self.greatest[what] = (compared + 1, greatest)
        if ours != theirs:
            self.failures.append(f"{what} of {where}: {ours!r}, but {theirs!r} here")

    def report(self):
        for what, (compared, greatest) in self.greatest.items():
            print(f"  {what:<24}{compared:>8} compared, greatest difference {greatest:.1e}")
        for failure in self.failures[:20]:
            print(f"DIFFERS: {failure}", file=sys.stderr)
        print(f"{len(self.failures)} differences beyond {self.tolerance:g}")
        return 1 if self.failures else 0


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    table = "data/processed/customer_product_features.csv"
    arguments.add_argument("--table", type=pathlib.Path, default=pathlib.Path(table))
    arguments.add_argument("--eda", type=pathlib.Path, default=pathlib.Path("outputs/eda"))
    arguments.add_argument("--tolerance", type=float, default=1e-9)
    arguments = arguments.parse_args()

    def read(name, **options):
        # Nothing but an empty cell is missing: NONE and NA are words.
        return pd.read_csv(arguments.eda / f"{name}.csv", keep_default_na=False, na_values=[""], **options)

    table = pd.read_csv(arguments.table, dtype=str, keep_default_na=False)
    features = table.columns[KEYS:].tolist()
    # The table holds single precision, and its CSV the shortest text of it.
    values = table[features].replace("", np.nan).astype(np.float32).astype(np.float64)
    words = read("category_counts").FEATURE.unique().tolist()
    numeric = values[[feature for feature in features if feature not in words]]
    customer, cutoff, target = (table.iloc[:, key] for key in range(3))

    result = Comparison(arguments.tolerance)
    compare_summary(result, read("data_summary", dtype=str), customer, cutoff, values, words)
    compare_missing(result, read("missing_values"), values, cutoff)
    compare_statistics(result, read("numeric_statistics"), numeric)
    compare_histograms(result, read("histograms"), numeric)
    compare_categories(result, read("category_counts", dtype={"WORD": str}), values, words)
    compare_outliers(result, read("outliers", dtype={"LOWEST": str, "HIGHEST": str}), numeric)
    for method in ("pearson", "spearman"):
        ours = read(f"correlation_{method}", index_col=0)
        theirs = numeric.corr(method=method)
        result.equal(f"{method} features", "matrix", ours.columns.tolist(), theirs.columns.tolist())
        for a in theirs:
            for b in theirs:
                result.numbers(method, f"{a}, {b}", ours.loc[a, b], theirs.loc[a, b], 1.0)
    compare_cramers_v(result, read("cramers_v"), values, words, target, cutoff)
    compare_association(result, read("target_association", index_col=0), numeric, target)
    compare_distribution(result, read("target_distribution", dtype=str), target, cutoff)

    print(f"{len(table)} rows, {numeric.shape[1]} numeric features, {len(words)} categories")
    return result.report()


def compare_summary(result, ours, customer, cutoff, values, words):
    ours = dict(zip(ours.PROPERTY, ours.VALUE))
    theirs = {
        "rows": len(values),
        "customers": customer.nunique(),
        "cut-offs": cutoff.nunique(),
        "first cut-off": cutoff.min(),
        "last cut-off": cutoff.max(),
        "features": values.shape[1],
        "category features": len(words),
        "missing cells": int(values.isna().sum().sum()),
        "memory of the features, bytes": values.size * 4,
    }
    for name, value in theirs.items():
        result.equal("summary", name, ours[name], str(value))
    result.numbers("summary", "missing share", ours["missing share"], values.isna().mean().mean())


def compare_missing(result, ours, values, cutoff):
    result.equal("missing features", "table", ours.FEATURE.tolist(), values.columns.tolist())
    shares = values.isna().groupby(cutoff).mean()
    for row in ours.itertuples():
        missing = values[row.FEATURE].isna()
        result.equal("missing count", row.FEATURE, row.MISSING, int(missing.sum()))
        result.numbers("missing share", row.FEATURE, row.SHARE, missing.mean())
        result.numbers("missing share", row.FEATURE, row.LEAST_SHARE, shares[row.FEATURE].min())
        result.numbers("missing share", row.FEATURE, row.MOST_SHARE, shares[row.FEATURE].max())
        result.equal("missing cut-off", row.FEATURE, row.MOST_CUTOFF, shares[row.FEATURE].idxmax())


def compare_statistics(result, ours, numeric):
    result.equal("statistics features", "table", ours.FEATURE.tolist(), numeric.columns.tolist())
    quantiles = {"P1": 0.01, "P5": 0.05, "P25": 0.25, "MEDIAN": 0.5, "P75": 0.75, "P95": 0.95, "P99": 0.99}
    for _, row in ours.iterrows():
        column = numeric[row.FEATURE].dropna()
        spread = column.std() if len(column) > 1 else 0.0
        varies = column.nunique() > 1
        result.equal("count", row.FEATURE, row.COUNT, len(column))
        result.equal("zeros", row.FEATURE, row.ZEROS, int((column == 0).sum()))
        result.equal("distinct", row.FEATURE, row.DISTINCT, column.nunique())
        result.numbers("mean", row.FEATURE, row.MEAN, column.mean(), spread)
        result.numbers("std", row.FEATURE, row.STD, column.std())
        result.numbers("min, max", row.FEATURE, row.MIN, column.min())
        result.numbers("min, max", row.FEATURE, row.MAX, column.max())
        for name, share in quantiles.items():
            result.numbers("quantiles", row.FEATURE, row[name], column.quantile(share), spread)
        # pandas calls the skewness of a constant 0; it is not defined.
        result.numbers("skewness, pandas", row.FEATURE, row.SKEWNESS, column.skew() if varies else np.nan, 1.0)
        result.numbers("kurtosis, pandas", row.FEATURE, row.KURTOSIS, column.kurt() if varies else np.nan, 1.0)
        if varies:
            result.numbers("skewness, SciPy", row.FEATURE, row.SKEWNESS, stats.skew(column, bias=False), 1.0)
            result.numbers("kurtosis, SciPy", row.FEATURE, row.KURTOSIS, stats.kurtosis(column, bias=False), 1.0)


def compare_histograms(result, ours, numeric):
    for feature, bars in ours.groupby("FEATURE", sort=False):
        column = numeric[feature].dropna().to_numpy()
        result.equal("histogram total", feature, int(bars.COUNT.sum()), len(column))
        for bar in bars.itertuples():
            if bar.LOWER == bar.UPPER:
                within = column == np.float32(bar.LOWER)
            else:
                lower = -np.inf if np.isnan(bar.LOWER) else bar.LOWER
                upper = np.inf if np.isnan(bar.UPPER) else bar.UPPER
                within = (column >= lower) & (column < upper)
            result.equal("histogram bars", f"{feature} from {bar.LOWER}", bar.COUNT, int(within.sum()))


def compare_categories(result, ours, values, words):
    for feature in words:
        rows = ours[ours.FEATURE == feature]
        counts = values[feature].value_counts()
        for position, row in enumerate(rows.itertuples()):
            theirs = int(counts.get(position, 0))
            result.equal("category count", f"{feature} {row.WORD}", row.COUNT, theirs)
            result.numbers("category share", f"{feature} {row.WORD}", row.SHARE, theirs / counts.sum())


def compare_outliers(result, ours, numeric):
    for _, row in ours.iterrows():
        column = numeric[row.FEATURE].dropna().to_numpy()
        if len(column):
            distinct = np.unique(column)
            result.equal("extremes", row.FEATURE, extremes(row.LOWEST), distinct[:3].tolist())
            result.equal("extremes", row.FEATURE, extremes(row.HIGHEST), distinct[::-1][:3].tolist())
        q1, q3 = np.quantile(column, [0.25, 0.75]) if len(column) else (np.nan, np.nan)
        if not q1 < q3:
            result.equal("no fences", row.FEATURE, bool(np.isnan(row.Q1)), True)
            continue
        result.numbers("quartiles", row.FEATURE, row.Q1, q1, q3 - q1)
        result.numbers("quartiles", row.FEATURE, row.Q3, q3, q3 - q1)
        for name, times in (("1_5", 1.5), ("3", 3.0)):
            lower, upper = q1 - times * (q3 - q1), q3 + times * (q3 - q1)
            result.numbers("fences", row.FEATURE, row[f"LOWER_{name}"], lower, q3 - q1)
            result.numbers("fences", row.FEATURE, row[f"UPPER_{name}"], upper, q3 - q1)
            # By the fences as written: a value on a fence must not depend on the last bit of ours or theirs.
            below = int((column < row[f"LOWER_{name}"]).sum())
            above = int((column > row[f"UPPER_{name}"]).sum())
            result.equal("outliers", row.FEATURE, row[f"BELOW_{name}"], below)
            result.equal("outliers", row.FEATURE, row[f"ABOVE_{name}"], above)
            result.numbers("outlier share", row.FEATURE, row[f"SHARE_{name}"], (below + above) / len(column))


def extremes(text):
    # A list that begins with a minus has an apostrophe before it, so that no spreadsheet runs it.
    return [float(np.float32(value)) for value in text.removeprefix("'").split("|")]


def compare_cramers_v(result, ours, values, words, target, cutoff):
    variables = {target.name: target, cutoff.name: cutoff}
    variables |= {feature: values[feature] for feature in words}
    pairs = [(a, b) for i, a in enumerate(variables) for b in list(variables)[i + 1 :]]
    result.equal("category pairs", "table", list(zip(ours.A, ours.B)), pairs)
    for row in ours.itertuples():
        counts = pd.crosstab(variables[row.A], variables[row.B]).to_numpy()
        n, (words_a, words_b) = counts.sum(), counts.shape
        result.equal("rows of both", (row.A, row.B), row.ROWS, int(n))
        result.equal("words", (row.A, row.B), (row.WORDS_A, row.WORDS_B), (words_a, words_b))
        chi_squared, _, freedom, _ = stats.chi2_contingency(counts, correction=False)
        result.numbers("chi-squared", (row.A, row.B), row.CHI_SQUARED, chi_squared, 1.0)
        result.equal("degrees of freedom", (row.A, row.B), row.DEGREES_OF_FREEDOM, freedom)
        phi = max(0.0, chi_squared / n - (words_a - 1) * (words_b - 1) / (n - 1))
        least = min(words - (words - 1) ** 2 / (n - 1) for words in (words_a, words_b)) - 1
        v = np.sqrt(phi / least) if min(words_a, words_b) > 1 else np.nan
        result.numbers("Cramér's V", (row.A, row.B), row.CRAMERS_V, v, 1.0)


def compare_association(result, ours, numeric, target):
    classes = [column.removeprefix("AUC ") for column in ours.columns if column.startswith("AUC ")]
    for feature in numeric:
        column = numeric[feature].dropna()
        labels = target[column.index]
        row = ours.loc[feature]
        result.equal("association rows", feature, row.ROWS, len(column))
        groups = [group.to_numpy() for _, group in column.groupby(labels)]
        if column.nunique() > 1 and len(groups) > 1:
            between, within = len(groups) - 1, len(column) - len(groups)
            ratio = stats.f_oneway(*groups).statistic * between / within
            result.numbers("eta squared", feature, row.ETA_SQUARED, ratio / (1 + ratio), 1e-3)
        result.numbers("AUC", (feature, "any"), row.AUC_ANY_PRODUCT, area(column, labels != NONE))
        for name in classes:
            result.numbers("AUC", (feature, name), row[f"AUC {name}"], area(column, labels == name))


def area(column, positive):
    if positive.all() or not positive.any():
        return np.nan
    won = stats.mannwhitneyu(column[positive], column[~positive], method="asymptotic").statistic
    return won / (positive.sum() * (~positive).sum())


def compare_distribution(result, ours, target, cutoff):
    counts = pd.crosstab(cutoff, target)
    result.equal("distribution columns", "file", ours.columns.tolist(), [cutoff.name, target.name, "COUNT", "SHARE"])
    for at, name, count, share in ours.itertuples(index=False):
        theirs = int(counts.loc[at].get(name, 0))
        result.equal("class count", (at, name), int(count), theirs)
        result.numbers("class share", (at, name), share, theirs / counts.loc[at].sum())
    result.equal("class count", "all", int(ours.COUNT.astype(int).sum()), len(target))


if __name__ == "__main__":
    sys.exit(main())
