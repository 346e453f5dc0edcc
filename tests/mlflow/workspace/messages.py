"""Requests and answers as MLflow's own messages have them."""

import json

from google.protobuf import json_format
from mlflow.utils.rest_utils import _REST_API_PATH_PREFIX, extract_api_info_for_service


class Refusal(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def calls_of(service):
    """The messages of a service, by method and path, as MLflow's client calls them."""
    info = extract_api_info_for_service(service, _REST_API_PATH_PREFIX)
    return {(method, path): message for message, (path, method) in info.items()}


def parsed(message_type, fields, body):
    """A request as MLflow's own message, which has no room for anything else."""
    given = dict(fields)
    if body:
        given |= json.loads(body)
    return json_format.ParseDict(given, message_type(), ignore_unknown_fields=False)


def serialised(answer, whole_numbers_are_texts):
    """An answer as JSON. Protobuf writes whole numbers as texts; a workspace writes numbers."""
    found = json_format.MessageToDict(answer, preserving_proto_field_name=True)
    if not whole_numbers_are_texts:
        names = {"creation_timestamp", "last_updated_timestamp", "expiration_time"}
        found = json.loads(
            json.dumps(found),
            object_hook=lambda it: {key: int(value) if key in names else value for key, value in it.items()},
        )
    return json.dumps(found).encode()
