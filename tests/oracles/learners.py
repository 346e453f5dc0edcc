"""The learners beside their peers on the first 20,000 rows of the bench's task: `python learners.py BENCH_TRAIN`.

The same rows, the same parameters, 20,000 other rows to judge by. Differences are judged by the standard error of the mean
difference of the rows' losses, and a margin for what legitimately differs (random numbers, where bins begin).
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

BENCH = Path(__file__).resolve().parent.parent / "bench" / "train"
ROWS, FEATURES, CLASSES = 20_000, 40, 8
# Our learner, the peer, and by how much the mean log-loss may be above the peer's.
PAIRS = [
    ("random_forest", "scikit-learn RandomForest", 0.01),
    ("gradient_boosting", "LightGBM", 0.005),
    ("logistic_regression", "scikit-learn LogisticRegression", 0.02),
]


def losses(file, labels):
    probabilities = np.fromfile(file, "<f4").reshape(-1, CLASSES).astype(float)
    sums = probabilities.sum(1)
    assert np.abs(sums - 1).max() < 1e-4, "these are no distributions"
    return -np.log(np.clip(probabilities[np.arange(len(labels)), labels] / sums, 1e-15, 1))


def main(program):
    folder = Path("task")
    subprocess.run([sys.executable, BENCH / "task.py", folder], check=True)
    for name, width in [("X_train.f32", FEATURES), ("y_train.i32", 1)]:
        file = folder / name
        file.write_bytes(file.read_bytes()[: 4 * ROWS * width])
    labels = np.fromfile(folder / "y_test.i32", "<i4")
    for ours, peer, margin in PAIRS:
        quiet = {"check": True, "stdout": subprocess.DEVNULL}
        subprocess.run([program, folder, ours, "2", "ours.f32"], **quiet)
        subprocess.run([sys.executable, BENCH / "peers.py", folder, peer, "theirs.f32"], **quiet)
        one, other = losses("ours.f32", labels), losses("theirs.f32", labels)
        difference = one - other
        error = difference.std() / np.sqrt(len(labels))
        print(f"  {ours}: log-loss {one.mean():.4f}, {peer} {other.mean():.4f} (difference {difference.mean():+.4f} ± {error:.4f})")
        assert difference.mean() < margin + 2 * error, f"{ours} is worse than {peer}"


if __name__ == "__main__":
    main(sys.argv[1])
