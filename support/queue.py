"""The queue: which cases an agent looks at, in which order, a page at a time.

Nothing here costs more when the desk gets older: pages start where the last one ended, counts stop
at a number nobody reads beyond, and words are looked for in so many cases at a time.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from django.db.models import Max, Min, Q, QuerySet

from payments.models import Payment
from payments.searching import of_day, of_line, of_words
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
# So many cases are read for words at a time; looking on goes on behind them.
READ_AT_ONCE = 1_000
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
    """Some cases, and where the next page starts; an empty `onward` is the end.

    A page of words may be empty and yet lead on: what is older has not been read.
    """

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


def search(term: str, *, after: str) -> Page:
    """A page of cases of any state that somebody means by `term`, newest first.

    A case, a payment, an order, a line or a day is found by its index; only when nothing is, the
    names of sellers and products are read, READ_AT_ONCE cases a page. Raises NotACursor.
    """
    rows = _all().order_by("-pk")
    if day := of_day(term, at="accepted_at"):
        # In the order of its index: by key, whatever is newer than the day would be read first.
        return page(_all().filter(day).order_by("-accepted_at", "-pk"), after=after)
    if line := of_line(term):
        return page(rows.filter(line), after=after)
    if number := pk_of_number(term):
        return page(rows.filter(pk=number), after=after)
    # Not one question with OR: the planner might read every payment for it.
    by_reference = Payment.objects.filter(reference=term.upper()).values_list("pk", flat=True)
    by_order = Payment.objects.filter(order_no=term).values_list("pk", flat=True)[: SIZE + 1]
    keys = list(by_reference.union(by_order))
    if keys:
        return page(rows.filter(payment__in=keys), after=after)
    return _read_for_words(rows, term, after=after)


def _read_for_words(rows: QuerySet[Ticket], term: str, *, after: str) -> Page:
    ends = Ticket.objects.aggregate(oldest=Min("pk"), newest=Max("pk"))
    begin = _read(after)[1] if after else (ends["newest"] or 0) + 1
    end = begin - READ_AT_ONCE
    found = rows.filter(of_words(term, payment="payment__"), pk__lt=begin, pk__gte=end)
    shown = page(found, after="")
    if shown.onward or end <= (ends["oldest"] or 0):
        return shown
    return Page(shown.rows, f"0-{end}")


def counts(*, user_id: int, now: datetime) -> dict[View, int]:
    """How many cases each view of open ones has, up to COUNT_UP_TO; one statement a view."""
    return {
        view: cases(view, user_id=user_id, now=now).order_by()[:COUNT_UP_TO].count()
        for view in View
        if view != View.CLOSED
    }


def page(rows: QuerySet[Ticket], *, after: str, size: int = SIZE) -> Page:
    """The page of `rows` (of `cases` or `search`) behind a cursor. Raises NotACursor."""
    order = str(rows.query.order_by[0])
    time = "deadline_at" if order == "-pk" else order.removeprefix("-")
    if after:
        at, pk = _read(after)
        beyond = "lt" if order.startswith("-") else "gt"
        if order == "-pk":
            rows = rows.filter(pk__lt=pk)
        else:
            pair = Q(**{f"{time}__{beyond}": at}) | Q(**{time: at, f"pk__{beyond}": pk})
            # The plain comparison beside the pair is what the index can use.
            rows = rows.filter(pair, **{f"{time}__{beyond}e": at})
    found = list(rows[: size + 1])
    shown = found[:size]
    return Page(shown, _cursor(shown[-1], time) if len(found) > size else "")


def next_case(*, user_id: int, now: datetime, but: int) -> Ticket | None:
    """The case to take up after `but`: own or free, nearest deadline first; None when done."""
    mine = Q(assignee_id=user_id) | Q(assignee=None)
    return cases(View.TODO, user_id=user_id, now=now).filter(mine).exclude(pk=but).first()


def _all() -> QuerySet[Ticket]:
    return Ticket.objects.select_related("payment__merchant", "refund", "assignee")


def _cursor(ticket: Ticket, time: str) -> str:
    return f"{(getattr(ticket, time) - _EPOCH) // timedelta(microseconds=1)}-{ticket.pk}"


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
