"""Confirm: by the code the operator texted, or because the link in it was used. Then charge.

A typed code is a chain of two calls, its check and the charge, with one commit before and one after
it (docs/decisions/0004): the payment is CONFIRMING from the moment the code leaves us.
"""

import contextlib
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction

from payments import declines
from payments.carriers import registry
from payments.carriers.base import (
    Declined,
    OutcomeUnknown,
    PaymentStatus,
    Unreachable,
    stopwatch,
)
from payments.checkout import own_rules, releasing, screening
from payments.checkout.rows import (
    AWAITING_CHECK,
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
from payments.models import CarrierCall, CodeChallenge, Payment, SecondFactor
from payments.states import Overtaken, PaymentState

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
    payment, calls = _intend_with_code(payment_id, now=now)
    if _is_forbidden(payment, calls, now=now):
        return
    try:
        registry.adapter(payment.carrier).validate(
            payment.carrier_payment_id, payment.authorization_id, code
        )
    except Declined as refusal:
        _record_wrong_code(payment, calls, refusal, at=back_at())
    except (Unreachable, OutcomeUnknown) as problem:
        _record_unanswered(payment, calls, problem, at=back_at())
        raise CarrierSilent from problem
    _charge(payment, calls, now=back_at())


def confirm(payment_id: int, *, by: str, now: datetime) -> None:
    """Charge a reservation whose confirmation the operator has accepted.

    Whoever comes second (double click, callback, link and code at once) finds the state moved on
    and does nothing.
    """
    intended = _intend(payment_id, by=by, now=now)
    if intended is not None and not _is_forbidden(*intended, now=now):
        _charge(*intended, now=now)


def _is_forbidden(payment: Payment, calls: dict[str, CarrierCall], *, now: datetime) -> bool:
    """Whether the line's own rules ended the payment; its reservation then goes back."""
    if payment.state != PaymentState.DECLINED:
        return False
    for call in calls.values():
        releasing.release(call, payment, now=now)
    return True


def _charge(payment: Payment, calls: dict[str, CarrierCall], *, now: datetime) -> None:
    back_at = stopwatch(now)
    try:
        status = registry.adapter(payment.carrier).confirm(
            payment.carrier_payment_id, payment.phone
        )
    except Declined as refusal:
        record = partial(_record_declined, payment, calls, refusal)
    except (Unreachable, OutcomeUnknown) as problem:
        record = partial(_record_unknown, payment, calls, str(problem))
    else:
        record = partial(_record_status, payment, calls, status)
    # When the resolver lost patience before the answer came, it asks the operator itself.
    with contextlib.suppress(Overtaken):
        record(at=back_at())


@transaction.atomic(durable=True)
def _intend_with_code(payment_id: int, *, now: datetime) -> tuple[Payment, dict[str, CarrierCall]]:
    """One commit before the chain of both calls: the code's check and the charge it leads to."""
    payment = locked_in(PaymentState.AWAITING_CONFIRMATION, payment_id, now=now)
    if (release := _end_if_forbidden(payment, now=now)) is not None:
        return payment, release
    if (release := _end_if_swept(payment, now=now)) is not None:
        return payment, release
    taken = CodeChallenge.take_attempt(
        payment_id=payment_id, limit=settings.CODE_ATTEMPTS, until=now + _CHECKING
    )
    if not taken:
        raise _why_no_attempt(payment, now=now)
    kinds = (CarrierCall.Kind.VALIDATE, CarrierCall.Kind.CONFIRM)
    return payment, _begin(payment, kinds, by="shopper", now=now)


@transaction.atomic(durable=True)
def _intend(
    payment_id: int, *, by: str, now: datetime
) -> tuple[Payment, dict[str, CarrierCall]] | None:
    payment = locked(payment_id)
    if payment.state != PaymentState.AWAITING_CONFIRMATION:
        return None
    if (release := _end_if_forbidden(payment, now=now)) is not None:
        return payment, release
    return payment, _begin(payment, (CarrierCall.Kind.CONFIRM,), by=by, now=now)


def _end_if_forbidden(payment: Payment, *, now: datetime) -> dict[str, CarrierCall] | None:
    """The call that gives the reservation back, when the line's own rules end the payment here."""
    try:
        own_rules.check_locked(payment, now=now)
    except own_rules.RefusedByOwner as refusal:
        release = intend_release(payment, now=now)
        finish(
            payment,
            PaymentState.DECLINED,
            at=now,
            by=own_rules.OWNER,
            code=refusal.code,
            release=release,
        )
        return {release.kind: release} if release else {}
    return None


def _end_if_swept(payment: Payment, *, now: datetime) -> dict[str, CarrierCall] | None:
    """The same while a sweep over many numbers goes on, unless more than the text proves the line.

    A code is guessed where the window was opened before the budget was spent.
    """
    is_swept: bool = payment.is_swept  # type: ignore[attr-defined]
    if not is_swept or SecondFactor.is_proven(payment):
        return None
    release = intend_release(payment, now=now)
    finish(
        payment,
        PaymentState.DECLINED,
        at=now,
        by=screening.BY,
        code=declines.RISK,
        release=release,
    )
    return {release.kind: release} if release else {}


def _begin(
    payment: Payment, kinds: tuple[CarrierCall.Kind, ...], *, by: str, now: datetime
) -> dict[str, CarrierCall]:
    payment.check_at = now + CALL_GRACE
    payment.move_to(PaymentState.CONFIRMING, at=now, by=by)
    calls = [
        CarrierCall(payment=payment, kind=kind, carrier_tx=payment.carrier_payment_id, sent_at=now)
        for kind in kinds
    ]
    return {call.kind: call for call in CarrierCall.objects.bulk_create(calls)}


def _why_no_attempt(payment: Payment, *, now: datetime) -> Exception:
    challenge = CodeChallenge.objects.get(payment=payment)
    if challenge.checking_until is not None and challenge.checking_until >= now:
        return InProgress()
    if challenge.attempts >= settings.CODE_ATTEMPTS:
        return AttemptsExceeded()
    return CodeExpired()


def _record_wrong_code(
    payment: Payment, calls: dict[str, CarrierCall], refusal: Declined, *, at: datetime
) -> None:
    """Count the wrong code and tell; always raises."""
    try:
        release, tries_left = _close_try(payment, calls, refusal, at=at)
    except Overtaken as overtaken:
        raise InProgress from overtaken
    if release is not None:
        releasing.release(release, payment, now=at)
    if tries_left == 0:
        raise AttemptsExceeded from refusal
    if refusal.code == "CODE_EXPIRED":
        raise CodeExpired from refusal
    raise WrongCode(tries_left) from refusal


@transaction.atomic(durable=True)
def _close_try(
    payment: Payment, calls: dict[str, CarrierCall], refusal: Declined, *, at: datetime
) -> tuple[CarrierCall | None, int]:
    _close_at_code(calls, CarrierCall.State.DECLINED, refusal.detail, at=at)
    challenge = CodeChallenge.objects.get(payment=payment)
    challenge.checking_until = None
    tries_left = max(0, settings.CODE_ATTEMPTS - challenge.attempts)
    if refusal.code == "CODE_ATTEMPTS_EXCEEDED":
        tries_left = 0
    if refusal.code == "CODE_EXPIRED":
        challenge.expires_at = min(challenge.expires_at, at)
    challenge.save(update_fields=["checking_until", "expires_at"])
    release = None
    if tries_left:
        _wait_for_a_code(payment, at=at, look_at=at + AWAITING_CHECK, reason=refusal.code)
    else:
        release = intend_release(payment, now=at)
        finish(
            payment,
            PaymentState.DECLINED,
            at=at,
            by="carrier",
            code="CODE_ATTEMPTS_EXCEEDED",
            release=release,
        )
    if refusal.code != "CODE_EXPIRED":
        # Last: the counters are where all payments meet.
        screening.note_failure(payment, now=at)
    return release, tries_left


def _record_unanswered(
    payment: Payment, calls: dict[str, CarrierCall], problem: Exception, *, at: datetime
) -> None:
    """The operator may have taken the code: the resolver asks at once."""
    with contextlib.suppress(Overtaken), transaction.atomic(durable=True):
        _close_at_code(calls, CarrierCall.State.UNKNOWN, str(problem), at=at)
        CodeChallenge.objects.filter(payment=payment).update(checking_until=None)
        _wait_for_a_code(payment, at=at, look_at=at, reason=str(problem))


def _close_at_code(
    calls: dict[str, CarrierCall], state: CarrierCall.State, answer: str, *, at: datetime
) -> None:
    """The chain ended with the check of the code: nothing was asked to be charged."""
    calls[CarrierCall.Kind.VALIDATE].set_outcome(state, at=at, answer=answer)
    calls[CarrierCall.Kind.CONFIRM].set_outcome(CarrierCall.State.SKIPPED, at=at)
    CarrierCall.save_outcomes(calls.values())


def _wait_for_a_code(payment: Payment, *, at: datetime, look_at: datetime, reason: str) -> None:
    payment.check_at = min(look_at, payment.expires_at)
    payment.move_to(PaymentState.AWAITING_CONFIRMATION, at=at, by="carrier", reason=reason[:200])


@transaction.atomic(durable=True)
def _record_status(
    payment: Payment, calls: dict[str, CarrierCall], status: PaymentStatus, *, at: datetime
) -> None:
    if status.status == "succeeded" and status.amount_won == payment.amount_won:
        _close(calls, CarrierCall.State.OK, status.carrier_tx, at=at)
        charge(payment, status, at=at, by="carrier")
    elif status.status == "denied":
        _close(calls, CarrierCall.State.DECLINED, status.status, at=at)
        calls[CarrierCall.Kind.CONFIRM].note_if_unmapped(declines.UNMAPPED, at=at)
        finish(payment, PaymentState.DECLINED, at=at, by="carrier", code=declines.UNMAPPED)
    else:
        # Accepted but not done yet, or another amount than agreed: ask again, then a person.
        answer = f"{status.status} {status.amount_won}"
        _close(calls, CarrierCall.State.UNKNOWN, answer, at=at)
        become_unknown(payment, at=at, by="carrier")


@transaction.atomic(durable=True)
def _record_declined(
    payment: Payment, calls: dict[str, CarrierCall], refusal: Declined, *, at: datetime
) -> None:
    _close(calls, CarrierCall.State.DECLINED, refusal.detail, at=at)
    calls[CarrierCall.Kind.CONFIRM].note_if_unmapped(refusal.code, at=at)
    finish(payment, PaymentState.DECLINED, at=at, by="carrier", code=refusal.code)


@transaction.atomic(durable=True)
def _record_unknown(
    payment: Payment, calls: dict[str, CarrierCall], problem: str, *, at: datetime
) -> None:
    _close(calls, CarrierCall.State.UNKNOWN, problem, at=at)
    become_unknown(payment, at=at, by="carrier")


def _close(
    calls: dict[str, CarrierCall],
    state: CarrierCall.State,
    answer: str,
    *,
    at: datetime,
) -> None:
    """The chain came as far as the charge: the code, if there was one, was right and is used."""
    for call in calls.values():
        call.set_outcome(CarrierCall.State.OK, at=at)
    calls[CarrierCall.Kind.CONFIRM].set_outcome(state, at=at, answer=answer)
    CarrierCall.save_outcomes(calls.values())
