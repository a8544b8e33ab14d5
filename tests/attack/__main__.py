"""Attack greenreport with what servers, files, disks and signals may do to it, and count what it survives.

``python -m tests.attack`` makes every trial; ``make test`` makes a small share. Everything random in a trial follows from its
number, so ``python -m tests.attack studies --only 1234`` repeats one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.attack.attacks import ATTACKS
from tests.attack.conduct import HEADING, conduct, numbers


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the attacks; return 1 if one trial was not survived, or memory went over its limit."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.attack", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"attacks, all by default: {', '.join(ATTACKS)}")
    parser.add_argument("--share", type=float, default=1.0, help="share of the trials, from 0 to 1")
    parser.add_argument("--only", type=int, help="make the trial with this number alone")
    asked = parser.parse_args(arguments)
    unknown = set(asked.names) - set(ATTACKS)
    if unknown:
        parser.error(f"no attack is called {', '.join(sorted(unknown))}; there are {', '.join(ATTACKS)}")
    print(HEADING, flush=True)
    survived = True
    for name in asked.names or ATTACKS:
        survived &= conduct(ATTACKS[name], numbers(ATTACKS[name], asked.share) if asked.only is None else [asked.only])
    return 0 if survived else 1


if __name__ == "__main__":
    sys.exit(main())
