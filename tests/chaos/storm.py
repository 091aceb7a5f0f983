"""The profiles with people and faults at once: everything breaks, at random and at crash points."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random

from django.utils import timezone

from tests import places
from tests.chaos import desk, guide, judge, points
from tests.chaos.faults import Saboteur
from tests.chaos.people import Crowd, look_again
from tests.stack import SHORT_TIMES, Stack

# Windows end soon, so that nobody waits ten minutes for somebody who walked away.
TIMES = {
    **SHORT_TIMES,
    "WINDOW_SECONDS": "45",
    "CODE_SECONDS": "40",
    "RESOLVE_MAX_SECONDS": "5",
    "SANDBOX_TIMEOUT_SECONDS": "9",
    # As it is delivered: tests that pause the worker ask for more patience.
    "WORKER_SILENT_SECONDS": "60",
}
# One payment of a thousand may be left to a person.
_REVIEWS_ALLOWED = 1 / 1000
_REVIEWED = (
    "SELECT p.reference, e.reason FROM payments_payment p JOIN payments_paymentevent e"
    " ON e.payment_id = p.id AND e.to_state = 'REVIEW' WHERE p.state = 'REVIEW'"
)
# By when the last crash has been ordered and the last fault been done, of all payments.
_ORDERED_BY, _STRUCK_BY = 0.75, 0.95
# How often somebody is led to a point nobody came past, and how many come for the last of them.
_LEAD_SECONDS = 3.0
_STRAGGLERS = 32
_STRAGGLE_SECONDS = 300.0


@dataclass(frozen=True)
class Force:
    """How many pay, how much breaks; each crash point is hit `rounds` times.

    `is_whole`: the run goes on until every point has been hit, and fails where that is impossible.
    """

    payments: int
    faults: int
    rounds: int
    is_whole: bool = False

    def scaled_to(self, payments: int) -> "Force":
        """As much harm for each payment, but every crash point once at least."""
        share = payments / self.payments
        return replace(
            self,
            payments=payments,
            faults=round(self.faults * share),
            rounds=max(1, round(self.rounds * share)),
        )


@dataclass(frozen=True)
class _Harm:
    """What was done, and at which of the points ordered nobody could be made to die."""

    faults: int
    crashes: int
    points: int
    missing: list[str]


def run(
    force: Force, seed: int, payments: int | None, *, say: Callable[[str], None]
) -> judge.Outcome:
    """Let them pay, break it, heal it, and judge. `payments` instead of the force's number."""
    force = force.scaled_to(payments or force.payments)
    directory = places.directory()
    marks = {"DJANGO_SETTINGS_MODULE": "tests.chaos.settings", points.DIRECTORY: str(directory)}
    stack = Stack(environment_more={**TIMES, **marks})
    orders = directory / points.ORDERS
    orders.mkdir()
    for name in guide.ONCE_A_DAY:
        (orders / name).touch()
    stack.start()
    try:
        desk.open_for(stack)
        crowd = Crowd(stack, force.payments, seed)
        agents = desk.Agents(timezone.now)
        agents.start()
        saboteur = Saboteur(stack, Random(seed))
        harm = _Storm(stack, crowd, saboteur, force, directory, say).rage()
        saboteur.heal()
        spent = judge.settle(stack, say=say)
        agents.go_home()
        look_again(stack, crowd.memories)
        wrong = judge.verdict(stack, crowd.memories)
        ended = judge.endings(stack)
        reviewed = judge.ours(stack, _REVIEWED)
    finally:
        stack.stop()
    notes = [f"in REVIEW: {reference}, {why}" for reference, why in reviewed]
    wrong += [f"nothing says why {ref} is in REVIEW" for ref, why in reviewed if not why]
    missing = [f"nobody died at {name}" for name in harm.missing]
    (wrong if force.is_whole else notes).extend(missing)
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
        "unreached": len(harm.missing),
        "errors_seen": sum(memory.errors for memory in crowd.memories),
        "healed_s": "never" if spent is None else round(spent),
    }
    return judge.Outcome(wrong, figures, notes)


class _Storm:
    """Breaks things while a crowd pays."""

    def __init__(
        self,
        stack: Stack,
        crowd: Crowd,
        saboteur: Saboteur,
        force: Force,
        directory: Path,
        say: Callable[[str], None],
    ) -> None:
        self._crowd, self._saboteur, self._force, self._say = crowd, saboteur, force, say
        self._guide = guide.Guide(stack)
        self._seen, self._orders = directory / points.SEEN, directory / points.ORDERS
        # How often a crash was ordered at each point.
        self._ordered = Counter(guide.ONCE_A_DAY)
        self._faults = 0
        self._last = "nothing yet"

    def rage(self) -> _Harm:
        """Strike whenever as many more have paid as there are payments for each fault.

        Crash orders go out the same way, for the points that the code has passed by then. In the
        end, in a run that has to be whole, some more pay until the last order is carried out.
        """
        self._break_things_while(self._crowd.run)
        began = time.monotonic()
        while self._force.is_whole and self._missing() and not _is_over(began, _STRAGGLE_SECONDS):
            self._break_things_while(partial(self._crowd.go_on, _STRAGGLERS))
        self._guide.go_home()
        missing = self._missing()
        crashes = self._crashes()
        for name in self._open_orders():
            (self._orders / name).unlink(missing_ok=True)
        return _Harm(self._faults, crashes, len(self._known()), missing)

    def _break_things_while(self, they_pay: Callable[[], None]) -> None:
        people = threading.Thread(target=they_pay, daemon=True)
        people.start()
        led = time.monotonic()
        while people.is_alive():
            time.sleep(0.1)
            progress = self._crowd.done / self._crowd.count
            self._order(min(1, progress / _ORDERED_BY))
            if self._faults < self._force.faults * min(1, progress / _STRUCK_BY):
                self._last = self._saboteur.strike()
                self._faults += 1
            if _is_over(led, _LEAD_SECONDS):
                led = time.monotonic()
                self._guide.lead(self._missing())
            self._say(
                f"{self._crowd.done}/{self._crowd.count} paid or not; {self._crashes()} crashes,"
                f" {self._faults} faults, last: {self._last}"
            )

    def _order(self, share: float) -> None:
        known = self._known()
        if self._ordered.total() >= len(known) * self._force.rounds * share:
            return
        free = sorted(known - self._open_orders() - set(guide.ONCE_A_DAY))
        # Who was hit least is next, so that time is left for points that few come past.
        least = min((self._ordered[name] for name in free), default=self._force.rounds)
        if least < self._force.rounds:
            name = self._saboteur.dice.choice(
                [name for name in free if self._ordered[name] == least]
            )
            self._ordered[name] += 1
            (self._orders / name).touch()

    def _crashes(self) -> int:
        return self._ordered.total() - len(self._open_orders())

    def _missing(self) -> list[str]:
        """Where somebody still has to die; in a whole run also steps that nobody has taken."""
        never_hit = {name for name in self._open_orders() if self._ordered[name] == 1}
        due = sorted(filter(points.is_due, never_hit))
        return due + guide.unseen(self._known()) if self._force.is_whole else due

    def _known(self) -> set[str]:
        return {path.name for path in self._seen.iterdir()}

    def _open_orders(self) -> set[str]:
        return {path.name for path in self._orders.iterdir()}


def _is_over(began: float, seconds: float) -> bool:
    return time.monotonic() - began > seconds
