#!/usr/bin/env python3
"""Spark scores a million rows, a plain table and a bank's raw events with the examples' jobs and the command line's bits."""

import json
import sys
import time
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pandas as pd
from pyspark.sql import SparkSession, functions
from support import (
    AS_OF, CLASSES, assert_same_bits, feature_table, native_answers, native_scores, plain_table,
)

sys.path.append(str(Path(__file__).resolve().parents[2] / "examples/spark"))
import offers
import score

ROWS = 1_000_000


def main():
    session()
    million_rows()
    plain_rows()
    columns_of_any_kind()
    raw_events()


def million_rows():
    table, names = feature_table()
    native = native_scores(table[names])
    # Every row many times, each time as another customer.
    copies = [table.assign(CUSTOMERID=table["CUSTOMERID"] + f"-{copy:03}") for copy in range(-(-ROWS // len(table)))]
    pd.concat(copies).head(ROWS).to_parquet("million.parquet", row_group_size=100_000)
    seconds = timed(score, "--model", "model", "--features", "million.parquet", "--out", "predictions")
    cutoffs = sorted(table["CUTOFF"].astype(str).unique())
    assert sorted(path.name for path in Path("predictions").glob("CUTOFF=*")) == [f"CUTOFF={day}" for day in cutoffs]
    written = pd.read_parquet("predictions")
    assert len(written) == ROWS
    # Which row of the table each is a copy of.
    place = pd.Series(np.arange(len(table)), index=table["CUSTOMERID"] + " " + table["CUTOFF"].astype(str))
    rows = place[written["CUSTOMERID"].str[:-4] + " " + written["CUTOFF"].astype(str)].to_numpy()
    assert written[["CUSTOMERID", "CUTOFF"]].drop_duplicates().shape[0] == ROWS
    probabilities = written[[f"PROBABILITY_{name}" for name in CLASSES]]
    assert_same_bits(probabilities, native[rows], "features in Spark")
    predicted = np.array(CLASSES)[probabilities.to_numpy().argmax(axis=1)]
    assert (written["PREDICTED"] == predicted).all()
    print(f"  in {seconds:.1f} s")


def plain_rows():
    table, native = plain_table()
    table.drop(columns="OUTCOME").to_parquet("plain/table.parquet")
    timed(score, "--model", "plain/model", "--features", "plain/table.parquet", "--out", "plain/predictions",
           "--key", "CONTRACT", "--cutoff", "SEEN")
    written = pd.read_parquet("plain/predictions").sort_values("CONTRACT")
    assert list(written["CONTRACT"]) == list(table["CONTRACT"])
    assert_same_bits(written[[f"PROBABILITY_{name}" for name in native]], native, "a plain table in Spark")


def columns_of_any_kind():
    """Whole numbers, decimals and moments, through MLflow's own `spark_udf`: by name, and in the order of the signature."""
    spark = SparkSession.builder.getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    table, native = plain_table()
    names = mlflow.pyfunc.load_model("plain/model").metadata.signature.inputs.input_names()
    frame = spark.createDataFrame(table.astype(object).where(table.notna(), None), schema=", ".join(
        f"{name} {'double' if table[name].dtype.kind == 'f' else 'bigint' if table[name].dtype.kind == 'i' else 'string'}"
        for name in table
    ))
    score = mlflow.pyfunc.spark_udf(spark, "plain/model", env_manager="local")
    whole = {name for name in names if table[name].dtype.kind == "f" and (table[name].dropna() % 1 == 0).all()}
    for what, change in [
        ("as they are", {}),
        ("moments", {"SEEN": "timestamp"}),
        ("dates", {"SEEN": "date"}),
        *((f"{kind}s", dict.fromkeys(whole, kind)) for kind in ("int", "bigint", "decimal(12,0)", "float")),
    ]:
        assert what == "as they are" or change, what
        changed = frame.select(*(frame[name].cast(change[name]).alias(name) if name in change else frame[name] for name in names))
        for arguments in [[functions.struct(*names)], names]:
            found = changed.select(score(*arguments).alias("scores")).select("scores.*").toPandas()
            assert_same_bits(found[list(native)], native, f"spark_udf: {what}")


def raw_events():
    seconds = timed(offers, "--model", "model", "--tables", "data/raw", "--as-of", AS_OF, "--out", "offers", "--explain")
    answers = pd.read_parquet("offers").set_index("CUSTOMERID")["ANSWER"]
    latest = feature_table()[0]["CUSTOMERID"].nunique()
    assert answers.index.is_unique and len(answers) >= latest, (len(answers), latest)
    native, customers = native_answers()
    for customer in customers:
        # The bank's tables have columns that no model reads, which an answer tells.
        answer, expected = ({**it, "ignored": []} for it in (json.loads(answers[customer["id"]]), native[customer["id"]]))
        assert answer == expected, f"{customer['id']}: {[key for key in expected if answer.get(key) != expected[key]]}: {answer} {expected}"
    print(f"raw events in Spark: {len(answers)} customers, the answers of {len(customers)} compared")
    print(f"  in {seconds:.1f} s")


def session():
    """What is the cluster's business: here two threads of this machine, and nothing that others can reach. The jobs find it."""
    builder = SparkSession.builder.master("local[2]")
    settings = {
        "driver.host": "127.0.0.1", "driver.bindAddress": "127.0.0.1", "driver.memory": "2g", "sql.shuffle.partitions": "4",
        "ui.enabled": "false", "ui.showConsoleProgress": "false",
    }
    for name, value in settings.items():
        builder = builder.config(f"spark.{name}", value)
    builder.getOrCreate().sparkContext.setLogLevel("ERROR")


def timed(job, *words):
    started = time.monotonic()
    job.main([*words])
    return time.monotonic() - started


main()
