"""The periods a merchant is settled in (domain §8)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.cycles import Cycle, Span, day_after, last_span, next_span, span_of

DAYS = st.dates(date(2024, 1, 1), date(2029, 12, 31))
CYCLES = st.sampled_from(list(Cycle))


def span(first: str, last: str) -> Span:
    return Span(date.fromisoformat(first), date.fromisoformat(last))


def test_cycles_are_stored_under_their_own_names() -> None:
    assert [cycle.value for cycle in Cycle] == ["DAILY", "WEEKLY", "HALF_MONTHLY", "MONTHLY"]


def test_a_span_ends_where_the_next_korean_day_begins() -> None:
    november = span("2026-11-01", "2026-11-30")

    assert november.starts_at == datetime(2026, 10, 31, 15, tzinfo=UTC)
    assert november.ends_before == datetime(2026, 11, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cycle", "day", "expected"),
    [
        ("DAILY", "2026-11-23", span("2026-11-23", "2026-11-23")),
        ("WEEKLY", "2026-11-23", span("2026-11-23", "2026-11-29")),
        ("WEEKLY", "2026-11-29", span("2026-11-23", "2026-11-29")),
        ("WEEKLY", "2027-01-01", span("2026-12-28", "2027-01-03")),
        ("HALF_MONTHLY", "2026-11-01", span("2026-11-01", "2026-11-15")),
        ("HALF_MONTHLY", "2026-11-15", span("2026-11-01", "2026-11-15")),
        ("HALF_MONTHLY", "2026-11-16", span("2026-11-16", "2026-11-30")),
        ("HALF_MONTHLY", "2028-02-29", span("2028-02-16", "2028-02-29")),
        ("MONTHLY", "2026-12-31", span("2026-12-01", "2026-12-31")),
        ("MONTHLY", "2026-02-14", span("2026-02-01", "2026-02-28")),
    ],
)
def test_the_span_of_a_day(cycle: str, day: str, expected: Span) -> None:
    assert span_of(cycle, date.fromisoformat(day)) == expected


def test_there_is_no_other_cycle() -> None:
    with pytest.raises(ValueError, match="YEARLY"):
        span_of("YEARLY", date(2026, 11, 23))


@given(CYCLES, DAYS)
def test_spans_follow_each_other_without_gap_or_overlap(cycle: Cycle, day: date) -> None:
    this = span_of(cycle, day)

    assert this.first <= day <= this.last
    assert span_of(cycle, this.first) == span_of(cycle, this.last) == this
    assert span_of(cycle, day_after(this.last)).first == this.last + timedelta(days=1)


@pytest.mark.parametrize(
    ("oldest", "closed_until", "today", "expected"),
    [
        # The week of the oldest item, once it is over.
        ("2026-11-18", None, "2026-11-23", span("2026-11-16", "2026-11-22")),
        ("2026-11-18", None, "2026-11-22", None),
        ("2026-11-23", None, "2026-11-23", None),
        # An item of a closed day waits for the first period after it.
        ("2026-11-04", "2026-11-15", "2026-11-23", span("2026-11-16", "2026-11-22")),
        # Weeks without an item are left out.
        ("2026-11-18", "2026-11-01", "2026-11-23", span("2026-11-16", "2026-11-22")),
        # The cycle was changed in the middle of a week: no day is in two periods.
        ("2026-11-18", "2026-11-17", "2026-11-23", span("2026-11-18", "2026-11-22")),
        ("2026-11-04", "2026-11-17", "2026-11-23", span("2026-11-18", "2026-11-22")),
    ],
)
def test_the_next_span_to_close(
    oldest: str, closed_until: str | None, today: str, expected: Span | None
) -> None:
    found = next_span(
        "WEEKLY",
        oldest=date.fromisoformat(oldest),
        closed_until=date.fromisoformat(closed_until) if closed_until else None,
        today=date.fromisoformat(today),
    )

    assert found == expected


@pytest.mark.parametrize(
    ("closed_until", "expected"),
    [
        (None, span("2026-11-16", "2026-11-22")),
        ("2026-11-15", span("2026-11-16", "2026-11-22")),
        ("2026-11-16", None),
        ("2026-11-22", None),
    ],
)
def test_the_last_span_that_is_over_and_not_closed(
    closed_until: str | None, expected: Span | None
) -> None:
    closed = date.fromisoformat(closed_until) if closed_until else None

    assert last_span("WEEKLY", closed_until=closed, today=date(2026, 11, 25)) == expected


def test_the_last_day_that_is_over_is_yesterday() -> None:
    yesterday = span("2026-11-24", "2026-11-24")

    assert last_span("DAILY", closed_until=None, today=date(2026, 11, 25)) == yesterday
