#!/usr/bin/env python3
"""`mlflow models serve`: every form of request, with the command line's bits in the answers."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from socket import create_server

import numpy as np
from support import CLASSES, assert_same_bits, feature_table, native_scores, plain_table


def main():
    table, names = feature_table()
    rows = table[names].sample(300, random_state=1)
    native = native_scores(rows)
    with Server("model") as server:
        for form, request in forms(rows).items():
            assert_same_bits(server.answer(request, CLASSES), native, f"served, {form}")
        # One row, of which nothing is known in some columns.
        lacking = rows[rows.isna().any(axis=1)].head(1)
        alone = server.answer(forms(lacking)["dataframe_records"], CLASSES)
        assert_same_bits(alone, native_scores(lacking), "served, one row")
        for request, message in [
            (forms(rows.drop(columns="age_years"))["dataframe_split"], "age_years"),
            (forms(rows.astype({"age_years": object}).assign(age_years="old"))["dataframe_records"], "age_years"),
            ({"rows": []}, "dataframe_split"),
        ]:
            status, text = server.post(request)
            assert status == 400 and message in text, (status, text)
        status, text = server.post(b"{")
        assert status == 400, (status, text)
    table, native = plain_table()
    rows = table.drop(columns=["CONTRACT", "OUTCOME"])
    with Server("plain/model") as server:
        for form, request in forms(rows).items():
            assert_same_bits(server.answer(request, native.columns), native, f"a plain table served, {form}")


def forms(rows):
    """The rows as MLflow's four forms of JSON."""
    rows = rows.astype(object).where(rows.notna(), None)
    records = rows.to_dict("records")
    return {
        "dataframe_split": {"dataframe_split": {"columns": list(rows), "data": rows.to_numpy().tolist()}},
        "dataframe_records": {"dataframe_records": records},
        "instances": {"instances": records},
        "inputs": {"inputs": {name: rows[name].tolist() for name in rows}},
    }


class Server:
    """A model that is served on a free port of this machine."""

    def __init__(self, model):
        with create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        mlflow = Path(sys.executable).with_name("mlflow")
        serve = [mlflow, "models", "serve", "-m", model, "--env-manager", "local", "-h", "127.0.0.1", "-p", str(self.port)]
        self.log = open(f"serve-{self.port}.log", "w+")
        self.process = subprocess.Popen(serve, stdout=self.log, stderr=self.log, start_new_session=True)

    def __enter__(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(self.url("ping")).close()
                return self
            except OSError:
                time.sleep(0.2)
        self.__exit__()
        raise AssertionError(f"the server did not start: {Path(self.log.name).read_text()}")

    def __exit__(self, *_):
        # It starts others, in this session of their own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()
        self.log.close()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}/{path}"

    def answer(self, request, classes):
        status, text = self.post(request)
        assert status == 200, text
        predictions = json.loads(text)["predictions"]
        assert all(list(row) == list(classes) for row in predictions)
        return np.array([list(row.values()) for row in predictions])

    def post(self, request):
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        headers = {"Content-Type": "application/json"}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url("invocations"), body, headers)) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


main()
