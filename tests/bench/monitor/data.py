"""Two tables to compare, as Parquet: 100,000 rows of 34 numbers and 6 categories each; some columns of the second have moved."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 100_000
NUMBERS, CATEGORIES = 34, 6
# Every fifth number is shifted by this many standard deviations, every third category has other shares.
SHIFT = 0.3


def table(random, moved):
    columns = {}
    for at in range(NUMBERS):
        values = random.standard_normal(ROWS) + (SHIFT if moved and at % 5 == 0 else 0)
        if at % 3 == 0:
            # Amounts: skewed, in cents.
            values = np.exp(4 + values).round(2)
        elif at % 7 == 1:
            # Counts.
            values = np.floor(np.exp(1 + values))
        if at % 4 == 2:
            values[random.random(ROWS) < 0.05] = np.nan
        columns[f"number_{at:02}"] = values
    for at in range(CATEGORIES):
        words = np.array([f"word {word}" for word in range(2 + 3 * at)], dtype=object)
        shares = np.arange(1, len(words) + 1, dtype=float) ** (-0.5 if moved and at % 3 == 0 else -1)
        values = random.choice(words, ROWS, p=shares / shares.sum())
        if at % 2 == 1:
            values[random.random(ROWS) < 0.03] = None
        columns[f"category_{at}"] = values
    return pd.DataFrame(columns)


def main():
    folder, random = Path(sys.argv[1]), np.random.default_rng(11)
    for name, moved in [("reference", False), ("current", True)]:
        table(random, moved).to_parquet(folder / f"{name}.parquet", index=False)


main()
