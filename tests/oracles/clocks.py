#!/usr/bin/env python3
"""Compares the clocks of some zones, as bundles carry them, with Python's zoneinfo: at random instants of three centuries and a
half, and on both sides of every change.

    make test-oracles    # runs it; or, with requirements.txt installed:
    cargo run -q -p nextbest-tests --bin oracle-cases | python3 tests/oracles/clocks.py
"""

import datetime
import json
import random
import sys
import zoneinfo
from bisect import bisect_right

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def seconds(year):
    return int((datetime.datetime(year, 1, 1, tzinfo=datetime.timezone.utc) - EPOCH).total_seconds())


def main():
    # Its own database, of the package tzdata, and not the machine's.
    zoneinfo.reset_tzpath(to=[])
    draw = random.Random(7)
    compared = 0
    for clock in json.load(sys.stdin)["clocks"]:
        zone = zoneinfo.ZoneInfo(clock["zone"])
        moments, offsets, at = [], [clock["offset"]], 0
        for change in clock["changes"]:
            at += change["after"]
            moments.append(at)
            offsets.append(change["offset"])
        instants = [draw.randrange(seconds(1850), seconds(2201)) for _ in range(10_000)]
        instants += [at + aside for at in moments for aside in (-1, 0, 1)]
        for instant in instants:
            ours = offsets[bisect_right(moments, instant)]
            theirs = (EPOCH + datetime.timedelta(seconds=instant)).astimezone(zone).utcoffset().total_seconds()
            assert ours == theirs, f"{clock['zone']} at {EPOCH + datetime.timedelta(seconds=instant)}: {ours}, not {theirs}"
        compared += len(instants)
        print(f"{clock['zone']:<24}{len(moments):>5} changes")
    print(f"clocks: {compared} instants agree with zoneinfo")


if __name__ == "__main__":
    main()
