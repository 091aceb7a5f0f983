"""Amounts and moments as people read them, in both languages."""

from datetime import UTC, date, datetime

import pytest
from django.utils.translation import override

from payments.templatetags import won

LATE = datetime(2026, 11, 30, 15, 5, tzinfo=UTC)  # 1 December, 00:05 in Seoul


@pytest.mark.parametrize(
    ("language", "read"),
    [
        ("ko", ["2,200원", "2026. 12. 1. 00:05", "12월 1일 00:05", "12월 1일", "12월"]),
        ("en", ["2,200 won", "1 Dec 2026, 00:05", "00:05 on 1 December", "1 December", "December"]),
    ],
)
def test_amounts_and_moments_read_as_people_say_them(language: str, read: list[str]) -> None:
    with override(language):
        shown = [won.won(2_200), won.moment(LATE), won.until(LATE), won.day(LATE)]
        assert [*shown, won.month("2026-12")] == read
        assert won.day(date(2026, 12, 1)) == won.day(LATE)


def test_nothing_there_is_shown_as_nothing() -> None:
    assert won.won(None) == won.number(None) == "–"
    assert won.moment(None) == won.until(None) == won.day(None) == won.month("") == ""


@pytest.mark.parametrize(
    ("language", "part", "whole"),
    [("ko", "10,000원 중 4,000원", "10,000원"), ("en", "4,000 of 10,000 won", "10,000 won")],
)
def test_a_part_names_the_whole_it_is_of(language: str, part: str, whole: str) -> None:
    with override(language):
        assert won.won_of(4_000, 10_000) == part
        assert won.won_of(10_000, 10_000) == whole
        assert won.won_of(None, 10_000) == "–"
        assert won.won_of(4_000, None) == won.won(4_000)
