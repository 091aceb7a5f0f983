"""Whose line is it, may it pay, and reserve the amount: the operator then texts the line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction

from payments import declines, limits
from payments.carriers import registry
from payments.carriers.base import (
    Adapter,
    Declined,
    Order,
    OutcomeUnknown,
    Prepared,
    Unreachable,
    stopwatch,
)
from payments.checkout import own_rules, releasing, screening
from payments.checkout.rows import (
    AWAITING_CHECK,
    CALL_GRACE,
    CarrierSilent,
    InProgress,
    Refused,
    WrongStep,
    finish,
    intend_release,
    locked,
    locked_in,
)
from payments.checkout.screening import Screening
from payments.models import (
    CarrierCall,
    CodeChallenge,
    LimitHold,
    Payment,
    RiskCount,
    RiskDecision,
    SecondFactor,
)
from payments.risk import Outcome
from payments.states import Overtaken, PaymentState

ADULT_AGE = 19
IDENTIFICATION_TRIES = 5
_STEPS = (
    CarrierCall.Kind.MATCH,
    CarrierCall.Kind.AGE,
    CarrierCall.Kind.SIM_SWAP,
    CarrierCall.Kind.PREPARE,
)


@dataclass(frozen=True)
class Applicant:
    """Who wants to pay: canonical phone, birthdate, what they ticked (kind → text version).

    `network_bidx`: a keyed hash of the address range they come from; empty where it is not known.
    """

    carrier: str
    phone: str
    birthdate: date
    email: str = ""
    consents: Mapping[str, str] = field(default_factory=dict)
    user_agent: str = ""
    window_hash: str = ""
    network_bidx: str = ""


class _SecondFactorDue(Exception):
    """The payer has to prove the line before anything is reserved."""


def submit(payment_id: int, applicant: Applicant, *, now: datetime) -> None:
    """Identify the line and reserve the amount; the payment then awaits its confirmation.

    Where a risk rule asks for a second factor the payment stays open and owes it
    (`proving.prove`): the operator has not reserved. Raises Refused (a field is wrong, or the
    payment was declined), CarrierSilent, InProgress, WrongStep or WindowClosed; nothing is charged
    in any of them.
    """
    payment, calls, screened = _intend(payment_id, applicant, now=now)
    if payment.state == PaymentState.DECLINED:
        raise Refused(payment.failure_code)
    if calls:
        reserve(payment, calls, screened, birthdate=applicant.birthdate, now=now)


def resend(payment_id: int, *, now: datetime) -> None:
    """A new code: the operator has no resend, so the reservation is dropped and made anew.

    Raises Refused RESEND_LIMIT, InProgress during the cool-down, and what `submit` raises.
    """
    payment, release, calls = _intend_resend(payment_id, now=now)
    if release is not None:
        releasing.release(release, payment, now=now)
    screened = screening.of_old(payment, now=now)
    reserve(payment, calls, screened, birthdate=date.fromisoformat(payment.birthdate), now=now)


@transaction.atomic(durable=True)
def _intend(
    payment_id: int, applicant: Applicant, *, now: datetime
) -> tuple[Payment, dict[str, CarrierCall], Screening]:
    """Commit who wants to pay, what was decided about it, and what will be asked.

    DECLINED where a limit of ours is passed or a risk rule refuses; nothing will be asked either
    while a second factor is owed.
    """
    payment = locked_in(PaymentState.CREATED, payment_id, now=now)
    if payment.phone_bidx:
        _refuse_if_preparing(payment, now=now)
        LimitHold.release(payment)
    payment.set_line(
        carrier=applicant.carrier,
        phone=applicant.phone,
        birthdate=applicant.birthdate,
        email=applicant.email,
    )
    payment.window_hash = payment.window_hash or applicant.window_hash
    payment.check_at = now + CALL_GRACE
    payment.save()
    month = {limits.Scope.LINE_MONTH: settings.LINE_MONTH_MAX_WON}
    passed = LimitHold.take(payment, month, at=now)
    # Last, because everybody's payments meet at its counters, and the commit follows.
    screened = screening.screen(payment, applicant.network_bidx, now=now)
    decision = RiskDecision.of(payment, screened.facts, screened.decision, screened.keys)
    decision.write_with_consents(applicant.consents, user_agent=applicant.user_agent)
    if passed or screened.decision.outcome == Outcome.REFUSE:
        code = limits.CODE_OF[passed[0]] if passed else declines.RISK
        by = "limit" if passed else screening.BY
        finish(payment, PaymentState.DECLINED, at=now, by=by, code=code)
        RiskCount.give_back(screened.failures)
        return payment, {}, screened
    if not screening.is_settled(payment, screened):
        _demand_second_factor(payment)
        return payment, {}, screened
    return payment, plan(payment, now=now), screened


@transaction.atomic(durable=True)
def _intend_resend(
    payment_id: int, *, now: datetime
) -> tuple[Payment, CarrierCall | None, dict[str, CarrierCall]]:
    payment = locked_in(PaymentState.AWAITING_CONFIRMATION, payment_id, now=now)
    challenge = CodeChallenge.objects.get(payment=payment)
    if now < challenge.sent_at + timedelta(seconds=settings.CODE_RESEND_SECONDS):
        raise InProgress
    if payment.resends >= settings.CODE_RESENDS:
        raise Refused("RESEND_LIMIT")
    payment.resends += 1
    release = intend_release(payment, now=now)
    payment.check_at = now + CALL_GRACE
    payment.move_to(PaymentState.CREATED, at=now, by="shopper", reason="resend")
    return payment, release, plan(payment, now=now)


def _refuse_if_preparing(payment: Payment, *, now: datetime) -> None:
    # Races with a double click: the first one's intent is committed, its answer is not.
    if CarrierCall.objects.filter(
        payment=payment,
        kind=CarrierCall.Kind.PREPARE,
        state=CarrierCall.State.SENT,
        sent_at__gt=now - CALL_GRACE,
    ).exists():
        raise InProgress


def _demand_second_factor(payment: Payment) -> None:
    """The window asks for it next; until its end nothing has to be looked at."""
    payment.check_at = payment.expires_at
    payment.save(update_fields=["check_at"])
    SecondFactor.demand(payment)


def plan(payment: Payment, *, now: datetime) -> dict[str, CarrierCall]:
    """The intent to ask the operator everything it takes to reserve; the caller commits."""
    calls = [CarrierCall(payment=payment, kind=kind, sent_at=now) for kind in _STEPS]
    return {call.kind: call for call in CarrierCall.objects.bulk_create(calls)}


def reserve(
    payment: Payment,
    calls: dict[str, CarrierCall],
    screened: Screening,
    *,
    birthdate: date,
    now: datetime,
) -> None:
    """Ask whose line it is and have the amount reserved. The intent is committed (`plan`).

    Returns when the payment awaits its confirmation or owes a second factor; raises as `submit`.
    """
    back_at = stopwatch(now)
    adapter = registry.adapter(payment.carrier)
    try:
        is_swapped = _identify(adapter, payment.phone, birthdate, calls, screened.sim_hours)
        # Only after the birthdate: a stranger must not learn what a line's holder decided.
        if screened.has_line_rules:
            own_rules.check(payment, now=now)
        if is_swapped:
            _screen_swapped(payment, screened, now=back_at())
        prepared = adapter.prepare(payment.phone, _order(payment, calls[CarrierCall.Kind.PREPARE]))
    except _SecondFactorDue:
        _record_second_factor_due(payment.pk, calls, screened, at=back_at())
        return
    except Declined as refusal:
        _record_refusal(payment.pk, calls, refusal, screened, at=back_at())
        raise Refused(refusal.code) from refusal
    except (Unreachable, OutcomeUnknown) as problem:
        _record_silence(payment.pk, calls, problem, screened, at=back_at())
        raise CarrierSilent from problem
    try:
        _record_reservation(payment, calls, prepared, screened, at=back_at())
    except Overtaken as overtaken:
        stray = _record_stray(payment, calls, screened, at=back_at())
        releasing.release(stray, payment, now=back_at())
        raise WrongStep(
            Payment.objects.values_list("state", flat=True).get(pk=payment.pk)
        ) from overtaken


def _identify(
    adapter: Adapter,
    phone: str,
    birthdate: date,
    calls: dict[str, CarrierCall],
    sim_hours: int,
) -> bool:
    """Ask the operator who holds the line, and whether its SIM changed within so many hours.

    None (`not_available`) is no reason to refuse.
    """
    is_match = adapter.match_birthdate(phone, birthdate)
    calls[CarrierCall.Kind.MATCH].answer = str(is_match)
    if is_match is False:
        raise Declined("BIRTHDATE_MISMATCH")
    is_adult = adapter.is_of_age(phone, ADULT_AGE)
    calls[CarrierCall.Kind.AGE].answer = str(is_adult)
    if is_adult is False:
        raise Declined("UNDER_AGE")
    if not sim_hours:
        return False
    is_swapped = adapter.is_sim_swapped(phone, sim_hours)
    calls[CarrierCall.Kind.SIM_SWAP].answer = str(is_swapped)
    return is_swapped


def _screen_swapped(payment: Payment, screened: Screening, *, now: datetime) -> None:
    """Decide about the changed SIM. Raises Declined, or that the second factor is due."""
    match screening.screen_swapped(payment, screened, now=now):
        case Outcome.REFUSE:
            raise Declined(declines.RISK, screening.BY)
        case Outcome.SECOND_FACTOR:
            raise _SecondFactorDue


def _order(payment: Payment, call: CarrierCall) -> Order:
    return Order(
        order_ref=call.order_ref,
        reference=payment.reference,
        amount_won=payment.amount_won,
        item_name=payment.item_name,
        merchant_name=payment.merchant.name,
        merchant_slug=payment.merchant.slug,
    )


@transaction.atomic(durable=True)
def _record_reservation(
    payment: Payment,
    calls: dict[str, CarrierCall],
    prepared: Prepared,
    screened: Screening,
    *,
    at: datetime,
) -> None:
    """Take the reservation over. Raises Overtaken when the payment went another way meanwhile."""
    calls[CarrierCall.Kind.PREPARE].carrier_tx = prepared.carrier_payment_id
    _close(calls, CarrierCall.State.OK, at=at)
    payment.carrier_payment_id = prepared.carrier_payment_id
    payment.authorization_id = prepared.authorization_id
    payment.validation_action = prepared.action
    payment.check_at = at + AWAITING_CHECK
    payment.move_to(PaymentState.AWAITING_CONFIRMATION, at=at, by="carrier")
    CodeChallenge.begin(
        payment,
        at=at,
        expires_at=min(at + timedelta(seconds=settings.CODE_SECONDS), payment.expires_at),
        verified=screened.failures,
    )


@transaction.atomic(durable=True)
def _record_second_factor_due(
    payment_id: int, calls: dict[str, CarrierCall], screened: Screening, *, at: datetime
) -> None:
    payment = locked(payment_id)
    _close(calls, CarrierCall.State.SKIPPED, at=at)
    if payment.state == PaymentState.CREATED:
        _demand_second_factor(payment)
    RiskCount.give_back(screened.failures)


@transaction.atomic(durable=True)
def _record_stray(
    payment: Payment, calls: dict[str, CarrierCall], screened: Screening, *, at: datetime
) -> CarrierCall:
    """The intent to give back a reservation that the payment has no use for any more."""
    _close(calls, CarrierCall.State.OK, at=at)
    Payment.objects.filter(pk=payment.pk).update(check_at=at + CALL_GRACE)
    RiskCount.give_back(screened.failures)
    return CarrierCall.objects.create(
        payment=payment,
        kind=CarrierCall.Kind.REVERSE,
        carrier_tx=calls[CarrierCall.Kind.PREPARE].carrier_tx,
        sent_at=at,
    )


@transaction.atomic(durable=True)
def _record_refusal(
    payment_id: int,
    calls: dict[str, CarrierCall],
    refusal: Declined,
    screened: Screening,
    *,
    at: datetime,
) -> None:
    payment = locked(payment_id)
    _end_refused(payment, calls, refusal, at=at)
    # Last, as everywhere: the counters are where all payments meet.
    if refusal.code not in declines.FIELD_OF:
        RiskCount.give_back(screened.failures)
    elif not screened.failures:
        screening.note_failure(payment, now=at)


def _end_refused(
    payment: Payment, calls: dict[str, CarrierCall], refusal: Declined, *, at: datetime
) -> None:
    _close(calls, CarrierCall.State.DECLINED, at=at, answer=refusal.detail or refusal.code)
    calls[CarrierCall.Kind.PREPARE].note_if_unmapped(refusal.code, at=at)
    if payment.state != PaymentState.CREATED:
        return
    payment.failure_code = refusal.code
    if refusal.code in declines.FIELD_OF and _tries(payment) < IDENTIFICATION_TRIES:
        payment.check_at = payment.expires_at
        payment.save(update_fields=["failure_code", "check_at"])
        return
    by = "carrier"
    if isinstance(refusal, own_rules.RefusedByOwner):
        by = own_rules.OWNER
    elif refusal.code == declines.RISK and refusal.detail == screening.BY:
        by = screening.BY
    finish(payment, PaymentState.DECLINED, at=at, by=by, code=refusal.code)


@transaction.atomic(durable=True)
def _record_silence(
    payment_id: int,
    calls: dict[str, CarrierCall],
    problem: Exception,
    screened: Screening,
    *,
    at: datetime,
) -> None:
    """The answer is missing: a reservation may exist, which the resolver looks for."""
    payment = locked(payment_id)
    may_exist = isinstance(problem, OutcomeUnknown)
    state = CarrierCall.State.UNKNOWN if may_exist else CarrierCall.State.SKIPPED
    _close(calls, state, at=at, answer=str(problem))
    if payment.state == PaymentState.CREATED:
        payment.check_at = at if may_exist else payment.expires_at
        payment.save(update_fields=["check_at"])
    # An operator that does not answer must not use up the budget of failures.
    RiskCount.give_back(screened.failures)


def _tries(payment: Payment) -> int:
    return CarrierCall.objects.filter(
        payment=payment, kind=CarrierCall.Kind.PREPARE, state=CarrierCall.State.DECLINED
    ).count()


def _close(
    calls: dict[str, CarrierCall],
    state: CarrierCall.State,
    *,
    at: datetime,
    answer: str = "",
) -> None:
    """Write down how far the chain of calls came: `answer` belongs to the last one."""
    for call in calls.values():
        if call.kind == CarrierCall.Kind.PREPARE:
            call.set_outcome(state, at=at, answer=answer)
        else:
            was_asked = bool(call.answer)
            ended = CarrierCall.State.OK if was_asked else CarrierCall.State.SKIPPED
            call.set_outcome(ended, at=at, answer=call.answer)
    CarrierCall.save_outcomes(calls.values())
