"""The month rule (domain §6, §15)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.calendar import (
    SEOUL,
    Capabilities,
    NotPaid,
    Policy,
    Reason,
    Route,
    Verdict,
    billing_month,
    business_days_after,
    month_end,
    refund_route,
)


@dataclass(frozen=True)
class PaidStub:
    """A payment as the rule sees it."""

    paid_at: datetime | None
    is_refused_by_carrier: bool = False


def kst(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SEOUL)


def route(
    paid: str, now: str, capabilities: Capabilities | None = None, *, refused: bool = False
) -> Verdict:
    payment = PaidStub(kst(paid), is_refused_by_carrier=refused)
    return refund_route(payment, kst(now), capabilities or Capabilities(), Policy())


def test_route_is_carrier_in_the_month_of_approval() -> None:
    verdict = route("2026-11-23T14:05", "2026-11-30T23:49")

    assert verdict.route == Route.CARRIER
    assert verdict.deadline == kst("2026-11-30T23:50")
    assert verdict.reason == Reason.SAME_MONTH


def test_route_is_bank_from_the_cutoff_on() -> None:
    verdict = route("2026-11-23T14:05", "2026-11-30T23:50")

    assert (verdict.route, verdict.reason) == (Route.BANK, Reason.MONTH_CLOSED)
    assert verdict.deadline is None


def test_route_is_bank_ten_seconds_later_when_the_month_turned() -> None:
    assert route("2026-01-31T23:39:50", "2026-02-01T00:00:05").route == Route.BANK


def test_route_reads_utc_timestamps_in_korean_time() -> None:
    paid = PaidStub(datetime(2026, 1, 31, 15, 0, tzinfo=UTC))  # 1 February in Seoul

    verdict = refund_route(paid, datetime(2026, 2, 28, 14, 0, tzinfo=UTC), Capabilities(), Policy())

    assert verdict.route == Route.CARRIER


def test_route_is_never_carrier_when_approved_too_close_to_month_end() -> None:
    slow = Capabilities(min_age=timedelta(minutes=10))

    assert route("2026-11-30T23:45", "2026-11-30T23:46", slow).route == Route.BANK


def test_route_waits_when_the_operator_takes_no_cancel_yet() -> None:
    slow = Capabilities(min_age=timedelta(minutes=10))

    verdict = route("2026-11-23T14:05", "2026-11-23T14:06", slow)

    assert (verdict.route, verdict.reason) == (Route.CARRIER, Reason.TOO_EARLY)
    assert verdict.not_before == kst("2026-11-23T14:15")


def test_route_is_bank_when_the_operator_refused_for_good() -> None:
    verdict = route("2026-11-23T14:05", "2026-11-23T14:06", refused=True)

    assert (verdict.route, verdict.reason) == (Route.BANK, Reason.REFUSED_BY_CARRIER)


def test_route_of_an_unpaid_payment_is_an_error() -> None:
    with pytest.raises(NotPaid):
        refund_route(PaidStub(None), kst("2026-11-23T14:05"), Capabilities(), Policy())


def test_month_end_rolls_over_the_year() -> None:
    assert month_end(kst("2026-12-31T23:59:59")) == kst("2027-01-01T00:00")
    assert billing_month(datetime(2026, 12, 31, 15, 0, tzinfo=UTC)) == "2027-01"


def test_business_days_skip_weekends_and_chuseok() -> None:
    assert business_days_after(date(2026, 11, 20), 1) == date(2026, 11, 23)
    assert business_days_after(date(2026, 9, 23), 1) > date(2026, 9, 25)


MOMENTS = st.datetimes(
    min_value=datetime(2024, 1, 1),  # noqa: DTZ001
    max_value=datetime(2028, 12, 31),  # noqa: DTZ001
    timezones=st.just(SEOUL),
)


@given(paid_at=MOMENTS, waited=st.timedeltas(timedelta(0), timedelta(days=90)))
def test_carrier_route_never_leaves_the_month(paid_at: datetime, waited: timedelta) -> None:
    now = paid_at + waited

    verdict = refund_route(PaidStub(paid_at), now, Capabilities(), Policy())

    if verdict.route == Route.CARRIER:
        assert billing_month(now) == billing_month(paid_at)
        assert verdict.deadline is not None
        assert now < verdict.deadline < month_end(paid_at)
    assert verdict.expected_on >= now.date() or verdict.route == Route.CARRIER
