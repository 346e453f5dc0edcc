#!/usr/bin/env python3
"""Compares `nextbest train --table` with scikit-learn on tables that scikit-learn brings with it.

    make test-oracles    # runs it; or, with requirements.txt installed:
    python3 tests/oracles/plain_table.py [target/debug/nextbest]

Both learn from the same rows and are tested on the same rows: the split is computed here a second time, from what
docs/TABLES.md says. Fails where a probability, a metric or the split differs from what is computed here, or where one
of our models is clearly worse than its counterpart: by more than a tenth for forests of the same parameters, by three
for those of each side's defaults (ours smooth small leaves, which costs on clear data and pays on noisy data), by two for
logistic regressions.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 42


def main():
    program = Path(sys.argv[1] if len(sys.argv) > 1 else "target/debug/nextbest").resolve()
    print("log-loss on the test rows, in pairs of ours and scikit-learn's")
    print(f"{'':<18}{'':>6}{'same parameters':>20}{'defaults':>20}{'logistic':>20}")
    for name, frame in tables():
        with tempfile.TemporaryDirectory() as folder:
            compare(name, frame, program, Path(folder))


def tables():
    for name in ["iris", "wine", "breast_cancer", "digits"]:
        data = getattr(datasets, f"load_{name}")(as_frame=True)
        frame = data.frame.drop(columns="target").copy()
        frame["target"] = [str(data.target_names[target]) for target in data.target]
        yield name, frame
    yield "loans (made up)", loans(4000)


def loans(count):
    """Numbers, words, dates and missing values, with noise that no model can see through."""
    rng = np.random.default_rng(7)
    income = np.round(rng.lognormal(8, 0.5, count), 2)
    age = rng.integers(18, 80, count)
    job = rng.choice(["clerk", "farmer", "nurse", "none"], count, p=[0.4, 0.2, 0.3, 0.1])
    since = pd.Timestamp("2010-01-01") + pd.to_timedelta(rng.integers(0, 5000, count), unit="D")
    risk = -1.5 + (job == "none") * 1.6 + (age < 25) * 0.9 - (income - 3300) / 2500
    late = rng.random(count) < 1 / (1 + np.exp(-risk))
    frame = pd.DataFrame({"income": income, "age": age, "job": job, "customer_since": since})
    frame.loc[rng.random(count) < 0.1, "income"] = np.nan
    frame.loc[rng.random(count) < 0.05, "job"] = None
    frame["target"] = np.where(late, "late", "paid")
    return frame


def compare(name, frame, program, folder):
    frame.insert(0, "id", [f"r{row}" for row in range(len(frame))])
    frame.to_csv(folder / "table.csv", index=False)
    train, validation, test = split(frame["id"], frame["target"])
    learning = np.sort(np.concatenate([train, validation]))

    def ours(algorithm):
        arguments = ["--table", "table.csv", "--target", "target", "--id", "id", "--algorithm", algorithm]
        result = json.loads(run(program, folder, "train", *arguments))
        training = result["training"]
        rows = [training[f"{group}_rows"] for group in ["training", "validation", "test"]]
        assert rows == [len(train), len(validation), len(test)], (name, rows)
        reported = result["evaluation"]["contestants"][0]["all"]
        # What `score` writes for the test rows is what was measured.
        run(program, folder, "score", "--table", "table.csv", "--id", "id", "--out", "scores.csv")
        scores = pd.read_csv(folder / "scores.csv", keep_default_na=False, dtype={"PREDICTED": str})
        assert list(scores["id"]) == list(frame["id"])
        classes = training["classes"]
        assert classes == sorted(set(frame["target"])), classes
        probabilities = scores[[f"PROBABILITY_{word}" for word in classes]].to_numpy()[test]
        truth = frame["target"].to_numpy()[test]
        measured = log_loss(truth, probabilities / probabilities.sum(axis=1, keepdims=True), labels=classes)
        assert abs(measured - reported["log_loss"]) < 1e-5, (name, measured, reported["log_loss"])
        accuracy = np.mean(scores["PREDICTED"].to_numpy()[test] == truth)
        assert abs(accuracy - reported["accuracy"]) < 1e-12
        return measured

    x, y = numbers(frame), frame["target"].to_numpy()

    def theirs(model):
        model.fit(x[learning], y[learning])
        return log_loss(y[test], model.predict_proba(x[test]), labels=sorted(set(y)))

    forest, logistic = ours("random_forest"), ours("logistic_regression")
    their_forest = theirs(RandomForestClassifier(random_state=0))
    their_logistic = theirs(make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)))
    # As like as the two can be: fully grown, and hardly smoothed; theirs is not smoothed at all.
    (folder / "config.yaml").write_text(
        "model: {calibration: none, selection: {budget: 0}, hyperparameters: {random_forest: {min_samples_leaf: 1, "
        "min_samples_split: 2, leaf_smoothing: 0.05, max_depth: 30}}}"
    )
    same = ours("random_forest")
    their_same = np.mean([theirs(RandomForestClassifier(max_depth=30, random_state=seed)) for seed in range(5)])
    pairs = [(same, their_same), (forest, their_forest), (logistic, their_logistic)]
    print(f"{name:<18}{len(test):>6}" + "".join(f"{our:>12.4f}{their:>8.4f}" for our, their in pairs))
    assert same < their_same * 1.1 + 0.01, name
    assert forest < their_forest * 1.3 + 0.01, name
    assert logistic < their_logistic * 1.2 + 0.01, name


def numbers(frame):
    """As nextbest sees them: words by their alphabetical position, dates as numbers; what is missing is -1 here."""
    columns = []
    for name in frame.columns.drop(["id", "target"]):
        column = frame[name]
        if column.dtype.kind == "M":
            column = column.astype("int64") / 86.4e12
        elif column.dtype.kind not in "fi":
            column = pd.Series(pd.Categorical(column, sorted(column.dropna().unique())).codes)
        columns.append(column.fillna(-1).to_numpy(dtype=float))
    return np.column_stack(columns)


def split(ids, target):
    """docs/TABLES.md: of each class a fifth tests and a fifth chooses, by the SHA-256 of the seed and the id."""
    groups = [[], [], []]
    digest = lambda key: hashlib.sha256(SEED.to_bytes(8, "little") + key.encode()).digest()
    for word in sorted(set(target)):
        rows = [row for row in range(len(ids)) if target[row] == word]
        rows.sort(key=lambda row: digest(ids[row]))
        share = int(len(rows) * 0.2 + 0.5)
        groups[2] += rows[:share]
        groups[1] += rows[share:2 * share]
        groups[0] += rows[2 * share:]
    return [np.array(sorted(group)) for group in groups]


def run(program, folder, *arguments):
    finished = subprocess.run([program, *arguments, "--json"], cwd=folder, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


main()
