"""One bank: its reference and its customers of today, without a drift and with each; what nextbest and Evidently find."""

import json
import os
import re
import shutil
import subprocess
import warnings
from pathlib import Path

os.environ["DO_NOT_TRACK"] = "1"
warnings.filterwarnings("ignore")

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType
from evidently.presets import DataDriftPreset
from scenarios import CURRENT, CUTOFF, DRIFT_SEEDS, LEAST_CHANGED, NO_DRIFT, REFERENCE, REPORTED, SCENARIOS

CONFIG = f"""
data_source: {{type: parquet}}
generate: {{truth_customers: 0}}
feature_store: {{formats: [parquet]}}
snapshots: {{first: {CUTOFF}, last: {CUTOFF}}}
"""
TABLE = "data/processed/customer_product_features.parquet"
LABEL, KEYS = "NEXT_PRODUCT", ["CUSTOMERID", "CUTOFF", "HELD_PRODUCTS"]
# What `nextbest monitor` ends with where there is something to tell.
ALERT = 3


def of_seed(program, bundle, work, seed):
    """All results of a bank, one for each scenario."""
    folder = work / f"seed-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    reference = features(program, folder / "reference", seed, REFERENCE)
    undrifted = features(program, folder / NO_DRIFT, seed, CURRENT)
    results = []
    for scenario in [NO_DRIFT, *(SCENARIOS if seed in DRIFT_SEEDS else [])]:
        today = undrifted
        if scenario != NO_DRIFT:
            today = features(program, folder / scenario, seed, CURRENT, "--drift", scenario)
        found = monitor(program, bundle, reference, today, folder / "report")
        words = [name for name, it in found["features"].items() if it["is_words"]]
        found["evidently"] = evidently(reference, today, words, with_report=seed == 1 and scenario in REPORTED)
        results.append({"seed": seed, "scenario": scenario, **found, "changed": changed(undrifted, today)})
    shutil.rmtree(folder)
    return results


def features(program, folder, seed, customers, *drift):
    """The feature table of some customers of a bank."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    run(program, folder, "generate", "--seed", str(seed), "--customers", customers, *drift)
    run(program, folder, "features")
    shutil.rmtree(folder / "data/raw")
    return folder / TABLE


def run(program, folder, *arguments):
    # Two banks are worked on at a time, on a core each.
    environment = os.environ | {"RAYON_NUM_THREADS": "1"}
    done = subprocess.run([program, "--quiet", *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode in (0, ALERT), done.stderr
    return done.stdout


def monitor(program, bundle, reference, today, report):
    printed = run(program, today.parent, "--json", "monitor", "--reference", reference, "--current", today, "--bundle", bundle,
                  "--output", report)
    found = json.loads(printed)
    measured = {metric["name"]: metric for metric in found["performance"]["metrics"]}["log_loss"]
    expected = {metric["name"]: metric for metric in found["estimate"]["metrics"]}["log_loss"]
    return {
        "features": {drift["name"]: in_short(drift) for drift in found["features"]},
        "data": found["data"]["drifted"],
        "importance": found["data"]["drifted_share"],
        "scores": found["prediction"]["drifted"],
        "log_loss_worse": measured["change"] == "worse",
        "log_loss_rise": measured["today"] / measured["in_test"] - 1,
        "expected_worse": expected["interval"][0] > expected["in_reference"],
        "expected_rise": expected["expected"] / expected["in_reference"] - 1,
        "classes_p_value": found["performance"]["classes_p_value"],
        "alerts": [alert["rule"] for alert in found["alerts"]],
    }


def in_short(drift):
    test = drift["kolmogorov_smirnov"] or drift["chi_square"]
    return {
        "is_words": drift["chi_square"] is not None and drift["kolmogorov_smirnov"] is None,
        "importance": drift["importance"],
        "p_value": test["p_value"] if test else None,
        "adjusted_p_value": drift["adjusted_p_value"],
        "psi": drift["psi"],
        "jensen_shannon": drift["jensen_shannon"],
        "wasserstein": drift["wasserstein"],
        "missing_rise": drift["missing"]["current"] - drift["missing"]["reference"],
        "drifted": drift["verdict"] != "stable",
    }


def changed(undrifted, today):
    """The features that the drift changes in some rows: the same customers' rows without it are known."""
    before, after = (pd.read_parquet(table).drop(columns=[*KEYS, LABEL]) for table in (undrifted, today))
    assert len(before) == len(after)
    differs = (before != after) & ~(before.isna() & after.isna())
    return [name for name, share in differs.mean().items() if share >= LEAST_CHANGED]


def evidently(reference, today, words, with_report):
    """What its defaults say of the same features, and of the label."""
    tables = [pd.read_parquet(table).drop(columns=KEYS) for table in (reference, today)]
    for table in tables:
        table[words] = table[words].astype(object)
    words = [*words, LABEL]
    drifted = {name: column_drifted(tables, name, name in words) for name in tables[0]}
    if with_report:
        assert drifted == of_report(tables, words), drifted
    label = drifted.pop(LABEL)
    return {"drifted": [name for name, it in drifted.items() if it], "label": label}


def column_drifted(tables, name, is_words):
    """As its report finds it, without the charts, which take most of the report's time."""
    kind = ColumnType.Categorical if is_words else ColumnType.Numerical
    before, after = (table[name].replace([-np.inf, np.inf], np.nan).dropna() for table in tables)
    test = get_stattest(before, after, kind, None)
    with np.errstate(divide="ignore"):
        return bool(test(before, after, kind, None).drifted)


def of_report(tables, words):
    """The same from the whole report."""
    numbers = [name for name in tables[0] if name not in words]
    kinds = DataDefinition(numerical_columns=numbers, categorical_columns=words)
    before, after = (Dataset.from_pandas(table, data_definition=kinds) for table in tables)
    found = Report([DataDriftPreset()]).run(after, before).dict()["metrics"]
    drifted = {}
    for metric in found:
        name = re.fullmatch(r"ValueDrift\(column=(\w+),method=(.+),threshold=(.+)\)", metric["metric_name"])
        if name:
            value, threshold = float(metric["value"]), float(name[3])
            drifted[name[1]] = value < threshold if "p_value" in name[2] else value >= threshold
    count = next(metric["value"]["count"] for metric in found if metric["metric_name"].startswith("DriftedColumnsCount"))
    assert sum(drifted.values()) == count, (drifted, count)
    return drifted
