"""How the desk does, for its leads: what waits, what was late, how long answers took, why people
cancel.

A fixed number of statements over a window of days, whatever the desk has seen before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Aggregate,
    Case,
    CharField,
    Count,
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Least, TruncMonth

from payments.calendar import SEOUL, Capabilities
from support.models import Rating, Ticket, TicketMessage
from support.states import TICKET_UNDECIDED, TicketState

# A case is in the first age it is younger than; the last has no end.
AGES = (("1", 1), ("3", 3), ("7", 7), ("14", 14), ("more", None))
SOON = timedelta(days=1)
_MOST_MERCHANTS = 50
_GIVEN_BACK = (TicketState.APPROVED, TicketState.RESOLVED)


class Median(Aggregate):
    """The middle of a group's durations."""

    function = "percentile_cont"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


@dataclass(frozen=True)
class Work:
    """What one agent decided of one kind: how many, how many late, and the middle times."""

    agent: str
    kind: str
    count: int
    late: int
    first_answer: timedelta | None
    resolution: timedelta | None


@dataclass(frozen=True)
class Satisfaction:
    """How customers found one agent's cases of one kind: how many said which."""

    agent: str
    kind: str
    good: int
    fair: int
    poor: int


@dataclass(frozen=True)
class Board:
    """Everything the leads see. Counts are of cases; `cutoff_missed` of the whole window."""

    backlog: list[tuple[str, list[int]]]
    overdue: int
    soon: int
    decided_late: int
    cutoff_missed: int
    work: list[Work]
    reasons: list[tuple[str, str, int]]
    satisfaction: list[Satisfaction]


def board(*, since: datetime, now: datetime) -> Board:
    """The figures as of now; decisions, requests and ratings from `since` on. Seven statements."""
    open_now = Ticket.objects.filter(state__in=TICKET_UNDECIDED)
    deadlines = open_now.aggregate(
        overdue=Count("pk", filter=Q(due_at__lte=now)),
        soon=Count("pk", filter=Q(due_at__gt=now, due_at__lte=now + SOON)),
    )
    decided = Ticket.objects.filter(decided_at__gte=since, decided_by__startswith="staff:")
    return Board(
        backlog=_backlog(open_now, now),
        overdue=deadlines["overdue"],
        soon=deadlines["soon"],
        decided_late=decided.filter(decided_at__gt=F("due_at")).count(),
        cutoff_missed=_cutoff_missed(since=since, now=now).count(),
        work=_work(decided),
        reasons=_reasons(since),
        satisfaction=_satisfaction(since),
    )


def _backlog(rows: QuerySet[Ticket], now: datetime) -> list[tuple[str, list[int]]]:
    ages = [
        When(accepted_at__gt=now - timedelta(days=days), then=Value(name))
        for name, days in AGES
        if days is not None
    ]
    age = Case(*ages, default=Value(AGES[-1][0]), output_field=CharField())
    found = {
        (row["kind"], row["age"]): row["count"]
        for row in rows.annotate(age=age).values("kind", "age").annotate(count=Count("pk"))
    }
    return [(kind, [found.get((kind, name), 0) for name, _ in AGES]) for kind in Ticket.Kind.values]


def _cutoff_missed(*, since: datetime, now: datetime) -> QuerySet[Ticket]:
    """Asked for while the carrier still cancelled, decided (or still not) when it no longer did.

    What was turned down or taken back cost nobody their carrier cancel.
    """
    margin = Capabilities().cutoff_margin
    decided_at = Coalesce("decided_at", Value(now), output_field=DateTimeField())
    late = ExpressionWrapper(decided_at + margin, output_field=DateTimeField())
    asked = ExpressionWrapper(F("accepted_at") + margin, output_field=DateTimeField())
    return (
        Ticket.objects.filter(
            Q(decided_at__gte=since) | Q(decided_at=None),
            kind=Ticket.Kind.CANCELLATION,
            state__in=[*_GIVEN_BACK, *TICKET_UNDECIDED],
        )
        .annotate(
            paid_month=TruncMonth("payment__paid_at", tzinfo=SEOUL),
            asked_month=TruncMonth(asked, tzinfo=SEOUL),
            decided_month=TruncMonth(late, tzinfo=SEOUL),
        )
        .filter(paid_month=F("asked_month"), decided_month__gt=F("asked_month"))
    )


def _work(decided: QuerySet[Ticket]) -> list[Work]:
    said = TicketMessage.objects.filter(
        ticket=OuterRef("pk"), party=TicketMessage.Party.CUSTOMER, author__startswith="staff:"
    ).order_by("pk")
    rows = (
        decided.annotate(
            answered_at=Least("decided_at", Subquery(said.values("at")[:1])),
            resolution=_span("decided_at"),
        )
        .annotate(first_answer=_span("answered_at"))
        .values("decided_by", "kind")
        .annotate(
            count=Count("pk"),
            late=Count("pk", filter=Q(decided_at__gt=F("due_at"))),
            middle_answer=Median("first_answer"),
            middle_resolution=Median("resolution"),
        )
        .order_by("decided_by", "kind")
    )
    return [
        Work(
            row["decided_by"],
            row["kind"],
            row["count"],
            row["late"],
            row["middle_answer"],
            row["middle_resolution"],
        )
        for row in rows
    ]


def _reasons(since: datetime) -> list[tuple[str, str, int]]:
    rows = (
        Ticket.objects.filter(
            accepted_at__gte=since, kind=Ticket.Kind.CANCELLATION, payment__isnull=False
        )
        .values("payment__merchant__name", "reason")
        .annotate(count=Count("pk"))
        .order_by("-count", "payment__merchant__name", "reason")[:_MOST_MERCHANTS]
    )
    return [(row["payment__merchant__name"], row["reason"], row["count"]) for row in rows]


def _satisfaction(since: datetime) -> list[Satisfaction]:
    scores = Rating.Score
    rows = (
        Rating.objects.filter(given_at__gte=since)
        .values("agent", "ticket__kind")
        .annotate(
            good=Count("pk", filter=Q(score=scores.GOOD)),
            fair=Count("pk", filter=Q(score=scores.FAIR)),
            poor=Count("pk", filter=Q(score=scores.POOR)),
        )
        .order_by("agent", "ticket__kind")
    )
    return [
        Satisfaction(row["agent"], row["ticket__kind"], row["good"], row["fair"], row["poor"])
        for row in rows
    ]


def _span(end: str) -> Any:
    return ExpressionWrapper(F(end) - F("accepted_at"), output_field=DurationField())
