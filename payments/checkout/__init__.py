"""Paying: open a window, identify the line, confirm by code or link, find out what became of it.

Every call to an operator is framed by two commits (design §3.4): the intent before it, the outcome
after it. If the process dies in between, the row says where it stopped and `resolve_due` goes on.
"""

from payments.checkout.confirming import (
    AttemptsExceeded,
    CodeExpired,
    WrongCode,
    confirm_with_code,
)
from payments.checkout.extending import NoMoreTime, extend, extensions_left
from payments.checkout.identifying import Applicant, resend, submit
from payments.checkout.leaving import change_line, leave
from payments.checkout.opening import (
    OutsideLimits,
    mark_used,
    may_open_again,
    open_again,
    open_payment,
)
from payments.checkout.proving import PinLocked, WrongPin, give_up, prove
from payments.checkout.resolving import note_event, resolve_due
from payments.checkout.reviewing import ChangedMeanwhile, NotPossible, Said, Way
from payments.checkout.rows import (
    CarrierSilent,
    InProgress,
    Refused,
    WindowClosed,
    WrongStep,
)

__all__ = [
    "Applicant",
    "AttemptsExceeded",
    "CarrierSilent",
    "ChangedMeanwhile",
    "CodeExpired",
    "InProgress",
    "NoMoreTime",
    "NotPossible",
    "OutsideLimits",
    "PinLocked",
    "Refused",
    "Said",
    "Way",
    "WindowClosed",
    "WrongCode",
    "WrongPin",
    "WrongStep",
    "change_line",
    "confirm_with_code",
    "extend",
    "extensions_left",
    "give_up",
    "leave",
    "mark_used",
    "may_open_again",
    "note_event",
    "open_again",
    "open_payment",
    "prove",
    "resend",
    "resolve_due",
    "submit",
]
