"""The queue: which cases an agent looks at, in which order, a page at a time.

Nothing here costs more when the desk gets older: pages start where the last one ended, and counts
stop at a number nobody reads beyond.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from django.db.models import Q, QuerySet

from payments.searching import wanted
from support.models import Ticket, pk_of_number
from support.states import (
    TICKET_FINAL,
    TICKET_OPEN,
    TICKET_UNDECIDED,
    TICKET_WAITING,
    TicketState,
)

SIZE = 30
COUNT_UP_TO = 100
NEAR = timedelta(days=2)
_LONGEST = 18
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TO_DO = TICKET_UNDECIDED - TICKET_WAITING


class View(StrEnum):
    """What an agent wants to see; the first is shown unasked."""

    TODO = "todo"
    MINE = "mine"
    UNASSIGNED = "unassigned"
    NEAR = "near"
    WAITING = "waiting"
    REOPENED = "reopened"
    REFUNDING = "refunding"
    CLOSED = "closed"


class NotACursor(Exception):
    """The address names a place in the queue that we never handed out."""


@dataclass(frozen=True)
class Page:
    """Some cases, and where the next page starts; an empty `onward` is the end."""

    rows: list[Ticket]
    onward: str


def cases(view: View, *, user_id: int, now: datetime) -> QuerySet[Ticket]:
    """The cases of a view in its order: the nearest deadline first, closed ones newest first."""
    chosen = {
        View.TODO: Q(state__in=_TO_DO),
        View.MINE: Q(state__in=TICKET_UNDECIDED, assignee_id=user_id),
        View.UNASSIGNED: Q(state__in=_TO_DO, assignee=None),
        View.NEAR: Q(state__in=TICKET_UNDECIDED, deadline_at__lte=now + NEAR),
        View.WAITING: Q(state__in=TICKET_WAITING),
        View.REOPENED: Q(state__in=TICKET_UNDECIDED, reopened_at__isnull=False),
        View.REFUNDING: Q(state=TicketState.APPROVED),
        View.CLOSED: Q(state__in=TICKET_FINAL),
    }[view]
    rows = _all().filter(chosen)
    if view == View.CLOSED:
        return rows.order_by("-pk")
    # Said twice so that the planner may use the index over open cases.
    return rows.filter(state__in=TICKET_OPEN).order_by("deadline_at", "pk")


def search(term: str) -> QuerySet[Ticket]:
    """Cases of any state that somebody means by `term`, newest first."""
    by_number = Q(pk=pk_of_number(term))
    found = by_number | wanted(term, payment="payment__", at="accepted_at")
    return _all().filter(found).order_by("-pk")


def counts(*, user_id: int, now: datetime) -> dict[View, int]:
    """How many cases each view of open ones has, up to COUNT_UP_TO; one statement a view."""
    return {
        view: cases(view, user_id=user_id, now=now).order_by()[:COUNT_UP_TO].count()
        for view in View
        if view != View.CLOSED
    }


def page(rows: QuerySet[Ticket], *, after: str, size: int = SIZE) -> Page:
    """The page of `rows` (of `cases` or `search`) behind a cursor. Raises NotACursor."""
    is_by_deadline = rows.query.order_by[0] == "deadline_at"
    if after:
        at, pk = _read(after)
        if is_by_deadline:
            rows = rows.filter(Q(deadline_at__gt=at) | Q(deadline_at=at, pk__gt=pk))
            # The plain comparison beside the pair is what the index can use.
            rows = rows.filter(deadline_at__gte=at)
        else:
            rows = rows.filter(pk__lt=pk)
    found = list(rows[: size + 1])
    shown = found[:size]
    return Page(shown, _cursor(shown[-1]) if len(found) > size else "")


def next_case(*, user_id: int, now: datetime, but: int) -> Ticket | None:
    """The case to take up after `but`: own or free, nearest deadline first; None when done."""
    mine = Q(assignee_id=user_id) | Q(assignee=None)
    return cases(View.TODO, user_id=user_id, now=now).filter(mine).exclude(pk=but).first()


def _all() -> QuerySet[Ticket]:
    return Ticket.objects.select_related("payment__merchant", "refund", "assignee")


def _cursor(ticket: Ticket) -> str:
    return f"{(ticket.deadline_at - _EPOCH) // timedelta(microseconds=1)}-{ticket.pk}"


def _read(cursor: str) -> tuple[datetime, int]:
    microseconds, _, pk = cursor.partition("-")
    if not all(
        part.isascii() and part.isdigit() and len(part) <= _LONGEST for part in (microseconds, pk)
    ):
        raise NotACursor
    try:
        return _EPOCH + timedelta(microseconds=int(microseconds)), int(pk)
    except OverflowError:
        raise NotACursor from None
