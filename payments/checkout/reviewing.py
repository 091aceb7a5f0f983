"""What a person does about a payment whose end no machine could find out: REVIEW.

There are two ways out. *Adopt* what the operator says: it charged our amount, so the payment is
PAID; or it charged nothing, so it is REVERSED. *Reverse*: have the operator give back whatever it
holds, then REVERSED. Both rest on what the operator says at that moment, not on an old answer.

`seen` is the `version` of the case the person had on the screen. Two people cannot both decide:
whoever is first writes a call under the lock, and the version is another one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from payments import calendar, decisions
from payments.carriers import registry
from payments.carriers.base import Declined, OutcomeUnknown, PaymentStatus, Unreachable, stopwatch
from payments.checkout.releasing import whole_charge
from payments.checkout.rows import WrongStep, charge, close_open_calls, finish, locked
from payments.models import Alert, CarrierCall, Payment
from payments.states import PaymentState

_OPEN = (CarrierCall.State.SENT, CarrierCall.State.UNKNOWN)
# What the operator answers, in its own words, besides `succeeded`.
NOTHING_CHARGED = frozenset({"denied", "cancelled", "not_found"})
_RESERVED = frozenset({"reserved", "pending_validation"})


class Way(StrEnum):
    """How a case can be ended."""

    ADOPT = "adopt"
    REVERSE = "reverse"


class ChangedMeanwhile(Exception):
    """The case is no longer as the person deciding saw it; nothing was done."""


class NotPossible(Exception):
    """This way is closed. `code`:

    NO_ANSWER (the operator did not say; ask again), NOT_FINAL (it has not decided yet),
    OTHER_AMOUNT (it charged another amount than ours), REVERSING (a reversal may still arrive),
    NOTHING_TO_REVERSE, MONTH_CLOSED (adopt, then refund by bank), REFUSED (it said no).
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Said:
    """The operator's newest answer: its word and amount; `status` is empty when it gave none."""

    at: datetime
    status: str
    amount_won: int
    problem: str = ""


def version(payment: Payment) -> str:
    """The case as it stands: its last move, and the call that was sent last."""
    event = payment.events.order_by("-pk").values_list("pk", flat=True).first()
    call = payment.calls.order_by("-sent_at", "-pk").first()
    return f"{event or 0}-{call.pk}-{call.sent_at.timestamp()}" if call else f"{event or 0}"


def said(payment: Payment) -> Said | None:
    """What the operator last said of the payment; None when nobody asked."""
    call = payment.calls.filter(kind=CarrierCall.Kind.QUERY).order_by("-pk").first()
    return read(call) if call else None


def read(call: CarrierCall) -> Said:
    """What a QUERY brought."""
    status, _, amount = call.answer.partition(" ")
    at = call.resolved_at or call.sent_at
    if call.state != CarrierCall.State.OK or not amount.lstrip("-").isdigit():
        return Said(at, "", 0, call.answer)
    return Said(at, status, int(amount))


def hindrance(payment: Payment, way: Way) -> str | None:
    """Why this way is closed as far as we know now (a NotPossible code); None when it is open."""
    if way == Way.ADOPT and _open_reversal(payment) is not None:
        return "REVERSING"
    heard = said(payment)
    if heard is None or not heard.status:
        return "NO_ANSWER"
    return _hindrance(way, heard.status, is_ours=heard.amount_won == payment.amount_won)


def ask(payment_id: int, *, by: str, now: datetime) -> Said:
    """Ask the operator what became of the payment, and write down what it says. Nothing moves.

    Raises WrongStep when the case is closed.
    """
    back_at = stopwatch(now)
    with transaction.atomic(durable=True):
        payment = _in_review(payment_id)
        call = _intend(payment, CarrierCall.Kind.QUERY, now=now)
        decisions.record("review.ask", subject=f"payment:{payment_id}", reason="", by=by, at=now)
    _query(payment, call, at=back_at)
    found = said(payment)
    if found is None:
        raise RuntimeError("an answer that was just written is gone")
    return found


def decide(payment_id: int, way: Way, *, seen: str, reason: str, by: str, now: datetime) -> Payment:
    """End a case in one of the two ways; above the limit it takes a second person to agree.

    The payment returned is PAID or REVERSED, or still in REVIEW when it waits for that person.
    Raises decisions.ReasonMissing, decisions.SamePerson, WrongStep when it is closed,
    ChangedMeanwhile and NotPossible: then the payment is where it was, and what the operator said
    is on record.
    """
    reason = decisions.required(reason)
    with transaction.atomic(durable=True):
        payment = _in_review(payment_id)
        if version(payment) != seen:
            raise ChangedMeanwhile
        if code := hindrance(payment, way):
            raise NotPossible(code)
        heard, under_way = said(payment), _open_reversal(payment)
        # What was agreed once is only sent again.
        first = by if under_way else _agreed(payment, way, reason=reason, by=by, now=now)
        if first is None:
            return payment
        call = _intended(payment, way, under_way, now=now)
    if way == Way.ADOPT:
        return _adopt(payment, call, heard, reason=reason, by=by, now=now)
    return _reverse(
        payment, call, is_sent_before=under_way is not None, reason=reason, by=by, now=now
    )


def _agreed(payment: Payment, way: Way, *, reason: str, by: str, now: datetime) -> str | None:
    return decisions.agreed(
        f"review.{way}",
        subject=f"payment:{payment.pk}",
        amount_won=payment.amount_won,
        merchant=payment.merchant,
        reason=reason,
        by=by,
        now=now,
    )


def _adopt(
    payment: Payment, call: CarrierCall, before: Said | None, *, reason: str, by: str, now: datetime
) -> Payment:
    back_at = stopwatch(now)
    status = _query(payment, call, at=back_at)
    heard = said(payment)
    if heard is None or not heard.status:
        raise NotPossible("NO_ANSWER")
    if before is None or (heard.status, heard.amount_won) != (before.status, before.amount_won):
        raise ChangedMeanwhile
    with transaction.atomic(durable=True):
        row = _in_review(payment.pk)
        close_open_calls(row, at=back_at())
        if status is not None and status.status == "succeeded":
            charge(row, status, at=back_at(), by=by, reason=reason)
        else:
            _end(row, at=back_at(), by=by, reason=reason)
        _settled(row, Way.ADOPT, reason=reason, by=by, at=back_at())
    return row


def _reverse(
    payment: Payment,
    call: CarrierCall,
    *,
    is_sent_before: bool,
    reason: str,
    by: str,
    now: datetime,
) -> Payment:
    back_at = stopwatch(now)
    states = CarrierCall.State
    unsent = states.UNKNOWN if is_sent_before else states.SKIPPED
    try:
        _take_back(payment, call, now=now)
    except _NotFinal as problem:
        call.finish(unsent, at=back_at(), answer=str(problem))
        raise NotPossible("NOT_FINAL") from problem
    except Unreachable as problem:
        call.finish(unsent, at=back_at(), answer=str(problem))
        raise NotPossible("NO_ANSWER") from problem
    except OutcomeUnknown as problem:
        call.finish(states.UNKNOWN, at=back_at(), answer=str(problem))
        raise NotPossible("NO_ANSWER") from problem
    except Declined as refusal:
        call.finish(states.DECLINED, at=back_at(), answer=refusal.detail or refusal.code)
        code = "MONTH_CLOSED" if refusal.code == "CANCEL_MONTH_CLOSED" else "REFUSED"
        raise NotPossible(code) from refusal
    with transaction.atomic(durable=True):
        row = _in_review(payment.pk)
        call.finish(states.OK, at=back_at())
        close_open_calls(row, at=back_at())
        _end(row, at=back_at(), by=by, reason=reason)
        _settled(row, Way.REVERSE, reason=reason, by=by, at=back_at())
    return row


class _NotFinal(Exception):
    """The operator has not decided; nothing was sent."""


def _take_back(payment: Payment, call: CarrierCall, *, now: datetime) -> None:
    """Have the operator hold nothing of this payment any more.

    Raises _NotFinal, and as the adapter does: Unreachable before anything was sent.
    """
    adapter = registry.adapter(payment.carrier)
    status = adapter.retrieve(payment.carrier_payment_id)
    if status.status in NOTHING_CHARGED:
        return
    if status.status in _RESERVED:
        adapter.cancel(payment.carrier_payment_id, payment.phone)
        _check_dropped(payment)
        return
    if status.status != "succeeded":
        raise _NotFinal(status.status)
    given = adapter.find_refund(payment.carrier_payment_id, call.order_ref)
    if given is None:
        capabilities = registry.capabilities(payment.carrier)
        paid_at = status.paid_at or payment.created_at
        if now >= calendar.carrier_cutoff(paid_at, capabilities):
            raise Declined("CANCEL_MONTH_CLOSED", "CANCEL_MONTH_CLOSED: not sent")
        given = adapter.refund(payment.carrier_payment_id, whole_charge(call, payment))
    if given.status == "denied":
        raise Declined("CANCEL_INFO_MISMATCH", "refund denied")
    if given.status != "succeeded":
        raise OutcomeUnknown(given.status)


def _check_dropped(payment: Payment) -> None:
    """A confirmation on its way may have been faster than the cancel: read again."""
    try:
        status = registry.adapter(payment.carrier).retrieve(payment.carrier_payment_id)
    except Unreachable as problem:
        raise OutcomeUnknown(str(problem)) from problem
    if status.status not in NOTHING_CHARGED:
        raise OutcomeUnknown(status.status)


def _query(
    payment: Payment, call: CarrierCall, *, at: Callable[[], datetime]
) -> PaymentStatus | None:
    """Ask, and write the answer on the call; None when there was none or nothing is known."""
    try:
        status = registry.adapter(payment.carrier).retrieve(payment.carrier_payment_id)
    except Declined as refusal:
        if refusal.detail.startswith("NOT_FOUND"):
            call.finish(CarrierCall.State.OK, at=at(), answer="not_found 0")
        else:
            answer = refusal.detail or refusal.code
            call.finish(CarrierCall.State.RESOLVED, at=at(), answer=answer)
        return None
    except (Unreachable, OutcomeUnknown) as problem:
        call.finish(CarrierCall.State.RESOLVED, at=at(), answer=str(problem))
        return None
    call.finish(CarrierCall.State.OK, at=at(), answer=f"{status.status} {status.amount_won}")
    return status


def _in_review(payment_id: int) -> Payment:
    payment = locked(payment_id)
    if payment.state != PaymentState.REVIEW:
        raise WrongStep(payment.state)
    return payment


def _intended(
    payment: Payment, way: Way, under_way: CarrierCall | None, *, now: datetime
) -> CarrierCall:
    """The call of this decision, committed before it leaves.

    A reversal without an answer is sent again under its own `order_ref`: it is not a second one.
    """
    if way == Way.ADOPT:
        return _intend(payment, CarrierCall.Kind.QUERY, now=now)
    if under_way is None:
        return _intend(payment, CarrierCall.Kind.REVERSE, now=now)
    under_way.send_again(at=now)
    return under_way


def _intend(payment: Payment, kind: CarrierCall.Kind, *, now: datetime) -> CarrierCall:
    return CarrierCall.objects.create(
        payment=payment, kind=kind, carrier_tx=payment.carrier_payment_id, sent_at=now
    )


def _open_reversal(payment: Payment) -> CarrierCall | None:
    return payment.calls.filter(kind=CarrierCall.Kind.REVERSE, state__in=_OPEN).last()


def _hindrance(way: Way, status: str, *, is_ours: bool) -> str | None:
    if status in NOTHING_CHARGED:
        return None if way == Way.ADOPT else "NOTHING_TO_REVERSE"
    if way == Way.REVERSE:
        return None
    if status != "succeeded":
        return "NOT_FINAL"
    return None if is_ours else "OTHER_AMOUNT"


def _end(payment: Payment, *, at: datetime, by: str, reason: str) -> None:
    """No charge stands: the shopper is told, and may pay again."""
    finish(payment, PaymentState.REVERSED, at=at, by=by, code="PROVIDER_TIMEOUT", reason=reason)


def _settled(payment: Payment, way: Way, *, reason: str, by: str, at: datetime) -> None:
    subject = f"payment:{payment.pk}"
    for other in Way:
        decisions.drop(f"review.{other}", subject=subject)
    Alert.settle(subject, resolution=reason, by=by, at=at)
    decisions.record(f"review.{way}", subject=subject, reason=reason, by=by, at=at)
