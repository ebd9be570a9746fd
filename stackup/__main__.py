"""`python -m stackup`, and what the console script calls."""

from __future__ import annotations

import os
import sys

from stackup.cli.main import run


def main() -> int:
    return run(sys.argv[1:], os.environ)


if __name__ == "__main__":
    sys.exit(main())
