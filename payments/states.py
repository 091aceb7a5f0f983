"""The states of a payment, a refund and a payout, and every allowed move between them.

One table answers both "is this allowed?" and "what is announced?": its value is the event that the
outbox carries, or None. Pure: no Django, no clock (design §4).
"""

from collections.abc import Mapping
from enum import StrEnum


class PaymentState(StrEnum):
    """Where a payment stands."""

    CREATED = "CREATED"
    AWAITING_CONFIRMATION = "AWAITING_CONFIRMATION"
    CONFIRMING = "CONFIRMING"
    PAID = "PAID"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    CANCELED = "CANCELED"
    UNKNOWN = "UNKNOWN"
    REVERSED = "REVERSED"
    REVIEW = "REVIEW"


class RefundState(StrEnum):
    """Where a refund stands."""

    REQUESTED = "REQUESTED"
    SCHEDULED = "SCHEDULED"
    AWAITING_ACCOUNT = "AWAITING_ACCOUNT"
    SENDING = "SENDING"
    UNKNOWN = "UNKNOWN"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    WITHDRAWN = "WITHDRAWN"


class IllegalMove(Exception):
    """A state was asked to become one the table does not lead to."""

    def __init__(self, current: str, target: str) -> None:
        super().__init__(f"{current} does not lead to {target}")
        self.current = current
        self.target = target


class Overtaken(IllegalMove):
    """The row had left the state it was read in before it could be moved: somebody was faster."""


Moves = Mapping[tuple[str, str], str | None]

_P = PaymentState
PAYMENT_MOVES: Moves = {
    (_P.CREATED, _P.AWAITING_CONFIRMATION): None,
    (_P.CREATED, _P.DECLINED): "payment.declined",
    (_P.CREATED, _P.EXPIRED): "payment.expired",
    (_P.CREATED, _P.CANCELED): "payment.canceled",
    (_P.AWAITING_CONFIRMATION, _P.CREATED): None,
    (_P.AWAITING_CONFIRMATION, _P.CONFIRMING): None,
    (_P.AWAITING_CONFIRMATION, _P.DECLINED): "payment.declined",
    (_P.AWAITING_CONFIRMATION, _P.EXPIRED): "payment.expired",
    (_P.AWAITING_CONFIRMATION, _P.CANCELED): "payment.canceled",
    (_P.CONFIRMING, _P.AWAITING_CONFIRMATION): None,
    (_P.CONFIRMING, _P.PAID): "payment.paid",
    (_P.CONFIRMING, _P.DECLINED): "payment.declined",
    (_P.CONFIRMING, _P.UNKNOWN): "payment.unknown",
    (_P.UNKNOWN, _P.PAID): "payment.paid",
    (_P.UNKNOWN, _P.REVERSED): "payment.reversed",
    (_P.UNKNOWN, _P.REVIEW): "payment.review",
    (_P.REVIEW, _P.PAID): "payment.paid",
    (_P.REVIEW, _P.REVERSED): "payment.reversed",
}
PAYMENT_FINAL = frozenset({_P.PAID, _P.DECLINED, _P.EXPIRED, _P.CANCELED, _P.REVERSED})
# Only one payment of an order may be in these at a time: they hold, or may come to hold, money.
PAYMENT_LIVE = frozenset(_P) - {_P.DECLINED, _P.EXPIRED, _P.CANCELED, _P.REVERSED}

_R = RefundState
REFUND_MOVES: Moves = {
    (_R.REQUESTED, _R.SCHEDULED): None,
    (_R.REQUESTED, _R.AWAITING_ACCOUNT): "refund.account_needed",
    (_R.REQUESTED, _R.WITHDRAWN): "refund.withdrawn",
    # The operator cancelled by itself: the file of its day said so, nothing was sent by us.
    (_R.REQUESTED, _R.SUCCEEDED): "refund.corrected",
    (_R.SCHEDULED, _R.SENDING): None,
    (_R.SCHEDULED, _R.AWAITING_ACCOUNT): "refund.account_needed",
    (_R.SCHEDULED, _R.WITHDRAWN): "refund.withdrawn",
    # Its month ended and no bank route is contracted with its operator: a person decides.
    (_R.SCHEDULED, _R.FAILED): "refund.failed",
    (_R.AWAITING_ACCOUNT, _R.SCHEDULED): None,
    (_R.AWAITING_ACCOUNT, _R.WITHDRAWN): "refund.withdrawn",
    (_R.SENDING, _R.SUCCEEDED): "refund.succeeded",
    (_R.SENDING, _R.SCHEDULED): None,
    (_R.SENDING, _R.AWAITING_ACCOUNT): "refund.account_needed",
    (_R.SENDING, _R.UNKNOWN): None,
    (_R.SENDING, _R.FAILED): "refund.failed",
    (_R.UNKNOWN, _R.SUCCEEDED): "refund.succeeded",
    (_R.UNKNOWN, _R.SCHEDULED): None,
    (_R.UNKNOWN, _R.AWAITING_ACCOUNT): "refund.account_needed",
    (_R.UNKNOWN, _R.FAILED): "refund.failed",
    (_R.FAILED, _R.SCHEDULED): None,
    (_R.FAILED, _R.AWAITING_ACCOUNT): "refund.account_needed",
}
REFUND_FINAL = frozenset({_R.SUCCEEDED, _R.WITHDRAWN})
# Money that has left or may leave: what a new refund may not promise again.
REFUND_HOLDS_MONEY = frozenset(_R) - {_R.FAILED, _R.WITHDRAWN}


class PayoutState(StrEnum):
    """Where the payout of a settlement stands."""

    SCHEDULED = "SCHEDULED"
    SENDING = "SENDING"
    UNKNOWN = "UNKNOWN"
    PAID = "PAID"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


_O = PayoutState
PAYOUT_MOVES: Moves = {
    (_O.SCHEDULED, _O.SENDING): None,
    (_O.SCHEDULED, _O.FAILED): "payout.failed",
    (_O.SCHEDULED, _O.CANCELED): None,
    (_O.SENDING, _O.PAID): "payout.paid",
    (_O.SENDING, _O.UNKNOWN): None,
    (_O.SENDING, _O.FAILED): "payout.failed",
    (_O.UNKNOWN, _O.SENDING): None,
    (_O.UNKNOWN, _O.PAID): "payout.paid",
    (_O.FAILED, _O.SCHEDULED): None,
    (_O.FAILED, _O.CANCELED): None,
}
PAYOUT_FINAL = frozenset({_O.PAID, _O.CANCELED})
# Certainly nothing has left: the amount may still be lowered.
PAYOUT_UNSENT = frozenset({_O.SCHEDULED, _O.FAILED})


def check_move(moves: Moves, current: str, target: str) -> str | None:
    """The event this move announces, None when it announces nothing.

    Raises IllegalMove when the table has no such move.
    """
    try:
        return moves[current, target]
    except KeyError:
        raise IllegalMove(current, target) from None
