"""The shopper stops, or goes back to correct the line."""

from datetime import datetime

from django.db import transaction

from payments.checkout import releasing
from payments.checkout.rows import CALL_GRACE, WrongStep, finish, intend_release, locked
from payments.models import CarrierCall, Payment
from payments.states import PaymentState

_OPEN = (PaymentState.CREATED, PaymentState.AWAITING_CONFIRMATION)


def leave(payment_id: int, *, now: datetime) -> None:
    """Stop before the charge. Raises WrongStep when it is too late for that."""
    payment, release = _cancel(payment_id, now=now)
    if release is not None:
        releasing.release(release, payment, now=now)


def change_line(payment_id: int, *, now: datetime) -> None:
    """Back to carrier, phone and birthdate; the text already sent no longer confirms anything.

    Raises WrongStep unless the payment awaits its confirmation.
    """
    payment, release = _go_back(payment_id, now=now)
    if release is not None:
        releasing.release(release, payment, now=now)


@transaction.atomic(durable=True)
def _cancel(payment_id: int, *, now: datetime) -> tuple[Payment, CarrierCall | None]:
    payment = locked(payment_id)
    if payment.state not in _OPEN:
        raise WrongStep(payment.state)
    release = intend_release(payment, now=now)
    finish(
        payment,
        PaymentState.CANCELED,
        at=now,
        by="shopper",
        code="USER_CANCELLED",
        release=release,
    )
    return payment, release


@transaction.atomic(durable=True)
def _go_back(payment_id: int, *, now: datetime) -> tuple[Payment, CarrierCall | None]:
    payment = locked(payment_id)
    if payment.state != PaymentState.AWAITING_CONFIRMATION:
        raise WrongStep(payment.state)
    release = intend_release(payment, now=now)
    # If the process dies before the release, the resolver does it.
    payment.check_at = now + CALL_GRACE if release else payment.expires_at
    payment.move_to(PaymentState.CREATED, at=now, by="shopper", reason="change line")
    return payment, release
