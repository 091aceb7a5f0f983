"""Find out what became of payments that nobody is attending to, and end what must end.

Finds what every other step left behind: windows that ran out, answers that got lost, processes that
died between two commits, reservations to give back. It asks, adopts or reverses; it never guesses.
"""

import logging
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
from payments.checkout.confirming import confirm
from payments.checkout.rows import (
    AWAITING_CHECK,
    CALL_GRACE,
    become_unknown,
    charge,
    close_open_calls,
    finish,
    intend_release,
    locked,
)
from payments.models import CarrierCall, InboundEvent, Payment, claims
from payments.states import PaymentState

BATCH = 20
REVIEW_AFTER = timedelta(minutes=50)
BACKOFF_SECONDS = (5, 15, 60, 180, 600, 1200)
_log = logging.getLogger(__name__)


def resolve_due(*, now: datetime) -> int:
    """Look into every payment whose `check_at` has come; returns how many."""
    # `check_at` is when the row is due and, pushed on, the lease of whoever looks into it.
    payments = claims.claim(
        Payment.objects.select_related("merchant").filter(check_at__lte=now).order_by("check_at"),
        now=now,
        batch=BATCH,
        hold=lambda at: {"check_at": at + claims.LEASE},
    )
    count = 0
    for payment in payments:
        count += 1
        try:
            _look(payment, now=now)
        except Exception:
            # One payment's trouble must not keep the others waiting; its lease brings it back.
            _log.exception("payment %s could not be resolved", payment.pk)
    return count


@transaction.atomic
def note_event(*, payment_id: int, event_id: str, kind: str, now: datetime) -> bool:
    """An operator rang: look at this payment now. False when this event came before."""
    _, is_new = InboundEvent.objects.get_or_create(
        event_id=event_id,
        defaults={"kind": kind, "payment_id": payment_id, "received_at": now},
    )
    if is_new:
        Payment.objects.filter(
            pk=payment_id, state__in=["AWAITING_CONFIRMATION", "CONFIRMING", "UNKNOWN"]
        ).update(check_at=now)
    return is_new


def _look(payment: Payment, *, now: datetime) -> None:
    back_at = stopwatch(now)
    if not _release_strays(payment, now=now):
        return
    match payment.state:
        case PaymentState.CREATED:
            _close_window_if_over(payment.pk, at=back_at())
        case PaymentState.AWAITING_CONFIRMATION:
            _look_at_reservation(payment, now=now)
        case PaymentState.CONFIRMING:
            _give_up_waiting(payment.pk, at=back_at())
        case PaymentState.UNKNOWN:
            _look_at_unknown(payment, now=now)
        case _:
            Payment.objects.filter(pk=payment.pk).update(check_at=None)


def _release_strays(payment: Payment, *, now: datetime) -> bool:
    """Give back what no step will use: lost answers of PREPARE, releases never carried out."""
    for call in payment.calls.filter(
        kind=CarrierCall.Kind.PREPARE,
        state__in=[CarrierCall.State.SENT, CarrierCall.State.UNKNOWN],
    ):
        if not _trace(call, payment, now=now):
            return False
    reversals = payment.calls.filter(
        kind=CarrierCall.Kind.REVERSE,
        state__in=[CarrierCall.State.SENT, CarrierCall.State.UNKNOWN],
    )
    done = [releasing.release(call, payment, now=now) for call in reversals]
    return all(done)


def _trace(call: CarrierCall, payment: Payment, *, now: datetime) -> bool:
    """Whether the reservation of a lost answer is settled: found and given back, or not there."""
    back_at = stopwatch(now)
    if call.state == CarrierCall.State.SENT and now < call.sent_at + CALL_GRACE:
        Payment.objects.filter(pk=payment.pk).update(check_at=call.sent_at + CALL_GRACE)
        return False
    adapter = registry.adapter(payment.carrier)
    try:
        found = adapter.find(call.order_ref, call.sent_at)
        if found is not None:
            adapter.cancel(found.carrier_payment_id, payment.phone)
    except (Unreachable, OutcomeUnknown):
        Payment.objects.filter(pk=payment.pk).update(check_at=back_at() + releasing.RETRY)
        return False
    except Declined as refusal:
        call.finish(CarrierCall.State.RESOLVED, at=back_at(), answer=refusal.detail)
        return True
    call.finish(
        CarrierCall.State.RESOLVED,
        at=back_at(),
        answer="released" if found else "never arrived",
    )
    return True


@transaction.atomic(durable=True)
def _close_window_if_over(payment_id: int, *, at: datetime) -> None:
    payment = locked(payment_id)
    if payment.state != PaymentState.CREATED:
        return
    if at >= payment.expires_at:
        finish(payment, PaymentState.EXPIRED, at=at, by="clock", code="SESSION_EXPIRED")
    else:
        payment.check_at = payment.expires_at
        payment.save(update_fields=["check_at"])


def _look_at_reservation(payment: Payment, *, now: datetime) -> None:
    back_at = stopwatch(now)
    try:
        status = registry.adapter(payment.carrier).retrieve(payment.carrier_payment_id)
    except (Unreachable, OutcomeUnknown, Declined):
        status = None
    if status is not None and status.status == "reserved" and back_at() < payment.expires_at:
        confirm(payment.pk, by="link", now=back_at())
        return
    release = _end_or_wait(payment.pk, status, at=back_at())
    if release is not None:
        releasing.release(release, payment, now=back_at())


@transaction.atomic(durable=True)
def _end_or_wait(
    payment_id: int, status: PaymentStatus | None, *, at: datetime
) -> CarrierCall | None:
    payment = locked(payment_id)
    if payment.state != PaymentState.AWAITING_CONFIRMATION:
        return None
    if status is not None and status.status == "denied":
        finish(
            payment,
            PaymentState.DECLINED,
            at=at,
            by="carrier",
            code="CODE_ATTEMPTS_EXCEEDED",
        )
        return None
    if at < payment.expires_at:
        payment.check_at = min(at + AWAITING_CHECK, payment.expires_at)
        payment.save(update_fields=["check_at"])
        return None
    release = intend_release(payment, now=at)
    finish(
        payment,
        PaymentState.EXPIRED,
        at=at,
        by="clock",
        code="SESSION_EXPIRED",
        release=release,
    )
    return release


@transaction.atomic(durable=True)
def _give_up_waiting(payment_id: int, *, at: datetime) -> None:
    """Whoever confirmed this payment never came back with the outcome."""
    payment = locked(payment_id)
    if payment.state == PaymentState.CONFIRMING:
        become_unknown(payment, at=at, by="clock")


def _look_at_unknown(payment: Payment, *, now: datetime) -> None:
    back_at = stopwatch(now)
    adapter = registry.adapter(payment.carrier)
    try:
        status = adapter.retrieve(payment.carrier_payment_id)
        if status.status in {"reserved", "pending_validation"}:
            # Nothing charged yet. Drop it first and read again, so that a late confirm cannot win.
            adapter.cancel(payment.carrier_payment_id, payment.phone)
            status = adapter.retrieve(payment.carrier_payment_id)
    except (Unreachable, OutcomeUnknown, Declined) as problem:
        _ask_again(payment.pk, str(problem), at=back_at())
        return
    _settle(payment.pk, status, at=back_at())


@transaction.atomic(durable=True)
def _settle(payment_id: int, status: PaymentStatus, *, at: datetime) -> None:
    payment = locked(payment_id)
    if payment.state != PaymentState.UNKNOWN:
        return
    answer = f"{status.status} {status.amount_won}"
    _note_query(payment, CarrierCall.State.OK, answer, at=at)
    is_ours = status.amount_won == payment.amount_won
    if status.status == "succeeded" and is_ours:
        close_open_calls(payment, at=at)
        charge(payment, status, at=at, by="resolver")
    elif status.status in {"denied", "cancelled"}:
        close_open_calls(payment, at=at)
        finish(
            payment,
            PaymentState.REVERSED,
            at=at,
            by="resolver",
            code="PROVIDER_TIMEOUT",
        )
    elif status.status == "succeeded":
        _hand_over(payment, f"charged {status.amount_won} won", at=at)
    else:
        _back_off(payment, at=at)


@transaction.atomic(durable=True)
def _ask_again(payment_id: int, problem: str, *, at: datetime) -> None:
    payment = locked(payment_id)
    if payment.state != PaymentState.UNKNOWN:
        return
    _note_query(payment, CarrierCall.State.RESOLVED, problem, at=at)
    _back_off(payment, at=at)


def _note_query(payment: Payment, state: CarrierCall.State, answer: str, *, at: datetime) -> None:
    """What the operator said when it was asked; asking changes nothing, so it had no intent."""
    CarrierCall.objects.create(
        payment=payment,
        kind=CarrierCall.Kind.QUERY,
        state=state,
        carrier_tx=payment.carrier_payment_id,
        answer=answer[:200],
        sent_at=at,
        resolved_at=at,
    )


def _back_off(payment: Payment, *, at: datetime) -> None:
    if payment.unknown_at is not None and at >= payment.unknown_at + REVIEW_AFTER:
        _hand_over(payment, "unknown for 50 minutes", at=at)
        return
    wait = BACKOFF_SECONDS[min(payment.checks, len(BACKOFF_SECONDS) - 1)]
    payment.checks += 1
    payment.check_at = at + timedelta(seconds=min(wait, settings.RESOLVE_MAX_SECONDS))
    payment.save(update_fields=["checks", "check_at"])


def _hand_over(payment: Payment, why: str, *, at: datetime) -> None:
    """A person decides from here on."""
    payment.check_at = None
    payment.move_to(PaymentState.REVIEW, at=at, by="resolver", reason=why)
