#!/usr/bin/env python3
"""The MLflow model in this process: its bits beside the command line's, its errors, threads and copies."""

import logging
import pickle
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlflow.pyfunc
import numpy as np
from mlflow.exceptions import MlflowException
from support import (
    AS_OF, CLASSES, assert_same_bits, feature_table, native_answers, native_scores, nextbest, plain_table,
)


def main():
    # MLflow warns of columns that the model does not read.
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    model = mlflow.pyfunc.load_model("model")
    features(model)
    threads_and_copies(model.get_raw_model())
    offers(model.get_raw_model())
    plain_rows(mlflow.pyfunc.load_model("plain/model"))
    refused(model)
    out_of_date()
    folder()


def features(model):
    table, names = feature_table()
    assert model.metadata.signature.inputs.input_names() == names
    assert model.metadata.signature.outputs.input_names() == CLASSES
    table.index = [f"row {row}" for row in range(len(table))]
    # Columns in any order, and others beside them.
    answer = model.predict(table[table.columns[::-1]])
    assert list(answer.columns) == CLASSES and list(answer.index) == list(table.index)
    assert set(answer.dtypes) == {np.dtype("float64")}
    assert_same_bits(answer, native_scores(table[names]), "features in Python")
    doubles = table[names].astype("float64")
    assert_same_bits(model.predict(doubles), answer, "the same as doubles")
    # As JSON brings them: nothing known of a column.
    nothing = table[names].head(3).astype(object).where(table[names].head(3).notna(), None)
    assert_same_bits(model.predict(nothing), answer.head(3), "with None")
    assert model.predict(table.head(0)).shape == (0, len(CLASSES))


def threads_and_copies(model):
    table, _ = feature_table()
    expected = model.predict(table)
    with ThreadPoolExecutor(4) as pool:
        for answer in pool.map(model.predict, [table] * 8):
            assert answer.equals(expected)
    assert pickle.loads(pickle.dumps(model)).predict(table).equals(expected)


def offers(model):
    native, customers = native_answers()
    answers = model.recommend([one["customer"] for one in customers], AS_OF, explain=True)
    for one, answer in zip(customers, answers, strict=True):
        assert answer == native[one["id"]], (one["id"], answer)
    assert any(answer["offers"] and answer["offers"][0]["reasons"] for answer in answers)
    changed, _ = native_answers("--counterfactual")
    some = [one for one in customers if changed[one["id"]]["counterfactual"]][:10]
    assert some
    answers = model.recommend([one["customer"] for one in some], AS_OF, explain=True, counterfactual=True)
    assert answers == [changed[one["id"]] for one in some]
    print(f"offers in Python: {len(customers)} customers with the same answers")
    for customer, top, message in [
        ({"customer": {"DATEOFBIRTH": 3}}, 1, "customer.DATEOFBIRTH: expected a date"),
        ('{"customer": ', 1, "the request: "),
        ({"customer": {}}, -1, "the request: invalid value: integer `-1`"),
    ]:
        fails(lambda: model.recommend([customer], AS_OF, top=top), message)
    fails(lambda: model.recommend([customers[0]["customer"]], "soon"), 'asOf: expected a date such as "2024-05-03", got "soon"')


def plain_rows(model):
    table, native = plain_table()
    answer = model.predict(table)
    assert list(answer.columns) == list(native.columns)
    assert_same_bits(answer, native, "a plain table in Python")
    raw = model.get_raw_model()
    # Dates as dates and truth values as such; a word that the model has never seen is a missing one.
    dates = table.assign(SEEN=table["SEEN"].astype("datetime64[ns]"), CITY=table["CITY"].fillna("Nowhere"))
    assert raw.predict(dates).equals(answer)
    fails(lambda: raw.predict(table.assign(AGE="old")), 'row 0: AGE: expected a number, got "old"')
    fails(lambda: raw.predict(table.drop(columns=["AGE", "CITY"])), "columns that are not there: AGE, CITY")


def refused(model):
    table, names = feature_table()
    raw = model.get_raw_model()
    fails(lambda: raw.predict(table.drop(columns=names[3:5])), f"not there: {names[3]}, {names[4]}")
    fails(lambda: raw.predict(table.assign(age_years="old")), "column age_years: expected numbers")
    fails(lambda: raw.predict([[1.0]]), "expected a pandas DataFrame, got list")
    for wrong in [table.drop(columns=names[3]), table.assign(age_years="old")]:
        fails(lambda: model.predict(wrong), "", MlflowException)
    # What was refused leaves the model as it was.
    assert_same_bits(raw.predict(table.head(10)), native_scores(table[names].head(10)), "after errors")


def out_of_date():
    with tempfile.TemporaryDirectory() as folder:
        Path("expired.yaml").write_text("trust: {not_before: 2020-01-01, expires: 2020-02-01}\noutputs: {path: expired}\n")
        shutil.copytree("outputs/models", "expired/models", dirs_exist_ok=True)
        nextbest("export", "--quiet", "--config", "expired.yaml", "--pyfunc", f"{folder}/model")
        fails(lambda: mlflow.pyfunc.load_model(f"{folder}/model"), "bundle: expired on 2020-02-01: fetch a newer one")


def folder():
    """Written again, it has the same bytes; and what it needs is what is tested here."""
    files = {path: path.read_bytes() for path in Path("model").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    nextbest("export", "--quiet", "--bundle", "outputs/bundle/nextbest.bundle", "--pyfunc", "model")
    assert {path: path.read_bytes() for path in Path("model").rglob("*") if path.is_file()} == files
    tested = Path(__file__).parent.with_name("requirements.txt").read_text().splitlines()
    assert set(Path("model/requirements.txt").read_text().splitlines()) <= set(tested)


def fails(call, message, kind=ValueError):
    try:
        call()
    except kind as error:
        assert message in str(error), error
    else:
        raise AssertionError(f"no error: {message}")


main()
