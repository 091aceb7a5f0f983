"""How much may be charged at once and in a month. Pure: the figures are passed in."""

from dataclasses import dataclass
from enum import StrEnum


class Limit(StrEnum):
    """Which limit stands in the way; the values are decline codes (domain §12)."""

    AMOUNT_TOO_SMALL = "AMOUNT_TOO_SMALL"
    PER_PAYMENT = "LIMIT_PER_PAYMENT"
    MONTHLY = "LIMIT_MONTHLY"


@dataclass(frozen=True)
class Limits:
    """The limits in force, in won."""

    min_won: int
    max_won: int
    month_max_won: int


def limit_hit(amount_won: int, month_used_won: int, limits: Limits) -> Limit | None:
    """The first limit this amount breaks; None when it may be charged.

    `month_used_won` is what the line has paid in this Korean month, less what was cancelled.
    """
    if amount_won < limits.min_won:
        return Limit.AMOUNT_TOO_SMALL
    if amount_won > limits.max_won:
        return Limit.PER_PAYMENT
    if month_used_won + amount_won > limits.month_max_won:
        return Limit.MONTHLY
    return None
