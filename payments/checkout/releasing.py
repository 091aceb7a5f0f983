"""Give a reservation back to the operator."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists

from payments.carriers import registry
from payments.carriers.base import (
    AlreadyCharged,
    CarrierRefund,
    Declined,
    OutcomeUnknown,
    Unreachable,
    stopwatch,
)
from payments.checkout.rows import strays
from payments.models import Alert, CarrierCall, Payment
from payments.states import PAYMENT_FINAL

RETRY = timedelta(seconds=10)


def release(call: CarrierCall, payment: Payment, *, now: datetime) -> bool:
    """Drop the reservation named by a REVERSE call; False when it has to be tried again.

    Never raises: the resolver repeats what did not work.
    """
    back_at = stopwatch(now)
    try:
        registry.adapter(payment.carrier).cancel(call.carrier_tx, payment.phone)
    except AlreadyCharged:
        return _take_back(call, payment, now=back_at())
    except Declined as refusal:
        # Unknown to the operator, or dropped by itself: there is nothing left to release.
        call.finish(CarrierCall.State.RESOLVED, at=back_at(), answer=refusal.detail)
        return True
    except (Unreachable, OutcomeUnknown) as problem:
        _try_later(call, payment, str(problem), at=back_at())
        return False
    call.finish(CarrierCall.State.OK, at=back_at())
    # Nobody has to look at a payment that ended and has left nothing else behind.
    ended = Payment.objects.filter(~Exists(strays()), pk=payment.pk, state__in=PAYMENT_FINAL)
    ended.update(check_at=None)
    return True


def whole_charge(call: CarrierCall, payment: Payment) -> CarrierRefund:
    """All of a charge, to be given back under a REVERSE call: repeated, it stays one refund."""
    return CarrierRefund(
        order_ref=call.order_ref,
        reference=f"{payment.reference}-V{call.pk}",
        part_won=None,
        item_name=payment.item_name,
    )


def _take_back(call: CarrierCall, payment: Payment, *, now: datetime) -> bool:
    """A late success: the payment has ended without it, so the charge goes back (domain §4)."""
    back_at = stopwatch(now)
    wanted = whole_charge(call, payment)
    try:
        status = registry.adapter(payment.carrier).refund(call.carrier_tx, wanted)
    except Declined as refusal:
        _note_late_charge(call, CarrierCall.State.DECLINED, refusal.detail, at=back_at())
        return True
    except (Unreachable, OutcomeUnknown) as problem:
        _try_later(call, payment, str(problem), at=back_at())
        return False
    if status.status != "succeeded":
        _try_later(call, payment, status.status, at=back_at())
        return False
    _note_late_charge(call, CarrierCall.State.OK, "charged late, refunded", at=back_at())
    return True


@transaction.atomic
def _note_late_charge(
    call: CarrierCall, state: CarrierCall.State, answer: str, *, at: datetime
) -> None:
    call.finish(state, at=at, answer=answer)
    Alert.note(Alert.Kind.LATE_CHARGE, ref=f"call:{call.pk}", detail=answer, at=at)


@transaction.atomic
def _try_later(call: CarrierCall, payment: Payment, problem: str, *, at: datetime) -> None:
    call.finish(CarrierCall.State.UNKNOWN, at=at, answer=problem)
    Payment.objects.filter(pk=payment.pk).update(check_at=at + RETRY)
