#!/usr/bin/env python3
"""Computes with scikit-learn what `nextbest train --table` measured and drew, and compares.

    make test-oracles    # runs it; or, with requirements.txt installed:
    python3 tests/oracles/evaluation.py [target/debug/nextbest]

The probabilities are those that `nextbest score` writes for the test rows, which are found by the split that
docs/TABLES.md describes. Compared to 1e-6 or better: log-loss, top-3 accuracy, MAP@3, Brier score, macro area under the
ROC curve, the confusion matrix, every point of the ROC curves, gain and lift, the bins of the reliability diagram with
their intervals. The bootstrap interval of the log-loss is compared with one drawn here, within the noise of the draws.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn import datasets
from sklearn.metrics import (
    confusion_matrix,
    log_loss,
    roc_auc_score,
    roc_curve,
    top_k_accuracy_score,
)

SEED = 42
TOLERANCE = 1e-6


def main():
    program = Path(sys.argv[1] if len(sys.argv) > 1 else "target/debug/nextbest").resolve()
    for name, frame in tables():
        with tempfile.TemporaryDirectory() as folder:
            Compared(name, frame, program, Path(folder)).everything()


def tables():
    for name in ["iris", "breast_cancer", "digits"]:
        data = getattr(datasets, f"load_{name}")(as_frame=True)
        frame = data.frame.drop(columns="target").copy()
        frame["target"] = [str(data.target_names[target]) for target in data.target]
        yield name, frame
    # Rare classes, many equal probabilities: what a bank's next products look like.
    rng = np.random.default_rng(5)
    count = 12000
    wish, age = rng.integers(0, 6, count), rng.integers(0, 8, count)
    loan = rng.random(count) < 0.003 * 2.0**wish
    card = ~loan & (rng.random(count) < 0.01 + 0.01 * (age > 4))
    fund = ~loan & ~card & (rng.random(count) < 0.008 * age / 4)
    target = np.select([loan, card, fund], ["loan", "card", "fund"], "nothing")
    yield "rare (made up)", pd.DataFrame({"wish": wish, "age": age, "target": target})


class Compared:
    def __init__(self, name, frame, program, folder):
        self.name, self.folder = name, folder
        frame = frame.copy()
        frame.insert(0, "id", [f"r{row}" for row in range(len(frame))])
        frame.to_csv(folder / "table.csv", index=False)
        arguments = ["--table", "table.csv", "--target", "target", "--id", "id"]
        result = json.loads(run(program, folder, "train", *arguments))
        self.evaluation = result["evaluation"]
        self.model = self.evaluation["contestants"][0]
        run(program, folder, "score", "--table", "table.csv", "--id", "id", "--out", "scores.csv")
        scores = pd.read_csv(folder / "scores.csv", keep_default_na=False, dtype={"PREDICTED": str})
        self.classes = result["training"]["classes"]
        test = split(frame["id"], frame["target"])
        self.p32 = scores[[f"PROBABILITY_{word}" for word in self.classes]].to_numpy(np.float32)[test]
        self.p = self.p32.astype(float)
        self.truth = np.array([self.classes.index(word) for word in frame["target"].to_numpy()[test]])
        self.predicted = np.array([self.classes.index(word) for word in scores["PREDICTED"].to_numpy()[test]])
        self.differences = {}

    def everything(self):
        self.metrics()
        self.confusion()
        self.roc()
        self.gain()
        self.reliability()
        self.bootstrap()
        worst = max(self.differences, key=self.differences.get)
        print(
            f"{self.name:<16}{len(self.truth):>6} test rows, {len(self.differences)} kinds of numbers agree; greatest "
            f"difference {self.differences[worst]:.1e} ({worst})"
        )

    def same(self, what, ours, theirs, tolerance=TOLERANCE):
        ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
        assert ours.shape == theirs.shape, (self.name, what, ours.shape, theirs.shape)
        difference = float(np.max(np.abs(ours - theirs), initial=0.0))
        self.differences[what] = max(difference, self.differences.get(what, 0.0))
        assert difference <= tolerance, (self.name, what, ours, theirs)

    def metrics(self):
        all, labels = self.model["all"], np.arange(len(self.classes))
        normalised = self.p / self.p.sum(axis=1, keepdims=True)
        self.same("log-loss", all["log_loss"], log_loss(self.truth, normalised, labels=labels))
        self.same("accuracy", all["accuracy"], np.mean(self.predicted == self.truth), 1e-12)
        happened = np.eye(len(self.classes))[self.truth]
        self.same("Brier", all["brier"], np.mean(np.sum((self.p - happened) ** 2, axis=1)))
        areas = [
            roc_auc_score(happened[:, label], self.p32[:, label]) for label in labels if 0 < happened[:, label].sum()
        ]
        self.same("macro AUC", all["roc_auc_ovr"], np.mean(areas), 1e-9)
        # scikit-learn breaks ties otherwise than by the first class: of equal probabilities ours is the first.
        order = np.argsort(-self.p32, axis=1, kind="stable")
        rank = np.argmax(order == self.truth[:, None], axis=1)
        self.same("top-3", all["top_3_accuracy"], np.mean(rank < 3), 1e-12)
        self.same("MAP@3", all["map_at_3"], np.mean(np.where(rank < 3, 1.0 / (rank + 1), 0.0)), 1e-12)
        untied = np.array([len(set(row)) == len(row) for row in self.p32.tolist()])
        if len(self.classes) > 3 and untied.all():
            theirs = top_k_accuracy_score(self.truth, self.p32, k=3, labels=labels)
            self.same("top-3 of scikit-learn", all["top_3_accuracy"], theirs, 1e-12)

    def confusion(self):
        ours = pd.read_csv(self.folder / "outputs/models/confusion_matrix.csv", index_col=0)
        theirs = confusion_matrix(self.truth, self.predicted, labels=np.arange(len(self.classes)))
        self.same("confusion matrix", ours.to_numpy(), theirs, 0)

    def roc(self):
        curves = pd.read_csv(self.folder / "outputs/models/roc_curves.csv", dtype={"CLASS": str})
        for label, word in enumerate(self.classes):
            ours = curves[curves["CLASS"] == word]
            false, true, thresholds = roc_curve(self.truth == label, self.p32[:, label], drop_intermediate=False)
            # A curve has fewer points than scikit-learn's, each of which is one of those.
            place = {np.float32(threshold): at for at, threshold in enumerate(thresholds)}
            at = [place[np.float32(threshold)] for threshold in ours["THRESHOLD"]]
            self.same("ROC points", ours["FALSE_POSITIVE_RATE"], false[at], 1e-12)
            self.same("ROC points", ours["TRUE_POSITIVE_RATE"], true[at], 1e-12)
            assert at[0] == 0 and at[-1] == len(thresholds) - 1
            area = np.trapezoid(ours["TRUE_POSITIVE_RATE"], ours["FALSE_POSITIVE_RATE"])
            reported = self.model["all"]["classes"][label]["roc_auc"]
            self.same("AUC of a class", reported, roc_auc_score(self.truth == label, self.p32[:, label]), 1e-9)
            assert abs(area - reported) < 0.005, (self.name, word, area, reported)

    def gain(self):
        ours = pd.read_csv(self.folder / "outputs/models/gain.csv", dtype={"CLASS": str})
        for label, word in enumerate(self.classes):
            of = ours[ours["CLASS"] == word]
            # Of rows with equal probabilities as many as chance gives: their hits are spread evenly over them.
            table = pd.DataFrame({"p": self.p32[:, label], "hit": self.truth == label})
            table["expected"] = table.groupby("p")["hit"].transform("mean")
            reached = np.concatenate([[0], table.sort_values("p", ascending=False)["expected"].cumsum()])
            shares = np.arange(1, 101) / 100
            theirs = np.interp(shares * len(table), np.arange(len(table) + 1), reached) / table["hit"].sum()
            self.same("gain", of["GAIN"], theirs, 1e-9)
            self.same("lift", of["LIFT"], theirs / shares, 1e-9)

    def reliability(self):
        ours = pd.read_csv(self.folder / "outputs/models/reliability.csv", dtype={"OF": str})
        sets = {word: (self.p32[:, label], self.truth == label) for label, word in enumerate(self.classes)}
        happened = np.eye(len(self.classes), dtype=bool)[self.truth]
        sets["each class"] = (self.p32.ravel(), happened.ravel())
        for word, (p, hit) in sets.items():
            bins = ours[(ours["OF"] == word) & (ours["PROBABILITIES"] == "model")]
            seen = 0
            for _, it in bins.iterrows():
                inside = (p >= np.float32(it["LOWEST"])) & (p <= np.float32(it["HIGHEST"]))
                self.same("reliability counts", [it["COUNT"], it["HAPPENED"]], [inside.sum(), hit[inside].sum()], 0)
                self.same("reliability", it["PREDICTED"], p[inside].astype(float).mean())
                self.same("reliability", it["OBSERVED"], hit[inside].mean())
                wilson = binomtest(int(hit[inside].sum()), int(inside.sum())).proportion_ci(method="wilson")
                self.same("Wilson intervals", [it["OBSERVED_LOW"], it["OBSERVED_HIGH"]], [wilson.low, wilson.high], 1e-9)
                seen += inside.sum()
            assert seen == len(p), (self.name, word, seen, len(p))
        # The calibration error over 15 bins of equal width, as in the paper: |mean probability − share| by bin size.
        errors = []
        for label in range(len(self.classes)):
            bin = np.minimum((self.p[:, label] * 15).astype(int), 14)
            of = [bin == number for number in range(15)]
            hit = self.truth == label
            errors.append(sum(abs(self.p[it, label].sum() - hit[it].sum()) for it in of) / len(hit))
        self.same("calibration error", self.model["all"]["calibration_error"], np.mean(errors))

    def bootstrap(self):
        losses = -np.log(np.clip(self.p[np.arange(len(self.truth)), self.truth], 1e-15, 1))
        rng = np.random.default_rng(1)
        means = [rng.choice(losses, len(losses)).mean() for _ in range(4000)]
        low, high = np.percentile(means, [2.5, 97.5])
        ours = self.model["intervals"]["log_loss"]
        # An end of an interval of 1000 draws is uncertain by some 8 % of its half width.
        assert abs(ours["low"] - low) < 0.2 * (high - low), (self.name, ours, low, high)
        assert abs(ours["high"] - high) < 0.2 * (high - low), (self.name, ours, low, high)


def split(ids, target):
    """docs/TABLES.md: of each class a fifth tests, by the SHA-256 of the seed and the id."""
    digest = lambda key: hashlib.sha256(SEED.to_bytes(8, "little") + key.encode()).digest()
    test = []
    for word in sorted(set(target)):
        rows = [row for row in range(len(ids)) if target[row] == word]
        rows.sort(key=lambda row: digest(ids[row]))
        test += rows[: int(len(rows) * 0.2 + 0.5)]
    return np.array(sorted(test))


def run(program, folder, *arguments):
    finished = subprocess.run([program, *arguments, "--json"], cwd=folder, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


main()
