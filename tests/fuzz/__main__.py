"""`python -m tests.fuzz NAME --seconds 600`: one target for a given time; prints and keeps what did not hold.

Each case has a seed of its own, which is printed with a finding: `--seed N --cases 1` shows it again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from random import Random

from tests.fuzz.bounded import check
from tests.fuzz.targets import TARGETS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=int(time.time()) << 32)
    parser.add_argument("--cases", type=int, default=0, help="stop after so many")
    options = parser.parse_args()
    end, seed, seen = time.monotonic() + options.seconds, options.seed, set()
    while time.monotonic() < end and not (options.cases and seed >= options.seed + options.cases):
        case = TARGETS[options.target].make(Random(seed))
        try:
            check(TARGETS[options.target], case)
        except Exception as problem:
            place = traceback.extract_tb(problem.__traceback__)[-1]
            if (place.filename, place.lineno, type(problem)) not in seen:
                seen.add((place.filename, place.lineno, type(problem)))
                traceback.print_exc()
                print(json.dumps({"seed": seed, "case": case[:2000]}), file=sys.stderr, flush=True)
        seed += 1
    print(f"{options.target}: {seed - options.seed} cases, {len(seen)} findings")
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())
