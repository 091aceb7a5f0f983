"""Whole won and the roundings between them. Pure: no floats, no Decimal (design §3.1)."""

from dataclasses import dataclass


class OverRefund(Exception):
    """More was returned, or asked back, than was paid."""


@dataclass(frozen=True)
class Fee:
    """What the merchant pays for one payment, in won."""

    fee_won: int
    fee_vat_won: int

    @property
    def total_won(self) -> int:
        """Fee and its VAT together, in won."""
        return self.fee_won + self.fee_vat_won


def half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` rounded half up to a whole number; both are 0 or more."""
    return (2 * numerator + denominator) // (2 * denominator)


def fee_for(amount_won: int, fee_bps: int) -> Fee:
    """The fee on `amount_won` at `fee_bps` hundredths of a percent; its VAT is fee ÷ 10.

    Source: settlement formulas of domain §8.
    """
    fee_won = half_up(amount_won * fee_bps, 10_000)
    return Fee(fee_won=fee_won, fee_vat_won=half_up(fee_won, 10))


def vat_within(amount_won: int, tax_free_won: int = 0) -> int:
    """The VAT contained in a price that includes it: (amount − tax free) ÷ 11, in won."""
    return half_up(amount_won - tax_free_won, 11)


def refundable_won(paid_won: int, held_won: int) -> int:
    """Won that can still be returned; 0 when nothing is left.

    `held_won` is what succeeded or in-flight refunds already hold. Raises OverRefund if that is
    more than was paid.
    """
    if held_won > paid_won:
        raise OverRefund(f"{held_won} won held of {paid_won} paid")
    return paid_won - held_won


def fee_share(left: Fee, left_won: int, refund_won: int) -> Fee:
    """The part of a payment's remaining fee that a refund of `refund_won` gives back.

    `left` and `left_won` are what earlier refunds have not given back yet, so that however a
    payment is given back, all of its fee comes back with its last won. Raises OverRefund.
    """
    if not 0 < refund_won <= left_won:
        raise OverRefund(f"{refund_won} won asked back of {left_won} left")
    return Fee(
        fee_won=half_up(left.fee_won * refund_won, left_won),
        fee_vat_won=half_up(left.fee_vat_won * refund_won, left_won),
    )
