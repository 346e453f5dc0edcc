"""`retrain-if-needed`: monitoring finds drift, a new model is trained, registered and, if it passes the gates, in staging."""

import json
import sys
import tempfile
from pathlib import Path

from mlflow import MlflowClient
from workplace import Workplace

NAME = "next_best_product"
PRODUCTION = f"models:/{NAME}@production"
CONFIG = """
generate: {customers: 1500}
model: {selection: {budget: 0}}
deployment: {gating_thresholds: {log_loss: 0.5}, relative_gates: {}}
"""
STRICT = CONFIG.replace("log_loss: 0.5", "log_loss: 0.001")
MONITORED = ["--reference", PRODUCTION, "--current", "2026-04-01"]


def main():
    nextbest, module = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        place = Workplace(nextbest, Path(folder), CONFIG)
        (place.folder / "web/pkg").mkdir(parents=True)
        (place.folder / "web/pkg/nextbest_host.wasm").symlink_to(module)
        client = MlflowClient(f"file://{place.folder}/mlruns")
        for command in ["generate", "features", "train", "evaluate", "export", "register"]:
            place.run(command)
        place.run("promote", "staging")
        place.run("promote", "production", "--approve")
        first = hash_of(place)

        # The rows that it was tested on have not moved.
        assert "no new model is needed" in place.run("retrain-if-needed", *MONITORED)
        assert versions(client) == ["1"]

        # Everybody spends and earns more: no alert but drift.
        place.run("generate", "--drift", "mean_shift=1")
        place.configure(STRICT)
        failed = place.run("retrain-if-needed", *MONITORED, code=1)
        assert "not in staging" in failed and "log_loss" in failed, failed
        assert hash_of(place) == first, "the exported bundle is the one of before"
        assert client.get_model_version_by_alias(NAME, "staging").version in (1, "1")

        place.configure(CONFIG)
        done = json.loads(place.run("retrain-if-needed", "--json", *MONITORED))
        assert done["decision"] == "in_staging", done
        assert "data_drift" in [reason["rule"] for reason in done["reasons"]], done
        staged = client.get_model_version_by_alias(NAME, "staging")
        assert staged.tags["content_hash"] == hash_of(place) != first
        assert client.get_model_version_by_alias(NAME, "production").version in (1, "1"), "that is for a person"
        # It knows today's rows.
        assert "no new model is needed" in place.run("retrain-if-needed", "--current", "2026-04-01")
    print("a new model is trained where monitoring asks for it, and stays out of staging where the gates say so")


def hash_of(place):
    return json.loads(place.run("inspect", "--json"))["contentHash"]


def versions(client):
    return sorted(str(version.version) for version in client.search_model_versions(f"name = '{NAME}'"))


if __name__ == "__main__":
    main()
