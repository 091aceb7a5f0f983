"""Which limit an amount is outside of, and over which days one counts."""

from datetime import UTC, datetime
from enum import StrEnum

import pytest

from payments import limits
from payments.limits import Scope


@pytest.mark.parametrize(
    ("amount_won", "hit"),
    [(999, Scope.PAYMENT_MIN), (1_000, None), (30_000, None), (30_001, Scope.PAYMENT_MAX)],
)
def test_outside_is_exact_at_both_edges(amount_won: int, hit: Scope | None) -> None:
    assert limits.outside(amount_won, min_won=1_000, max_won=30_000) == hit


@pytest.mark.parametrize(
    ("scope", "period"),
    [
        (Scope.LINE_MONTH, "2026-12"),
        (Scope.MERCHANT_MONTH, "2026-12"),
        (Scope.MERCHANT_DAY, "2026-12-01"),
    ],
)
def test_a_period_is_a_korean_day_or_month(scope: Scope, period: str) -> None:
    just_december_in_seoul = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)

    assert limits.period_of(scope, just_december_in_seoul) == period


def test_each_limit_has_its_answer() -> None:
    assert limits.CODE_OF == {
        "PAYMENT_MIN": "AMOUNT_TOO_SMALL",
        "PAYMENT_MAX": "LIMIT_PER_PAYMENT",
        "LINE_MONTH": "LIMIT_MONTHLY",
        "LINE_GOODS": "LIMIT_CATEGORY",
        "MERCHANT_DAY": "LIMIT_MERCHANT",
        "MERCHANT_MONTH": "LIMIT_MERCHANT",
    }
    # The one that is not of payments turns nobody down.
    assert set(limits.CODE_OF) == set(Scope) - {Scope.DECIDED_ALONE}


def test_counters_are_locked_in_one_order_the_line_before_its_merchant() -> None:
    assert limits.COUNTED == ("LINE_GOODS", "LINE_MONTH", "MERCHANT_DAY", "MERCHANT_MONTH")


def test_a_cancel_at_the_carrier_gives_back_what_the_line_spent_and_not_the_merchant() -> None:
    assert limits.OF_LINE == ("LINE_GOODS", "LINE_MONTH")


@pytest.mark.parametrize("words", [limits.Goods, Scope])
def test_goods_and_limits_are_stored_under_their_own_names(words: type[StrEnum]) -> None:
    assert all(word.value == word.name for word in words)
