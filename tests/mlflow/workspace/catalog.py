"""The registry of Unity Catalog, behind MLflow's own messages; its state is in an MLflow registry store."""

import re
import secrets

from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
from mlflow.protos import databricks_uc_registry_messages_pb2 as catalog_pb2
from mlflow.protos.databricks_uc_registry_service_pb2 import UcModelRegistryService
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

from .messages import Refusal, calls_of

CALLS = calls_of(UcModelRegistryService)


class Catalog:
    def __init__(self, folder):
        self.folder = folder
        self.registry = SqlAlchemyStore(f"sqlite:///{folder}/catalog.db")
        self.sources = {}
        self.unfinished = set()
        self.linked = None
        self.cloud_key = secrets.token_hex(16)
        # What can be switched.
        self.models_by_files_api = True
        self.storage_mode = "DEFAULT_STORAGE"

    def answer(self, message):
        """What Unity Catalog answers a message of MLflow's."""
        kind = type(message).__name__.removesuffix("Request")
        answer = getattr(catalog_pb2, f"{kind}Response")()
        if hasattr(message, "name") and len(message.name.split(".")) != 3:
            raise Refusal(400, "INVALID_PARAMETER_VALUE", "specify all three levels: catalog.schema.model")
        store, name = self.registry, getattr(message, "name", "")
        for tag in getattr(message, "tags", []):
            self.check_tag(tag.key, tag.value)
        match kind:
            case "CreateRegisteredModel":
                tags = [RegisteredModelTag(tag.key, tag.value) for tag in message.tags]
                store.create_registered_model(name, tags, message.description)
                self.fill_model(answer.registered_model, name)
            case "GetRegisteredModel":
                self.fill_model(answer.registered_model, name)
            case "CreateModelVersion":
                if not re.fullmatch(r"models:/m-[0-9a-f]{32}", message.source) or not message.source.endswith(message.model_id):
                    raise Refusal(400, "INVALID_PARAMETER_VALUE", f"a source of another kind: {message.source}")
                tags = [ModelVersionTag(tag.key, tag.value) for tag in message.tags]
                # The store would look the model up where this process tracks, which is here.
                made = store.create_model_version(
                    name, "dbfs:/elsewhere", message.run_id or None, tags, None, message.description
                )
                self.sources[name, str(made.version)] = message.source
                self.unfinished.add((name, str(made.version)))
                self.linked = message.run_tracking_server_id
                self.fill_version(answer.model_version, made)
            case "FinalizeModelVersion":
                assert (self.folder / f"Models/{name.replace('.', '/')}/{message.version}/MLmodel").is_file()
                self.unfinished.remove((name, message.version))
                self.fill_version(answer.model_version, store.get_model_version(name, message.version))
            case "GetModelVersion":
                self.fill_version(answer.model_version, store.get_model_version(name, message.version))
            case "GetModelVersionByAlias":
                found = store.get_model_version_by_alias(name, message.alias)
                self.fill_version(answer.model_version, found)
            case "SearchModelVersions":
                # Two at a time, so that pages are turned; without tags and aliases, as MLflow says that they come.
                found = store.search_model_versions(message.filter, 2, page_token=message.page_token or None)
                for version in found:
                    self.fill_version(answer.model_versions.add(), version)
                    answer.model_versions[-1].ClearField("tags")
                    answer.model_versions[-1].ClearField("aliases")
                answer.next_page_token = found.token or ""
            case "SetRegisteredModelAlias":
                store.set_registered_model_alias(name, message.alias, message.version)
            case "SetModelVersionTag":
                self.check_tag(message.key, message.value)
                store.set_model_version_tag(name, message.version, ModelVersionTag(message.key, message.value))
            case "GetModelVersionDownloadUri":
                answer.artifact_uri = f"dbfs:/nowhere/{name}/{message.version}"
            case "GenerateTemporaryModelVersionCredentials":
                writes = message.operation == catalog_pb2.MODEL_VERSION_OPERATION_READ_WRITE
                assert writes == ((name, message.version) in self.unfinished), message
                answer.credentials.storage_mode = catalog_pb2.StorageMode.Value(self.storage_mode)
                answer.credentials.aws_temp_credentials.secret_access_key = self.cloud_key
                answer.credentials.expiration_time = 1800000000000
            case "IsDatabricksSdkModelsArtifactRepositoryEnabled":
                answer.is_databricks_sdk_models_artifact_repository_enabled = self.models_by_files_api
            case "EmitModelVersionLineage":
                pass
            case _:
                raise Refusal(501, "NOT_IMPLEMENTED", kind)
        return answer

    def check_tag(self, key, value):
        if not key or re.search(r"[.,\-=/:]|^\s|\s$", key) or len(key) > 255 or len(value) > 1000:
            raise Refusal(400, "INVALID_PARAMETER_VALUE", f"no such tag: {key!r}")

    def fill_model(self, message, name):
        model = self.registry.get_registered_model(name)
        message.name, message.description = model.name, model.description or ""
        message.creation_timestamp = model.creation_timestamp
        for alias, version in model.aliases.items():
            message.aliases.add(alias=alias, version=str(version))

    def fill_version(self, message, version):
        unfinished = (version.name, str(version.version)) in self.unfinished
        message.name, message.version = version.name, str(version.version)
        message.creation_timestamp = version.creation_timestamp
        message.description, message.source = version.description or "", self.sources[version.name, message.version]
        message.run_id = version.run_id or ""
        message.status = catalog_pb2.PENDING_REGISTRATION if unfinished else catalog_pb2.READY
        for key, value in version.tags.items():
            message.tags.add(key=key, value=value)
        for alias in version.aliases:
            message.aliases.add(alias=alias, version=str(version.version))
