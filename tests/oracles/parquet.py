#!/usr/bin/env python3
"""Has pyarrow write each kind of value as Parquet, in every way that it knows, and writes the same as CSV.

    make test-oracles    # runs it; or, with requirements.txt installed:
    python3 tests/oracles/parquet.py target/debug/nextbest-under-test

A test of the command's own readers (`parquet_files_of_others_hold_what_their_csv_files_hold`) compares the files cell by
cell. Then the command itself: what it makes of an index of pandas, of nested columns, and of files that are not whole.
"""

import csv
import datetime
import decimal
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

ROOT = Path(__file__).resolve().parents[2]
RANDOM = random.Random(7)
EPOCH = datetime.datetime(1970, 1, 1)


class Files:
    """The files, and what their column `v` is to be read as: as "number", "date" or "word"; or what error that makes."""

    def __init__(self, folder):
        self.folder, self.listed = folder, []

    def add(self, name, values, texts, *becomes, others=None, **options):
        """Writes an array as Parquet, and its texts as CSV."""
        rows = pa.array(range(len(values)), pa.int32())
        table = pa.table({"v": values, "n": rows, **(others or {})})
        pq.write_table(table, self.folder / f"{name}.parquet", **options)
        self.list(name, texts, *becomes)

    def list(self, name, texts, *becomes):
        with open(self.folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["v", "n"], *([text, row] for row, text in enumerate(texts))])
        for kind in becomes:
            kind, error = kind if isinstance(kind, tuple) else (kind, None)
            self.listed.append({"name": name, "column": "v", "kind": kind, "error": error})


def main():
    program = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        files = Files(Path(folder))
        for kind in [numbers, decimals, words, times, refused, broken]:
            kind(files)
        (Path(folder) / "files.json").write_text(json.dumps(files.listed))
        names = len({it["name"] for it in files.listed})
        test = ["cargo", "test", "--quiet", "-p", "nextbest", "--lib", "parquet_files_of_others", "--", "--ignored"]
        done = subprocess.run(
            test, cwd=ROOT, env=os.environ | {"NEXTBEST_FOREIGN_FILES": folder}, capture_output=True, text=True
        )
        assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
        print(f"{names} files of pyarrow's hold what their CSV files hold, or are refused with the column's name")
    with tempfile.TemporaryDirectory() as folder:
        the_command(program, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        a_bank(program, Path(folder))


def text(value):
    return "" if value is None else str(value)


def with_gaps(values):
    """Some of the values, in any order and often the same, and some missing."""
    return [*values, *(RANDOM.choice([*values, None]) for _ in range(400))]


def numbers(files):
    for bits in [8, 16, 32, 64]:
        for sign, low, high in [("int", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1), ("uint", 0, 2**bits - 1)]:
            near = [2**53 + 1, 2**53 - 1, 2**63, 2**63 - 1, 1, 0, -1, high // 2, high // 2 + 1, high - 1]
            edges = [low, high, *(value for value in near if low <= value <= high)]
            edges += [RANDOM.randint(low, high) for _ in range(50)]
            values = with_gaps(edges)
            for way, options in integer_ways():
                array = pa.array(values, getattr(pa, f"{sign}{bits}")())
                # Whole numbers keep their digits as words.
                files.add(f"{sign}{bits}-{way}", array, map(text, values), "number", "word", **options)
    array = pa.array(values, pa.uint64()).dictionary_encode()
    files.add("uint64-arrow-dictionary", array, map(text, values), "number", "word")
    files.add("uint32-version-1", pa.array([2**32 - 1, 5], pa.uint32()), ["4294967295", "5"], "number", version="1.0")

    half = np.arange(2**16, dtype=np.uint16).view(np.float16)
    # Of 0.015625, whose digits are these, numpy writes 0.01563.
    half = half[np.isfinite(half) & (np.abs(half) != 0.015625)]
    files.add("float16", pa.array(half, pa.float16()), map(str, half), "number")
    single = np.array([RANDOM.getrandbits(32) for _ in range(20000)], dtype=np.uint32).view(np.float32)
    single = np.concatenate([single[np.isfinite(single)], np.float32([0.1, 1000.1, -0.0, 16777217, 1e-45])])
    double = np.array([RANDOM.getrandbits(64) for _ in range(20000)], dtype=np.uint64).view(np.float64)
    double = np.concatenate([double[np.isfinite(double)], [0.1, -0.0, 5e-324, 2.0**53, 1e22, 1e23]])
    for bits, values in [(32, single), (64, double)]:
        for way, options in [
            ("dictionary", {}),
            ("plain", {"use_dictionary": False, "data_page_version": "2.0"}),
            ("split", {"use_dictionary": False, "column_encoding": {"v": "BYTE_STREAM_SPLIT", "n": "PLAIN"}}),
        ]:
            files.add(f"float{bits}-{way}", pa.array(values), map(str, values), "number", **options)
    files.add("nan", pa.array([1.5, float("nan"), None]), ["1.5", "NaN", ""], "number")
    files.add("infinite", pa.array([1.5, float("inf")]), ["1.5", "2"], ("number", "infinite.parquet: row 2: column v: inf"))
    files.add("null", pa.nulls(3), ["", "", ""], "number", "date", "word")
    files.add("bool8", pa.array([1, 0, None], pa.int8()).cast(pa.int8()), ["1", "0", ""], "number")


def integer_ways():
    yield "dictionary", {}
    yield "plain", {"use_dictionary": False}
    yield "groups", {"row_group_size": 7, "data_page_version": "2.0", "compression": "zstd"}
    delta = {"v": "DELTA_BINARY_PACKED", "n": "PLAIN"}
    yield "delta", {"use_dictionary": False, "column_encoding": delta, "compression": "none"}


def decimals(files):
    def digits(value):
        if value is None:
            return ""
        written = f"{value:f}"
        return written.rstrip("0").rstrip(".") if "." in written else written

    for precision, scale in [(1, 0), (9, 2), (9, 9), (18, 2), (18, 0), (19, 4), (38, 0), (38, 10), (38, 38)]:
        unscaled = [0, 1, -1, 10**precision - 1, 1 - 10**precision]
        unscaled += [RANDOM.randint(-(10**precision) + 1, 10**precision - 1) for _ in range(100)]
        unscaled += [RANDOM.randint(-100, 100) % 10**precision for _ in range(20)]
        context = decimal.Context(prec=40)
        values = with_gaps([context.scaleb(decimal.Decimal(number), -scale) for number in unscaled])
        array = pa.array(values, pa.decimal128(precision, scale))
        as_integer = [False, True] if precision <= 18 else [False]
        for integer in as_integer:
            name = f"decimal{precision}-{scale}-{'integer' if integer else 'fixed'}"
            options = {"store_decimal_as_integer": integer, "use_dictionary": integer, "row_group_size": 100}
            files.add(name, array, map(digits, values), "number", "word", **options)
    one = decimal.Decimal(1)
    files.add("decimal256", pa.array([one], pa.decimal256(38, 2)), ["1"], "number")
    files.add("decimal39", pa.array([one], pa.decimal256(39, 2)), ["1"], ("number", "column v holds decimal numbers of 39 digits"))


def words(files):
    some = ["Bern", "Zürich", " padded ", "NA", "", "0123", "x" * 3000, "Ω\U0001f600", "true"]
    values = with_gaps(some)
    plain = {"use_dictionary": False}
    for way, array, options in [
        ("string", pa.array(values), {}),
        ("large", pa.array(values, pa.large_string()), plain),
        ("view", pa.array(values, pa.string_view()), {}),
        ("category", pa.array(values).dictionary_encode(), {"row_group_size": 11}),
        ("binary", pa.array([value and value.encode() for value in values], pa.binary()), {}),
        ("delta", pa.array(values), plain | {"column_encoding": {"v": "DELTA_BYTE_ARRAY", "n": "PLAIN"}}),
        ("lengths", pa.array(values), plain | {"column_encoding": {"v": "DELTA_LENGTH_BYTE_ARRAY", "n": "PLAIN"}}),
        ("pages", pa.array(values), {"data_page_version": "2.0", "data_page_size": 100, "write_page_checksum": True}),
    ]:
        files.add(f"text-{way}", array, map(text, values), "word", **options)
    for compression in ["none", "snappy", "gzip", "brotli", "lz4", "zstd"]:
        files.add(f"text-{compression}", pa.array(values), map(text, values), "word", compression=compression)
    truths = with_gaps([True, False])
    files.add("bool", pa.array(truths), [text(value).lower() for value in truths], "word")
    files.add("bool-v2", pa.array(truths), [text(it).lower() for it in truths], "word", data_page_version="2.0")
    ids = [uuid.UUID(int=RANDOM.getrandbits(128)) for _ in range(20)] + [uuid.UUID(int=0), None]
    array = pa.array([it and it.bytes for it in ids], pa.binary(16))
    files.add("uuid", pa.ExtensionArray.from_storage(pa.uuid(), array), map(text, ids), "word")
    documents = ['{"a": 1}', None, "[]"]
    array = pa.ExtensionArray.from_storage(pa.json_(), pa.array(documents))
    files.add("json", array, map(text, documents), "word")
    not_text = pa.array([b"Bern", b"Z\xfcrich"], pa.binary())
    files.add("latin-1", not_text, ["Bern", "Z"], ("word", "latin-1.parquet: row 2: column v: is not UTF-8"))
    dates = ["2024-02-29", None, "1999-12-31 23:59:59"]
    files.add("dates-as-text", pa.array(dates), map(text, dates), "date")


def times(files):
    days = [-719162, -1, 0, 1, 19782, 2932896, *(RANDOM.randint(-700000, 2900000) for _ in range(100))]
    written = [text(EPOCH.date() + datetime.timedelta(days=day)) for day in days]
    files.add("date32", pa.array(days, pa.int32()).cast(pa.date32()), written, "date", "word")
    milliseconds = pa.array([day * 86_400_000 for day in days], pa.int64())
    files.add("date64", milliseconds.cast(pa.date64()), written, "date")
    for unit, parts in [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)]:
        end = 2**63 // parts if unit == "ns" else 253402300800
        start = -end if unit == "ns" else -62135596800
        ticks = [0, -1, 1, parts, -parts, -parts - 1, parts // 2, -parts // 2 - 1, (end - 1) * parts, (start + 1) * parts]
        ticks = with_gaps(ticks + [RANDOM.randint(start * parts, end * parts - 1) for _ in range(100)])
        if unit == "ns":
            ticks.append(-(2**63) + 1)
        second = [None if tick is None else EPOCH + datetime.timedelta(seconds=tick // parts) for tick in ticks]
        # The fraction of a second is cut off in a text, too.
        fraction = [None if tick is None else tick % parts for tick in ticks]
        digits = len(str(parts)) - 1
        written = [
            "" if moment is None else f"{moment}" + (f".{rest:0{digits}}" if digits else "")
            for moment, rest in zip(second, fraction)
        ]
        for zone in [None, "UTC"]:
            array = pa.array(ticks, pa.int64()).cast(pa.timestamp(unit, zone))
            for way, options in integer_ways():
                files.add(f"timestamp-{unit}-{zone}-{way}", array, written, "date", **options)
        if unit in ["us", "ns"]:
            near = [tick if tick is None else tick % (2**62 // 10**9 * parts) for tick in ticks]
            written = [text(tick if tick is None else EPOCH + datetime.timedelta(seconds=tick // parts)) for tick in near]
            array = pa.array(near, pa.int64()).cast(pa.timestamp(unit))
            files.add(f"int96-{unit}", array, written, "date", use_deprecated_int96_timestamps=True)
            before = [None if tick is None else -tick for tick in near]
            written = [text(tick if tick is None else EPOCH + datetime.timedelta(seconds=tick // parts)) for tick in before]
            array = pa.array(before, pa.int64()).cast(pa.timestamp(unit))
            files.add(f"int96-before-{unit}", array, written, "date", use_deprecated_int96_timestamps=True)
    late = pa.array([2932897], pa.int32()).cast(pa.date32())
    files.add("year-10000", late, ["2024-01-01"], ("date", "year-10000.parquet: row 1: column v: 10000-01-01"))


def refused(files):
    one = datetime.time(12, 30)
    for name, array, what in [
        ("time32", pa.array([one], pa.time32("ms")), "times of day"),
        ("time64", pa.array([one], pa.time64("ns")), "times of day"),
        ("duration", pa.array([5], pa.duration("us")), "durations"),
        ("list", pa.array([[1, 2]]), "lists, maps or structures"),
        ("struct", pa.array([{"a": 1}]), "lists, maps or structures"),
        ("map", pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32())), "lists, maps or structures"),
        ("bytes", pa.array([b"12345678"], pa.binary(8)), "FIXED_LEN_BYTE_ARRAY without a logical type"),
    ]:
        files.add(f"refused-{name}", array, ["1"], ("word", f"refused-{name}.parquet: column v holds {what}"))
        # Nobody reads it there.
        files.add(f"beside-{name}", pa.array([7]), ["7"], "number", others={"other": array})


def broken(files):
    table = pa.table({"v": pa.array(range(1000)), "n": pa.array(range(1000))})
    for name, change, what in [
        ("truncated", lambda whole: whole[:-100], "was it written to its end?"),
        ("empty", lambda whole: b"", "was it written to its end?"),
        ("damaged", lambda whole: whole[:200] + bytes([whole[200] ^ 8]) + whole[201:], "column v"),
    ]:
        path = files.folder / f"{name}.parquet"
        pq.write_table(table, path, write_page_checksum=True, use_dictionary=False)
        path.write_bytes(change(path.read_bytes()))
        files.list(name, ["1"], ("word", what))
    path = files.folder / "negative.parquet"
    pq.write_table(table, path, use_dictionary=False)
    whole = bytearray(path.read_bytes())
    # The lowest bit of a number is its sign.
    size = varint(pq.read_metadata(path).row_group(0).column(0).total_compressed_size * 2)
    whole[whole.rfind(size)] |= 1
    path.write_bytes(whole)
    files.list("negative", ["1"], ("number", "is damaged"))
    ways = [({}, "snappy"), ({"v": "DELTA_BINARY_PACKED", "n": "DELTA_LENGTH_BYTE_ARRAY"}, "none")]
    texts = table.set_column(1, "n", pa.array([str(it) for it in range(1000)]))
    for encodings, compression in ways:
        path = files.folder / "whole.parquet"
        pq.write_table(texts, path, use_dictionary=not encodings, column_encoding=encodings or None, compression=compression)
        whole = path.read_bytes()
        for number in range(200):
            changed = bytearray(whole)
            # Mostly in the footer, which says where everything stands.
            at = RANDOM.choice([RANDOM.randrange(len(whole)), len(whole) - 9 - RANDOM.randrange(700)])
            changed[at] = RANDOM.choice([0, 1, 127, 128, 255])
            name = f"changed-{compression}-{number}"
            (files.folder / f"{name}.parquet").write_bytes(changed)
            files.list(name, ["1"], ("number", "*"))
    pq.write_table(table.slice(0, 0), files.folder / "no-rows.parquet")
    files.list("no-rows", ["1"], ("word", "no-rows.parquet: there are no rows"))
    pq.ParquetWriter(files.folder / "no-groups.parquet", table.schema).close()
    files.list("no-groups", ["1"], ("word", "no-groups.parquet: there are no rows"))
    for footer, what in [(False, "is an encrypted Parquet file"), (True, "column v")]:
        name = f"encrypted-{footer}"
        properties = pe.CryptoFactory(Vault).file_encryption_properties(
            pe.KmsConnectionConfig(),
            pe.EncryptionConfiguration(footer_key="k", column_keys={"k": ["v"]}, plaintext_footer=footer),
        )
        with pq.ParquetWriter(
            files.folder / f"{name}.parquet", table.schema, encryption_properties=properties
        ) as writer:
            writer.write_table(table)
        files.list(name, ["1"], ("word", what))


def varint(number):
    low, rest = number % 128, number // 128
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


class Vault(pe.KmsClient):
    """Keys that are not secret."""

    def __init__(self, config):
        pe.KmsClient.__init__(self)

    def wrap_key(self, key_bytes, master_key_identifier):
        return key_bytes.hex()

    def unwrap_key(self, wrapped_key, master_key_identifier):
        return bytes.fromhex(wrapped_key)


def the_command(program, folder):
    """An index is no data; what can't be read is told; who asks for it is told why."""

    def run(*arguments, fails=False):
        done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    count = 300
    side = ["low" if RANDOM.random() < 0.5 else "high" for _ in range(count)]
    amount = [RANDOM.randint(0, 2**31) + (2**31 if it == "high" else 0) for it in side]
    frame = pd.DataFrame({"amount": np.array(amount, np.uint32), "side": side})
    frame.index = np.argsort(np.argsort(side, kind="stable"))
    assert not isinstance(frame.index, pd.RangeIndex)
    frame.to_parquet(folder / "unnamed.parquet")
    frame.index.name = "ROW"
    frame.to_parquet(folder / "named.parquet")
    frame.reset_index(drop=True).to_parquet(folder / "none.parquet")
    frame.to_csv(folder / "table.csv", index=False)
    nested = pa.table(
        {
            "amount": pa.array(amount, pa.uint64()),
            "side": side,
            "tags": [["a"]] * count,
            "wait": pa.array([1] * count, pa.duration("s")),
        }
    )
    pq.write_table(nested, folder / "nested.parquet")
    train = ["train", "--algorithm", "random_forest", "--target", "side", "--table"]
    predictions = set()
    for name, told in [
        ("unnamed", ["__index_level_0__ (is the index that pandas gave the rows)"]),
        ("named", ["ROW (is the index that pandas gave the rows)"]),
        ("nested", ["tags (holds lists, maps or structures", "wait (holds durations"]),
        ("none", []),
    ]:
        output = run(*train, f"{name}.parquet")
        assert all(it in output for it in told) and ("index" in output) == (name.endswith("named")), output
        for file in ["unnamed.parquet", "named.parquet", "nested.parquet", "none.parquet", "table.csv"]:
            run("score", "--quiet", "--table", file, "--out", "out.csv")
            predictions.add((folder / "out.csv").read_text())
    assert len(predictions) == 1, "the same rows, so the same predictions"
    # By its name, an index is a column as others are.
    run(*train, "named.parquet", "--id", "ROW")
    run("score", "--quiet", "--table", "named.parquet", "--id", "ROW", "--out", "out.csv")
    ids = pd.read_csv(folder / "out.csv")["ROW"]
    assert (ids == frame.index).all()
    assert "column tags holds lists" in run(*train, "nested.parquet", "--id", "tags", fails=True)

    found = run("monitor", "--json", "--reference", "table.csv", "--current", "unnamed.parquet")
    found, _ = json.JSONDecoder().raw_decode(found)
    assert all(it["psi"] == 0 for it in found["features"]), found["features"]
    left_out = run("monitor", "--reference", "nested.parquet", "--current", "nested.parquet")
    assert "tags (holds lists, maps or structures" in left_out, left_out
    print("an index is no data, nested columns and durations are told, and all files give the same predictions")


def a_bank(program, folder):
    """The features of a bank are the same to the byte, whatever types its tables' columns have."""
    decimal_of = lambda digits: lambda texts: pa.array([it and decimal.Decimal(it) for it in texts], pa.decimal128(*digits))
    cast = lambda kind: lambda texts: pa.array(texts).cast(kind)
    moment = lambda unit, zone=None: lambda texts: pa.array(texts).cast(pa.timestamp("us")).cast(pa.timestamp(unit, zone))
    ways = {
        "legacy": (
            {"key": decimal_of((38, 0)), "number": decimal_of((30, 12)), "time": moment("ns"), "date": cast(pa.date32())},
            {"use_deprecated_int96_timestamps": True, "row_group_size": 1000, "compression": "gzip"},
        ),
        "unsigned": (
            {"key": cast(pa.uint64()), "number": cast(pa.float64()), "time": moment("ms"), "date": moment("ns")},
            {"data_page_version": "2.0", "compression": "zstd"},
        ),
        "texts": (
            {"key": cast(pa.string_view()), "number": cast(pa.large_string()), "time": moment("us", "UTC"), "date": cast(pa.string())},
            {"use_dictionary": False, "compression": "brotli"},
        ),
    }

    def kind(texts):
        there = [it for it in texts if it]
        matches = lambda pattern: there and all(re.fullmatch(pattern, it) for it in there)
        if matches(r"0|[1-9]\d*"):
            return "key"
        if matches(r"-?(0|[1-9]\d*)(\.\d+)?"):
            return "number"
        if matches(r"\d{4}-\d\d-\d\d"):
            return "date"
        return "time" if matches(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d") else "word"

    def features(config):
        (folder / "config.yaml").write_text("generate: {customers: 300}\nfeature_store: {formats: [parquet, csv]}\n" + config)
        for command in ["generate"] if not config else []:
            subprocess.run([program, command, "--quiet"], cwd=folder, check=True, capture_output=True)
        subprocess.run([program, "features", "--quiet"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return (folder / "data/processed/customer_product_features.csv").read_bytes()

    expected = features("")
    kinds = set()
    for way, (types, options) in ways.items():
        (folder / way).mkdir()
        for file in (folder / "data/raw").glob("*.csv"):
            frame = pd.read_csv(file, dtype=str, keep_default_na=False)
            columns = {}
            for name in frame:
                texts = [it or None for it in frame[name]]
                kinds.add(kind(texts))
                columns[name] = types.get(kind(texts), lambda texts: pa.array(texts, pa.string()).dictionary_encode())(texts)
            pq.write_table(pa.table(columns), folder / way / f"{file.stem}.parquet", **options)
        found = features(f"data_source: {{type: parquet, parquet: {{input_path: {way}}}}}\n")
        assert found == expected, f"{way}: the features differ"
    assert kinds == {"key", "number", "date", "time", "word"}
    print("a bank has the same features, to the byte, whatever types its columns have")


main()
