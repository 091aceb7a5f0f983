"""`make chaos`: a crowd pays while everything breaks; then everything must be true.

    make chaos PROFILE=smoke SEED=7

The same seed draws the same people, faults and crash points; how they meet is the machine's affair.
"""

import argparse
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from portal.embedded.addresses import ROOT
from tests import boot
from tests.chaos import faults, judge, points
from tests.chaos.people import Crowd
from tests.stack import SHORT_TIMES, Stack


@dataclass(frozen=True)
class Profile:
    """How many pay, how much breaks; each crash point is hit `rounds` times."""

    payments: int
    faults: int
    rounds: int


PROFILES = {
    "smoke": Profile(payments=300, faults=20, rounds=1),
    "nightly": Profile(payments=10_000, faults=200, rounds=20),
}
# Windows end soon, so that nobody waits ten minutes for somebody who walked away.
TIMES = {
    **SHORT_TIMES,
    "WINDOW_SECONDS": "60",
    "CODE_SECONDS": "50",
    "RESOLVE_MAX_SECONDS": "5",
    "SANDBOX_TIMEOUT_SECONDS": "9",
}


@dataclass
class Counts:
    """What was done to them."""

    faults: int = 0
    crashes: int = 0
    unreached: set[str] = field(default_factory=set)


def main() -> int:
    """Run one profile; the exit status is 1 when anything is not true in the end."""
    asked = _arguments()
    profile, seed = PROFILES[asked.profile], asked.seed
    say = _Voice()
    started = time.monotonic()
    stack = Stack(environment_more=_environment())
    directory = Path(os.environ[points.DIRECTORY])
    say(f"{asked.profile}, seed {seed}: starting the portal")
    stack.start()
    try:
        crowd = Crowd(stack, asked.payments or profile.payments, seed)
        counts = _break_things_while(crowd, profile, directory, Random(seed), say)
        faults.heal(stack)
        spent = judge.settle(stack, say=say)
        wrong = judge.verdict(stack, crowd.memories)
        ended = judge.states(stack)
    finally:
        stack.stop()
        boot.pytest_unconfigure()
        say.end()
    for sentence in wrong[:50]:
        print(f"  violation: {sentence}")
    reviews = ended["REVIEW"]
    if reviews > crowd.count / 1000:
        wrong.append("too many payments for a person")
    print(
        f"chaos {asked.profile} seed={seed} commit={judge.commit(ROOT)} payments={crowd.count} "
        + " ".join(f"{state.lower()}={count}" for state, count in sorted(ended.items()))
        + f" faults={counts.faults} crashes={counts.crashes} unreached={len(counts.unreached)}"
        f" errors_seen={sum(memory.errors for memory in crowd.memories)}"
        f" review={reviews} healed_s={spent:.0f} wall_s={time.monotonic() - started:.0f}"
        f" violations={len(wrong)}"
    )
    return 1 if wrong else 0


def _break_things_while(
    crowd: Crowd, profile: Profile, directory: Path, dice: Random, say: Callable[[str], None]
) -> Counts:
    """Strike whenever as many more have paid as there are payments for each fault."""
    saboteur = faults.Saboteur(crowd.stack, dice)
    counts = Counts()
    people = threading.Thread(target=crowd.run)
    agent = threading.Thread(target=_approve_until, args=(crowd.stack, people), daemon=True)
    people.start()
    agent.start()
    pending: list[str] = []
    ordered = 0
    while people.is_alive():
        time.sleep(0.25)
        seen = sorted(path.name for path in (directory / "seen").iterdir())
        open_orders = list((directory / "orders").iterdir())
        counts.crashes = ordered - len(open_orders)
        if not pending:
            pending = dice.sample(seen, len(seen))
        planned = len(seen) * profile.rounds * crowd.done / max(1, crowd.count * 0.9)
        if pending and ordered < planned:
            (directory / "orders" / pending.pop()).touch()
            ordered += 1
        if counts.faults < profile.faults * crowd.done / max(1, crowd.count * 0.95):
            what = saboteur.strike()
            counts.faults += 1
            say(f"{crowd.done}/{crowd.count} paid or not; {counts.faults}: {what}")
    for order in (directory / "orders").iterdir():
        counts.unreached.add(order.name)
        order.unlink(missing_ok=True)
    return counts


def _approve_until(stack: Stack, people: threading.Thread) -> None:
    """The desk: grant what is asked, one after another, and once more when all have paid."""
    from tests.chaos import desk

    desk.open_for(stack)
    is_last = False
    while not is_last:
        is_last = not people.is_alive()
        desk.work_off()
        time.sleep(0.5)


def _environment() -> dict[str, str]:
    directory = boot.directory()
    os.environ[points.DIRECTORY] = str(directory)
    for name in ("seen", "orders"):
        (directory / name).mkdir()
    settings = {"DJANGO_SETTINGS_MODULE": "tests.chaos.settings", points.DIRECTORY: str(directory)}
    return {**TIMES, **settings}


class _Voice:
    """One line that changes on a terminal; one line after another in a file."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._said = 0.0

    def __call__(self, text: str) -> None:
        if self._is_terminal:
            print(f"\r\033[K{text[:110]}", end="", flush=True)
        elif time.monotonic() - self._said > 2:
            self._said = time.monotonic()
            print(text, flush=True)

    def end(self) -> None:
        if self._is_terminal:
            print("\r\033[K", end="")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--profile", choices=sorted(PROFILES), default="smoke")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(100_000))
    parser.add_argument("--payments", type=int, help="instead of the profile's number")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
