"""The month rule (domain §6, §15)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.calendar import (
    SEOUL,
    Capabilities,
    NotPaid,
    Parts,
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
    amount_won: int = 10_000


def kst(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SEOUL)


def route(
    paid: str, now: str, capabilities: Capabilities | None = None, *, refused: bool = False
) -> Verdict:
    payment = PaidStub(kst(paid), is_refused_by_carrier=refused)
    return refund_route(payment, kst(now), capabilities or Capabilities(), Policy())


@pytest.mark.parametrize("words", [Route, Reason, Parts])
def test_routes_and_reasons_are_stored_under_their_own_names(words: type[StrEnum]) -> None:
    assert all(word.value == word.name for word in words)


def test_an_operator_that_says_nothing_takes_whole_cancels_at_once_until_ten_minutes_before() -> (
    None
):
    assert Capabilities() == Capabilities(
        min_age=timedelta(0), cutoff_margin=timedelta(minutes=10), can_cancel_in_part=False
    )
    assert Policy() == Policy(refund_days=7, parts=Parts.ALWAYS)


def test_route_is_carrier_in_the_month_of_approval() -> None:
    verdict = route("2026-11-23T14:05", "2026-11-30T23:49")

    assert verdict.route == Route.CARRIER
    assert verdict.deadline == kst("2026-11-30T23:50")
    assert verdict.reason == Reason.SAME_MONTH


def test_route_is_bank_from_the_cutoff_on() -> None:
    verdict = route("2026-11-23T14:05", "2026-11-30T23:50")

    assert verdict == Verdict(
        route=Route.BANK,
        reasons=(Reason.MONTH_CLOSED,),
        not_before=kst("2026-11-30T23:50"),
        deadline=None,
        expected_on=date(2026, 12, 3),
    )


def test_route_is_bank_ten_seconds_later_when_the_month_turned() -> None:
    assert route("2026-01-31T23:39:50", "2026-02-01T00:00:05").route == Route.BANK


def test_route_reads_utc_timestamps_in_korean_time() -> None:
    paid = PaidStub(datetime(2026, 1, 31, 15, 0, tzinfo=UTC))  # 1 February in Seoul

    verdict = refund_route(paid, datetime(2026, 2, 28, 14, 0, tzinfo=UTC), Capabilities(), Policy())

    assert verdict.route == Route.CARRIER


def test_route_is_never_carrier_when_approved_too_close_to_month_end() -> None:
    slow = Capabilities(min_age=timedelta(minutes=10))

    assert route("2026-11-30T23:45", "2026-11-30T23:46", slow).route == Route.BANK
    # The first moment to send is the first one that is too late.
    assert route("2026-11-30T23:40", "2026-11-30T23:41", slow).route == Route.BANK
    assert route("2026-11-30T23:39", "2026-11-30T23:41", slow).route == Route.CARRIER


def test_route_waits_when_the_operator_takes_no_cancel_yet() -> None:
    slow = Capabilities(min_age=timedelta(minutes=10))

    verdict = route("2026-11-23T14:05", "2026-11-23T14:06", slow)

    assert (verdict.route, verdict.reason) == (Route.CARRIER, Reason.TOO_EARLY)
    assert verdict.not_before == kst("2026-11-23T14:15")
    in_time = route("2026-11-23T14:05", "2026-11-23T14:15", slow)
    assert in_time.reason == Reason.SAME_MONTH
    assert in_time.not_before == kst("2026-11-23T14:15")


@pytest.mark.parametrize(
    ("now", "expected_on"),
    [
        # Monday in Seoul, still Sunday in Greenwich.
        ("2026-11-23T00:30", date(2026, 11, 24)),
        ("2026-11-20T12:00", date(2026, 11, 23)),
        # Not after the last day on which it can be sent.
        ("2026-11-30T07:00", date(2026, 11, 30)),
    ],
)
def test_a_cancel_is_expected_on_the_next_business_day_of_the_month(
    now: str, expected_on: date
) -> None:
    early = Capabilities(cutoff_margin=timedelta(hours=16))

    assert route("2026-11-02T09:00", now, early).expected_on == expected_on


def test_route_opens_at_the_very_moment_the_operator_takes_a_cancel() -> None:
    slow = Capabilities(min_age=timedelta(minutes=10))

    opened = route("2026-11-23T14:05", "2026-11-23T14:15", slow)
    later = route("2026-11-23T14:05", "2026-11-23T16:00", slow)

    assert (opened.reason, later.reason) == (Reason.SAME_MONTH, Reason.SAME_MONTH)
    assert later.not_before == kst("2026-11-23T16:00")
    # Open for no moment, and for the last minute.
    assert route("2026-11-30T23:40", "2026-11-30T23:41", slow).route == Route.BANK
    assert route("2026-11-30T23:39", "2026-11-30T23:41", slow).route == Route.CARRIER


def test_route_names_no_day_after_the_operators_last() -> None:
    assert route("2026-11-23T14:05", "2026-11-24T12:00").expected_on == date(2026, 11, 25)
    assert route("2026-11-23T14:05", "2026-11-30T12:00").expected_on == date(2026, 11, 30)


def test_route_is_bank_when_the_operator_refused_for_good() -> None:
    verdict = route("2026-11-23T14:05", "2026-11-23T14:06", refused=True)

    assert (verdict.route, verdict.reason) == (Route.BANK, Reason.REFUSED_BY_CARRIER)
    assert verdict.not_before == kst("2026-11-23T14:06")
    assert verdict.expected_on == date(2026, 11, 26)


def test_route_of_an_unpaid_payment_is_an_error() -> None:
    with pytest.raises(NotPaid):
        refund_route(PaidStub(None), kst("2026-11-23T14:05"), Capabilities(), Policy())


# A part of it. 10,000 won were paid in November.

IN_TIME, TOO_LATE = "2026-11-24T12:00", "2026-12-01T00:00"
ABLE = Capabilities(can_cancel_in_part=True)
UNABLE = Capabilities()


@pytest.mark.parametrize(
    ("amount_won", "left_won", "now", "capabilities", "parts", "expected"),
    [
        # A part of all of it.
        (4_000, 10_000, IN_TIME, ABLE, Parts.ALWAYS, (Route.CARRIER, "SAME_MONTH")),
        (4_000, 10_000, IN_TIME, ABLE, Parts.ON_THE_BILL, (Route.CARRIER, "SAME_MONTH")),
        (4_000, 10_000, IN_TIME, ABLE, Parts.NEVER, (None, "WHOLE_ONLY")),
        (4_000, 10_000, IN_TIME, UNABLE, Parts.ALWAYS, (Route.BANK, "PART_NOT_SUPPORTED")),
        (
            4_000,
            10_000,
            IN_TIME,
            UNABLE,
            Parts.ON_THE_BILL,
            (None, "PART_NOT_SUPPORTED WHOLE_ONLY"),
        ),
        (4_000, 10_000, IN_TIME, UNABLE, Parts.NEVER, (None, "WHOLE_ONLY")),
        (4_000, 10_000, TOO_LATE, UNABLE, Parts.ON_THE_BILL, (Route.BANK, "MONTH_CLOSED")),
        (4_000, 10_000, TOO_LATE, ABLE, Parts.NEVER, (None, "WHOLE_ONLY")),
        # Everything that a first part left: a part to the operator, the whole to the shop.
        (6_000, 6_000, IN_TIME, ABLE, Parts.NEVER, (Route.CARRIER, "SAME_MONTH")),
        (6_000, 6_000, IN_TIME, UNABLE, Parts.ON_THE_BILL, (Route.BANK, "PART_NOT_SUPPORTED")),
        (None, 6_000, IN_TIME, UNABLE, Parts.NEVER, (Route.BANK, "PART_NOT_SUPPORTED")),
        # The whole.
        (10_000, 10_000, IN_TIME, UNABLE, Parts.NEVER, (Route.CARRIER, "SAME_MONTH")),
        (None, None, IN_TIME, UNABLE, Parts.NEVER, (Route.CARRIER, "SAME_MONTH")),
    ],
)
def test_route_of_a_part_is_asked_of_operator_and_shop(
    amount_won: int | None,
    left_won: int | None,
    now: str,
    capabilities: Capabilities,
    parts: Parts,
    expected: tuple[Route | None, str],
) -> None:
    verdict = refund_route(
        PaidStub(kst("2026-11-23T14:05")),
        kst(now),
        capabilities,
        Policy(parts=parts),
        amount_won=amount_won,
        remaining_won=left_won,
    )

    assert (verdict.route, " ".join(verdict.reasons)) == expected


@pytest.mark.parametrize(
    ("now", "refused", "amount_won", "reasons"),
    [
        (TOO_LATE, False, None, "MONTH_CLOSED BANK_NOT_CONTRACTED"),
        (IN_TIME, True, None, "REFUSED_BY_CARRIER BANK_NOT_CONTRACTED"),
        (IN_TIME, False, 4_000, "PART_NOT_SUPPORTED BANK_NOT_CONTRACTED"),
    ],
)
def test_route_is_none_where_only_the_bank_is_left_and_not_contracted(
    now: str,
    refused: bool,  # noqa: FBT001
    amount_won: int | None,
    reasons: str,
) -> None:
    paid = PaidStub(kst("2026-11-23T14:05"), is_refused_by_carrier=refused)
    no_bank = Capabilities(has_bank_route=False)

    verdict = refund_route(paid, kst(now), no_bank, Policy(), amount_won=amount_won)

    assert (verdict.route, " ".join(verdict.reasons)) == (None, reasons)
    assert (verdict.deadline, verdict.expected_on, verdict.not_before) == (None, None, kst(now))


def test_route_stays_with_the_carrier_without_a_bank_while_the_month_lasts() -> None:
    no_bank = Capabilities(has_bank_route=False)

    assert route("2026-11-23T14:05", IN_TIME, no_bank).route == Route.CARRIER


def test_route_closes_earlier_at_an_operator_that_stops_earlier() -> None:
    early = Capabilities(cutoff_margin=timedelta(hours=6))

    assert route("2026-11-23T14:05", "2026-11-30T17:59", early).deadline == kst("2026-11-30T18:00")
    assert route("2026-11-23T14:05", "2026-11-30T18:00", early).route == Route.BANK


def test_month_end_rolls_over_the_year() -> None:
    assert month_end(kst("2026-12-31T23:59:59")) == kst("2027-01-01T00:00")
    assert billing_month(datetime(2026, 12, 31, 15, 0, tzinfo=UTC)) == "2027-01"


def test_business_days_skip_weekends_and_chuseok() -> None:
    assert business_days_after(date(2026, 11, 20), 1) == date(2026, 11, 23)
    assert business_days_after(date(2026, 9, 23), 1) > date(2026, 9, 25)


def test_business_days_are_counted_into_the_next_year() -> None:
    # New Year's Day is a Friday.
    assert business_days_after(date(2026, 12, 31), 1) == date(2027, 1, 4)
    assert business_days_after(date(2026, 12, 30), 3) == date(2027, 1, 5)
    assert business_days_after(date(2026, 12, 31), 0) == date(2026, 12, 31)


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
    assert verdict.expected_on is not None
    assert verdict.expected_on >= now.date() or verdict.route == Route.CARRIER


@pytest.mark.parametrize("parts", [Parts.NEVER, Parts.ON_THE_BILL])
def test_no_route_names_the_moment_it_was_looked_for_and_no_day(parts: Parts) -> None:
    now = kst("2026-11-24T10:00")

    verdict = refund_route(
        PaidStub(kst("2026-11-23T14:05")), now, Capabilities(), Policy(parts=parts), amount_won=1
    )

    assert (verdict.route, verdict.not_before, verdict.expected_on) == (None, now, None)


def test_the_three_days_of_a_bank_refund_are_counted_from_the_korean_day() -> None:
    # Already Tuesday in Seoul.
    late_on_monday = datetime(2026, 12, 7, 15, 30, tzinfo=UTC)

    verdict = refund_route(
        PaidStub(kst("2026-11-23T14:05")), late_on_monday, Capabilities(), Policy()
    )

    assert verdict.expected_on == date(2026, 12, 11)
