"""A nextbest bundle as an MLflow model: scored by the WebAssembly module beside it, with the same bits as everywhere.

`predict` takes a data frame: the features of a bank's customers, or the columns of a plain table. `recommend` takes customers as
their own rows, and answers with offers. Both may be called from several threads at once.
"""

import datetime
import functools
import json
import math
import threading
import time
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import wasmtime

# A megabyte of 60 features: more at once is no faster.
ROWS_AT_ONCE = 4096


def _load_pyfunc(path):
    """What MLflow calls with the model's folder of data."""
    folder = Path(path)
    return Model((folder / "nextbest_host.wasm").read_bytes(), (folder / "model.bundle").read_bytes())


class NextbestError(ValueError):
    """What the module refuses; `code` is a short, stable name for programs."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code

    def __reduce__(self):
        return type(self), (self.code, str(self))


class Model:
    """A loaded bundle. `about` tells its task, classes, features, columns, schema, version and validity."""

    def __init__(self, module, bundle):
        self._module, self._bundle = module, bundle
        self._own = threading.local()
        self.about = json.loads(self._instance().call("about"))
        self._check_validity()

    def predict(self, model_input, params=None):
        """The probability of each class: a data frame of a column a class, with the index of `model_input`."""
        self._check_validity()
        if not isinstance(model_input, pd.DataFrame):
            raise NextbestError("frame/type", f"expected a pandas DataFrame, got {type(model_input).__name__}")
        scores = self._score_columns if self.about["columns"] else self._score_features
        probabilities = np.concatenate([np.zeros(0, "<f4"), *scores(model_input)])
        classes = self.about["classes"]
        by_row = probabilities.reshape(-1, len(classes)).astype(np.float64)
        return pd.DataFrame(by_row, columns=classes, index=model_input.index)

    def recommend(self, customers, as_of, **options):
        """What to offer to each of the customers at a moment such as "2026-07-01", on the bank's clock, or a datetime.

        A customer is a dict of rows, `{"customer": {…}, "accounts": [{…}], …}`, or the JSON text of one; the answer is a dict or a
        JSON text accordingly. The options are those of every door: top (3), explain (True), counterfactual (False), channel (None),
        strict (False).
        """
        self._check_validity()
        # The customer goes first, and its text as it is: it may be long.
        rest = json.dumps({"asOf": as_of, **options}, default=functools.partial(_cell, 0, "an option"))[1:]
        answers = []
        for number, customer in enumerate(customers):
            is_text = isinstance(customer, str)
            # What json does not know: numpy's, pandas' and Python's other values.
            cell = functools.partial(_cell, number, "a customer's cell")
            text = customer if is_text else json.dumps(customer, default=cell)
            # Half a surrogate pair becomes what JSON has for it.
            question = f'{{"question":"recommend","customer":{text},{rest}'.encode(errors="backslashreplace")
            answer = self._call("ask", question)
            answers.append(answer.decode() if is_text else json.loads(answer))
        return answers

    def get_raw_model(self):
        """This object, from what `mlflow.pyfunc.load_model` gives."""
        return self

    def __reduce__(self):
        return type(self), (self._module, self._bundle)

    def _score_features(self, frame):
        values = _numbers(frame, self.about["features"])
        for start in range(0, len(values), ROWS_AT_ONCE):
            yield self._floats("score", values[start:start + ROWS_AT_ONCE].tobytes())

    def _score_columns(self, frame):
        names = [column["name"] for column in self.about["columns"]]
        _check_columns(frame, names)
        for start in range(0, len(frame), ROWS_AT_ONCE):
            part = frame.iloc[start:start + ROWS_AT_ONCE]
            rows = zip(*(_cells(name, part[name], start) for name in names))
            text = json.dumps([dict(zip(names, row)) for row in rows])
            yield self._floats("predict", text.encode())

    def _floats(self, function, data):
        return np.frombuffer(self._call(function, data), "<f4")

    def _check_validity(self):
        self._call("check_validity", None, int(time.time()), 0)

    def _call(self, function, data=None, *arguments):
        try:
            return self._instance().call(function, data, *arguments)
        except (wasmtime.Trap, wasmtime.WasmtimeError):
            # It must not be used again. The next call makes another one.
            self._own.__dict__.pop("instance", None)
            raise

    def _instance(self):
        """This thread's instance."""
        if not hasattr(self._own, "instance"):
            instance = Instance(_compiled(self._module))
            instance.call("load", self._bundle)
            self._own.instance = instance
        return self._own.instance


class Instance:
    """The module with a memory of its own."""

    def __init__(self, module):
        self._store = wasmtime.Store(module.engine)
        self._exports = wasmtime.Instance(self._store, module.code, []).exports(self._store)
        self._memory = self._exports["memory"]

    def call(self, function, data=None, *arguments):
        """What a function of the module answers to bytes."""
        if data is not None:
            at = self._function("input", len(data))
            if at == 0:
                raise NextbestError("host/too-large", f"{function}: {len(data)} bytes are too many at once")
            # A bytearray is what wasmtime copies from without another copy.
            self._memory.write(self._store, bytearray(data), _address(at))
        length = self._function(function, *arguments)
        start = _address(self._function("output"))
        answer = self._memory.read(self._store, start, start + abs(length))
        if length < 0:
            failure = json.loads(answer)
            raise NextbestError(failure["code"], failure["message"])
        return answer

    def _function(self, name, *arguments):
        return self._exports[f"nextbest_{name}"](self._store, *arguments)


class Compiled:
    """The module's machine code, which threads share."""

    def __init__(self, module):
        self.engine = wasmtime.Engine()
        self.code = wasmtime.Module(self.engine, module)


@functools.lru_cache(maxsize=4)
def _compiled(module):
    return Compiled(module)


def _address(number):
    """Python is told 32 bits with a sign."""
    return number & 0xFFFFFFFF


def _numbers(frame, names):
    """The columns as rows of 32-bit floats, missing values NaN."""
    _check_columns(frame, names)
    with np.errstate(over="ignore"):
        if all(_is_plain(frame.dtypes[name]) for name in names):
            values = np.ascontiguousarray(frame[names].to_numpy(dtype="<f4"))
        else:
            values = np.column_stack([_feature(name, frame[name]) for name in names])
    infinite = np.isinf(values)
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        name = names[column]
        raise _refused(int(row), name, "a finite number of 32 bits", frame[name].iloc[row])
    return values


def _is_plain(dtype):
    """Whether numpy itself has such numbers."""
    return isinstance(dtype, np.dtype) and dtype.kind in "fiub"


def _feature(name, column):
    """A column as floats."""
    if _is_plain(column.dtype):
        return column.to_numpy(dtype="<f4")
    floats = np.empty(len(column), "<f4")
    for row, (value, cell) in enumerate(zip(column, _cells(name, column))):
        if isinstance(cell, str):
            raise _refused(row, name, "a number", value)
        try:
            floats[row] = np.nan if cell is None else cell
        except OverflowError:
            floats[row] = np.inf
    return floats


def _cells(name, column, start=0):
    """The column's values as JSON has them; those from row `start` on."""
    return [_cell(start + row, name, value) for row, value in enumerate(column.tolist())]


def _cell(row, name, value):
    """A value as JSON has it: whole numbers with all their digits, times as text, None where it is missing."""
    if isinstance(value, (str, bool)):
        return value
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, (float, np.floating, Decimal)):
        number = float(value)
        if math.isnan(number):
            return None
        if math.isinf(number):
            raise _refused(row, name, "a finite number", value)
        return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else number
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
        if value is pd.NaT:
            return None
    if isinstance(value, datetime.datetime):
        # With its zone, if it has one: without, it is a time of the bank's clock.
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise _refused(row, name, "a number, a text, a truth value or a time", value)


def _refused(row, name, expected, value):
    kind = type(value).__name__
    shown = repr(value) if isinstance(value, str) else f"{value!s:.80} ({kind})"
    return NextbestError("frame/value", f"row {row}: {name}: expected {expected}, got {shown}")


def _check_columns(frame, names):
    known = set(frame.columns)
    missing = [name for name in names if name not in known]
    if missing:
        more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
        message = f"the model reads columns that are not there: {', '.join(missing[:10])}{more}"
        raise NextbestError("frame/columns", message)
    twice = frame.columns[frame.columns.duplicated()]
    for name in names:
        if name in twice:
            raise NextbestError("frame/columns", f"column {name} is there twice")
