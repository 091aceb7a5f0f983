"""One step on many cases: tried out first, then carried out case by case by whoever is there.

Each case is a row, and the row is the job (design §3.6): what happened to the case and that its job
is done are one commit. Killed anywhere, the rest is still to do and nothing is done twice.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from payments import states
from payments.models import claims
from support import tickets
from support.models import BulkItem, BulkRun, Ticket

# More is several runs: a person looks at every line of the trial.
MOST = 100
BATCH = 50
BACKOFF_SECONDS = (5, 30, 120)
Action = BulkRun.Action
_log = logging.getLogger(__name__)


class Result(StrEnum):
    """What became of one case, or would."""

    DONE = "DONE"
    ALREADY = "ALREADY"
    MOVED = "MOVED"
    CHANGED = "CHANGED"
    NOT_SAME = "NOT_SAME"
    NOT_ALLOWED = "NOT_ALLOWED"
    NOBODY = "NOBODY"


@dataclass(frozen=True)
class Order:
    """What is to be done, by whom; `assignee_id` only to assign, `first_id` only for duplicates."""

    action: str
    reason: str
    by_id: int
    assignee_id: int | None = None
    first_id: int | None = None


@dataclass(frozen=True)
class Forecast:
    """What would happen to a case whose last change is `seen`."""

    ticket: Ticket
    seen: int
    result: Result


def permission(action: str) -> str:
    """What somebody must be allowed to do for it."""
    return "support.assign_ticket" if action == Action.ASSIGN else "support.change_ticket"


def trial(order: Order, ticket_ids: Iterable[int], *, now: datetime) -> list[Forecast]:
    """Carry the order out on each case and take it back at once; nothing stays written.

    So it says exactly what the run would do now. Cases in the order of the queue.
    """
    rows = Ticket.objects.filter(pk__in=list(ticket_ids)[:MOST])
    rows = rows.select_related("payment__merchant", "refund").order_by("deadline_at", "pk")
    return [_forecast(order, ticket, now=now) for ticket in rows]


@transaction.atomic
def start(order: Order, seen: Mapping[int, int], *, key: str, now: datetime) -> BulkRun:
    """Write down a run over these cases (pk → last change known); the same key twice is one run."""
    facts: dict[str, Any] = {
        "action": order.action,
        "reason": order.reason,
        "by_id": order.by_id,
        "assignee_id": order.assignee_id,
        "first_id": order.first_id,
        "started_at": now,
    }
    run, is_new = BulkRun.objects.get_or_create(key=key, defaults=facts)
    if is_new:
        known = Ticket.objects.filter(pk__in=list(seen)[:MOST]).order_by("deadline_at", "pk")
        BulkItem.objects.bulk_create(
            BulkItem(run=run, ticket_id=pk, seen=seen[pk], due_at=now)
            for pk in known.values_list("pk", flat=True)
        )
    return run


def work(*, now: datetime) -> int:
    """Carry out what is due; returns how many cases were looked at. Any number may run at once."""
    due = BulkItem.objects.filter(done_at=None, dead_at=None)
    count = 0
    for item in claims.claim_due(due, now=now, batch=BATCH):
        count += 1
        try:
            _carry_on(item.pk, now=now)
        except Exception:
            # One case's trouble must not keep the others waiting.
            _log.exception("bulk item %s could not be carried out", item.pk)
            claims.put_back(item, waits_seconds=BACKOFF_SECONDS, now=now)
    return count


def last_run(user_id: int) -> BulkRun | None:
    """The way back for somebody who closed the page of their newest run; None without one."""
    return BulkRun.objects.filter(by=user_id).order_by("-pk").first()


def items(run: BulkRun) -> list[BulkItem]:
    """The cases of a run with what became of them, in the order they were given."""
    return list(run.items.select_related("ticket").order_by("pk"))


@transaction.atomic
def _carry_on(item_id: int, *, now: datetime) -> None:
    # A worker that was only slow, and the one that took its job over, come here one by one.
    item = BulkItem.objects.select_for_update(of=("self",)).select_related("run").get(pk=item_id)
    if item.done_at is not None:
        return
    run = item.run
    order = Order(run.action, run.reason, run.by_id, run.assignee_id, run.first_id)
    item.result = _attempt(order, item.ticket_id, item.seen, now=now)
    item.done_at, item.lease_expires_at = now, None
    item.save(update_fields=["result", "done_at", "lease_expires_at"])


@transaction.atomic
def _forecast(order: Order, ticket: Ticket, *, now: datetime) -> Forecast:
    seen = tickets.last_change(ticket)
    result = _attempt(order, ticket.pk, seen, now=now)
    transaction.set_rollback(True)
    return Forecast(ticket, seen, result)


def _attempt(order: Order, ticket_id: int, seen: int, *, now: datetime) -> Result:
    """Do it, if its orderer may; every way it can fail by the rules is a result."""
    people = get_user_model().objects.filter(is_active=True, is_staff=True)
    person = people.filter(pk=order.by_id).first()
    if person is None or not person.has_perm(permission(order.action)):
        return Result.NOT_ALLOWED
    if order.action == Action.ASSIGN:
        if not people.filter(pk=order.assignee_id or 0).exists():
            return Result.NOBODY
        if Ticket.objects.filter(pk=ticket_id, assignee=order.assignee_id).exists():
            return Result.ALREADY
    try:
        _carry_out(order, ticket_id, seen, now=now)
    except states.IllegalMove:
        return Result.MOVED
    except tickets.ChangedMeanwhile:
        return Result.CHANGED
    except tickets.NotTheSameMatter:
        return Result.NOT_SAME
    return Result.DONE


def _carry_out(order: Order, ticket_id: int, seen: int, *, now: datetime) -> None:
    facts: dict[str, Any] = {
        "ticket_id": ticket_id,
        "seen": seen,
        "by": f"staff:{order.by_id}",
        "now": now,
    }
    if order.action == Action.ASSIGN:
        tickets.assign(user_id=order.assignee_id or 0, **facts)
    elif order.action == Action.ASK:
        tickets.ask_customer(question=order.reason, **facts)
    elif order.action == Action.DUPLICATE:
        tickets.mark_duplicate(first_id=order.first_id or 0, reason=order.reason, **facts)
    else:
        tickets.reject(reason=order.reason, **facts)
