"""`python -m tests.chaos 200 --setup all --seed 7`: a campaign for people; exit 1 when anything is not 0."""

from __future__ import annotations

import argparse
import sys

from tests.chaos.campaign import Campaign
from tests.chaos.house import SETUPS


def main() -> int:
    """Run it on the set-ups asked for, one after the other, and print a table for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("number", type=int, nargs="?", default=200, help="faults on each set-up")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--setup", choices=[*SETUPS, "all"], default="all")
    parser.add_argument("--minutes", type=float, default=600, help="begin no round later than this, on each set-up")
    parser.add_argument("--together", type=int, default=3, help="faults in a round, judged together")
    given = parser.parse_args()
    passed = True
    for setup in SETUPS if given.setup == "all" else [given.setup]:
        report = Campaign(setup, given.number, given.seed, minutes=given.minutes, together=given.together).run()
        print(report.table(), end="\n\n", flush=True)
        passed = passed and report.passed
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
