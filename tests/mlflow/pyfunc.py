#!/usr/bin/env python3
"""The MLflow model in this process: its bits beside the command line's, its errors, threads and copies."""

import datetime
import logging
import pickle
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pandas as pd
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
    columns_of_any_kind(model, mlflow.pyfunc.load_model("plain/model"))
    what_is_no_value()
    one_clock()
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
        ('{"customer": ', 1, "the JSON: expected "),
        ({"customer": {}}, -1, "top: expected an integer from 1, got -1"),
    ]:
        fails(lambda: model.recommend([customer], AS_OF, top=top), message)
    fails(lambda: model.recommend([customers[0]["customer"]], AS_OF, tops=1), 'unknown option "tops"; the options are asOf, top, ')
    typed = {"customer": {"CUSTOMERESTABLISHEDDATE": pd.Timestamp("2020-02-03"), "DATEOFBIRTH": datetime.date(1990, 5, 1)}, "accounts": [
        {"ORIGINATIONDATE": np.datetime64("2021-01-01"), "PRINCIPALAMOUNT": np.int64(1200), "INTERESTRATE": Decimal("0.5"), "CLOSEDDATE": pd.NaT}]}
    plain = {"customer": {"CUSTOMERESTABLISHEDDATE": "2020-02-03", "DATEOFBIRTH": "1990-05-01"}, "accounts": [
        {"ORIGINATIONDATE": "2021-01-01", "PRINCIPALAMOUNT": 1200, "INTERESTRATE": 0.5}]}
    assert model.recommend([typed], AS_OF) == model.recommend([plain], AS_OF)
    moment = pd.Timestamp(AS_OF)
    for as_of in [moment, moment.to_pydatetime(), moment.date(), moment.tz_localize("UTC").tz_convert("Asia/Tokyo")]:
        assert model.recommend([typed], as_of) == model.recommend([plain], AS_OF), as_of
    fails(lambda: model.recommend([{"customer": {}, "accounts": [{"PRINCIPALAMOUNT": float("inf")}]}], AS_OF), "got Infinity")
    fails(lambda: model.recommend([{"customer": {"CITY": object()}}], AS_OF), "row 0: a customer's cell: expected")
    fails(lambda: model.recommend([customers[0]["customer"]], "soon"), 'asOf: expected a date such as "2024-05-03" or "2024-05-03 12:30:00", got "soon"')


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


def columns_of_any_kind(features, plain):
    """What pandas makes of a column depends on where it comes from and what is missing in it; the answer does not."""
    table, names = feature_table()
    rows = table[names].head(200)
    expected = native_scores(rows)
    whole = [name for name in names if (rows[name].dropna() % 1 == 0).all()]
    known = [name for name in whole if rows[name].notna().all() and rows[name].between(0, 100).all()]
    assert len(known) > 3 and any(rows[name].isna().any() for name in whole)
    kinds = {
        **{kind: dict.fromkeys(known, kind) for kind in ["int64", "int32", "int16", "uint8", "int64[pyarrow]"]},
        **{kind: dict.fromkeys(whole, kind) for kind in ["Int64", "Int32", "Float64", "object", "category", "double[pyarrow]"]},
    }
    for kind, columns in kinds.items():
        assert_same_bits(features.predict(rows.astype(columns)), expected, f"features as {kind}")
    decimals = rows.astype({name: object for name in whole})
    for name in whole:
        decimals[name] = [Decimal(str(value)) if value == value else None for value in rows[name]]
    assert_same_bits(features.predict(decimals), expected, "features as Decimal")
    rows.to_csv("features.csv", index=False)
    assert_same_bits(features.predict(pd.read_csv("features.csv")), expected, "features as read_csv reads them")

    table, native = plain_table()
    numbers = [name for name in ("AGE",) if (table[name].dropna() % 1 == 0).all()]
    assert numbers and table["CITY"].isna().any() and table["SEEN"].notna().all()
    naive = pd.to_datetime(table["SEEN"])
    for what, changed in {
        "Int64": table.astype(dict.fromkeys(numbers, "Int64")),
        "Float64": table.astype(dict.fromkeys(numbers, "Float64")),
        "Decimal": table.assign(**{name: [None if value != value else Decimal(str(value)) for value in table[name]] for name in numbers}),
        "string": table.astype({"CITY": "string", "SEEN": "string"}),
        "pyarrow": table.convert_dtypes(dtype_backend="pyarrow"),
        "category": table.astype({"CITY": "category", "SEEN": "category"}),
        "None": table.astype(object).where(table.notna(), None),
        "datetime64[ns]": table.assign(SEEN=naive),
        "datetime64[s]": table.assign(SEEN=naive.astype("datetime64[s]")),
        "dates": table.assign(SEEN=naive.dt.date),
        "datetimes": table.assign(SEEN=pd.Series([moment.to_pydatetime() for moment in naive], dtype=object)),
        "pandas 3's strings": as_pandas_3(table),
    }.items():
        assert_same_bits(plain.predict(changed), native, f"a plain table as {what}")


def one_clock():
    """A bank in Prague: the same moments, with zones of all kinds and without, in files and in frames."""
    Path("clock").mkdir()
    Path("clock/config.yaml").write_text("data_source: {time_zone: Europe/Prague}\nmodel: {selection: {budget: 0}}\n")
    seen = pd.Series(pd.date_range("2025-01-07 12:00", periods=360, freq="31h"))
    hours = pd.Series(range(360)) % 24 + 1
    table = pd.DataFrame({"SEEN": seen, "SIGNED": seen - pd.to_timedelta(hours, unit="h"), "Y": (hours % 4 < 2).map({True: "a", False: "b"})})
    table.to_parquet("clock/t.parquet")
    train = ["train", "--quiet", "--table", "t.parquet", "--target", "Y", "--time", "SEEN", "--algorithm", "random_forest"]
    nextbest(*train, folder="clock")
    nextbest("export", "--quiet", "--bundle", "clock/outputs/bundle/nextbest.bundle", "--pyfunc", "clock/model")
    model = mlflow.pyfunc.load_model("clock/model")

    local = table[["SEEN", "SIGNED"]]
    # Not within the hours that the clock leaves out or has twice.
    local = local[~(local.stack().dt.hour == 2).groupby(level=0).any()].reset_index(drop=True)
    zoned = local.apply(lambda column: column.dt.tz_localize("Europe/Prague"))
    expected = model.predict(local)

    def in_files(frame, **how):
        answers = []
        for name in ["ask.csv", "ask.parquet"]:
            frame.to_parquet(f"clock/{name}", **how) if name.endswith("t") else frame.to_csv(f"clock/{name}", index=False)
            nextbest("score", "--quiet", "--table", name, "--out", "scores.parquet", folder="clock")
            answers.append(pd.read_parquet("clock/scores.parquet").iloc[:, 2:].set_axis(expected.columns, axis=1))
        return answers

    far = zoned.apply(lambda column: column.dt.tz_convert("America/New_York"))
    for what, frame in {
        "times without a zone": local,
        "times of Prague": zoned,
        "times of New York": far,
        "UTC": zoned.apply(lambda column: column.dt.tz_convert("UTC")),
        "microseconds": far.astype("datetime64[us, America/New_York]"),
        "pyarrow": far.astype("timestamp[us, tz=Asia/Kolkata][pyarrow]"),
        "texts": far.apply(lambda column: column.dt.strftime("%Y-%m-%d %H:%M:%S%z")),
        "one column": far.assign(SEEN=local["SEEN"]),
        "objects": far.apply(lambda column: pd.Series([moment.to_pydatetime() for moment in column], dtype=object)),
    }.items():
        assert_same_bits(model.predict(frame), expected, f"{what}, in Python")
        if what != "objects":
            for answer in in_files(frame):
                assert_same_bits(answer, expected, f"{what}, in a file")
    for answer in in_files(zoned, use_deprecated_int96_timestamps=True):
        assert_same_bits(answer, expected, "INT96")
    both = far["SIGNED"].astype(object).where(far.index % 2 == 0, local["SIGNED"].astype(object))
    assert_same_bits(model.predict(far.assign(SIGNED=both)), expected, "with a zone and without")
    wall = far.apply(lambda column: column.dt.tz_localize(None)).assign(SEEN=local["SEEN"])
    assert not model.predict(wall).equals(expected)


def as_pandas_3(table):
    """As pandas 3 reads it: texts are of a type of their own, with NaN where they are missing."""
    with pd.option_context("future.infer_string", True):
        read = pd.DataFrame({name: table[name].tolist() for name in table})
    assert read["CITY"].dtype == "str"
    return read


def what_is_no_value():
    """Words that pandas takes for truth values and long whole numbers, beside the command line."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [(2**60 + row % 3, row % 2 == 0, row % 5, "ab"[row % 3 > 0]) for row in range(300)]
        table = pd.DataFrame(rows, columns=["BRANCH", "OPEN", "N", "OUTCOME"])
        # A branch is a word, whatever it looks like: one of them is.
        table["BRANCH"] = table["BRANCH"].astype(object)
        table.loc[table.index % 4 == 3, "BRANCH"] = "north"
        table.to_csv(f"{folder}/t.csv", index=False)
        nextbest("train", "--quiet", "--budget", "0", "--algorithm", "random_forest", "--table", "t.csv", "--target", "OUTCOME", folder=folder)
        nextbest("export", "--quiet", "--bundle", f"{folder}/outputs/bundle/nextbest.bundle", "--pyfunc", f"{folder}/model")
        nextbest("score", "--quiet", "--table", "t.csv", "--out", "s.csv", folder=folder)
        native = pd.read_csv(f"{folder}/s.csv", dtype=np.float32, usecols=lambda name: name.startswith("PROBABILITY_"))
        model = mlflow.pyfunc.load_model(f"{folder}/model")
        read = pd.read_csv(f"{folder}/t.csv")
        assert read["OPEN"].dtype == bool
        for what, frame in {
            "as read": read,
            "whole numbers": table,
            "boolean": table.astype({"OPEN": "boolean"}),
            "words": table.astype({"OPEN": str}),
        }.items():
            assert_same_bits(model.predict(frame), native, f"words that look otherwise, {what}")
        for value in [float("inf"), float("-inf"), Decimal("Infinity")]:
            odd = table.astype({"N": object})
            odd.loc[5, "N"] = value
            fails(lambda: model.predict(odd), "row 5: N: expected a finite number, got ")
        fails(lambda: model.predict(table.assign(N=[[1]] * 300)), "row 0: N: expected a number, a text, a truth value or a time, got [1] (list)")


def refused(model):
    table, names = feature_table()
    raw = model.get_raw_model()
    fails(lambda: raw.predict(table.drop(columns=names[3:5])), f"not there: {names[3]}, {names[4]}")
    fails(lambda: raw.predict(table.assign(age_years="old")), "row 0: age_years: expected a number, got 'old'")
    fails(lambda: raw.predict([[1.0]]), "expected a pandas DataFrame, got list")
    for column, value in [("age_years", float("inf")), (names[-1], -1e300)]:
        odd = table.astype({column: "float64"})
        odd.loc[odd.index[7], column] = value
        for frame in [odd, odd.astype(object)]:
            fails(lambda: raw.predict(frame), f"row 7: {column}: expected a finite number")
    fails(lambda: raw.predict(pd.concat([table, table[names[:1]]], axis=1)), f"column {names[0]} is there twice")
    fails(lambda: model.predict(table.drop(columns=names[3])), names[3], MlflowException)
    fails(lambda: model.predict(table.assign(age_years="old")), "expected a number, got 'old'")
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
