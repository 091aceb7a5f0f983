"""The profiles with people and faults at once: everything breaks, at random and at crash points."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from django.utils import timezone

from tests import places
from tests.chaos import desk, judge, points
from tests.chaos.faults import Saboteur
from tests.chaos.people import Crowd, look_again
from tests.stack import SHORT_TIMES, Stack

# Windows end soon, so that nobody waits ten minutes for somebody who walked away.
TIMES = {
    **SHORT_TIMES,
    "WINDOW_SECONDS": "60",
    "CODE_SECONDS": "50",
    "RESOLVE_MAX_SECONDS": "5",
    "SANDBOX_TIMEOUT_SECONDS": "9",
}
# One payment of a thousand may be left to a person.
_REVIEWS_ALLOWED = 1 / 1000


@dataclass(frozen=True)
class Force:
    """How many pay, how much breaks; each crash point is hit `rounds` times."""

    payments: int
    faults: int
    rounds: int

    def scaled_to(self, payments: int) -> "Force":
        """As much harm for each payment, but every crash point once at least."""
        share = payments / self.payments
        return Force(payments, round(self.faults * share), max(1, round(self.rounds * share)))


@dataclass
class _Harm:
    """What was done."""

    faults: int = 0
    crashes: int = 0
    points: int = 0
    unreached: set[str] = field(default_factory=set)


def run(
    force: Force, seed: int, payments: int | None, *, say: Callable[[str], None]
) -> judge.Outcome:
    """Let them pay, break it, heal it, and judge. `payments` instead of the force's number."""
    force = force.scaled_to(payments or force.payments)
    directory = places.directory()
    marks = {"DJANGO_SETTINGS_MODULE": "tests.chaos.settings", points.DIRECTORY: str(directory)}
    stack = Stack(environment_more={**TIMES, **marks})
    stack.start()
    try:
        desk.open_for(stack)
        crowd = Crowd(stack, force.payments, seed)
        agents = desk.Agents(timezone.now)
        agents.start()
        saboteur = Saboteur(stack, Random(seed))
        harm = _break_things_while(crowd, saboteur, force, directory, say)
        saboteur.heal()
        spent = judge.settle(stack, say=say)
        agents.go_home()
        look_again(stack, crowd.memories)
        wrong = judge.verdict(stack, crowd.memories)
        ended = judge.endings(stack)
    finally:
        stack.stop()
    if ended["REVIEW"] > crowd.count * _REVIEWS_ALLOWED:
        wrong.append(f"{ended['REVIEW']} payments were left to a person")
    figures: dict[str, object] = {
        "payments": crowd.count,
        **{state.lower(): count for state, count in sorted(ended.items())},
        "review": ended["REVIEW"],
        "requests": sum(bool(memory.ticket) for memory in crowd.memories),
        "faults": harm.faults,
        "crashes": harm.crashes,
        "points": harm.points,
        "unreached": len(harm.unreached),
        "errors_seen": sum(memory.errors for memory in crowd.memories),
        "healed_s": "never" if spent is None else round(spent),
    }
    return judge.Outcome(wrong, figures)


def _break_things_while(
    crowd: Crowd, saboteur: Saboteur, force: Force, directory: Path, say: Callable[[str], None]
) -> _Harm:
    """Strike whenever as many more have paid as there are payments for each fault.

    Crash orders go out the same way, for the points that the code has passed by then.
    """
    harm = _Harm()
    seen, orders = directory / "seen", directory / "orders"
    rounds: dict[str, int] = {}
    people = threading.Thread(target=crowd.run, daemon=True)
    people.start()
    while people.is_alive():
        time.sleep(0.25)
        known = sorted(path.name for path in seen.iterdir())
        open_orders = {path.name for path in orders.iterdir()}
        progress = crowd.done / crowd.count
        wanted = len(known) * force.rounds * min(1, progress / 0.9)
        free = [name for name in known if rounds.get(name, 0) < force.rounds]
        free = [name for name in free if name not in open_orders]
        if free and sum(rounds.values()) < wanted:
            name = saboteur.dice.choice(free)
            rounds[name] = rounds.get(name, 0) + 1
            (orders / name).touch()
        if harm.faults < force.faults * min(1, progress / 0.95):
            what = saboteur.strike()
            harm.faults += 1
            say(f"{crowd.done}/{crowd.count} paid or not; {harm.faults}: {what}")
    harm.unreached = {path.name for path in orders.iterdir()}
    for name in harm.unreached:
        (orders / name).unlink(missing_ok=True)
    harm.crashes = sum(rounds.values()) - len(harm.unreached)
    harm.points = len(list(seen.iterdir()))
    return harm
