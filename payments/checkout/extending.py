"""More time for somebody who needs it: one press moves the end of the window, not for ever.

WCAG 2.2.1: who is warned that time runs out can extend it by one simple action, at least ten times.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Least

from payments.checkout.rows import WindowClosed, WrongStep, locked
from payments.models import CodeChallenge, Payment
from payments.states import PaymentState

_OPEN = (PaymentState.CREATED, PaymentState.AWAITING_CONFIRMATION)


class NoMoreTime(Exception):
    """The window was extended as often as it may be; its end stays where it is."""


@transaction.atomic(durable=True)
def extend(payment_id: int, *, now: datetime) -> datetime:
    """Move the window's end by WINDOW_EXTEND_SECONDS; returns the new end.

    Raises NoMoreTime after WINDOW_EXTENSIONS times, WindowClosed when the time is up, WrongStep
    when the payment is no longer open.
    """
    payment = locked(payment_id)
    if payment.state not in _OPEN:
        raise WrongStep(payment.state)
    if now >= payment.expires_at:
        raise WindowClosed
    if not extensions_left(payment):
        raise NoMoreTime
    former_end = payment.expires_at
    payment.expires_at += timedelta(seconds=settings.WINDOW_EXTEND_SECONDS)
    payment.save(update_fields=["expires_at"])
    # A code that only the window's end cut short lives its own time again.
    CodeChallenge.objects.filter(payment=payment, expires_at=former_end).update(
        expires_at=Least(
            F("sent_at") + timedelta(seconds=settings.CODE_SECONDS), payment.expires_at
        )
    )
    return payment.expires_at


def extensions_left(payment: Payment) -> int:
    """How often the window may still be extended: what its own end says, so nothing else counts."""
    first_end = payment.created_at + timedelta(seconds=settings.WINDOW_SECONDS)
    added = (payment.expires_at - first_end).total_seconds()
    taken = round(added / settings.WINDOW_EXTEND_SECONDS)
    return max(0, settings.WINDOW_EXTENSIONS - max(0, taken))
