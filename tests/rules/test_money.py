"""Whole won (domain §8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.money import Fee, OverRefund, fee_for, fee_share, half_up, refundable_won, vat_within


@pytest.mark.parametrize(
    ("amount_won", "fee_bps", "fee_won", "vat_won"),
    [
        (2_200, 700, 154, 15),
        (9_900, 700, 693, 69),
        (9_900, 350, 347, 35),
        (1_000, 5, 1, 0),
        (999, 5, 0, 0),
        (30_000, 0, 0, 0),
    ],
)
def test_fee_and_its_vat_round_half_up(
    amount_won: int, fee_bps: int, fee_won: int, vat_won: int
) -> None:
    fee = fee_for(amount_won, fee_bps)

    assert fee == Fee(fee_won, vat_won)
    assert fee.total_won == fee_won + vat_won


def test_vat_within_a_price_is_an_eleventh_of_what_is_taxed() -> None:
    assert vat_within(1_000) == 91
    assert vat_within(5) == 0
    assert vat_within(6) == 1
    assert vat_within(11_000, tax_free_won=5_500) == 500


@given(st.integers(0, 10**9), st.integers(1, 10**5))
def test_half_up_is_the_nearest_whole_number(numerator: int, denominator: int) -> None:
    rounded = half_up(numerator, denominator)

    assert -denominator < 2 * (numerator - rounded * denominator) <= denominator or (
        2 * (rounded * denominator - numerator) == denominator
    )


def test_half_up_takes_a_half_to_the_next_won() -> None:
    assert [half_up(n, 10) for n in (0, 4, 5, 14, 15)] == [0, 0, 1, 1, 2]


def test_refundable_is_what_is_left() -> None:
    assert refundable_won(10_000, 4_000) == 6_000
    assert refundable_won(10_000, 10_000) == 0
    with pytest.raises(OverRefund, match="10001 won held of 10000 paid"):
        refundable_won(10_000, 10_001)


def test_a_part_of_the_money_takes_its_part_of_the_fee_along() -> None:
    left = Fee(fee_won=154, fee_vat_won=15)

    assert fee_share(left, left_won=2_200, refund_won=1_100) == Fee(77, 8)
    assert fee_share(left, left_won=2_200, refund_won=1) == Fee(0, 0)
    assert fee_share(left, left_won=2_200, refund_won=2_200) == left


@given(st.integers(1, 30_000), st.integers(0, 3_000), st.lists(st.integers(1, 30_000), max_size=5))
def test_however_it_is_given_back_the_last_won_brings_the_last_of_the_fee(
    paid_won: int, fee_bps: int, parts: list[int]
) -> None:
    fee = left = fee_for(paid_won, fee_bps)
    left_won, returned = paid_won, []
    for part_won in [*parts, paid_won]:
        refund_won = min(part_won, left_won)
        if refund_won:
            share = fee_share(left, left_won, refund_won)
            returned.append(share)
            left = Fee(left.fee_won - share.fee_won, left.fee_vat_won - share.fee_vat_won)
            left_won -= refund_won

    assert sum(share.fee_won for share in returned) == fee.fee_won
    assert sum(share.fee_vat_won for share in returned) == fee.fee_vat_won


@pytest.mark.parametrize("refund_won", [-1, 0, 1_001])
def test_nothing_and_more_than_is_left_have_no_share_of_the_fee(refund_won: int) -> None:
    with pytest.raises(OverRefund, match=f"{refund_won} won asked back of 1000 left"):
        fee_share(Fee(70, 7), left_won=1_000, refund_won=refund_won)
