#!/usr/bin/env python3
"""Lets nextbest and MLflow's own client use one and the same Databricks workspace, as far as there is one on this machine.

    python tests/mlflow/unity_catalog.py PROGRAM [--module FILE]

PROGRAM is nextbest; FILE is the module that registered models carry. Needs `mlflow` and `databricks-sdk`, and its `mlflow` command
beside the Python that runs this. The workspace (the folder beside this file) is a front of a real MLflow server: each request that nextbest makes of
Unity Catalog is read by MLflow's own message for it, and what nextbest wrote is read by MLflow's own client. Exits with 1 where
anything differs.
"""

import argparse
import json
import logging
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_TRACKING_URI": "databricks",
    "MLFLOW_REGISTRY_URI": "databricks-uc",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
for name in [name for name in os.environ if name.startswith(("DATABRICKS_", "MLFLOW_")) or name.lower().endswith("_proxy")]:
    del os.environ[name]
CLEAN = dict(os.environ)
os.environ.update(QUIET)

# What stands above is read while they are imported.
import mlflow
import workspace as fake

NAME = "main.bank.next"
EXPERIMENT = "/Shared/next"
CONFIG = f"""
environment: {{mode: databricks}}
generate: {{customers: 600}}
model: {{selection: {{budget: 0}}}}
mlflow: {{experiment_name: {EXPERIMENT}, registered_model_name: {NAME}}}
deployment:
  gating_thresholds: {{roc_auc_ovr: 0.1}}
  relative_gates: {{log_loss: 1.0}}
"""


class Program:
    """nextbest, in a folder of its own."""

    def __init__(self, path, folder, module):
        self.path, self.folder = str(pathlib.Path(path).absolute()), folder
        self.module = ["--module", str(pathlib.Path(module).absolute())] if module else []
        (folder / "config.yaml").write_text(CONFIG)
        self.secrets = []

    def run(self, *arguments, environment, status=0, config="config.yaml"):
        """Runs a command; gives all that it said."""
        command = [self.path, "--config", config, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=CLEAN | environment, capture_output=True, text=True)
        said = done.stdout + done.stderr
        for secret in self.secrets:
            assert secret not in said, f"{arguments} shows a secret"
        assert done.returncode == status, f"{arguments}: {done.returncode} instead of {status}\n{said[-4000:]}"
        return said

    def register(self, environment, **more):
        return self.run("register", *self.module, environment=environment, **more)


def serve(folder):
    """A real MLflow server; gives its process and port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [pathlib.Path(sys.executable).parent / "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--serve-artifacts", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", f"file://{folder}/artifacts"]
    with open(folder / "server.log", "w") as log:
        environment = {key: value for key, value in os.environ.items() if not key.endswith("_URI")}
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
            return server, port
        except OSError:
            assert server.poll() is None, (folder / "server.log").read_text()[-2000:]
            time.sleep(0.2)
    raise TimeoutError("the MLflow server does not come up")


def check_who_asks(program, workspace):
    """Without a workspace or anybody who asks, nothing begins; with the wrong token, the error says what to do."""
    for command in (["models"], ["train"], ["promote", "staging"], ["rollback"]):
        said = program.run(*command, environment={}, status=2)
        assert "DATABRICKS_HOST is not set" in said, said
        said = program.run(*command, environment={"DATABRICKS_HOST": workspace.host}, status=2)
        assert "DATABRICKS_TOKEN is not set" in said, said
    wrong = {"DATABRICKS_HOST": workspace.host, "DATABRICKS_TOKEN": "dapi-wrong"}
    program.secrets.append("dapi-wrong")
    said = program.run("models", environment=wrong, status=1)
    assert "403 PERMISSION_DENIED: Invalid access token." in said and "DATABRICKS_TOKEN" in said, said
    wrong = {"DATABRICKS_HOST": workspace.host, "DATABRICKS_CLIENT_ID": "nobody", "DATABRICKS_CLIENT_SECRET": "s3cr3t-wrong"}
    program.secrets.append("s3cr3t-wrong")
    said = program.run("models", environment=wrong, status=1)
    assert "401" in said and "invalid_client" in said, said


def check_tracking(client, program, workspace):
    """What MLflow's own client finds of the training."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    runs = [run for run in client.search_runs([experiment.experiment_id]) if "mlflow.parentRunId" not in run.data.tags]
    assert len(runs) == 1, f"one training, {len(runs)} runs"
    run = runs[0]
    assert run.info.status == "FINISHED"
    assert run.info.artifact_uri.startswith("dbfs:/databricks/mlflow-tracking/"), run.info.artifact_uri
    for metric in ("validation_log_loss", "test_roc_auc_ovr", "test_log_loss_low"):
        assert metric in run.data.metrics, sorted(run.data.metrics)
    bundle = next((program.folder / "outputs/bundle").glob("*.bundle")).read_bytes()
    kept = workspace.read(
        f"/WorkspaceInternal/Mlflow/Artifacts/{experiment.experiment_id}/Runs/{run.info.run_id}/artifacts/bundle/nextbest.bundle"
    )
    assert kept == bundle, "the run's bundle is the exported one"
    print(f"run {run.info.run_id}: {len(run.data.metrics)} metrics, {len(run.data.params)} parameters, its bundle")
    return run, bundle


def check_versions(client, run, bundle, workspace, expected):
    """What MLflow's own client finds of the registered versions; `expected` are aliases by number."""
    found = client.search_model_versions(f"name='{NAME}'")
    assert sorted(int(version.version) for version in found) == sorted(expected), found
    for number, aliases in expected.items():
        version = client.get_model_version(NAME, str(number))
        assert version.status == "READY" and version.run_id == run.info.run_id, version
        assert sorted(version.aliases) == sorted(aliases), (number, version.aliases)
        assert re.fullmatch(r"models:/m-[0-9a-f]{32}", version.source), version.source
        for tag in ("content_hash", "algorithm", "test_log_loss", "model_number"):
            assert tag in version.tags, version.tags
        assert "test: log-loss" in version.description, version.description
        for alias in aliases:
            assert client.get_model_version_by_alias(NAME, alias).version == str(number)
        path = f"/Models/{NAME.replace('.', '/')}/{number}"
        assert workspace.read(f"{path}/data/model.bundle") == bundle
        assert b"signature:" in workspace.read(f"{path}/MLmodel")
        model = client.get_logged_model(version.source.removeprefix("models:/"))
        assert str(model.status) == "READY" and model.source_run_id == run.info.run_id, model
        assert "/logged_models/" in model.artifact_location, model.artifact_location
    registered = client.get_registered_model(NAME)
    assert {alias: int(number) for alias, number in registered.aliases.items()} == {
        alias: number for number, aliases in expected.items() for alias in aliases
    }


def kinds(calls):
    """Calls without what differs from one run or file to another."""
    told = []
    for method, path in calls:
        path = re.sub(r"/Models/.*|/WorkspaceInternal/.*", "/…", path)
        path = re.sub(r"[0-9a-f]{32}", "…", path)
        if not told or told[-1] != (method, path):
            told.append((method, path))
    return told


def check_calls(client, run, workspace, ours):
    """MLflow's own client registers a version by the same calls of the catalog."""
    folder = pathlib.Path(workspace.folder) / "theirs"
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "MLmodel").write_text(
        "flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n"
        "signature:\n  inputs: '[{\"type\": \"double\", \"name\": \"a\"}]'\n  outputs: '[{\"type\": \"double\"}]'\n"
    )
    (folder / "data/model.bundle").write_text("theirs")
    model = client.create_logged_model(run.info.experiment_id, "theirs", run.info.run_id)
    model_id = model.model_id
    workspace.calls.clear()
    store = client._get_registry_client().store
    store.create_model_version(
        "main.bank.theirs", f"models:/{model_id}", run.info.run_id, [], None, "theirs", str(folder), model_id
    )
    catalog = [call for call in kinds(workspace.calls) if "unity-catalog" in call[1] or "/fs/" in call[1]]
    ours = [call for call in ours if ("unity-catalog" in call[1] or "/fs/" in call[1]) and "registered-models/" not in call[1]]
    ours = [call for call in ours if "/artifacts/" not in call[1]]
    assert catalog == ours, f"MLflow's client calls\n{catalog}\nnextbest calls\n{ours}"
    print(f"a version takes the same calls: {len(ours)} kinds of them")


def check_scores(program, mlflow):
    """MLflow loads the version in production from the catalog and scores with it. (That the bits are the command line's is shown of
    versions on a server.)"""
    import pandas

    model = mlflow.pyfunc.load_model(f"models:/{NAME}@production")
    table = pandas.read_parquet(program.folder / "data/processed/customer_product_features.parquet")
    scores = model.predict(table[model.metadata.get_input_schema().input_names()])
    sums = scores.to_numpy().sum(axis=1)
    assert len(sums) == len(table) and abs(sums - 1).max() < 1e-5, sums
    print(f"MLflow scores {len(sums)} rows with the version in production")


def ours_of(workspace, action):
    """What an action calls of the catalog and its files; the logged model's own files before are left out."""
    workspace.calls.clear()
    said = action()
    calls = workspace.calls[:]
    begin = next(at for at, (_, path) in enumerate(calls) if path.endswith("model-versions/create"))
    return said, kinds(calls[begin:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--module")
    arguments = parser.parse_args()
    # The older ways that a workspace here does not have are no matter.
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "bank").mkdir()
        server, port = serve(folder)
        workspace = fake.Workspace(folder, port)
        try:
            program = Program(arguments.program, folder / "bank", arguments.module)
            program.secrets += [workspace.token, workspace.catalog.cloud_key, fake.CLIENT_SECRET]
            scenario(program, workspace)
            assert not workspace.problems, "\n".join(workspace.problems)
            for file in (folder / "bank").rglob("*"):
                content = file.read_bytes() if file.is_file() else b""
                for secret in program.secrets + list(workspace.signed):
                    assert secret.encode() not in content, f"{file} holds a secret"
        except BaseException:
            print("\n".join(workspace.problems), file=sys.stderr)
            raise
        finally:
            server.terminate()
            server.wait(30)
    print("nextbest and MLflow's client agree on the workspace")


def scenario(program, workspace):
    token = {"DATABRICKS_HOST": workspace.host, "DATABRICKS_TOKEN": workspace.token}
    # Without a scheme it would be https, which this workspace does not speak.
    application = {
        "DATABRICKS_HOST": workspace.host + "/?o=4711",
        "DATABRICKS_CLIENT_ID": fake.CLIENT_ID,
        "DATABRICKS_CLIENT_SECRET": fake.CLIENT_SECRET,
    }
    os.environ.update(token)
    client = mlflow.MlflowClient()

    program.run("generate", environment=token)
    program.run("features", environment=token)
    check_who_asks(program, workspace)
    assert client.get_experiment_by_name(EXPERIMENT) is None, "nothing has begun"

    # Files by the Files API; the workspace stumbles twice.
    workspace.failures_to_come = 2
    said = program.run("train", environment=token)
    assert workspace.failures == 2
    assert f"{workspace.host}/ml/experiments/" in said, said
    # Files at signed addresses, of all four kinds of storage.
    workspace.files_api_takes_artifacts = False
    program.run("evaluate", environment=application)
    program.run("export", environment=application)
    used = {place["kind"] for place in workspace.signed.values() if place.get("used")}
    run, bundle = check_tracking(client, program, workspace)

    assert "DATABRICKS_HOST is not set" in program.register({}, status=2)
    workspace.failures_to_come = 1
    said, by_files_api = ours_of(workspace, lambda: program.register(token))
    assert f"registered {NAME} version 1 in databricks-uc" in said, said
    assert workspace.catalog.linked == fake.NUMBER, "a version links to its run's workspace"
    used |= {place["kind"] for place in workspace.signed.values() if place.get("used")}
    assert used == set(fake.CREDENTIAL_KINDS), used
    assert f"1 of {NAME} is in staging" in program.run("promote", "staging", environment=token)
    assert "needs a person's approval" in program.run("promote", "production", environment=token, status=1)
    program.run("promote", "production", "--approve", environment=token)
    check_versions(client, run, bundle, workspace, {1: ["staging", "production"]})

    # Another version, into a storage at signed addresses; whole numbers come as texts from now on.
    workspace.catalog.models_by_files_api = False
    workspace.whole_numbers_are_texts = True
    workspace.files_api_takes_artifacts = True
    said, by_addresses = ours_of(workspace, lambda: program.register(application))
    assert f"registered {NAME} version 2" in said, said
    program.run("promote", "staging", environment=token)
    said = program.run("promote", "production", "--approve", environment=token)
    assert "in place of version 1" in said, said
    check_versions(client, run, bundle, workspace, {1: [], 2: ["staging", "production"]})
    shown = json.loads(program.run("inspect", f"models:/{NAME}@production", "--json", environment=token))
    assert shown["contentHash"] == client.get_model_version(NAME, "2").tags["content_hash"]
    assert "version 1 of" in program.run("rollback", environment=token)
    check_versions(client, run, bundle, workspace, {1: ["production"], 2: ["staging"]})
    tags = client.get_model_version(NAME, "2").tags
    assert tags["replaced_version"] == "1" and int(tags["rolled_back"]) > 0 and tags["production_approved_by"], tags

    # A storage that takes a cloud's own keys is said to be one, and the version that it was for is none.
    workspace.catalog.storage_mode = "CUSTOMER_HOSTED"
    said = program.register(token, status=1)
    assert "CUSTOMER_HOSTED" in said and "version 3 is not ready" in said, said
    workspace.catalog.storage_mode = "DEFAULT_STORAGE"
    listed = json.loads(program.run("models", "--json", environment=token))
    assert [version["version"] for version in listed["versions"]] == [2, 1], listed
    assert listed["versions"][1]["aliases"] == ["production"], listed
    # Names of tags that a catalog does not have.
    (program.folder / "tags.yaml").write_text(CONFIG + "  tags: {cost-center: '12'}\n")
    said = program.register(token, status=2, config="tags.yaml")
    assert "cost-center" in said, said

    # MLflow's own client does the same in the same way.
    client.create_registered_model("main.bank.theirs")
    check_calls(client, run, workspace, by_addresses)
    workspace.catalog.models_by_files_api = True
    with tempfile.TemporaryDirectory() as there:
        got = mlflow.artifacts.download_artifacts(f"models:/{NAME}@production", dst_path=there)
        assert (pathlib.Path(got) / "data/model.bundle").read_bytes() == bundle, "MLflow's client gets the bundle"
    check_calls(client, run, workspace, by_files_api)
    if program.module:
        check_scores(program, mlflow)


if __name__ == "__main__":
    sys.exit(main())
