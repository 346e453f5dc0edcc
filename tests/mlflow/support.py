"""What the tests of the MLflow model share. They run in the folder that scripts/test-mlflow.sh makes: a small bank, its model and
a plain table's, each also as a folder for MLflow (`model`, `plain/model`)."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd

PROGRAM, FEATURE_SCORES = os.environ["NEXTBEST"], os.environ["FEATURE_SCORES"]
BUNDLE = "outputs/bundle/nextbest.bundle"
FEATURES = "data/processed/customer_product_features.parquet"
AS_OF = "2026-07-01"
CLASSES = [
    "NONE", "Current Account", "Savings Account", "Credit Card", "Personal Loan", "Home Loan", "Auto Loan", "Term Deposit",
    "Investment Fund", "Life Insurance", "Student Loan",
]


def nextbest(*arguments, folder="."):
    """What a command prints, which must not fail."""
    finished = subprocess.run([PROGRAM, *arguments], cwd=folder, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def feature_table():
    table = pd.read_parquet(FEATURES)
    names = list(table.columns[4:])
    assert names[0] == "age_years" and table[names].isna().any(axis=None)
    return table, names


def native_scores(rows):
    """The probabilities of rows of features, computed by the native program."""
    rows = np.ascontiguousarray(rows, "<f4")
    scored = subprocess.run([FEATURE_SCORES, BUNDLE], input=rows.tobytes(), capture_output=True, check=True)
    return np.frombuffer(scored.stdout, "<f4").reshape(len(rows), len(CLASSES))


def native_answers(*options):
    """What the command line offers to the sample customers: answers by customer, and the customers."""
    file = "outputs/bundle/customers.json"
    answers = json.loads(nextbest("score", "--customers", file, "--json", *options))
    customers = json.loads(Path(file).read_text())
    assert len(customers) > 100 and {customer["asOf"] for customer in customers} == {AS_OF}
    return {answer["id"]: answer["recommendation"] for answer in answers}, customers


def plain_table():
    """The rows of the plain table, and what the command line scores them with."""
    table = pd.read_csv("plain/contracts.csv", sep=";", decimal=",")
    nextbest("score", "--quiet", "--table", "contracts.csv", "--id", "CONTRACT", "--out", "scores.parquet", folder="plain")
    scores = pd.read_parquet("plain/scores.parquet")
    assert list(scores["CONTRACT"]) == list(table["CONTRACT"])
    return table, scores.filter(like="PROBABILITY_").rename(columns=lambda name: name.removeprefix("PROBABILITY_"))


def assert_same_bits(ours, native, what):
    """Doubles (or floats) that must equal the native floats, bit for bit."""
    ours, native = np.asarray(ours), np.asarray(native, "<f4")
    assert ours.shape == native.shape, (what, ours.shape, native.shape)
    differ = ours.astype("<f8").view("<u8") != native.astype("<f8").view("<u8")
    assert not differ.any(), f"{what}: {differ.any(axis=-1).sum()} of {len(ours)} rows differ"
    print(f"{what}: {len(ours)} rows with the same bits")
