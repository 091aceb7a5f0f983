"""Which limits there are, what each counts and the answer it gives. Pure."""

from datetime import datetime
from enum import StrEnum

from payments.calendar import SEOUL, billing_month


class Goods(StrEnum):
    """What kind of thing is paid for, as the merchant declares it when it opens the payment."""

    CONTENT = "CONTENT"
    GAME_ITEM = "GAME_ITEM"
    # Gift certificates, points and the like: easily turned into money (domain F13).
    CASH_LIKE = "CASH_LIKE"
    OTHER = "OTHER"


class Scope(StrEnum):
    """What a limit is about."""

    PAYMENT_MIN = "PAYMENT_MIN"
    PAYMENT_MAX = "PAYMENT_MAX"
    LINE_MONTH = "LINE_MONTH"
    # What a line may spend on one kind of goods in a month.
    LINE_GOODS = "LINE_GOODS"
    MERCHANT_DAY = "MERCHANT_DAY"
    MERCHANT_MONTH = "MERCHANT_MONTH"
    # Not of payments: up to which amount one person of ours decides about money alone.
    DECIDED_ALONE = "DECIDED_ALONE"


# The decline code of each (domain §12).
CODE_OF = {
    Scope.PAYMENT_MIN: "AMOUNT_TOO_SMALL",
    Scope.PAYMENT_MAX: "LIMIT_PER_PAYMENT",
    Scope.LINE_MONTH: "LIMIT_MONTHLY",
    Scope.LINE_GOODS: "LIMIT_CATEGORY",
    Scope.MERCHANT_DAY: "LIMIT_MERCHANT",
    Scope.MERCHANT_MONTH: "LIMIT_MERCHANT",
}
# Those that count what was charged before, in the order their counters are locked.
COUNTED = (Scope.LINE_GOODS, Scope.LINE_MONTH, Scope.MERCHANT_DAY, Scope.MERCHANT_MONTH)
# Those that count what one line spends: a cancel at the carrier gives it back.
OF_LINE = (Scope.LINE_GOODS, Scope.LINE_MONTH)


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
