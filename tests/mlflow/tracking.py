"""What nextbest logs, read by MLflow: from a folder, from a database that the folder was moved into, from a server with and without
passwords, and from one that was killed in the middle."""

import datetime
import hashlib
import http.client
import http.server
import ipaddress
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from workplace import PATIENCE, Server, Workplace, free_port, wait_for

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from mlflow import MlflowClient

CONFIG = """
generate: {customers: 600}
model: {selection: {budget: 0}}
mlflow: {run_name_prefix: "nightly ", tags: {team: retail}}
"""
BOOSTED = CONFIG.replace("model: {", "model: {algorithm: gradient_boosting, ")
FAST = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0.05"}
EXPERIMENT = "next_best_product"


def main():
    nextbest = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        place = Workplace(nextbest, folder / "bank", CONFIG)
        place.run("generate")
        place.run("features")
        in_a_folder(place)
        from_a_plain_table(nextbest, folder / "plain")
        odd_names(nextbest, folder / "odd")
        with Server(folder / "server") as server:
            on_a_server(place, server)
            over_tls(place, server, folder)
            killed(place, server)
        with_a_password(place, folder / "guarded")
    print("MLflow reads what nextbest logs")


def odd_names(nextbest, folder):
    """Names and texts that YAML would not take as they are; and a metric that is not defined, of rows of one class."""
    odd = "a: \"b\"\n#\x01 \x7f\x85\u2028\ufeff é💶 "
    mlflow = {"experiment_name": f"bank {odd}", "run_name_prefix": odd, "tags": {"team/Größe 2": odd}}
    place = Workplace(nextbest, folder, json.dumps({"mlflow": mlflow}))
    rows = [f"2023-{1 + row // 28:02}-{1 + row % 28:02},{row * 37 % 11},{'ab'[row >= 80 or row % 2]}" for row in range(100)]
    (folder / "t.csv").write_text("\n".join(["day,x,y", *rows]))
    place.run("train", "--budget", "0", "--table", "t.csv", "--target", "y", "--time", "day")
    client = MlflowClient(f"file://{folder}/mlruns")
    experiment = client.get_experiment_by_name(f"bank {odd}")
    runs = client.search_runs([experiment.experiment_id])
    assert runs and all(run.info.run_name.startswith(odd) for run in runs), runs
    assert all(run.data.tags["team/Größe 2"] == odd for run in runs)
    [evaluated] = [run for run in runs if "test_log_loss" in run.data.metrics]
    assert "test_roc_auc_ovr" not in evaluated.data.metrics and "test_accuracy" in evaluated.data.metrics
    place.run("train", "--resume-logging")


def in_a_folder(place):
    printed = place.run("train")
    root = place.folder / "mlruns"
    assert "MLFLOW_ALLOW_FILE_STORE=true mlflow ui" in printed and "mlflow migrate-filestore" in printed, printed
    place.run("evaluate")
    place.run("export")
    client = MlflowClient(f"file://{root}")
    run = check_run(client, place)
    assert client.get_experiment("0").name == "Default"

    # The UI's own server reads the folder.
    port = free_port()
    log = place.folder / "ui.log"
    with log.open("w") as output:
        command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", str(root), "--port", str(port), "--workers", "1"]
        ui = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            wait_for(f"http://127.0.0.1:{port}/health", ui, log)
            seen = MlflowClient(f"http://127.0.0.1:{port}").get_run(run.info.run_id)
            assert seen.data.metrics == run.data.metrics
        finally:
            ui.terminate()
            ui.wait()

    # And it can be moved into a database, which then says the same.
    database = f"sqlite:///{place.folder}/moved.db"
    moved = subprocess.run(
        [sys.executable, "-m", "mlflow", "migrate-filestore", "--source", str(root), "--target", database],
        capture_output=True, text=True, timeout=PATIENCE,
    )
    assert moved.returncode == 0, moved.stdout + moved.stderr
    client = MlflowClient(database)
    assert check_run(client, place).info.run_id == run.info.run_id

    # What fails is a failed run, which says why.
    # (Rounds that would grow too many trees: how many classes there are is known only then.)
    place.configure("model: {algorithm: gradient_boosting, hyperparameters: {gradient_boosting: {n_estimators: 9999}}}")
    error = place.run("train", code=1)
    client = MlflowClient(f"file://{root}")
    failed = newest(client)
    assert failed.info.status == "FAILED" and failed.info.run_id != run.info.run_id, failed.info
    assert failed.data.tags["mlflow.note.content"] in error, (failed.data.tags, error)
    # Where nothing is to be logged, nothing is.
    place.configure(CONFIG.replace("mlflow: {", "mlflow: {tracking_uri: none, "))
    before = sorted(root.rglob("*"))
    place.run("train")
    assert sorted(root.rglob("*")) == before
    place.configure(CONFIG)


def check_run(client, place):
    """The newest training, with everything that belongs to it."""
    run = newest(client)
    data, info = run.data, run.info
    training = json.loads((place.folder / "outputs/models/training.json").read_text())
    evaluation = json.loads((place.folder / "outputs/models/evaluation.json").read_text())
    assert info.status == "FINISHED" and info.start_time <= info.end_time, info
    assert info.run_name == f"nightly {training['algorithm']}", info.run_name
    assert data.tags["team"] == "retail" and data.tags["mlflow.source.name"] == "nextbest train", data.tags

    best = training["finalists"][0]
    for name, value in best["parameters"]:
        assert data.params[name] == value, name
    assert data.params["algorithm"] == training["algorithm"] and data.params["training_rows"] == str(training["training_rows"])
    assert data.metrics["validation_log_loss"] == best["validation_log_loss"]
    trials = client.get_metric_history(info.run_id, "trial_validation_log_loss")
    found = [(point.step, point.value) for point in sorted(trials, key=lambda point: point.step)]
    assert found == [(number, trial["validation_log_loss"]) for number, trial in enumerate(training["trials"], 1)]
    model = evaluation["contestants"][0]
    for name in ["log_loss", "roc_auc_ovr", "accuracy", "f1_weighted", "brier", "calibration_error"]:
        assert data.metrics[f"test_{name}"] == model["all"][name], name
    assert data.metrics["test_log_loss_low"] == model["intervals"]["log_loss"]["low"]

    # The data, by the digest of the very file.
    table = place.folder / "data/processed/customer_product_features.parquet"
    [input] = run.inputs.dataset_inputs
    assert input.dataset.digest == hashlib.sha256(table.read_bytes()).hexdigest()[:36]
    assert input.tags[0].value == "training" and json.loads(input.dataset.source)["uri"] == str(table)
    columns = json.loads(input.dataset.schema)["mlflow_colspec"]
    assert len(columns) == int(data.params["features"]), columns

    # The files are the very files.
    outputs = place.folder / "outputs"
    for path, file in {
        "model/model.bundle": outputs / "models/model.bundle",
        "model/training.json": outputs / "models/training.json",
        "evaluation/report.html": outputs / "models/report.html",
        "evaluation/feature_importance.png": outputs / "models/feature_importance.png",
        "bundle/nextbest.bundle": outputs / "bundle/nextbest.bundle",
    }.items():
        assert Path(download(client, info.run_id, path)).read_bytes() == file.read_bytes(), path
    importance = Path(download(client, info.run_id, "model/feature_importance.csv")).read_text().splitlines()
    assert len(importance) == len(columns) + 1 and importance[0] == "FEATURE,IMPORTANCE"

    # The candidates are nested runs: each kind of model, one of them chosen.
    nested = client.search_runs([info.experiment_id], f"tags.`mlflow.parentRunId` = '{info.run_id}'")
    kinds = {run.data.params["algorithm"]: run for run in nested}
    assert set(kinds) == {finalist["algorithm"] for finalist in training["finalists"]} and len(kinds) == 3, kinds
    chosen = [kind for kind, run in kinds.items() if run.data.tags["nextbest.chosen"] == "true"]
    assert chosen == [training["algorithm"]] and all(run.info.status == "FINISHED" for run in nested)
    boosted = next(trial for trial in training["trials"] if trial["algorithm"] == "gradient_boosting")
    check_rounds(client, kinds["gradient_boosting"].info.run_id, boosted)
    return run


def check_rounds(client, run, trial):
    """A point for each round, of which the best is the one that was kept."""
    points = sorted(client.get_metric_history(run, "boosting_validation_log_loss"), key=lambda point: point.step)
    assert [point.step for point in points] == list(range(1, len(points) + 1)) and len(points) > trial["rounds"]
    best = min(points, key=lambda point: point.value)
    assert best.step == trial["rounds"] and abs(best.value - trial["validation_log_loss"]) < 1e-6, (best, trial)
    training = client.get_metric_history(run, "boosting_training_log_loss")
    assert len(training) == len(points)


def from_a_plain_table(nextbest, folder):
    place = Workplace(nextbest, folder, "model: {selection: {budget: 0}}")
    table = Path(__file__).parent.parent / "fixtures/contracts.csv"
    place.run("train", "--table", str(table), "--target", "OUTCOME", "--id", "CONTRACT", "--time", "SEEN")
    client = MlflowClient(f"file://{folder}/mlruns")
    run = newest(client)
    evaluation = json.loads((folder / "outputs/models/evaluation.json").read_text())
    assert run.data.metrics["test_log_loss"] == evaluation["contestants"][0]["all"]["log_loss"]
    bundle = Path(download(client, run.info.run_id, "bundle/nextbest.bundle")).read_bytes()
    assert bundle == (folder / "outputs/bundle/nextbest.bundle").read_bytes()
    assert run.inputs.dataset_inputs[0].dataset.name == "contracts"


def on_a_server(place, server):
    environment = {"MLFLOW_TRACKING_URI": server.address}
    printed = place.run("train", **environment)
    place.run("evaluate", **environment)
    place.run("export", **environment)
    run = check_run(MlflowClient(server.address), place)
    assert f"{server.address}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}" in printed


def over_tls(place, server, folder):
    """A certificate of the bank's own is trusted where it is named; and who asks is said to it."""
    certificate = own_certificate(folder)
    with Front(server, certificate) as front:
        address = {"MLFLOW_TRACKING_URI": front.address, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
        error = place.run("train", code=1, **address)
        assert "certificate" in error.lower(), error
        place.run("train", MLFLOW_TRACKING_SERVER_CERT_PATH=str(certificate), MLFLOW_TRACKING_TOKEN="a token", **address)
        assert front.authorization == "Bearer a token"
        place.run("train", MLFLOW_TRACKING_INSECURE_TLS="true", **address)
        assert front.authorization is None
        error = place.run("train", code=1, MLFLOW_TRACKING_SERVER_CERT_PATH=str(folder / "none.pem"), **address)
        assert "MLFLOW_TRACKING_SERVER_CERT_PATH" in error, error


def own_certificate(folder):
    """A key and a certificate for this machine that nobody has signed, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(pem))
    return path


def killed(place, server):
    """The server dies while files are sent: the run counts as failed, and is finished later."""
    place.configure(BOOSTED)
    model = place.folder / "outputs/models/model.bundle"
    with Front(server) as front:
        environment = FAST | {"MLFLOW_TRACKING_URI": front.address}
        # Gone before the training: it is said before time is spent.
        front.kill_at = lambda method, path: True
        trained = model.stat().st_mtime_ns
        error = place.run("train", code=1, **environment)
        assert "tracking_uri: none" in error and model.stat().st_mtime_ns == trained, error

        with server:
            # Answers that pass by themselves are no failure.
            front.kill_at = None
            front.busy = 2
            place.run("train", **environment)
            client = MlflowClient(server.address)
            whole = newest(client)
            assert front.busy == 0 and whole.info.status == "FINISHED"
            # A run whose beginning was done but not answered begins once.
            before = len(runs(client))
            front.lose = lambda path: path.endswith("runs/create")
            place.run("train", **environment)
            assert front.lose is None and len(runs(client)) == before + 1

            front.kill_at = lambda method, path: method == "PUT" and path.endswith("card.json")
            error = place.run("train", code=1, **environment)
            assert "train --resume-logging" in error and model.stat().st_mtime_ns > trained, error
        front.kill_at = None
        with server:
            client = MlflowClient(server.address)
            half = newest(client)
            assert half.info.run_id != whole.info.run_id and half.info.status == "FAILED", half.info
            assert "model/training.json" not in files(client, half.info.run_id)

            printed = place.run("train", "--resume-logging", **environment)
            assert half.info.run_id in printed, printed
            again = client.get_run(half.info.run_id)
            assert again.info.status == "FINISHED" and newest(client).info.run_id == half.info.run_id
            assert files(client, half.info.run_id) == files(client, whole.info.run_id)
            # Nothing was told twice.
            trial = json.loads((place.folder / "outputs/models/training.json").read_text())["trials"][0]
            check_rounds(client, half.info.run_id, trial)
            assert "nothing is left" in place.run("train", "--resume-logging", **environment)
    place.configure(CONFIG)


def with_a_password(place, folder):
    folder.mkdir()
    settings = folder / "basic_auth.ini"
    settings.write_text(
        "[mlflow]\ndefault_permission = READ\n"
        f"database_uri = sqlite:///{folder}/users.db\nadmin_username = admin\nadmin_password = a long secret 12\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    environment = {"MLFLOW_AUTH_CONFIG_PATH": str(settings), "MLFLOW_FLASK_SERVER_SECRET_KEY": "secret"}
    with Server(folder, "--app-name", "basic-auth", **environment) as server:
        address = FAST | {"MLFLOW_TRACKING_URI": server.address}
        for wrong in [{}, {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "guess"}, {"MLFLOW_TRACKING_TOKEN": "guess"}]:
            error = place.run("train", code=1, **address, **wrong)
            assert "401" in error and "MLFLOW_TRACKING_USERNAME" in error and "guess" not in error, error
        right = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "a long secret 12"}
        place.run("train", **address, **right)
        journal = next((place.folder / "outputs/mlflow").glob("*/journal.json")).read_text()
        assert "long secret" not in journal
        with mlflow_environment(right):
            assert newest(MlflowClient(server.address)).info.status == "FINISHED"


class mlflow_environment:
    def __init__(self, variables):
        self.variables = variables

    def __enter__(self):
        os.environ |= self.variables

    def __exit__(self, *_):
        for name in self.variables:
            del os.environ[name]


class Front:
    """Passes everything on to a server. It can kill that at a certain request, be busy for some, or lose an answer."""

    def __init__(self, server, certificate=None):
        self.kill_at = None
        self.authorization = None
        self.busy = 0
        self.lose = None
        front = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                front.authorization = self.headers.get("Authorization")
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if front.kill_at and front.kill_at(self.command, self.path):
                    server.kill()
                if front.busy:
                    front.busy -= 1
                    return self.answer(503, [("Retry-After", "0")], b"busy")
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
                    connection.request(self.command, self.path, body, dict(self.headers))
                    response = connection.getresponse()
                    body = response.read()
                    if front.lose and front.lose(self.path):
                        front.lose = None
                        raise OSError("the answer is lost")
                    self.answer(response.status, [], body)
                except OSError:
                    # As where nobody is: nothing comes back.
                    self.close_connection = True

            def answer(self, status, headers, body):
                self.send_response(status)
                for name, value in [*headers, ("Content-Length", str(len(body)))]:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = pass_on

            def log_message(self, *_):
                pass

        self.listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.listener.server_port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.listener.socket = context.wrap_socket(self.listener.socket, server_side=True, do_handshake_on_connect=False)
            self.address = self.address.replace("http:", "https:")

    def __enter__(self):
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown()
        self.listener.server_close()


def newest(client):
    """The last run that is nested in no other."""
    return next(run for run in runs(client) if "mlflow.parentRunId" not in run.data.tags)


def runs(client):
    experiment = client.get_experiment_by_name(EXPERIMENT)
    return client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])


def download(client, run, path):
    target = tempfile.mkdtemp()
    return client.download_artifacts(run, path, target)


def files(client, run, path=None):
    found = []
    for entry in client.list_artifacts(run, path):
        found += files(client, run, entry.path) if entry.is_dir else [entry.path]
    return sorted(found)


if __name__ == "__main__":
    main()
