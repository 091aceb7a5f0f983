"""Line by line: what the operator did, what we know of it, and where the two do not agree."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from payments.carriers.files import FileLine
from payments.cycles import Span
from payments.models import (
    CarrierCall,
    Difference,
    OperatorLine,
    Payment,
    Reconciliation,
    Refund,
)
from payments.reconcile import correcting
from payments.states import PAYMENT_FINAL, PaymentState, RefundState

OWNER = "finance"
_CALLS = CarrierCall.Kind
_KINDS = Difference.Kind
# What was charged for these all the same is taken back by a REVERSE call.
_ENDED_UNCHARGED = PAYMENT_FINAL - {PaymentState.PAID}


@dataclass
class _Ours:
    """Everything of ours that the lines of one file can be about."""

    calls: dict[str, CarrierCall] = field(default_factory=dict)
    by_carrier_id: dict[str, Payment] = field(default_factory=dict)
    by_reference: dict[str, Payment] = field(default_factory=dict)
    # How often a charge of the payment, or this refund, stood in a file until now.
    charged: Counter[int] = field(default_factory=Counter)
    refunded: Counter[int] = field(default_factory=Counter)
    reversed: set[int] = field(default_factory=set)


@transaction.atomic(durable=True)
def compare(
    reconciliation_id: int, lines: Sequence[FileLine], *, digest: str, now: datetime
) -> list[Difference]:
    """Keep the lines of a day and write down every difference; a day is compared once."""
    # Races with another worker whose lease ran out: the second one finds it done.
    job = Reconciliation.objects.select_for_update(no_key=True).get(pk=reconciliation_id)
    if job.done_at is not None:
        return []
    ours = _ours_of(lines)
    looked_at = [_look_at(job, line, ours) for line in lines]
    for line, (row, found) in zip(lines, looked_at, strict=True):
        if found == _KINDS.CANCELLED_THERE and row.payment is not None:
            row.refund = correcting.correct(row.payment.pk, line, now=now)
    OperatorLine.objects.bulk_create((row for row, _ in looked_at), batch_size=2_000)
    differences = [
        _written(job, found, row, now=now) for row, found in looked_at if found is not None
    ]
    differences += [
        _missing(job, payment=payment, refund=refund, now=now)
        for payment, refund in _not_in_any_file(job)
    ]
    job.digest, job.problem = digest, ""
    job.done_at, job.lease_expires_at = now, None
    job.save()
    return differences


def _ours_of(lines: Sequence[FileLine]) -> _Ours:
    calls = CarrierCall.objects.filter(
        order_ref__in={line.order_ref for line in lines if line.order_ref}
    ).select_related("payment", "refund")
    payments = Payment.objects.filter(
        Q(carrier_payment_id__in={line.carrier_payment_id for line in lines})
        | Q(reference__in={line.reference for line in lines if line.reference})
    )
    ours = _Ours(calls={call.order_ref: call for call in calls})
    for payment in payments:
        ours.by_reference[payment.reference] = payment
        if payment.carrier_payment_id:
            ours.by_carrier_id[payment.carrier_payment_id] = payment
    ids = {payment.pk for payment in payments} | {call.payment_id for call in calls}
    for row in OperatorLine.objects.filter(payment__in=ids):
        _count(ours, row)
    for line in lines:
        call = ours.calls.get(line.order_ref)
        if line.kind == OperatorLine.Kind.REFUND and call and call.kind == _CALLS.REVERSE:
            ours.reversed.add(call.payment_id)
    return ours


def _count(ours: _Ours, row: OperatorLine) -> None:
    if row.kind == OperatorLine.Kind.CHARGE and row.payment_id:
        ours.charged[row.payment_id] += 1
    elif row.refund_id:
        ours.refunded[row.refund_id] += 1
    elif row.payment_id:
        ours.reversed.add(row.payment_id)


def _look_at(
    job: Reconciliation, line: FileLine, ours: _Ours
) -> tuple[OperatorLine, Difference.Kind | None]:
    row = OperatorLine(reconciliation=job, **vars(line))
    call = ours.calls.get(line.order_ref)
    if line.kind == OperatorLine.Kind.CHARGE:
        row.payment = _payment_of_charge(line, call, ours)
        found = _charge_differs(line, row.payment, ours)
    else:
        found = _refund_differs(line, row, call, ours)
    if found != _KINDS.CANCELLED_THERE:
        _count(ours, row)
    return row, found


def _payment_of_charge(line: FileLine, call: CarrierCall | None, ours: _Ours) -> Payment | None:
    if call is not None:
        return call.payment
    by_id = ours.by_carrier_id.get(line.carrier_payment_id)
    return by_id or ours.by_reference.get(line.reference)


def _charge_differs(line: FileLine, payment: Payment | None, ours: _Ours) -> Difference.Kind | None:
    if payment is None or ours.charged[payment.pk]:
        return _KINDS.MISSING_HERE
    if line.amount_won != payment.amount_won:
        return _KINDS.AMOUNT_DIFFERS
    is_taken_back = payment.state in _ENDED_UNCHARGED and payment.pk in ours.reversed
    if payment.state == PaymentState.PAID or is_taken_back:
        return None
    return _KINDS.STATE_DIFFERS


def _refund_differs(
    line: FileLine, row: OperatorLine, call: CarrierCall | None, ours: _Ours
) -> Difference.Kind | None:
    if call is None:
        row.payment = ours.by_carrier_id.get(line.carrier_payment_id)
        return _KINDS.CANCELLED_THERE if row.payment else _KINDS.MISSING_HERE
    row.payment, row.refund = call.payment, call.refund
    if call.refund is None:
        is_reversed = call.payment.state in _ENDED_UNCHARGED
        return None if is_reversed else _KINDS.STATE_DIFFERS
    if ours.refunded[call.refund.pk]:
        return _KINDS.MISSING_HERE
    if line.amount_won != call.refund.amount_won:
        return _KINDS.AMOUNT_DIFFERS
    return None if call.refund.state == RefundState.SUCCEEDED else _KINDS.STATE_DIFFERS


def _not_in_any_file(job: Reconciliation) -> Iterable[tuple[Payment, Refund | None]]:
    """What we booked on this day and no file holds. An operator is never later than we are."""
    day = Span(job.day, job.day)
    payments = Payment.objects.filter(
        state=PaymentState.PAID,
        paid_at__gte=day.starts_at,
        paid_at__lt=day.ends_before,
    )
    charges = OperatorLine.objects.filter(kind=OperatorLine.Kind.CHARGE, payment__isnull=False)
    for payment in payments.exclude(pk__in=charges.values("payment_id")).order_by("pk"):
        yield payment, None
    refunds = Refund.objects.filter(
        state=RefundState.SUCCEEDED,
        route="CARRIER",
        confirmed_at__gte=day.starts_at,
        confirmed_at__lt=day.ends_before,
    ).select_related("payment")
    seen = OperatorLine.objects.filter(refund__isnull=False)
    for refund in refunds.exclude(pk__in=seen.values("refund_id")).order_by("pk"):
        yield refund.payment, refund


def _missing(
    job: Reconciliation, *, payment: Payment, refund: Refund | None, now: datetime
) -> Difference:
    ours = refund or payment
    return Difference.objects.create(
        reconciliation=job,
        kind=_KINDS.MISSING_THERE,
        payment=payment,
        refund=refund,
        ours_won=ours.amount_won,
        ours_state=ours.state,
        found_at=now,
        owner=OWNER,
    )


def _written(
    job: Reconciliation, kind: Difference.Kind, row: OperatorLine, *, now: datetime
) -> Difference:
    ours = row.refund or row.payment
    difference = Difference(
        reconciliation=job,
        kind=kind,
        line=row,
        payment=row.payment,
        refund=row.refund,
        ours_won=ours.amount_won if ours else None,
        theirs_won=row.amount_won,
        ours_state=ours.state if ours else "",
        found_at=now,
        owner=OWNER,
    )
    if kind == _KINDS.CANCELLED_THERE and row.refund is not None:
        difference.resolution = correcting.CORRECTED
        difference.resolved_by = correcting.ACTOR
        difference.resolved_at = now
    difference.save()
    return difference
