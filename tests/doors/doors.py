"""The same odd rows through every door: command line (CSV, Parquet, JSON), Node, Chromium, workerd, the edge worker, MLflow's loader.
They answer alike, bit for bit, or refuse alike: the same code, the same path, the same words.

    doors.py FOLDER      (with NEXTBEST, the program, and MODULE, the host module, in the environment)
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import files_door
import python_door
from files_door import run
from rows import AS_OF, customers, plain_rows

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
LABEL, POLICY = FIXTURES / "label.bundle", FIXTURES / "policy.bundle"


# --- JSON as raw text, as files and requests have it -----------------------------------------------------------------------


def raw(cell):
    ((kind, said),) = cell.items()
    match kind:
        case "text" | "instant":
            return json.dumps(said)
        case "float":
            return {"inf": "1e999", "-inf": "-1e999", "nan": "NaN"}.get(said, said)
        case "list":
            return "[1]"
        case "object":
            return '{"a": 1}'
        case "bool":
            return "true" if said else "false"
        case "null":
            return "null"
    return said


KINDS = {"text", "int", "float", "bool", "null", "instant", "list", "object"}


def raw_record(row):
    if len(row) == 1 and set(row) <= KINDS:
        return raw(row)
    return "{" + ", ".join(f"{json.dumps(name)}: {raw(cell)}" for name, cell in row.items()) + "}"


def raw_customer(customer):
    if len(customer) == 1 and set(customer) <= KINDS:
        return raw(customer)

    def table(rows):
        return f"[{', '.join(map(raw_record, rows))}]" if isinstance(rows, list) else raw_record(rows)

    return "{" + ", ".join(f"{json.dumps(name)}: {table(rows)}" for name, rows in customer.items()) + "}"


def command_line(folder, cases, reference):
    """`score --customers`: those who are answered elsewhere in one file, and each of the others in a file of its own."""

    def question(case):
        options = {"asOf": {"text": AS_OF}} | case["options"]
        beside = ", ".join(f"{json.dumps(name)}: {raw(cell)}" for name, cell in options.items())
        return f'{{"id": {json.dumps(case["id"])}, "customer": {raw_customer(case["customer"])}, {beside}}}'

    def ask(some):
        (folder / "questions.json").write_text(f"[{', '.join(map(question, some))}]")
        done = run("score", "--bundle", str(POLICY), "--customers", "questions.json", "--json", folder=folder)
        if done.returncode == 0:
            return [{"answer": answer["recommendation"]} for answer in json.loads(done.stdout)]
        return [{"message": done.stderr}] * len(some)

    answered = iter(ask([case for case, expected in zip(cases, reference) if "answer" in expected]))
    return [next(answered) if "answer" in expected else ask([case])[0] for case, expected in zip(cases, reference)]


# --- what is compared ------------------------------------------------------------------------------------------------------

# 64-bit numbers at every door. All others are 32-bit floats, which some doors show by fewer digits.
DOUBLES = {"expectedValue", "propensity", "value", "context", "lever", "priority"}


def bits(value, name=""):
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return float(value) if name in DOUBLES else float(np.float32(value))
    if isinstance(value, list):
        return [bits(item) for item in value]
    if isinstance(value, dict):
        return {key: bits(item, key) for key, item in value.items()}
    return value


def probabilities(answer):
    """The answer of a plain table as each class's probability."""
    if "classes" in answer:
        answer = {each["name"]: each["probability"] for each in answer["classes"]}
    return {name: float(np.float32(value)) for name, value in answer.items()}


def differences(door, cases, reference, answers, compared):
    """Lines that tell of each case what a door says otherwise. `compared` says whether two are alike."""
    found, count, refused = [], 0, 0
    for case, expected, said in zip(cases, reference, answers):
        if said is None:
            continue
        count += 1
        refused += "answer" not in expected
        problem = compared(expected, said)
        if problem:
            found.append(f"{door}: {case['id']}: {problem}\n    {json.dumps({k: v for k, v in case.items() if k != 'id'})[:600]}")
    assert count > len(cases) // 2, f"{door}: only {count} cases can be said"
    print(f"{door:>20}: {count:4} of {len(cases)} cases, of which {refused} are refused: {len(found)} differ")
    return found


def alike(shape):
    """Answers of one shape, errors of one code and message."""

    def compared(expected, said):
        if ("answer" in expected) != ("answer" in said):
            answer = lambda it: brief(shape(it["answer"]) if "answer" in it else it)
            return f"expected {answer(expected)}, got {answer(said)}"
        if "answer" in expected:
            ours, theirs = shape(expected["answer"]), shape(said["answer"])
            return None if ours == theirs else f"expected {brief(ours)}, got {brief(theirs)}"
        if said.get("code", expected["code"]) != expected["code"]:
            return f"expected {brief(expected)}, got {brief(said)}"
        return None if expected["message"] in said["message"] else f"expected {brief(expected)}, got {brief(said)}"

    return compared


def as_files(shape):
    """As `alike`, but a file's errors have its own words: the column is the same."""

    def compared(expected, said):
        if "answer" in expected or "answer" in said:
            return alike(shape)(expected, said)
        column = re.match(r"(?:\w+(?:\[\d+\])?\.)?([^:]+):", expected["message"]).group(1)
        return None if column in said["message"] else f"expected {brief(expected)}, got {brief(said)}"

    return compared


def brief(value):
    return json.dumps(value, default=str)[:400]


def main():
    folder = Path(sys.argv[1]).resolve()
    os.chdir(folder)
    started = time.monotonic()
    model = lambda name, bundle: run("export", "--bundle", str(bundle), "--pyfunc", name, "--module", os.environ["MODULE"])
    for name, bundle in (("label", LABEL), ("policy", POLICY)):
        done = model(name, bundle)
        assert done.returncode == 0, done.stderr
    assert run("generate", "--customers", "2").returncode == 0
    about = python_door.load("label")[1].about
    own = next(table for table in [about["schema"]["customer"]])["columns"]
    words = {column["name"]: column["kind"].get("category", []) for column in own if isinstance(column["kind"], dict)}
    columns = [(column["name"], column["kind"], words.get(column["name"], [])) for column in about["columns"]]
    products = [product["id"] for product in python_door.load("policy")[1].about["schema"]["products"]]
    rows, bank = plain_rows(columns, 300), customers(products, 300)
    Path("rows.json").write_text(json.dumps({"rows": rows}))
    Path("customers.json").write_text(json.dumps({"customers": bank, "asOf": AS_OF}))
    bodies = []
    for case in bank:
        options = {"asOf": {"text": AS_OF}} | case["options"]
        beside = "".join(f", {json.dumps(name)}: {raw(cell)}" for name, cell in options.items())
        bodies.append(f'{{"customer": {raw_customer(case["customer"])}{beside}}}')
    Path("bodies.json").write_text(json.dumps(bodies))
    subprocess.run(["node", str(HERE / "doors.mjs"), str(folder)], check=True)
    said = lambda door, name: json.loads(Path(f"{door}-{name}.json").read_text())

    found = []
    reference = said("node", "rows")
    files = files_door.plain(folder, LABEL, columns, rows, reference)
    for door, answers in {
        "Chromium": said("chromium", "rows"), "workerd": said("workerd", "rows"), "MLflow": python_door.of_rows("label", rows),
    }.items():
        compared = as_files(probabilities) if door == "MLflow" else alike(bits)
        found += differences(f"{door}, plain", rows, reference, answers, compared)
    for door, answers in files.items():
        found += differences(f"{door}, plain", rows, reference, answers, as_files(probabilities))

    reference = said("node", "customers")
    for door, answers in {
        "Chromium": said("chromium", "customers"), "workerd": said("workerd", "customers"), "edge": said("edge", "customers"),
        "JSON": command_line(folder, bank, reference), "MLflow": python_door.of_customers("policy", bank, AS_OF, raw_customer),
    }.items():
        found += differences(f"{door}, bank", bank, reference, answers, (at_the_edge if door == "edge" else alike)(bits))
    offers = lambda answer: bits(answer if isinstance(answer, list) else [[offer["product"], offer["probability"]] for offer in answer["offers"]])
    for door, answers in files_door.bank(folder, POLICY, Path("data/raw"), bank, reference, AS_OF).items():
        found += differences(f"{door}, bank", bank, reference, answers, as_files(offers))

    print("\n".join(found[:40]))
    print(f"{len(rows) + len(bank)} cases in {time.monotonic() - started:.0f} s")
    sys.exit(bool(found))


def at_the_edge(shape):
    """As `alike`. JSON.parse refuses NaN; and what is no customer at all can't be told from a customer's own row, nor an option that there is
    not from a table: the words are others."""

    def compared(expected, said):
        if said.get("code") == "request/json" or expected.get("code") in ("customer/type", "options/unknown"):
            return None if said.get("status") in (400, 422) and said["code"] in ("request/json", expected.get("code")) else brief(said)
        return alike(shape)(expected, said)

    return compared


if __name__ == "__main__":
    main()
