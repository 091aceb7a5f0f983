"""Give a reservation back to the operator."""

from datetime import datetime, timedelta

from django.db import transaction

from payments.carriers import registry
from payments.carriers.base import Declined, OutcomeUnknown, Unreachable, stopwatch
from payments.models import CarrierCall, Payment

RETRY = timedelta(seconds=10)


def release(call: CarrierCall, payment: Payment, *, now: datetime) -> bool:
    """Drop the reservation named by a REVERSE call; False when it has to be tried again.

    Never raises: the resolver repeats what did not work.
    """
    back_at = stopwatch(now)
    try:
        registry.adapter(payment.carrier).cancel(call.carrier_tx, payment.phone)
    except Declined as refusal:
        # Unknown to the operator, or dropped by itself: there is nothing left to release.
        call.finish(CarrierCall.State.RESOLVED, at=back_at(), answer=refusal.detail)
        return True
    except (Unreachable, OutcomeUnknown) as problem:
        _try_later(call, payment, str(problem), at=back_at())
        return False
    call.finish(CarrierCall.State.OK, at=back_at())
    return True


@transaction.atomic
def _try_later(call: CarrierCall, payment: Payment, problem: str, *, at: datetime) -> None:
    call.finish(CarrierCall.State.UNKNOWN, at=at, answer=problem)
    Payment.objects.filter(pk=payment.pk).update(check_at=at + RETRY)
