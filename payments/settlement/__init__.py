"""What a merchant is owed: closed by period, held under an objection, paid out, once each."""

from payments.settlement.closing import OpenFigures, close_due, close_next, open_figures
from payments.settlement.holding import NoSuchHold, hold, release
from payments.settlement.paying import pay_due, retry
from payments.settlement.remitting import Contradiction, remit

__all__ = [
    "Contradiction",
    "NoSuchHold",
    "OpenFigures",
    "close_due",
    "close_next",
    "hold",
    "open_figures",
    "pay_due",
    "release",
    "remit",
    "retry",
]
