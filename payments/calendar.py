"""The calendar month in Korea, and the rule that hangs on it: how a payment can be given back.

A phone payment can be cancelled at the carrier only inside the month of its approval, Korean time;
afterwards the money goes to the payer's bank account. Pure: the time is passed in.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

import holidays

SEOUL = ZoneInfo("Asia/Seoul")


class Route(StrEnum):
    """How money goes back."""

    CARRIER = "CARRIER"
    BANK = "BANK"


class Reason(StrEnum):
    """Why a route was chosen."""

    SAME_MONTH = "SAME_MONTH"
    TOO_EARLY = "TOO_EARLY"
    MONTH_CLOSED = "MONTH_CLOSED"
    REFUSED_BY_CARRIER = "REFUSED_BY_CARRIER"


@dataclass(frozen=True)
class Capabilities:
    """What one operator can do about a cancellation.

    `min_age` is how long after approval the operator starts to take a cancel; `cutoff_margin` how
    long before month end we stop sending.
    """

    min_age: timedelta = timedelta(0)
    cutoff_margin: timedelta = timedelta(minutes=10)
    can_cancel_in_part: bool = False


@dataclass(frozen=True)
class Policy:
    """What the merchant promises about money back."""

    refund_days: int = 7


@dataclass(frozen=True)
class Verdict:
    """The answer of `refund_route`.

    `not_before` is the earliest moment to send, `deadline` the last one on this route (None on the
    bank route, which has none), `expected_on` the day we name to the payer.
    """

    route: Route
    reason: Reason
    not_before: datetime
    deadline: datetime | None
    expected_on: date


class Paid(Protocol):
    """What the rule needs to know of a payment."""

    @property
    def paid_at(self) -> datetime | None:
        """When the carrier approved it; None while unpaid."""

    @property
    def is_refused_by_carrier(self) -> bool:
        """Whether the carrier has said for good that it will not cancel."""


class NotPaid(Exception):
    """A route was asked for a payment that was never paid."""


def billing_month(at: datetime) -> str:
    """The Korean calendar month of a moment, `YYYY-MM`."""
    return at.astimezone(SEOUL).strftime("%Y-%m")


def month_end(at: datetime) -> datetime:
    """The first moment of the next Korean month: what happens at it is too late."""
    local = at.astimezone(SEOUL)
    year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
    return datetime(year, month, 1, tzinfo=SEOUL)


def carrier_cutoff(paid_at: datetime, capabilities: Capabilities) -> datetime:
    """Until when a payment approved at `paid_at` can be cancelled at the carrier."""
    return month_end(paid_at) - capabilities.cutoff_margin


def business_days_after(day: date, count: int) -> date:
    """The day `count` Korean business days after `day` (weekends and public holidays skipped)."""
    closed = holidays.country_holidays("KR", years=(day.year, day.year + 1))
    while count:
        day += timedelta(days=1)
        if day.weekday() < 5 and day not in closed:
            count -= 1
    return day


def refund_route(
    payment: Paid, now: datetime, capabilities: Capabilities, policy: Policy
) -> Verdict:
    """By which route, until when and why this payment can be given back.

    Source: domain §6; 전자상거래법 §18② gives three business days. Reaching month end never turns a
    request down: it changes the route. Raises NotPaid when there is nothing to give back.
    """
    paid_at = payment.paid_at
    if paid_at is None:
        raise NotPaid
    cutoff = carrier_cutoff(paid_at, capabilities)
    sendable_at = paid_at + capabilities.min_age
    today = now.astimezone(SEOUL).date()
    if payment.is_refused_by_carrier:
        return _bank(Reason.REFUSED_BY_CARRIER, now, today)
    if billing_month(now) != billing_month(paid_at) or now >= cutoff or sendable_at >= cutoff:
        return _bank(Reason.MONTH_CLOSED, now, today)
    return Verdict(
        route=Route.CARRIER,
        reason=Reason.SAME_MONTH if now >= sendable_at else Reason.TOO_EARLY,
        not_before=max(now, sendable_at),
        deadline=cutoff,
        expected_on=min(business_days_after(today, 1), cutoff.astimezone(SEOUL).date()),
    )


def _bank(reason: Reason, now: datetime, today: date) -> Verdict:
    return Verdict(
        route=Route.BANK,
        reason=reason,
        not_before=now,
        deadline=None,
        expected_on=business_days_after(today, 3),
    )
