"""`nextbest features` beside polars and DuckDB: the same ten aggregates from the same Parquet files, one result each.

Each run is a process of its own on the same two cores; the three take turns, so that none has a quieter machine. Prints
Markdown, and fails where results differ.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
CUTOFF = "2026-04-01"
CORES = 2


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--program", required=True, help="the nextbest binary")
    arguments.add_argument("--data", type=Path, required=True, help="the folder with the Parquet files")
    arguments.add_argument("--work", type=Path, required=True, help="where the results go")
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()

    results = {name: options.work / f"{name}.parquet" for name in ["nextbest", "polars", "duckdb"]}
    # config.yaml names it so.
    results["nextbest"] = options.work / "features.parquet"
    commands = {"nextbest": [options.program, "features", "--config", HERE / "config.yaml", "--quiet"]}
    for peer in ["polars", "duckdb"]:
        commands[peer] = [sys.executable, HERE / f"{peer}_peer.py", options.data, CUTOFF, results[peer]]

    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    warm_up(options.data)
    runs = {name: [] for name in commands}
    names = list(commands)
    for turn in range(options.rounds):
        for name in names[turn % 3 :] + names[: turn % 3]:
            results[name].unlink(missing_ok=True)
            runs[name].append(measure(commands[name], options.work / f"{name}.log"))
            print(f"round {turn + 1}: {name} {runs[name][-1][0]:.2f} s", file=sys.stderr)

    # Only now, for a child's peak memory is never less than what its parent held when it was started.
    from agreement import compare

    rows, customers = compare(results, options.data, CUTOFF)
    report(runs, rows, customers, options.rounds)


def warm_up(folder):
    """Reads the files once, so that all find them in the page cache."""
    for name in ["TRANSACTION", "CUSTOMER_ACCOUNT", "CUSTOMER"]:
        with open(folder / f"{name}.parquet", "rb") as file:
            while file.read(1 << 24):
                pass


def measure(command, log):
    """Runs a command; gives wall seconds, processor seconds and the most memory in MB."""
    with open(log, "wb") as output:
        begin = time.perf_counter()
        child = subprocess.Popen([str(part) for part in command], stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{command[0]} failed: see {log}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def report(runs, rows, customers, rounds):
    names = {"nextbest": "nextbest", "polars": f"polars {version('polars')}", "duckdb": f"DuckDB {version('duckdb')}"}
    print(f"{rows / 1e6:.1f} M transactions of {customers:,} customers, {CORES} cores, medians of {rounds} interleaved rounds.\n")
    print("| | seconds | M rows/s | processor seconds | peak MB |\n|---|---|---|---|---|")
    for name, measured in runs.items():
        seconds, processor, memory = (statistics.median(values) for values in zip(*measured))
        print(f"| {names[name]} | {seconds:.2f} | {rows / seconds / 1e6:.2f} | {processor:.2f} | {memory:,.0f} |")
    print("\nAll values agree: counts exactly, the others to single precision.")


main()
