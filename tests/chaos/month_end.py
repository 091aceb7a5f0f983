"""The last evening of a month, from 23:40 in Korea over the cut-off at 23:50 and midnight.

People pay and ask for their money all the time. Some requests are granted early, some while the
operator does not answer, some just before the cut-off while nothing is sent, the rest in the new
month. Whoever asked in time has their money in the end, over the bill or on an account.
"""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random

from payments import calendar
from tests import places
from tests.chaos import desk, judge
from tests.chaos.clock import Clock
from tests.chaos.people import Crowd, Memory, Person, look_again
from tests.chaos.storm import TIMES
from tests.stack import Stack
from tests.survival import witness

PAYMENTS = 200
# What each crowd is of all: in the evening, towards the cut-off, over midnight.
_EVENING, _LATE = 0.4, 0.4
_ACCOUNT = {"bank": "004", "number": "12345678901", "holder": "홍길동"}
_ENDS = (
    "SELECT t.id, t.state, coalesce(r.state, '') FROM support_ticket t"
    " LEFT JOIN payments_refund r ON r.id = t.refund_id"
    " WHERE t.state <> 'WITHDRAWN' AND coalesce(r.state, '') <> 'SUCCEEDED'"
)
# By the operator's own clock and books, in which our rows have no say.
_OUTSIDE = (
    "SELECT p.reference_code FROM operator_sandbox_refund r"
    " JOIN operator_sandbox_payment p ON p.payment_id = r.payment_id"
    " WHERE to_char(r.created_at AT TIME ZONE 'Asia/Seoul', 'YYYY-MM')"
    " <> to_char(p.charged_at AT TIME ZONE 'Asia/Seoul', 'YYYY-MM')"
)
_ROUTES = "SELECT route, count(*) FROM payments_refund WHERE state = 'SUCCEEDED' GROUP BY 1"


def run(seed: int, payments: int | None, *, say: Callable[[str], None]) -> judge.Outcome:
    """Live through the night and judge. Raises clock.Missing without libfaketime."""
    clock = Clock(places.directory() / "clock")
    midnight = _next_midnight(clock())
    clock.set(midnight - timedelta(minutes=20))
    stack = Stack(environment_more={**TIMES, **clock.environment()})
    stack.start()
    try:
        desk.open_for(stack)
        agents = desk.Agents(clock)
        memories = _live_through(stack, clock, midnight, agents, payments or PAYMENTS, seed, say)
        spent = _end(stack, memories, say)
        agents.go_home()
        look_again(stack, memories)
        wrong = [*judge.verdict(stack, memories), *_broken_promises(stack)]
        ended = judge.endings(stack)
        routes = dict(judge.ours(stack, _ROUTES))
    finally:
        stack.stop()
    figures: dict[str, object] = {
        "payments": len(memories),
        **{state.lower(): count for state, count in sorted(ended.items())},
        "requests": sum(bool(memory.ticket) for memory in memories),
        "by_carrier": routes.get("CARRIER", 0),
        "by_bank": routes.get("BANK", 0),
        "healed_s": "never" if spent is None else round(spent),
    }
    return judge.Outcome(wrong, figures)


def _live_through(
    stack: Stack,
    clock: Clock,
    midnight: datetime,
    agents: desk.Agents,
    payments: int,
    seed: int,
    say: Callable[[str], None],
) -> list[Memory]:
    evening = Crowd(stack, round(payments * _EVENING), seed)
    late = Crowd(stack, round(payments * _LATE), seed + 1)
    night = Crowd(stack, payments - evening.count - late.count, seed + 2)
    crowds = (evening, late, night)

    def tell(what: str) -> None:
        local = clock().astimezone(calendar.SEOUL)
        say(f"{local:%d. %H:%M:%S} {what}: {sum(crowd.done for crowd in crowds)}/{payments}")

    people = _start(evening)
    while people.is_alive():
        agents.work_off(limit=5)
        tell("people pay, agents grant")
        time.sleep(0.5)
    people = _start(late)
    while people.is_alive():
        tell("people pay, nobody grants")
        time.sleep(0.5)
    waiting = agents.waiting()
    # A third is granted while the operator answers nothing, or does it and says nothing.
    for mode in ("timeout_before", "timeout_after"):
        witness.fault(stack, operation="create_refund", mode=mode, times=5, seconds=9)
    agents.work_off(limit=waiting // 3)
    tell("the operator is silent")
    time.sleep(6)
    # Another third is granted in the last seconds, and nothing is sent before midnight.
    clock.set(midnight - timedelta(minutes=10, seconds=5))
    with stack.pause("worker"):
        people = _start(night)
        agents.work_off(limit=waiting // 3)
        tell("granted at the last moment")
        time.sleep(6)
        clock.set(midnight - timedelta(seconds=6))
        time.sleep(8)
        tell("midnight is over, with a backlog")
    witness.behave(stack)
    agents.start()
    while people.is_alive():
        tell("a new month")
        time.sleep(0.5)
    return [memory for crowd in crowds for memory in crowd.memories]


def _end(stack: Stack, memories: list[Memory], say: Callable[[str], None]) -> float | None:
    """People look at their requests and give accounts until nobody is asked for one."""
    started = time.monotonic()
    dice = Random(0)
    while (spent := time.monotonic() - started) < judge.HEAL_SECONDS:
        if judge.settle(stack, say=say, seconds=30) is None:
            continue
        [(awaiting,)] = judge.ours(
            stack, "SELECT count(*) FROM payments_refund WHERE state = 'AWAITING_ACCOUNT'"
        )
        if not awaiting:
            return spent
        say(f"{awaiting} wait for an account")
        for memory in memories:
            if memory.ticket:
                Person(stack, dice, memory).name_account(_ACCOUNT)
    return None


def _broken_promises(stack: Stack) -> Iterator[str]:
    for request, ticket, refund in judge.ours(stack, _ENDS):
        yield f"request {request} is {ticket} and its refund {refund or 'missing'}"
    for (reference,) in judge.theirs(stack, _OUTSIDE):
        yield f"{reference} was refunded by its operator in another month"


def _next_midnight(now: datetime) -> datetime:
    """The end of the month whose last 20 minutes are still to come."""
    end = calendar.month_end(now)
    return end if now < end - timedelta(minutes=21) else calendar.month_end(end)


def _start(crowd: Crowd) -> threading.Thread:
    thread = threading.Thread(target=crowd.run, daemon=True)
    thread.start()
    return thread
