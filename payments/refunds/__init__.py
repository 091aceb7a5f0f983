"""Giving money back: asked for in one place, carried out by the worker when the row is due."""

from payments.refunds.asking import (
    UnableToRefund,
    decided_alone_won,
    give_account,
    remaining_won,
    request,
    verdict,
    withdraw,
)
from payments.refunds.retrying import hindrance, retry, use_bank
from payments.refunds.sending import send_due

__all__ = [
    "UnableToRefund",
    "decided_alone_won",
    "give_account",
    "hindrance",
    "remaining_won",
    "request",
    "retry",
    "send_due",
    "use_bank",
    "verdict",
    "withdraw",
]
