"""`python -m tests.vm`: runs chosen tests, or any command, in a virtual machine with another kernel than this one's."""

from __future__ import annotations

import argparse
import sys

from tests.vm.base import base
from tests.vm.machine import run
from tests.vm.suites import SUITES, stages, together


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.vm", description=__doc__)
    parser.add_argument("suite", nargs="?", default="all", choices=[*SUITES, "all"])
    parser.add_argument(
        "--run", action="append", metavar="SCRIPT", help="a shell's text instead; again: after a reboot"
    )
    parser.add_argument("--deadline", type=float, default=3600, metavar="SECONDS")
    options = parser.parse_args()
    job = options.run or (together() if options.suite == "all" else stages(options.suite))
    return run(base(), job, options.deadline)


if __name__ == "__main__":
    sys.exit(main())
