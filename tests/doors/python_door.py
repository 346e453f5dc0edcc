"""What the MLflow model's loader says of each case: `python_door.py MODEL`, cases in, answers out."""

import datetime
import importlib.util
import json
import sys

import pandas as pd


def value(cell):
    ((kind, said),) = cell.items()
    match kind:
        case "int":
            return int(said)
        case "float":
            return float(said)
        case "instant":
            return datetime.datetime.fromisoformat(said)
        case "list":
            return [1]
        case "object":
            return {"a": 1}
    return said


def load(folder):
    spec = importlib.util.spec_from_file_location("nextbest_pyfunc", f"{folder}/code/nextbest_pyfunc.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, module._load_pyfunc(f"{folder}/data")


def of_rows(folder, cases):
    module, model = load(folder)
    names = [column["name"] for column in model.about["columns"]]
    answers = []
    for case in cases:
        row = {name: value(case["row"].get(name, {"null": None})) for name in names}
        frame = pd.DataFrame({name: pd.Series([cell], dtype=object) for name, cell in row.items()})
        answers.append(said(module, lambda: model.predict(frame).iloc[0].to_dict()))
    return answers


def of_customers(folder, cases, as_of, to_json):
    """Each customer as the JSON text that the command line reads, and as a dict where Python's own values say the same."""
    module, model = load(folder)
    answers = []
    for case in cases:
        options = {name: value(cell) for name, cell in case["options"].items()}
        moment = options.pop("asOf", as_of)
        if isinstance(moment, datetime.datetime):
            moment = moment.isoformat()
        text = to_json(case["customer"])
        answers.append(said(module, lambda: json.loads(model.recommend([text], moment, **options)[0])))
    return answers


def said(module, ask):
    try:
        return {"answer": ask()}
    except module.NextbestError as error:
        return {"code": error.code, "message": str(error)}
