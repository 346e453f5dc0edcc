"""`nextbest monitor` beside Evidently's default drift report: the same two Parquet files, a page and JSON each.

Each run is a process of its own; the two take turns, so that none has a quieter machine. Prints Markdown. With --check it
fails where a goal is missed.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORES = 2
# What `nextbest monitor` ends with where there is something to tell.
ALERT = 3
OURS, THEIRS = "nextbest", "Evidently"


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--program", required=True, help="the nextbest binary")
    arguments.add_argument("--data", type=Path, required=True, help="the folder with the Parquet files")
    arguments.add_argument("--work", type=Path, required=True, help="where the results go")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--check", action="store_true")
    options = arguments.parse_args()

    files = [options.data / f"{name}.parquet" for name in ["reference", "current"]]
    results = {name: options.work / name for name in [OURS, THEIRS]}
    commands = {
        OURS: [options.program, "monitor", "--quiet", "--reference", files[0], "--current", files[1],
               "--output", results[OURS]],
        THEIRS: [sys.executable, HERE / "evidently_peer.py", *files, results[THEIRS]],
    }
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    runs, parts = {name: [] for name in commands}, []
    for turn in range(options.rounds):
        for name in list(commands)[:: 1 if turn % 2 == 0 else -1]:
            shutil.rmtree(results[name], ignore_errors=True)
            results[name].mkdir(parents=True)
            runs[name].append(measure(commands[name], options.work / f"{name}.log"))
            print(f"round {turn + 1}: {name} {runs[name][-1][0]:.2f} s", file=sys.stderr)
        printed = (options.work / f"{THEIRS}.log").read_text()
        parts.append([float(part) for part in printed.splitlines()[-1].split()])
    reached = report(runs, parts, results, options.rounds)
    return 1 if options.check and not reached else 0


def measure(command, log):
    """Runs a command; gives wall seconds, processor seconds and the most memory in MB."""
    with open(log, "wb") as output:
        begin = time.perf_counter()
        child = subprocess.Popen([str(part) for part in command], stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, ALERT):
        sys.exit(f"{command[0]} failed: see {log}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def report(runs, parts, results, rounds):
    middle = {name: [statistics.median(values) for values in zip(*measured)] for name, measured in runs.items()}
    importing, reading, reporting = (statistics.median(values) for values in zip(*parts))
    size = {name: sum(file.stat().st_size for file in folder.glob("*.html")) / 1e6 for name, folder in results.items()}
    theirs = f"{THEIRS} {version('evidently')}"
    print("| | seconds | processor seconds | peak MB | page, MB |\n|---|---|---|---|---|")
    for name, words in [(OURS, "nextbest, the whole process"), (THEIRS, f"{theirs}, the whole process")]:
        seconds, processor, memory = middle[name]
        print(f"| {words} | {seconds:.2f} | {processor:.2f} | {memory:,.0f} | {size[name]:.2f} |")
    print(f"| {theirs}: importing it | {importing:.2f} | | | |")
    print(f"| {theirs}: reading | {reading:.2f} | | | |")
    print(f"| {theirs}: report and files | {reporting:.2f} | | | |")
    (ours, _, memory), (whole, _, their_memory) = middle[OURS], middle[THEIRS]
    goals = [
        ("at least 50 × as fast", f"{whole / ours:.0f} ×", whole / ours >= 50),
        ("at least 50 × as fast as the report and its files alone", f"{reporting / ours:.0f} ×", reporting / ours >= 50),
        ("at most a tenth of the memory", f"1 / {their_memory / memory:.1f}", their_memory / memory >= 10),
    ]
    print("\n| goal | measured | |\n|---|---|---|")
    for words, found, reached in goals:
        print(f"| {words} | {found} | {'reached' if reached else '**missed**'} |")
    print(f"\nMedians of {rounds} rounds.")
    return all(reached for *_, reached in goals)


if __name__ == "__main__":
    sys.exit(main())
