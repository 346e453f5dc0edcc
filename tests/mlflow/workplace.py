"""A folder in which nextbest runs, and MLflow servers beside it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

# Nothing of MLflow leaves this machine, and what is set for a person here is not for the tests.
for name in [name for name in os.environ if name.startswith(("MLFLOW_", "DATABRICKS_"))]:
    del os.environ[name]
os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_ALLOW_FILE_STORE": "true"}

PATIENCE = 90


class Workplace:
    """Runs the program in a folder of its own."""

    def __init__(self, nextbest, folder, config):
        self.nextbest = nextbest
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.configure(config)

    def configure(self, config):
        (self.folder / "config.yaml").write_text(config)

    def run(self, *arguments, code=0, **environment):
        """What it prints; its errors where another exit code than 0 is expected."""
        finished = subprocess.run(
            [self.nextbest, *arguments, "--quiet"],
            cwd=self.folder,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert finished.returncode == code, (arguments, finished.returncode, finished.stdout, finished.stderr)
        return finished.stdout if code == 0 else finished.stderr


class Server:
    """A real MLflow server, its database and files in a folder."""

    def __init__(self, folder, *options, **environment):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.options = options
        self.environment = environment
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        self.log = (self.folder / "server.log").open("a")
        command = [
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1",
            "--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db",
            "--artifacts-destination", f"file://{self.folder}/artifacts", *self.options,
        ]
        environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"} | self.environment
        self.process = subprocess.Popen(
            command, env=environment, stdout=self.log, stderr=self.log, start_new_session=True
        )
        wait_for(f"{self.address}/health", self.process, self.folder / "server.log")
        return self

    def kill(self):
        """At once, with all its workers."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def __exit__(self, *_):
        self.kill()
        self.log.close()


def wait_for(address, process, log):
    """Waits until something answers there."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, f"it ended:\n{log.read_text()}"
        try:
            urllib.request.urlopen(address, timeout=5).read()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{address} does not answer:\n{log.read_text()}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
