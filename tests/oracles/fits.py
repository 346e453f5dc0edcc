#!/usr/bin/env python3
"""Compares our calibrations and logistic regressions with those of scikit-learn and SciPy.

    make test-oracles    # runs it; or, with requirements.txt installed:
    cargo run -p nextbest-tests --bin oracle-cases | python3 tests/oracles/fits.py

Both sides see the same rows, which oracle-cases made up, and what ours made of them. Curves must be scikit-learn's
IsotonicRegression, the temperature must be where SciPy's minimize_scalar finds the loss least, a Dirichlet map's loss (with
its penalty) at most what SciPy's L-BFGS-B reaches, and a logistic regression's probabilities scikit-learn's on the same
standardised ranks and one-hot bins.
"""

import json
import sys

import numpy as np
from scipy import optimize, special
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

# What ours takes for 0.
LEAST = np.float32(1e-15)


def main():
    cases = json.load(sys.stdin)
    for case in cases["calibrations"]:
        said = np.array(case["probabilities"], dtype=np.float32).reshape(-1, case["classes"])
        labels = np.array(case["labels"])
        temperature, dirichlet, isotonic = case["fits"]
        compare_temperature(said, labels, temperature["calibration"]["Temperature"]["temperature"])
        compare_dirichlet(said, labels, dirichlet["calibration"]["Dirichlet"], dirichlet["deviation"])
        compare_isotonic(said, labels, isotonic["calibration"]["Isotonic"]["curves"])
    for case in cases["regressions"]:
        compare_regression(case)


def logarithms(said):
    return np.log(np.maximum(said, LEAST).astype(float))


def log_loss(scores, labels):
    return np.mean(special.logsumexp(scores, axis=1) - scores[np.arange(len(labels)), labels])


def compare_temperature(said, labels, ours):
    logs = logarithms(said)
    found = optimize.minimize_scalar(
        lambda inverse: log_loss(inverse * logs, labels), bounds=(0.01, 100), method="bounded", options={"xatol": 1e-10}
    )
    print(f"temperature, {said.shape[1]} classes: ours {ours:.6f}, SciPy's {1 / found.x:.6f}")
    assert abs(ours * found.x - 1) < 1e-4


def compare_dirichlet(said, labels, ours, deviation):
    logs = logarithms(said)
    rows, classes = logs.shape
    penalised = np.append(1 - np.eye(classes).ravel(), np.ones(classes)) / (deviation**2 * rows)

    def objective(parameters):
        weights, intercepts = parameters[: classes**2].reshape(classes, classes), parameters[classes**2 :]
        scores = logs @ weights.T + intercepts
        errors = special.softmax(scores, axis=1)
        errors[np.arange(rows), labels] -= 1
        gradient = np.append((errors.T @ logs).ravel(), errors.sum(axis=0)) / rows
        value = log_loss(scores, labels) + 0.5 * np.sum(penalised * parameters**2)
        return value, gradient + penalised * parameters

    start = np.append(np.eye(classes).ravel(), np.zeros(classes))
    found = optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "gtol": 1e-8})
    loss, _ = objective(np.append(ours["weights"], ours["intercepts"]))
    print(f"Dirichlet, {classes} classes: from {objective(start)[0]:.6f} ours to {loss:.8f}, SciPy's to {found.fun:.8f}")
    assert loss < found.fun + 1e-6


def compare_isotonic(said, labels, curves):
    greatest = 0.0
    least = 1 / (len(labels) + 2)
    for k, curve in enumerate(curves):
        theirs = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip")
        theirs.fit(said[:, k].astype(float), (labels == k).astype(float))
        asked = np.unique(np.concatenate([np.linspace(0, 1, 1001), said[:, k]]))
        ours = np.interp(asked, curve["inputs"], curve["outputs"])
        greatest = max(greatest, np.abs(ours - theirs.predict(asked)).max())
    print(f"isotonic, {said.shape[1]} classes: greatest difference {greatest:.1e}")
    assert greatest < 1e-6


def compare_regression(case):
    assert case["converged"]
    bins, labels = np.array(case["bins"], dtype=float), np.array(case["labels"])
    columns = []
    for ranks in bins.T[:3]:
        known = ranks > 0
        columns.append(np.where(known, (ranks - ranks[known].mean()) / ranks[known].std(), 0.0))
    columns += [(bins[:, 3] == word).astype(float) for word in range(int(bins[:, 3].max()) + 1)]
    x = np.column_stack(columns)
    theirs = LogisticRegression(C=1 / case["alpha"], tol=1e-10, max_iter=20000).fit(x, labels)
    ours = np.array(case["probabilities"])[:, theirs.classes_]
    greatest = np.abs(ours - theirs.predict_proba(x)).max()
    print(f"logistic, {ours.shape[1]} classes, {len(labels)} rows, alpha {case['alpha']}: greatest difference {greatest:.1e}")
    assert greatest < 1e-4


main()
