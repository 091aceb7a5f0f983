"""The periods a merchant is settled in: whole Korean days, one after the other. Pure."""

import calendar
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from payments.calendar import SEOUL


class Cycle(StrEnum):
    """How long a period is."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    HALF_MONTHLY = "HALF_MONTHLY"
    MONTHLY = "MONTHLY"


@dataclass(frozen=True)
class Span:
    """Korean days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def starts_at(self) -> datetime:
        """The first moment."""
        return datetime.combine(self.first, time(), tzinfo=SEOUL)

    @property
    def ends_before(self) -> datetime:
        """The first moment that is too late."""
        return datetime.combine(self.last + timedelta(days=1), time(), tzinfo=SEOUL)


def day_after(day: date) -> date:
    """The next day."""
    return day + timedelta(days=1)


def span_of(cycle: str, day: date) -> Span:
    """The period of this cycle that a Korean day lies in; weeks begin on Monday."""
    month_ends = day.replace(day=calendar.monthrange(day.year, day.month)[1])
    match Cycle(cycle):
        case Cycle.DAILY:
            return Span(day, day)
        case Cycle.WEEKLY:
            monday = day - timedelta(days=day.weekday())
            return Span(monday, monday + timedelta(days=6))
        case Cycle.HALF_MONTHLY if day.day <= 15:
            return Span(day.replace(day=1), day.replace(day=15))
        case Cycle.HALF_MONTHLY:
            return Span(day.replace(day=16), month_ends)
        case Cycle.MONTHLY:
            return Span(day.replace(day=1), month_ends)


def next_span(cycle: str, *, oldest: date, closed_until: date | None, today: date) -> Span | None:
    """The next period to close, None when it is not over yet.

    `oldest` is the day of the oldest open item, `closed_until` the last day closed before. An
    item of a closed day waits for the first period after it, and no day is ever in two periods,
    even when the cycle was changed in between.
    """
    floor = day_after(closed_until) if closed_until else oldest
    span = span_of(cycle, max(oldest, floor))
    if span.last >= today:
        return None
    return Span(max(span.first, floor) if closed_until else span.first, span.last)


def last_span(cycle: str, *, closed_until: date | None, today: date) -> Span | None:
    """The latest period that is over and not closed, None when there is none."""
    span = span_of(cycle, span_of(cycle, today).first - timedelta(days=1))
    if closed_until is None or span.first > closed_until:
        return span
    return None
