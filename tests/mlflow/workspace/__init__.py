"""A Databricks workspace on this machine, as far as MLflow's own client can tell: the front of a real MLflow server.

Tracking calls are those of the server behind it. What a workspace does by itself is done here: who asks is checked, files have
`dbfs:/` addresses and go through the Files API or to signed addresses of a storage on another port, and Unity Catalog keeps its own
registry. The paths, requests and answers of the catalog are MLflow's own messages; its state is in an MLflow registry store.
"""

import base64
import http.client
import http.server
import json
import pathlib
import re
import secrets
import threading
import urllib.parse

from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_artifacts_pb2 as artifacts_pb2
from mlflow.protos import databricks_filesystem_service_pb2 as files_pb2

from . import catalog
from .catalog import Catalog
from .messages import Refusal, calls_of, parsed, serialised

NUMBER = "4711"
"""The workspace's own number, which runs' versions are linked by."""

CLIENT_ID, CLIENT_SECRET = "nextbest-application", secrets.token_hex(8)


ARTIFACTS = calls_of(artifacts_pb2.DatabricksMlflowArtifactsService)
FILES = calls_of(files_pb2.FilesystemService)
CREDENTIAL_KINDS = ["AWS_PRESIGNED_URL", "GCP_SIGNED_URL", "AZURE_SAS_URI", "AZURE_ADLS_GEN2_SAS_URI"]


class Workspace:
    def __init__(self, folder, server_port):
        self.folder = pathlib.Path(folder)
        self.server_port = server_port
        self.token = "dapi" + secrets.token_hex(16)
        self.tokens = {self.token}
        self.catalog = Catalog(self.folder)
        self.signed = {}
        self.calls = []
        self.problems = []
        self.lock = threading.RLock()
        # What can be switched.
        self.files_api_takes_artifacts = True
        self.whole_numbers_are_texts = False
        self.failures_to_come = 0
        self.failures = 0
        self.front = start(Front, self)
        self.storage = start(Storage, self)
        self.host = f"http://127.0.0.1:{self.front.server_port}"

    # -- the server behind it

    def behind(self, method, path, body=None, headers=None):
        """What the real MLflow server answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server_port, timeout=60)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        answer = response.status, response.read(), response.headers.get("Content-Type", "application/json")
        connection.close()
        return answer

    def track(self, method, path, query, body, headers):
        if path.endswith("/experiments/create") and not json.loads(body)["name"].startswith("/"):
            raise Refusal(400, "INVALID_PARAMETER_VALUE", "an experiment's name is an absolute path of the workspace")
        kept = {"Content-Type": headers["Content-Type"]} if "Content-Type" in headers else {}
        status, answer, kind = self.behind(method, path + (f"?{query}" if query else ""), body, kept)
        # `mlflow-artifacts:/1/models/m-…/artifacts` and `mlflow-artifacts:/1/<run>/artifacts`, as a workspace has them.
        text = answer.decode()
        root = r"mlflow-artifacts:/+"
        text = re.sub(root + r"(\d+)/models/", r"dbfs:/databricks/mlflow-tracking/\1/logged_models/", text)
        text = re.sub(root + r"(\d+)/", r"dbfs:/databricks/mlflow-tracking/\1/", text)
        return status, text.encode(), kind

    # -- files

    def place(self, path):
        """Where a file of a run or model is in the server behind."""
        found = re.fullmatch(r"/WorkspaceInternal/Mlflow/Artifacts/(\d+)/(Runs|LoggedModels)/(.+)", path)
        if not found:
            raise Refusal(404, "NOT_FOUND", f"no such place: {path}")
        folder = "models/" if found[2] == "LoggedModels" else ""
        return f"/api/2.0/mlflow-artifacts/artifacts/{found[1]}/{folder}{urllib.parse.quote(found[3])}"

    def write(self, path, content):
        if path.startswith("/Models/"):
            name, version, _ = self.model_file(path)
            if (name, version) not in self.catalog.unfinished:
                raise Refusal(403, "PERMISSION_DENIED", f"{name} version {version} takes no more files")
            file = self.folder / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        else:
            status, answer, _ = self.behind("PUT", self.place(path), content)
            assert status == 200, answer

    def read(self, path):
        if path.startswith("/Models/"):
            self.model_file(path)
            file = self.folder / path.lstrip("/")
            if not file.is_file():
                raise Refusal(404, "NOT_FOUND", f"no such file: {path}")
            return file.read_bytes()
        status, answer, _ = self.behind("GET", self.place(path))
        if status != 200:
            raise Refusal(status, "NOT_FOUND", f"no such file: {path}")
        return answer

    def model_file(self, path):
        _, _, catalog, schema, model, version, rest = path.split("/", 6)
        assert ".." not in path.split("/"), path
        return f"{catalog}.{schema}.{model}", version, rest

    def files_api(self, method, path, query):
        if path.startswith("/WorkspaceInternal/") and not self.files_api_takes_artifacts:
            raise Refusal(501, "NOT_IMPLEMENTED", "the Files API has no artifacts here")
        if path.startswith("/Models/") and not self.catalog.models_by_files_api:
            raise Refusal(403, "PERMISSION_DENIED", "the Files API has no models here")
        if method == "PUT" and query.get("overwrite") != "true":
            self.problems.append(f"{path}: expected overwrite=true, got {query}")

    def sign(self, path, kind):
        """An address at which one file can be written or read, whoever comes."""
        secret = secrets.token_urlsafe(16)
        self.signed[secret] = {"path": path, "kind": kind, "content": None}
        url = f"http://127.0.0.1:{self.storage.server_port}/bucket/file?sig={secret}&sv=2021-08-06"
        return url, [("x-signed-for", kind)]

    def owned(self, message):
        """The path of a run's or logged model's file, by the message that asks for an address for it."""
        paths = list(message.path if hasattr(message, "run_id") else message.paths)
        if hasattr(message, "run_id"):
            _, answer, _ = self.behind("GET", f"/api/2.0/mlflow/runs/get?run_id={message.run_id}")
            experiment = json.loads(answer)["run"]["info"]["experiment_id"]
            root = f"/WorkspaceInternal/Mlflow/Artifacts/{experiment}/Runs/{message.run_id}/artifacts"
        else:
            _, answer, _ = self.behind("GET", f"/api/2.0/mlflow/logged-models/{message.model_id}")
            experiment = json.loads(answer)["model"]["info"]["experiment_id"]
            root = f"/WorkspaceInternal/Mlflow/Artifacts/{experiment}/LoggedModels/{message.model_id}/artifacts"
        return [(path, f"{root}/{path}") for path in paths]

    def credentials(self, message):
        answer = type(message).Response()
        for relative, path in self.owned(message):
            reads = "Read" in type(message).__name__ or "Download" in type(message).__name__
            kind = "AWS_PRESIGNED_URL" if reads else CREDENTIAL_KINDS[len(self.signed) % len(CREDENTIAL_KINDS)]
            url, headers = self.sign(path, kind)
            info = artifacts_pb2.ArtifactCredentialInfo(
                path=relative, signed_uri=url, type=artifacts_pb2.ArtifactCredentialType.Value(kind)
            )
            for name, value in headers:
                info.headers.add(name=name, value=value)
            if hasattr(message, "run_id"):
                info.run_id = message.run_id
                answer.credential_infos.append(info)
            else:
                answer.credentials.add(model_id=message.model_id, credential_info=info)
        return answer

    def file_address(self, message):
        if self.catalog.storage_mode != "DEFAULT_STORAGE" or not message.path.startswith("/Models/"):
            raise Refusal(400, "BAD_REQUEST", f"no addresses are signed for {message.path}")
        url, headers = self.sign(message.path, "ANY")
        answer = getattr(files_pb2, type(message).__name__.replace("Request", "Response"))(url=url)
        for name, value in headers:
            answer.headers.add(name=name, value=value)
        return answer

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", kind="application/json", headers=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def tell(self, message):
        self.answer(200, serialised(message, self.server.workspace.whole_numbers_are_texts))

    def handle_any(self):
        workspace = self.server.workspace
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        try:
            with workspace.lock:
                self.respond(workspace, path, query, body)
        except Refusal as refusal:
            answer = {"error_code": refusal.code, "message": refusal.message}
            self.answer(refusal.status, json.dumps(answer).encode())
        except MlflowException as error:
            self.answer(error.get_http_status_code(), error.serialize_as_json().encode())
        except Exception as error:
            workspace.problems.append(f"{self.command} {path}: {error!r}")
            self.answer(400, json.dumps({"error_code": "BAD_REQUEST", "message": repr(error)}).encode())

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = handle_any


class Front(Handler):
    def respond(self, workspace, path, query, body):
        fields = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        if path == "/oidc/v1/token":
            return self.give_token(workspace, body)
        if path.startswith("/.well-known/") or path == "/api/2.0/fs/endpoints":
            # A workspace that does not have them, as older ones.
            raise Refusal(404, "NOT_FOUND", path)
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in workspace.tokens:
            raise Refusal(403, "PERMISSION_DENIED", "Invalid access token.")
        if workspace.failures_to_come and self.command != "GET":
            workspace.failures_to_come -= 1
            workspace.failures += 1
            raise Refusal(503, "TEMPORARILY_UNAVAILABLE", "come again")
        workspace.calls.append((self.command, path))
        if path.startswith("/api/2.0/fs/files/"):
            return self.file(workspace, urllib.parse.unquote(path.removeprefix("/api/2.0/fs/files")), fields, body)
        if path.startswith("/api/2.0/fs/directories/"):
            return self.folder(workspace, urllib.parse.unquote(path.removeprefix("/api/2.0/fs/directories")))
        if (self.command, path) in catalog.CALLS:
            message = parsed(catalog.CALLS[self.command, path], fields, body)
            return self.tell(workspace.catalog.answer(message))
        if (self.command, path) in FILES and "expire_time" in fields | (json.loads(body) if body else {}):
            # The SDK asks in a way of its own before it comes to the Files API.
            raise Refusal(404, "NOT_FOUND", path)
        if (self.command, path) in FILES:
            message = parsed(FILES[self.command, path], fields, body)
            return self.tell(workspace.file_address(message))
        for (method, pattern), message in ARTIFACTS.items():
            named = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern), path)
            if named and method == self.command:
                message = parsed(message, named.groupdict() | fields, body)
                return self.tell(workspace.credentials(message))
        if path.startswith("/api/2.0/mlflow/") and "unity-catalog" not in path or path.startswith("/api/3.0/mlflow/"):
            status, answer, kind = workspace.track(self.command, path, query, body, self.headers)
            return self.answer(status, answer, kind, [("x-databricks-org-id", NUMBER)])
        workspace.problems.append(f"an unknown call: {self.command} {path}")
        raise Refusal(404, "ENDPOINT_NOT_FOUND", path)

    def give_token(self, workspace, body):
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        form = dict(urllib.parse.parse_qsl(body.decode()))
        assert self.headers["Content-Type"] == "application/x-www-form-urlencoded", self.headers
        if self.headers["Authorization"] != f"Basic {basic}":
            return self.answer(401, b'{"error": "invalid_client", "error_description": "Client authentication failed"}')
        assert form == {"grant_type": "client_credentials", "scope": "all-apis"}, form
        token = secrets.token_hex(16)
        workspace.tokens.add(token)
        self.answer(200, json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 3600}).encode())

    def file(self, workspace, path, fields, body):
        workspace.files_api(self.command, path, fields)
        if self.command == "PUT":
            workspace.write(path, body)
            return self.answer(204)
        content = workspace.read(path)
        self.answer(200, content, "application/octet-stream")

    def folder(self, workspace, path):
        """What MLflow's client looks through before it gets a model's files."""
        folder = workspace.folder / path.lstrip("/")
        if not path.startswith("/Models/") or not folder.is_dir():
            raise Refusal(404, "NOT_FOUND", f"no such folder: {path}")
        entries = [
            {"path": f"{path}/{it.name}", "name": it.name, "is_directory": it.is_dir(), "file_size": it.stat().st_size}
            for it in folder.iterdir()
        ]
        self.answer(200, json.dumps({"contents": entries}).encode())


class Storage(Handler):
    """What is behind signed addresses. It must never learn who asks."""

    def respond(self, workspace, path, query, body):
        fields = dict(urllib.parse.parse_qsl(query))
        place = workspace.signed.get(fields.get("sig"))
        if "Authorization" in self.headers:
            workspace.problems.append(f"{self.command} a signed address with an Authorization header")
        if place is None:
            return self.answer(403, b"<Error><Code>AccessDenied</Code><Message>" + query.encode() + b"</Message></Error>")
        assert self.command == "GET" or self.headers["Content-Length"] is not None, "a length"
        if place["kind"] in ("ANY", "AWS_PRESIGNED_URL", "GCP_SIGNED_URL"):
            assert self.headers["x-signed-for"] == place["kind"], self.headers
        if self.command == "GET":
            return self.answer(200, workspace.read(place["path"]), "application/octet-stream")
        action = self.command, fields.get("resource"), fields.get("action"), fields.get("comp")
        match place["kind"], action:
            case ("ANY" | "AWS_PRESIGNED_URL" | "GCP_SIGNED_URL"), ("PUT", None, None, None):
                workspace.write(place["path"], body)
            case "AZURE_SAS_URI", ("PUT", None, None, None):
                assert self.headers["x-ms-blob-type"] == "BlockBlob", self.headers
                workspace.write(place["path"], body)
            case "AZURE_SAS_URI", ("PUT", None, None, "block"):
                place.setdefault("blocks", {})[fields["blockid"]] = body
            case "AZURE_SAS_URI", ("PUT", None, None, "blocklist"):
                order = re.findall(r"<Uncommitted>(.*?)</Uncommitted>", body.decode())
                workspace.write(place["path"], b"".join(place.get("blocks", {})[block] for block in order))
            case "AZURE_ADLS_GEN2_SAS_URI", ("PUT", "file", None, None):
                place["content"] = b""
            case "AZURE_ADLS_GEN2_SAS_URI", ("PATCH", None, "append", None):
                assert body and int(fields["position"]) == len(place["content"]), fields
                place["content"] += body
                if fields.get("flush") == "true":
                    workspace.write(place["path"], place["content"])
            case "AZURE_ADLS_GEN2_SAS_URI", ("PATCH", None, "flush", None):
                assert int(fields["position"]) == len(place["content"]) and not body, fields
                workspace.write(place["path"], place["content"])
            case other:
                raise AssertionError(f"an unknown way to write: {other}")
        place["used"] = True
        self.answer(201)


def start(handler, workspace):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.workspace = workspace
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
