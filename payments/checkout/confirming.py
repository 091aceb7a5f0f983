"""Confirm: by the code the operator texted, or because the link in it was used. Then charge."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from payments.carriers import registry
from payments.carriers.base import (
    Declined,
    OutcomeUnknown,
    PaymentStatus,
    Unreachable,
    stopwatch,
)
from payments.checkout import releasing
from payments.checkout.rows import (
    CALL_GRACE,
    CarrierSilent,
    InProgress,
    become_unknown,
    charge,
    finish,
    intend_release,
    locked,
    locked_in,
)
from payments.models import CarrierCall, CodeChallenge, Payment
from payments.states import PaymentState

_CHECKING = timedelta(seconds=12)


class WrongCode(Exception):
    """The code is not right; carries how many tries are left."""

    def __init__(self, tries_left: int) -> None:
        super().__init__(str(tries_left))
        self.tries_left = tries_left


class CodeExpired(Exception):
    """The code is too old; a new one can be asked for."""


class AttemptsExceeded(Exception):
    """The last try was wrong too: the payment has ended, nothing was charged."""


def confirm_with_code(payment_id: int, code: str, *, now: datetime) -> None:
    """Check the code and, if it is right, charge.

    Returns when the payment is PAID, DECLINED or UNKNOWN: look at the row. Raises WrongCode,
    CodeExpired, AttemptsExceeded, CarrierSilent, InProgress, WrongStep or WindowClosed.
    """
    back_at = stopwatch(now)
    payment, call = _intend_validation(payment_id, now=now)
    try:
        registry.adapter(payment.carrier).validate(
            payment.carrier_payment_id, payment.authorization_id, code
        )
    except Declined as refusal:
        _record_wrong_code(payment, call, refusal, at=back_at())
    except (Unreachable, OutcomeUnknown) as problem:
        _record_unanswered(payment, call, problem, at=back_at())
        raise CarrierSilent from problem
    confirm(payment_id, by="shopper", now=back_at(), validation=call)


def confirm(
    payment_id: int, *, by: str, now: datetime, validation: CarrierCall | None = None
) -> None:
    """Charge a reservation whose confirmation the operator has accepted.

    Whoever comes second (double click, callback, link and code at once) finds the state moved on
    and does nothing.
    """
    payment = _intend_confirm(payment_id, by=by, now=now, validation=validation)
    if payment is None:
        return
    back_at = stopwatch(now)
    try:
        status = registry.adapter(payment.carrier).confirm(
            payment.carrier_payment_id, payment.phone
        )
    except Declined as refusal:
        _record_declined(payment_id, refusal, at=back_at())
    except (Unreachable, OutcomeUnknown) as problem:
        _record_unknown(payment_id, str(problem), at=back_at())
    else:
        _record_status(payment_id, status, at=back_at())


@transaction.atomic(durable=True)
def _intend_validation(payment_id: int, *, now: datetime) -> tuple[Payment, CarrierCall]:
    payment = locked_in(PaymentState.AWAITING_CONFIRMATION, payment_id, now=now)
    taken = CodeChallenge.take_attempt(
        payment_id=payment_id, limit=settings.CODE_ATTEMPTS, until=now + _CHECKING
    )
    if not taken:
        raise _why_no_attempt(payment, now=now)
    call = CarrierCall.objects.create(
        payment=payment,
        kind=CarrierCall.Kind.VALIDATE,
        carrier_tx=payment.carrier_payment_id,
        sent_at=now,
    )
    return payment, call


def _why_no_attempt(payment: Payment, *, now: datetime) -> Exception:
    challenge = CodeChallenge.objects.get(payment=payment)
    if challenge.checking_until is not None and challenge.checking_until >= now:
        return InProgress()
    if challenge.attempts >= settings.CODE_ATTEMPTS:
        return AttemptsExceeded()
    return CodeExpired()


def _record_wrong_code(
    payment: Payment, call: CarrierCall, refusal: Declined, *, at: datetime
) -> None:
    """Count the wrong code and tell; always raises."""
    release, tries_left = _close_try(payment.pk, call, refusal, at=at)
    if release is not None:
        releasing.release(release, payment, now=at)
    if tries_left == 0:
        raise AttemptsExceeded from refusal
    if refusal.code == "CODE_EXPIRED":
        raise CodeExpired from refusal
    raise WrongCode(tries_left) from refusal


@transaction.atomic(durable=True)
def _close_try(
    payment_id: int, call: CarrierCall, refusal: Declined, *, at: datetime
) -> tuple[CarrierCall | None, int]:
    payment = locked(payment_id)
    call.finish(CarrierCall.State.DECLINED, at=at, answer=refusal.detail)
    challenge = CodeChallenge.objects.get(payment=payment)
    challenge.checking_until = None
    tries_left = max(0, settings.CODE_ATTEMPTS - challenge.attempts)
    if refusal.code == "CODE_ATTEMPTS_EXCEEDED":
        tries_left = 0
    if refusal.code == "CODE_EXPIRED":
        challenge.expires_at = min(challenge.expires_at, at)
    challenge.save(update_fields=["checking_until", "expires_at"])
    release = None
    if tries_left == 0 and payment.state == PaymentState.AWAITING_CONFIRMATION:
        release = intend_release(payment, now=at)
        finish(
            payment,
            PaymentState.DECLINED,
            at=at,
            by="carrier",
            code="CODE_ATTEMPTS_EXCEEDED",
        )
    return release, tries_left


@transaction.atomic(durable=True)
def _record_unanswered(
    payment: Payment, call: CarrierCall, problem: Exception, *, at: datetime
) -> None:
    """The operator may have taken the code: the resolver asks at once."""
    call.finish(CarrierCall.State.UNKNOWN, at=at, answer=str(problem))
    CodeChallenge.objects.filter(payment=payment).update(checking_until=None)
    Payment.objects.filter(pk=payment.pk).update(check_at=at)


@transaction.atomic(durable=True)
def _intend_confirm(
    payment_id: int, *, by: str, now: datetime, validation: CarrierCall | None
) -> Payment | None:
    payment = locked(payment_id)
    if validation is not None:
        validation.finish(CarrierCall.State.OK, at=now)
    if payment.state != PaymentState.AWAITING_CONFIRMATION:
        return None
    CodeChallenge.objects.filter(payment=payment).update(consumed_at=now, checking_until=None)
    payment.check_at = now + CALL_GRACE
    payment.move_to(PaymentState.CONFIRMING, at=now, by=by)
    CarrierCall.objects.create(
        payment=payment,
        kind=CarrierCall.Kind.CONFIRM,
        carrier_tx=payment.carrier_payment_id,
        sent_at=now,
    )
    return payment


@transaction.atomic(durable=True)
def _record_status(payment_id: int, status: PaymentStatus, *, at: datetime) -> None:
    payment = locked(payment_id)
    if payment.state != PaymentState.CONFIRMING:
        return
    if status.status == "succeeded" and status.amount_won == payment.amount_won:
        _close_confirm(payment, CarrierCall.State.OK, at=at, answer=status.carrier_tx)
        charge(payment, status, at=at, by="carrier")
    elif status.status == "denied":
        _close_confirm(payment, CarrierCall.State.DECLINED, at=at, answer=status.status)
        finish(payment, PaymentState.DECLINED, at=at, by="carrier", code="UNMAPPED")
    else:
        # Accepted but not done yet, or another amount than agreed: ask again, then a person.
        answer = f"{status.status} {status.amount_won}"
        _close_confirm(payment, CarrierCall.State.UNKNOWN, at=at, answer=answer)
        become_unknown(payment, at=at, by="carrier")


@transaction.atomic(durable=True)
def _record_declined(payment_id: int, refusal: Declined, *, at: datetime) -> None:
    payment = locked(payment_id)
    if payment.state != PaymentState.CONFIRMING:
        return
    _close_confirm(payment, CarrierCall.State.DECLINED, at=at, answer=refusal.detail)
    finish(payment, PaymentState.DECLINED, at=at, by="carrier", code=refusal.code)


@transaction.atomic(durable=True)
def _record_unknown(payment_id: int, problem: str, *, at: datetime) -> None:
    payment = locked(payment_id)
    if payment.state != PaymentState.CONFIRMING:
        return
    _close_confirm(payment, CarrierCall.State.UNKNOWN, at=at, answer=problem)
    become_unknown(payment, at=at, by="carrier")


def _close_confirm(
    payment: Payment, state: CarrierCall.State, *, at: datetime, answer: str
) -> None:
    CarrierCall.objects.filter(payment=payment, kind=CarrierCall.Kind.CONFIRM).update(
        state=state, resolved_at=at, answer=answer[:200]
    )
