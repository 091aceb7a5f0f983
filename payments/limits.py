"""Which limits there are, what each counts and the answer it gives. Pure."""

from datetime import datetime
from enum import StrEnum

from payments.calendar import SEOUL, billing_month


class Scope(StrEnum):
    """What a limit is about."""

    PAYMENT_MIN = "PAYMENT_MIN"
    PAYMENT_MAX = "PAYMENT_MAX"
    LINE_MONTH = "LINE_MONTH"
    MERCHANT_DAY = "MERCHANT_DAY"
    MERCHANT_MONTH = "MERCHANT_MONTH"
    # Not of payments: up to which amount one person of ours decides about money alone.
    DECIDED_ALONE = "DECIDED_ALONE"


# The decline code of each (domain §12).
CODE_OF = {
    Scope.PAYMENT_MIN: "AMOUNT_TOO_SMALL",
    Scope.PAYMENT_MAX: "LIMIT_PER_PAYMENT",
    Scope.LINE_MONTH: "LIMIT_MONTHLY",
    Scope.MERCHANT_DAY: "LIMIT_MERCHANT",
    Scope.MERCHANT_MONTH: "LIMIT_MERCHANT",
}
# Those that count what was charged before, in the order their counters are locked.
COUNTED = (Scope.LINE_MONTH, Scope.MERCHANT_DAY, Scope.MERCHANT_MONTH)


def period_of(scope: Scope, at: datetime) -> str:
    """The Korean day or month a counted limit runs over: `2026-11-23` or `2026-11`."""
    if scope == Scope.MERCHANT_DAY:
        return at.astimezone(SEOUL).date().isoformat()
    return billing_month(at)


def outside(amount_won: int, *, min_won: int, max_won: int) -> Scope | None:
    """Which end of the range of one payment an amount is outside of; None when it is inside."""
    if amount_won < min_won:
        return Scope.PAYMENT_MIN
    return Scope.PAYMENT_MAX if amount_won > max_won else None
