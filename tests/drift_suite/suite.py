"""How often `nextbest monitor` finds drifts of known size, and how often it finds some where there are none; beside Evidently's
default drift report. Writes the tables of docs/DRIFT.md. scripts/drift-suite.sh runs it.
"""

import argparse
import json
import multiprocessing
import sys
import time
from functools import partial
from pathlib import Path

import tables
from scenarios import SEEDS


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--program", type=Path, required=True, help="the nextbest binary")
    arguments.add_argument("--bundle", type=Path, required=True, help="the model")
    arguments.add_argument("--work", type=Path, required=True, help="where the banks and results.json go")
    arguments.add_argument("--document", type=Path, required=True, help="whose tables are written")
    arguments.add_argument("--seeds", type=int, default=len(SEEDS), help="of how many banks")
    arguments.add_argument("--again", action="store_true", help="write the tables of the last results")
    options = arguments.parse_args()
    kept = options.work / "results.json"
    if not options.again:
        begin = time.perf_counter()
        results = measure(options)
        kept.write_text(json.dumps({"seconds": time.perf_counter() - begin, "results": results}))
    found = json.loads(kept.read_text())
    tables.write(options.document, found["results"], found["seconds"])


def measure(options):
    # Imported once, before the processes are made: that takes longer than a bank.
    import runs

    one = partial(runs.of_seed, options.program, options.bundle, options.work)
    results = []
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for number, found in enumerate(pool.imap_unordered(one, SEEDS[: options.seeds]), 1):
            results.extend(found)
            print(f"{number} of {options.seeds} banks", file=sys.stderr)
    return results


if __name__ == "__main__":
    main()
