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
    """Why a route was chosen, or why there is none."""

    SAME_MONTH = "SAME_MONTH"
    TOO_EARLY = "TOO_EARLY"
    MONTH_CLOSED = "MONTH_CLOSED"
    REFUSED_BY_CARRIER = "REFUSED_BY_CARRIER"
    # The operator takes a charge off the bill in whole or not at all.
    PART_NOT_SUPPORTED = "PART_NOT_SUPPORTED"
    # The shop gives back everything that is left, or nothing.
    WHOLE_ONLY = "WHOLE_ONLY"
    # This operator's payments may not be paid out to an account (익월환불 needs its own contract).
    BANK_NOT_CONTRACTED = "BANK_NOT_CONTRACTED"


class Parts(StrEnum):
    """Whether a shop gives back less than everything that is left of a payment."""

    NEVER = "NEVER"
    # Not where the payer would have to name an account only because it is a part.
    ON_THE_BILL = "ON_THE_BILL"
    ALWAYS = "ALWAYS"


@dataclass(frozen=True)
class Capabilities:
    """What one operator can do about a cancellation.

    `min_age` is how long after approval the operator starts to take a cancel; `cutoff_margin` how
    long before month end we stop sending.
    """

    min_age: timedelta = timedelta(0)
    cutoff_margin: timedelta = timedelta(minutes=10)
    can_cancel_in_part: bool = False
    has_bank_route: bool = True


@dataclass(frozen=True)
class Policy:
    """What the merchant promises about money back."""

    refund_days: int = 7
    parts: Parts = Parts.ALWAYS


@dataclass(frozen=True)
class Verdict:
    """The answer of `refund_route`.

    `route` is None when there is no way: the reasons say what stands in it, the nearest last.
    `not_before` is the earliest moment to send, `deadline` the last one on this route (None on the
    bank route, which has none), `expected_on` the day we name to the payer (None without a route).
    """

    route: Route | None
    reasons: tuple[Reason, ...]
    not_before: datetime
    deadline: datetime | None
    expected_on: date | None

    @property
    def reason(self) -> Reason:
        """What decided in the first place."""
        return self.reasons[0]


class Paid(Protocol):
    """What the rule needs to know of a payment."""

    @property
    def amount_won(self) -> int:
        """Won that were charged."""

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
    closed = holidays.country_holidays("KR")
    while count:
        day += timedelta(days=1)
        if day.weekday() < 5 and day not in closed:
            count -= 1
    return day


def refund_route(
    payment: Paid,
    now: datetime,
    capabilities: Capabilities,
    policy: Policy,
    *,
    amount_won: int | None = None,
    remaining_won: int | None = None,
) -> Verdict:
    """By which route, until when and why this payment can be given back.

    `remaining_won` is what is left of it (None: all), `amount_won` how much of that is wanted
    (None: all that is left). Source: domain §6; 전자상거래법 §18② gives three business days.
    Reaching month end never turns a request down: it changes the route. Raises NotPaid when there
    is nothing to give back.
    """
    left_won = payment.amount_won if remaining_won is None else remaining_won
    wanted_won = left_won if amount_won is None else amount_won
    closed = _closed(payment, now, capabilities)
    if wanted_won < left_won and policy.parts == Parts.NEVER:
        return _no_route(now, Reason.WHOLE_ONLY)
    # What is left after a part is a part to the operator as well.
    is_whole = wanted_won == payment.amount_won
    if closed is None and (is_whole or capabilities.can_cancel_in_part):
        return _carrier(payment, now, capabilities)
    if closed is None:
        closed = Reason.PART_NOT_SUPPORTED
        if wanted_won < left_won and policy.parts == Parts.ON_THE_BILL:
            return _no_route(now, closed, Reason.WHOLE_ONLY)
    if not capabilities.has_bank_route:
        return _no_route(now, closed, Reason.BANK_NOT_CONTRACTED)
    return Verdict(
        route=Route.BANK,
        reasons=(closed,),
        not_before=now,
        deadline=None,
        expected_on=business_days_after(now.astimezone(SEOUL).date(), 3),
    )


def _closed(payment: Paid, now: datetime, capabilities: Capabilities) -> Reason | None:
    """Why the operator takes no cancel of this payment any more; None while it does."""
    if payment.paid_at is None:
        raise NotPaid
    if payment.is_refused_by_carrier:
        return Reason.REFUSED_BY_CARRIER
    cutoff = carrier_cutoff(payment.paid_at, capabilities)
    is_this_month = billing_month(now) == billing_month(payment.paid_at)
    # Approved so late that the operator takes no cancel before it takes none any more.
    never_opens = payment.paid_at + capabilities.min_age >= cutoff
    return Reason.MONTH_CLOSED if not is_this_month or now >= cutoff or never_opens else None


def _carrier(payment: Paid, now: datetime, capabilities: Capabilities) -> Verdict:
    if payment.paid_at is None:
        raise NotPaid
    cutoff = carrier_cutoff(payment.paid_at, capabilities)
    sendable_at = payment.paid_at + capabilities.min_age
    tomorrow = business_days_after(now.astimezone(SEOUL).date(), 1)
    return Verdict(
        route=Route.CARRIER,
        reasons=(Reason.SAME_MONTH if now >= sendable_at else Reason.TOO_EARLY,),
        not_before=max(now, sendable_at),
        deadline=cutoff,
        expected_on=min(tomorrow, cutoff.astimezone(SEOUL).date()),
    )


def _no_route(now: datetime, *reasons: Reason) -> Verdict:
    return Verdict(route=None, reasons=reasons, not_before=now, deadline=None, expected_on=None)
