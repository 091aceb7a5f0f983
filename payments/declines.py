"""Why a payment or a cancellation was refused: our stable codes and what may follow. Pure.

The words live with the views (gettext). An operator's answer that names none of these is UNMAPPED:
safe words for the shopper, an alert for us.
"""

from enum import StrEnum


class Retry(StrEnum):
    """What the shopper can do next."""

    SAME_WINDOW = "SAME_WINDOW"
    NEW_PAYMENT = "NEW_PAYMENT"
    NO = "NO"


UNMAPPED = "UNMAPPED"

# Field of the window an answer belongs to; such an answer keeps the window open.
FIELD_OF = {
    "CARRIER_MISMATCH": "carrier",
    "BIRTHDATE_MISMATCH": "birthdate",
    "INVALID_PHONE": "phone",
}

# What a risk rule that refuses says to the shopper: the same whichever rule it was.
RISK = "BLOCKED_BY_PROVIDER"

_SAME_WINDOW = frozenset(
    {*FIELD_OF, "SMS_SEND_FAILED", "CODE_INVALID", "CODE_EXPIRED", "LINK_USED"}
)
_NEW_PAYMENT = frozenset(
    {
        "LIMIT_PER_PAYMENT",
        "LIMIT_MONTHLY",
        "LIMIT_MERCHANT",
        "RESEND_LIMIT",
        "CODE_ATTEMPTS_EXCEEDED",
        "SESSION_EXPIRED",
        "USER_CANCELLED",
        "VELOCITY_BLOCKED",
        "DUPLICATE_PAYMENT",
        "CARRIER_MAINTENANCE",
        UNMAPPED,
    }
)
_NO = frozenset(
    {
        "LINE_SUSPENDED",
        "LINE_TERMINATED",
        "LINE_PORTED",
        "CORPORATE_LINE",
        "PREPAID_LINE",
        "RESTRICTED_PLAN",
        "UNPAID_BILL",
        "LONG_OVERDUE",
        "UNDER_AGE",
        "UNDER_14",
        "FOREIGNER_RESTRICTED",
        "NOT_CONSENTED",
        "LONG_UNUSED",
        "BLOCKED_BY_OWNER",
        "BLOCKED_BY_CARRIER",
        "NEW_LINE_RESTRICTED",
        "LIMIT_CATEGORY",
        "AMOUNT_TOO_SMALL",
        "AMOUNT_MISMATCH",
        "PRODUCT_TYPE_MISMATCH",
        "PIN_LOCKED",
        RISK,
        "STEP_UP_REQUIRED",
        "MERCHANT_INACTIVE",
    }
)
PAYMENT_CODES = _SAME_WINDOW | _NEW_PAYMENT | _NO

# Cancellations the carrier will never do: the money goes to the bank account instead.
TO_BANK = frozenset(
    {
        "CANCEL_MONTH_CLOSED",
        "CANCEL_PREPAID_BILL",
        "CANCEL_INFO_MISMATCH",
        "PARTIAL_NOT_SUPPORTED",
    }
)
# Of those, what is said of a part only: all of it the carrier would still cancel.
OF_PART = frozenset({"PARTIAL_NOT_SUPPORTED"})
REFUND_CODES = TO_BANK | {
    "CANCEL_TOO_EARLY",
    "ALREADY_CANCELLED",
    "CANCEL_IN_PROGRESS",
    "CANCEL_INSUFFICIENT_BALANCE",
    "CANCEL_AMOUNT_EXCEEDED",
    "CANCEL_COUNT_EXCEEDED",
    "ACCOUNT_NOT_FOUND",
    "REFUND_ACCOUNT_MISMATCH",
    "BILL_NOT_PAID_YET",
}
ALL_CODES = PAYMENT_CODES | REFUND_CODES


def retry_of(code: str) -> Retry:
    """What may follow this code; an unknown code allows a new payment."""
    if code in _SAME_WINDOW:
        return Retry.SAME_WINDOW
    return Retry.NO if code in _NO else Retry.NEW_PAYMENT


def code_in(text: str) -> str:
    """Our code at the start of an operator's words (`CODE: prose`); UNMAPPED when there is none."""
    word = text.partition(":")[0].strip()
    return word if word in ALL_CODES else UNMAPPED
