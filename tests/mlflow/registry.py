"""Versions and their aliases in MLflow's registry, in a folder and on a server, and the gates before them."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from workplace import Server, Workplace

NAME = "next_best_product"
GOOD = """
generate: {customers: 1500}
model: {selection: {budget: 0}}
deployment: {tags: {owner: retail}, gating_thresholds: {roc_auc_ovr: 0.6, log_loss: 0.5}, relative_gates: {log_loss: 0.01}}
"""
# A forest of one stump knows little more than the prior.
BAD = GOOD.replace(
    "model: {", "model: {algorithm: random_forest, hyperparameters: {random_forest: {n_estimators: 1, max_depth: 1}}, "
)
STRICT = GOOD.replace("roc_auc_ovr: 0.6", "roc_auc_ovr: 0.999")


def main():
    nextbest, scores, module = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        place = Workplace(nextbest, folder / "bank", GOOD)
        # Where `register` finds it by itself.
        (place.folder / "web/pkg").mkdir(parents=True)
        (place.folder / "web/pkg/nextbest_host.wasm").symlink_to(module)
        for command in ["generate", "features", "train", "evaluate", "export"]:
            place.run(command)
        in_a_registry(place, scores, {}, f"file://{place.folder}/mlruns")
        with Server(folder / "server") as server:
            in_a_registry(place, scores, {"MLFLOW_TRACKING_URI": server.address}, server.address)
    print("versions pass the gates or don't, and MLflow agrees")


def in_a_registry(place, scores, environment, address):
    client = MlflowClient(address)

    def run(*arguments, code=0):
        return place.run(*arguments, code=code, **environment)

    place.configure(GOOD)
    if environment:
        # The run has to be where the version is.
        for command in ["train", "evaluate", "export"]:
            run(command)
    assert "nextbest register" in run("promote", "staging", code=1)
    assert "no version" in run("models")
    run("register", "--description", "the first")
    card = json.loads(run("inspect", "--json"))
    version = client.get_model_version(NAME, "1")
    assert version.description == "the first" and version.tags["owner"] == "retail"
    assert version.tags["content_hash"] == card["contentHash"]
    assert client.get_run(version.run_id).data.tags["nextbest.bundle"] == card["contentHash"]
    # A server does not say the id of its model, but its source does.
    model = client.get_logged_model(version.source.removeprefix("models:/"))
    assert str(model.status).endswith("READY") and model.source_run_id == version.run_id, model

    # Staging, production: a person approves.
    assert "promote staging" in run("promote", "production", code=1)
    printed = run("promote", "staging")
    assert "passed" in printed and "roc_auc_ovr ≥ 0.6" in printed, printed
    assert client.get_model_version_by_alias(NAME, "staging").version in ("1", 1)
    assert "--approve" in run("promote", "production", code=1)
    assert alias(client, "production") is None
    run("promote", "production", "--approve")
    assert alias(client, "production") == 1
    check_scores(place, scores, address)
    assert client.get_model_version(NAME, "1").tags["gate_roc_auc_ovr"].startswith("passed: 0.")

    # What misses a threshold is not promoted, whoever approves.
    place.configure(STRICT)
    assert "roc_auc_ovr ≥ 0.999" in run("promote", "staging", "--approve", code=1)
    # Nor is what is worse than what is in production.
    good = place.folder / "good.bundle"
    good.write_bytes((place.folder / "outputs/bundle/nextbest.bundle").read_bytes())
    place.configure(BAD)
    for command in ["train", "evaluate", "export", "register"]:
        run(command)
    place.configure(GOOD.replace("roc_auc_ovr: 0.6, ", ""))
    error = run("promote", "staging", "--approve", code=1)
    assert "log_loss not worse than in production (version 1) by more than 0.01" in error, error
    assert alias(client, "staging") == 1
    check_numbers(place, good, environment, error)
    # Where more is allowed, it passes.
    place.configure(GOOD.replace("roc_auc_ovr: 0.6, ", "").replace("log_loss: 0.01", "log_loss: 10"))
    run("promote", "staging")
    run("promote", "production", "--approve")
    assert alias(client, "production") == 2 and client.get_model_version(NAME, "2").tags["replaced_version"] == "1"

    # What can't be measured, a person decides.
    table = place.folder / "data/processed/customer_product_features.parquet"
    aside = table.with_suffix(".aside")
    table.rename(aside)
    run("register")
    assert "could not be measured" in run("promote", "staging", code=1)
    assert "not measured" in run("promote", "staging", "--approve")
    aside.rename(table)

    # A version is used as a file is.
    shown = json.loads(run("inspect", f"models:/{NAME}@production", "--json"))
    assert shown["contentHash"] == client.get_model_version(NAME, "2").tags["content_hash"]
    against = json.loads(run("evaluate", "--against", f"models:/{NAME}/1", "--json"))["against"]
    assert against["model"] == card["contentHash"]
    run("score", "--bundle", f"models:/{NAME}@production")
    assert "no such version" in run("score", "--bundle", f"models:/{NAME}@canary", code=1)

    # And back.
    assert "version 1" in run("rollback")
    assert alias(client, "production") == 1
    assert "name one with --version" in run("rollback", code=1)
    run("rollback", "--version", "3")
    assert alias(client, "production") == 3
    listed = json.loads(run("models", "--json"))["versions"]
    assert [version["version"] for version in listed] == [3, 2, 1]
    assert listed[0]["aliases"] == ["production", "staging"] or listed[0]["aliases"] == ["staging", "production"]
    for version in listed:
        assert version["tags"] == client.get_model_version(NAME, str(version["version"])).tags


def check_numbers(place, good, environment, error):
    """The gate's difference is the one that evaluate finds of the two bundles."""
    against = json.loads(place.run("evaluate", "--against", str(good), "--json", **environment))["against"]
    found = next(difference for difference in against["differences"] if difference["metric"] == "log_loss")
    low, high = found["interval"]["low"], found["interval"]["high"]
    assert low > 0 and found["verdict"] == "worse", found
    detail = f"{found['model']:.4f} against {found['other']:.4f}, difference {found['difference']:+.4f} [{low:+.4f}, {high:+.4f}]"
    assert detail in error, (detail, error)


def check_scores(place, scores, address):
    """MLflow loads the version in production, which scores with the command line's bits."""
    mlflow.set_tracking_uri(address)
    model = mlflow.pyfunc.load_model(f"models:/{NAME}@production")
    table = pd.read_parquet(place.folder / "data/processed/customer_product_features.parquet")
    rows = table[model.metadata.get_input_schema().input_names()]
    found = model.predict(rows)
    bundle = place.folder / "outputs/bundle/nextbest.bundle"
    native = subprocess.run([scores, bundle], input=rows.to_numpy("<f4").tobytes(), capture_output=True, check=True).stdout
    assert found.to_numpy().astype("<f4").tobytes() == native and len(rows) > 1000
    assert (found.to_numpy() == np.frombuffer(native, "<f4").reshape(found.shape)).all()


def alias(client, name):
    try:
        return int(client.get_model_version_by_alias(NAME, name).version)
    except MlflowException:
        return None


if __name__ == "__main__":
    main()
