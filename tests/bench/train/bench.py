"""Training beside the peers: 100,000 rows of 40 features and 8 classes (task.py), on the same two cores.

Every run is a process of its own; all take turns, so that none has a quieter machine. Prints Markdown: medians, and what
the models say of 20,000 other rows. With --check it fails where a goal is missed.
"""

import argparse
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
CLASSES = 8
# Ours: learner and threads.
OURS = {
    "nextbest random_forest": ("random_forest", 2),
    "nextbest random_forest, one thread": ("random_forest", 1),
    "nextbest gradient_boosting": ("gradient_boosting", 2),
    "nextbest gradient_boosting, one thread": ("gradient_boosting", 1),
    "nextbest logistic_regression": ("logistic_regression", 2),
}
PEERS = ["scikit-learn RandomForest", "LightGBM", "LightGBM, categories", "XGBoost hist",
         "scikit-learn LogisticRegression"]


def run(name, options):
    out = options.work / "probabilities.f32"
    if name in OURS:
        learner, threads = OURS[name]
        command = [options.program, options.task, learner, str(threads), out]
    else:
        command = [sys.executable, HERE / "peers.py", options.task, name, out]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    probabilities = np.fromfile(out, "<f4").reshape(-1, CLASSES).astype(float)
    return float(printed), probabilities / probabilities.sum(1, keepdims=True)


def quality(probabilities, labels):
    of_label = probabilities[np.arange(len(labels)), labels]
    log_loss = -np.log(np.clip(of_label, 1e-15, 1)).mean()
    return log_loss, (probabilities.argmax(1) == labels).mean()


def goals(seconds, log_loss):
    """What is asked for: (words, what is, whether it is reached)."""

    def ratio(peer, ours):
        return seconds[peer] / seconds[ours]

    forest, boosting = "nextbest random_forest", "nextbest gradient_boosting"
    peer_forest, peer_boosting = "scikit-learn RandomForest", "LightGBM"
    speed, cores = ratio(peer_forest, forest), ratio(forest + ", one thread", forest)
    loss = log_loss[forest] - log_loss[peer_forest]
    yield "random forest: at least 5 × scikit-learn's speed", f"{speed:.1f} ×", speed >= 5
    yield "random forest: a log-loss no worse than scikit-learn's", f"{loss:+.4f}", loss <= 0
    yield "random forest: two cores at least 1.8 × as fast as one", f"{cores:.2f} ×", cores >= 1.8
    loss = log_loss[boosting] - log_loss[peer_boosting]
    yield "boosting: a log-loss of at most LightGBM's + 0.005", f"{loss:+.4f}", loss <= 0.005
    share = 1 / ratio(peer_boosting, boosting)
    yield "boosting: no longer than LightGBM", f"{share:.2f} of its time", share <= 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True, type=Path)
    parser.add_argument("--task", required=True, type=Path)
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    labels = np.fromfile(options.task / "y_test.i32", "<i4")
    names = [*OURS, *PEERS]
    seconds, measured = {name: [] for name in names}, {}
    for number in range(options.rounds):
        for name in names:
            took, probabilities = run(name, options)
            seconds[name].append(took)
            measured[name] = quality(probabilities, labels)
            print(f"round {number + 1}: {name} {took:.2f} s", file=sys.stderr)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    log_loss = {name: loss for name, (loss, _) in measured.items()}
    print("| learner | seconds | log-loss | accuracy |\n|---|---|---|---|")
    for name in names:
        print(f"| {name} | {medians[name]:.2f} | {log_loss[name]:.4f} | {measured[name][1]:.3f} |")
    print("\n| goal | measured | |\n|---|---|---|")
    results = list(goals(medians, log_loss))
    for words, found, reached in results:
        print(f"| {words} | {found} | {'reached' if reached else '**missed**'} |")
    packages = ", ".join(f"{name} {version(name)}" for name in ["scikit-learn", "lightgbm", "xgboost-cpu"])
    print(f"\nMedians of {options.rounds} rounds; {packages}.")
    return 1 if options.check and not all(reached for *_, reached in results) else 0


if __name__ == "__main__":
    sys.exit(main())
