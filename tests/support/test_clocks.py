"""Answer deadlines: business time in Korea, holidays, and the clock that waits for the customer."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.calendar import SEOUL
from support import clocks
from support.clocks import Hours
from support.models import Ticket

USUAL = Hours()


def at(text: str) -> datetime:
    """`2027-02-03 10:00` Korean time."""
    return datetime.fromisoformat(text).replace(tzinfo=SEOUL)


def test_every_kind_of_request_has_its_limit() -> None:
    assert set(clocks.LIMITS) == set(Ticket.Kind.values)


@pytest.mark.parametrize(
    ("kind", "came", "due"),
    [
        ("C", "2026-11-23 14:12", "2026-11-26 18:00"),
        # The evening is the same day; the night after midnight is the next.
        ("C", "2026-11-23 23:59", "2026-11-26 18:00"),
        ("C", "2026-11-24 00:00", "2026-11-27 18:00"),
        ("C", "2026-11-27 09:00", "2026-12-02 18:00"),
        ("C", "2026-11-28 09:00", "2026-12-02 18:00"),
        # Seollal 2027: Saturday 6 to Monday 8 February, and Tuesday 9 for the Sunday lost.
        ("C", "2027-02-03 10:00", "2027-02-10 18:00"),
        ("C", "2027-02-05 17:59", "2027-02-12 18:00"),
        ("C", "2026-12-30 10:00", "2027-01-05 18:00"),
        ("E", "2026-11-23 14:12", "2026-11-26 18:00"),
        # The law counts calendar days, whatever day it is.
        ("O", "2027-01-28 10:31", "2027-02-11 10:31"),
        ("H", "2027-01-28 10:31", "2027-02-11 10:31"),
        ("B", "2027-02-05 10:31", "2027-02-08 10:31"),
    ],
)
def test_first_deadline_by_kind(kind: str, came: str, due: str) -> None:
    assert clocks.first_due(kind, at(came), USUAL) == at(due)


def test_first_deadline_is_the_same_whatever_zone_the_arrival_is_written_in() -> None:
    came = at("2026-11-24 00:30")
    in_utc = came.astimezone(tz=datetime.fromisoformat("2026-01-01T00:00+00:00").tzinfo)
    assert clocks.first_due("C", in_utc, USUAL) == at("2026-11-27 18:00")


def test_a_holiday_the_government_adds_moves_the_deadline() -> None:
    added = Hours(exceptions={date(2026, 11, 25): False})
    assert clocks.first_due("C", at("2026-11-23 14:12"), added) == at("2026-11-27 18:00")


def test_a_saturday_we_work_counts() -> None:
    working = Hours(exceptions={date(2026, 11, 28): True})
    assert clocks.first_due("C", at("2026-11-26 10:00"), working) == at("2026-11-30 18:00")


def test_other_hours_end_the_day_earlier() -> None:
    short = Hours(opens=time(10), closes=time(17, 30))
    assert clocks.first_due("C", at("2026-11-23 14:12"), short) == at("2026-11-26 17:30")


@pytest.mark.parametrize(
    ("start", "end", "hours", "minutes"),
    [
        ("2026-11-23 14:12", "2026-11-23 15:00", 0, 48),
        ("2026-11-23 07:00", "2026-11-23 09:01", 0, 1),
        ("2026-11-23 17:59", "2026-11-24 09:01", 0, 2),
        ("2026-11-23 18:00", "2026-11-24 09:00", 0, 0),
        ("2026-11-27 12:00", "2026-11-30 12:00", 9, 0),
        ("2027-02-05 17:00", "2027-02-10 10:00", 2, 0),
        ("2027-02-06 00:00", "2027-02-09 23:59", 0, 0),
    ],
)
def test_business_time_between_two_moments(start: str, end: str, hours: int, minutes: int) -> None:
    there = timedelta(hours=hours, minutes=minutes)
    assert clocks.between(at(start), at(end), USUAL) == there
    assert clocks.between(at(end), at(start), USUAL) == -there


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2026-11-23 14:12", 48, "2026-11-23 15:00"),
        ("2026-11-23 17:59", 2, "2026-11-24 09:01"),
        # A day's last minute is the day's, not the next morning's.
        ("2026-11-23 17:00", 60, "2026-11-23 18:00"),
        ("2026-11-23 22:00", 1, "2026-11-24 09:01"),
        ("2027-02-05 17:00", 120, "2027-02-10 10:00"),
        ("2026-11-23 14:12", 0, "2026-11-23 14:12"),
        ("2026-11-24 09:01", -2, "2026-11-23 17:59"),
        ("2027-02-08 12:00", -1, "2027-02-05 17:59"),
    ],
)
def test_business_time_after_a_moment(start: str, minutes: int, end: str) -> None:
    assert clocks.after(at(start), timedelta(minutes=minutes), USUAL) == at(end)


MOMENTS = st.integers(min_value=0, max_value=60 * 24 * 700).map(
    lambda minutes: at("2026-01-01 00:00") + timedelta(minutes=minutes)
)


@given(MOMENTS, st.integers(min_value=1, max_value=60 * 40))
def test_going_on_and_measuring_agree(start: datetime, minutes: int) -> None:
    amount = timedelta(minutes=minutes)
    for signed in (amount, -amount):
        end = clocks.after(start, signed, USUAL)
        assert clocks.between(start, end, USUAL) == signed


# A clock that waits for the customer


@pytest.mark.parametrize(
    ("asked", "answered", "due"),
    [
        # 2:37 of Thursday, Friday and Wednesday were left: Wednesday, Thursday, 2:37 of Friday.
        ("2027-02-04 15:23", "2027-02-08 21:14", "2027-02-12 11:37"),
        ("2027-02-04 15:23", "2027-02-04 15:24", "2027-02-11 09:01"),
        ("2027-02-05 18:30", "2027-02-09 23:59", "2027-02-10 18:00"),
        ("2027-02-10 17:59", "2027-02-12 12:00", "2027-02-12 12:01"),
        # The customer took longer than the law gives us.
        ("2027-02-04 15:23", "2027-02-16 17:00", "2027-02-17 10:00"),
    ],
)
def test_deadline_after_a_wait_across_seollal(asked: str, answered: str, due: str) -> None:
    came, hours = at("2027-02-03 10:00"), USUAL
    first = clocks.first_due("C", came, hours)
    left = clocks.left_at(at(asked), first, hours)
    found = clocks.due_after_stop(left, since=came, resumed_at=at(answered), hours=hours)
    assert found == at(due)


def test_a_clock_stopped_late_is_not_later_afterwards() -> None:
    due, asked, answered = at("2027-02-04 18:00"), at("2027-02-05 11:30"), at("2027-02-10 10:00")
    left = clocks.left_at(asked, due, USUAL)
    assert left == -timedelta(hours=2, minutes=30)

    resumed = clocks.due_after_stop(
        left, since=at("2027-02-01 10:00"), resumed_at=answered, hours=USUAL
    )

    assert clocks.between(resumed, answered, USUAL) == -left
    assert resumed < answered


def test_while_a_clock_stands_still_the_law_goes_on() -> None:
    since, due = at("2027-02-01 10:00"), at("2027-02-04 18:00")
    waiting = clocks.due_while_stopped(due, since=since, at=at("2027-02-03 10:00"))
    assert waiting == since + timedelta(days=14)


def test_a_missed_deadline_stays_missed_while_we_wait() -> None:
    due = at("2027-02-04 18:00")
    waiting = clocks.due_while_stopped(due, since=at("2027-02-01 10:00"), at=at("2027-02-05 10:00"))
    assert waiting == due


@pytest.mark.parametrize(("kind", "stops"), [("C", True), ("E", True), ("O", False), ("B", False)])
def test_only_our_own_promises_stop(kind: str, *, stops: bool) -> None:
    assert clocks.can_stop(kind) is stops
