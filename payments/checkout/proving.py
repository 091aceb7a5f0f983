"""The second factor: check the line's payment PIN, then go on as if the line had just been given.

The PIN is asked before the operator is told a birthdate and before it texts anything: the page is
the same for every number, whether it is anybody's or not, and so is the answer to a wrong PIN.
"""

from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction

from payments import second_factor
from payments.carriers.base import Declined, OutcomeUnknown, Unreachable, stopwatch
from payments.checkout import screening
from payments.checkout.identifying import plan, reserve
from payments.checkout.rows import (
    CALL_GRACE,
    CarrierSilent,
    InProgress,
    WrongStep,
    finish,
    locked,
    locked_in,
)
from payments.models import CarrierCall, Payment, SecondFactor
from payments.states import PaymentState

_CHECKING = timedelta(seconds=12)


class WrongPin(Exception):
    """The PIN is not right, or the line has none; carries how many tries are left."""

    def __init__(self, tries_left: int) -> None:
        super().__init__(str(tries_left))
        self.tries_left = tries_left


class PinLocked(Exception):
    """That was the last try: the payment has ended, nothing was charged."""


def prove(payment_id: int, pin: str, *, now: datetime) -> None:
    """Check the PIN and, if it is right, identify the line and reserve, as `submit` does.

    Raises WrongPin, PinLocked, CarrierSilent, InProgress, WrongStep, WindowClosed, and Refused
    where the operator then refuses the line.
    """
    back_at = stopwatch(now)
    payment, call = _intend(payment_id, now=now)
    try:
        is_right = second_factor.factor().is_right(payment.carrier, payment.phone, pin)
    except Declined as refusal:
        _record_wrong(payment_id, call, is_last=True, answer=refusal.detail, at=back_at())
        raise PinLocked from None
    except (Unreachable, OutcomeUnknown) as problem:
        _record_silence(payment_id, call, str(problem), at=back_at())
        raise CarrierSilent from None
    if not is_right:
        tries_left = _record_wrong(payment_id, call, is_last=False, answer="", at=back_at())
        raise WrongPin(tries_left) if tries_left else PinLocked
    payment, calls = _record_right(payment_id, call, at=back_at())
    screened = screening.of_old(payment, now=back_at())
    born = date.fromisoformat(payment.birthdate)
    reserve(payment, calls, screened, birthdate=born, now=back_at())


@transaction.atomic(durable=True)
def give_up(payment_id: int, *, now: datetime) -> None:
    """Back to carrier, phone and birthdate. Tries that were spent stay spent.

    Raises WrongStep unless the payment owes its second factor.
    """
    payment = locked(payment_id)
    dropped = payment.state == PaymentState.CREATED and SecondFactor.objects.filter(
        payment=payment, is_due=True
    ).update(is_due=False)
    if not dropped:
        raise WrongStep(payment.state)


@transaction.atomic(durable=True)
def _intend(payment_id: int, *, now: datetime) -> tuple[Payment, CarrierCall]:
    payment = locked_in(PaymentState.CREATED, payment_id, now=now)
    taken = SecondFactor.take_attempt(
        payment_id=payment_id, limit=settings.PIN_ATTEMPTS, until=now + _CHECKING
    )
    if not taken:
        factor = SecondFactor.objects.filter(payment=payment, is_due=True).first()
        raise InProgress if factor else WrongStep(payment.state)
    call = CarrierCall.objects.create(payment=payment, kind=CarrierCall.Kind.PIN, sent_at=now)
    return payment, call


@transaction.atomic(durable=True)
def _record_right(
    payment_id: int, call: CarrierCall, *, at: datetime
) -> tuple[Payment, dict[str, CarrierCall]]:
    """The line is proven: commit the intent of what comes next. Raises as `locked_in`."""
    payment = locked_in(PaymentState.CREATED, payment_id, now=at)
    call.finish(CarrierCall.State.OK, at=at)
    SecondFactor.objects.filter(payment=payment).update(
        is_due=False, checking_until=None, proven_bidx=payment.phone_bidx, proven_at=at
    )
    payment.check_at = at + CALL_GRACE
    payment.save(update_fields=["check_at"])
    return payment, plan(payment, now=at)


@transaction.atomic(durable=True)
def _record_wrong(
    payment_id: int, call: CarrierCall, *, is_last: bool, answer: str, at: datetime
) -> int:
    """Count it; the last one ends the payment. Returns the tries left."""
    payment = locked(payment_id)
    call.finish(CarrierCall.State.DECLINED, at=at, answer=answer)
    factor = SecondFactor.objects.get(payment=payment)
    left = 0 if is_last else max(0, settings.PIN_ATTEMPTS - factor.attempts)
    factor.checking_until = None
    factor.save(update_fields=["checking_until"])
    if not left and payment.state == PaymentState.CREATED:
        finish(payment, PaymentState.DECLINED, at=at, by="carrier", code=second_factor.LOCKED)
    screening.note_failure(payment, now=at)
    return left


@transaction.atomic(durable=True)
def _record_silence(payment_id: int, call: CarrierCall, problem: str, *, at: datetime) -> None:
    """The try stays spent: the operator may have counted it."""
    call.finish(CarrierCall.State.UNKNOWN, at=at, answer=problem)
    SecondFactor.objects.filter(payment=payment_id).update(checking_until=None)
