"""Scoring beside the peers: the same trees, learned from the shared task (bench/train/task.py), on one thread each.

Every measurement is a process of its own; all take turns, so that none has a quieter machine. Before, all must agree on
the test rows' probabilities. Prints Markdown: medians over the rounds. With --check it fails where a goal is missed.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import report
from trees import CLASSES, FEATURES, predict, read_trees

HERE = Path(__file__).resolve().parent
MODELS = ["forest", "boosted"]
V8_MODEL = {"nextbest": "model.bundle", "onnxruntime": "model.onnx", "ydf": "ydf.zip"}
# Ours; and that of peers, of which some make each rounded leaf sum to 1 before they add it.
TOLERANCE, PEERS_TOLERANCE = 1e-6, 1e-3


def commands(options, out):
    """What is measured: (where, model, runner) → a command."""
    test = options.task / "X_test.f32"
    measured = {}
    for model in MODELS:
        folder = options.models / model
        measured["native", model, "nextbest"] = [options.program, "time", options.task, folder / "model.bundle", out]
        for peer in ["scikit-learn", "onnxruntime", "YDF"]:
            # scikit-learn can't hold our boosted trees.
            if model == "forest" or peer != "scikit-learn":
                measured["native", model, peer] = [
                    sys.executable, HERE / "native.py", options.task, folder, peer, out]
        for runner, file in V8_MODEL.items():
            measured["V8", model, runner] = ["node", HERE / "v8.mjs", runner, folder / file, test, out]
    measured["V8", "default", "nextbest"] = ["node", HERE / "cold.mjs", options.default_bundle]
    return measured


def run(command, options):
    environment = {**os.environ, "NEXTBEST_PACKAGE": str(options.package.resolve())}
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    return json.loads(printed)


def disagreement(out, expected):
    # Rounded leaves do not quite sum to 1. We divide the sum of the trees by its own sum, the peers by the number of trees.
    found = np.fromfile(out, "<f4").reshape(-1, CLASSES)
    return np.abs(found / found.sum(axis=1, keepdims=True) - expected).max()


def measure(options):
    """Of each measurement its rounds' results, and by how much its probabilities differ from the oracle's at most."""
    rows = np.fromfile(options.task / "X_test.f32", "<f4").reshape(-1, FEATURES)
    expected = {model: predict(read_trees(options.models / model), rows) for model in MODELS}
    out = options.work / "probabilities.f32"
    results, differences = {}, {}
    for number in range(options.rounds):
        for name, command in commands(options, out).items():
            result = run(command, options)
            results.setdefault(name, []).append(result)
            print(f"round {number + 1}: {' '.join(name)} {result}", file=sys.stderr)
            if name[1] not in expected:
                continue
            differences[name] = disagreement(out, expected[name[1]])
            if not differences[name] <= (TOLERANCE if name[2] == "nextbest" else PEERS_TOLERANCE):
                sys.exit(f"{' '.join(name)} differs from the trees by {differences[name]}")
    return results, differences


def medians(results):
    return {name: {key: float(np.median([result[key] for result in rounds])) for key in rounds[0]}
            for name, rounds in results.items()}


def main():
    parser = argparse.ArgumentParser()
    for path in ["program", "task", "models", "package", "default-bundle", "node-modules", "work"]:
        parser.add_argument(f"--{path}", required=True, type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    results, differences = measure(options)
    measured = medians(results)
    report.tables(measured, differences)
    report.sizes(options)
    reached = report.goals(measured)
    report.versions(options)
    return 1 if options.check and not reached else 0


if __name__ == "__main__":
    sys.exit(main())
