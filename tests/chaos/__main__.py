"""`make chaos`: a crowd pays while everything breaks; then everything must be true.

    make chaos PROFILE=smoke SEED=7

The same seed draws the same people, faults and crash points; how they meet is the machine's affair.
"""

import argparse
import secrets
import sys
import time

from portal.embedded.addresses import ROOT
from tests import places
from tests.chaos import blind, clock, judge, month_end, storm
from tests.chaos.voice import Voice

FORCES = {
    "smoke": storm.Force(payments=300, faults=20, rounds=1),
    "nightly": storm.Force(payments=10_000, faults=200, rounds=2, is_whole=True),
}


def main() -> int:
    """Run one profile; the exit status is 1 when anything is not true in the end."""
    asked = _arguments()
    say = Voice(f"{asked.profile}, seed {asked.seed}")
    started = time.monotonic()
    try:
        outcome = _run(asked, say)
    except clock.Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    finally:
        places.remove()
        say.end()
    for note in outcome.notes:
        print(f"  {note}")
    for sentence in outcome.wrong[:50]:
        print(f"  violation: {sentence}")
    figures = " ".join(f"{name}={value}" for name, value in outcome.figures.items())
    print(
        f"chaos {asked.profile} seed={asked.seed} commit={judge.commit(ROOT)} {figures}"
        f" wall_s={time.monotonic() - started:.0f} violations={len(outcome.wrong)}"
    )
    return 1 if outcome.wrong else 0


def _run(asked: argparse.Namespace, say: Voice) -> judge.Outcome:
    if asked.profile == "blind":
        return blind.run(say=say)
    if asked.profile == "month-end":
        return month_end.run(asked.seed, asked.payments, say=say)
    return storm.run(FORCES[asked.profile], asked.seed, asked.payments, say=say)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--profile", choices=[*FORCES, "month-end", "blind"], default="smoke")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(100_000))
    parser.add_argument("--payments", type=int, help="instead of the profile's number")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
