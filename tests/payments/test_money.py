"""Whole won (domain §8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.money import OverRefund, fee_for, half_up, refundable_won, vat_within


def test_fee_and_its_vat_round_half_up() -> None:
    assert (fee_for(2_200, 700).fee_won, fee_for(2_200, 700).fee_vat_won) == (154, 15)
    assert fee_for(9_900, 700).total_won == 762
    assert fee_for(9_900, 350).fee_won == 347


def test_vat_within_a_price_is_an_eleventh() -> None:
    assert vat_within(1_000) == 91


@given(st.integers(0, 10**9), st.integers(1, 10**5))
def test_half_up_is_the_nearest_whole_number(numerator: int, denominator: int) -> None:
    rounded = half_up(numerator, denominator)

    assert -denominator < 2 * (numerator - rounded * denominator) <= denominator or (
        2 * (rounded * denominator - numerator) == denominator
    )


def test_refundable_is_what_is_left() -> None:
    assert refundable_won(10_000, 4_000) == 6_000
    assert refundable_won(10_000, 10_000) == 0
    with pytest.raises(OverRefund):
        refundable_won(10_000, 10_001)
