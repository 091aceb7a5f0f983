"""Until when a request must be answered: business time in Korea, and when it stands still.

Every kind has its limit (domain F4). Limits in business days count the desk's opening hours and
stop while the customer owes us an answer; limits in calendar days are the law's, which stop for
nobody. Pure: times and opening hours are passed in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache

import holidays

from payments.calendar import SEOUL

_DAY = timedelta(days=1)
_NOTHING = timedelta(0)
# 정보통신망법 §58③: however long the customer takes, an answer is owed within two weeks.
LAW = timedelta(days=14)


@dataclass(frozen=True)
class Limit:
    """How long an answer may take: business days, or calendar days to the minute."""

    days: int
    is_business: bool


# By the letter of the kind: 전자상거래법 §18②, 정보통신망법 §58③, §58의2, §58②; the last is ours.
LIMITS = {
    "C": Limit(3, is_business=True),
    "O": Limit(14, is_business=False),
    "B": Limit(3, is_business=False),
    "H": Limit(14, is_business=False),
    "E": Limit(3, is_business=True),
}


@dataclass(frozen=True)
class Hours:
    """When the desk works, Korean time.

    `exceptions` stand above weekends and holidays: True for a day we work, False for a day we do
    not, such as a holiday the government adds (임시공휴일).
    """

    opens: time = time(9)
    closes: time = time(18)
    exceptions: Mapping[date, bool] = field(default_factory=dict)

    def is_open_on(self, day: date) -> bool:
        """Whether the desk works that day."""
        if day in self.exceptions:
            return self.exceptions[day]
        return day.weekday() < 5 and day not in _holidays(day.year)

    def span(self, day: date) -> tuple[datetime, datetime] | None:
        """From when to when the desk works that day; None when it does not."""
        if not self.is_open_on(day):
            return None
        return (
            datetime.combine(day, self.opens, tzinfo=SEOUL),
            datetime.combine(day, self.closes, tzinfo=SEOUL),
        )


@lru_cache(maxsize=64)
def _holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("KR", years=year))


def first_due(kind: str, since: datetime, hours: Hours) -> datetime:
    """The deadline of a request that came in, or was opened again, at `since`.

    Business days end with the desk's day; the day of arrival does not count (민법 §157).
    """
    limit = LIMITS[kind]
    if not limit.is_business:
        return since + timedelta(days=limit.days)
    day, left = since.astimezone(SEOUL).date(), limit.days
    while left:
        day += _DAY
        left -= hours.is_open_on(day)
    return datetime.combine(day, hours.closes, tzinfo=SEOUL)


def between(start: datetime, end: datetime, hours: Hours) -> timedelta:
    """The business time from `start` to `end`; negative when the end lies before the start."""
    if end < start:
        return -between(end, start, hours)
    total, day, last = _NOTHING, start.astimezone(SEOUL).date(), end.astimezone(SEOUL).date()
    while day <= last:
        if span := hours.span(day):
            total += max(min(end, span[1]) - max(start, span[0]), _NOTHING)
        day += _DAY
    return total


def after(start: datetime, amount: timedelta, hours: Hours) -> datetime:
    """The moment `amount` of business time after `start`; before it when the amount is negative."""
    if not amount:
        return start
    is_forward, left, day = amount > _NOTHING, abs(amount), start.astimezone(SEOUL).date()
    while True:
        if span := hours.span(day):
            opens, closes = max(span[0], start), min(span[1], start)
            room = span[1] - opens if is_forward else closes - span[0]
            if _NOTHING < left <= room:
                return opens + left if is_forward else closes - left
            left -= max(room, _NOTHING)
        day += _DAY if is_forward else -_DAY


def can_stop(kind: str) -> bool:
    """Whether the clock of a kind stands still while the customer owes us an answer."""
    return LIMITS[kind].is_business


def left_at(stop: datetime, due_at: datetime, hours: Hours) -> timedelta:
    """What is left of a clock that stops now: business time, negative by how much it is late."""
    return between(stop, due_at, hours)


def due_while_stopped(due_at: datetime, *, since: datetime, at: datetime) -> datetime:
    """The deadline that goes on while ours stands still: the law's. A missed one stays missed."""
    return due_at if due_at <= at else max(due_at, since + LAW)


def due_after_stop(
    left: timedelta, *, since: datetime, resumed_at: datetime, hours: Hours
) -> datetime:
    """The deadline of a clock that goes on with what it had left.

    Late before it stopped is as late afterwards, not later: the wait was the customer's.
    """
    due_at = after(resumed_at, left, hours)
    return due_at if left <= _NOTHING else min(due_at, since + LAW)
