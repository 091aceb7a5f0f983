"""Carrier Billing Refund 0.3: take a charge off the bill, part or whole, in its own month only."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from payments.carriers.sandbox import events, settings, shape
from payments.carriers.sandbox.billing import fingerprint_of, page, sink_of, visible, whole_won
from payments.carriers.sandbox.http import Answer, Call, Problem, invalid, not_found
from payments.carriers.sandbox.lines import TAKES_PARTS, find
from payments.carriers.sandbox.models import Payment, Refund

_FAILURES = 2
_META = shape.obj(merchantIdentifier=shape.TEXT)
_COMMON: dict[str, shape.Shape] = {
    "type": {"type": "string", "enum": ("total", "partial")},
    "reason": shape.TEXT,
    "sink": shape.TEXT,
    "sinkCredential": shape.SINK_CREDENTIAL,
}


def _body_with(refund_amount: shape.Shape) -> shape.Shape:
    return shape.obj(
        ("type", "amountTransaction"),
        **_COMMON,
        amountTransaction=shape.obj(
            ("refundAmount", "referenceCode"),
            clientCorrelator=shape.TEXT,
            refundAmount=refund_amount,
            referenceCode=shape.TEXT,
        ),
    )


_TOTAL = _body_with(shape.obj(chargingMetaData=_META))
_PARTIAL = _body_with(
    shape.obj(
        ("chargingInformation",),
        chargingInformation=shape.CHARGING_INFORMATION,
        chargingMetaData=_META,
        refundDetails={"type": "array", "minItems": 1, "items": shape.item("paymentItemId")},
    )
)


def create_refund(call: Call) -> Answer:
    """Refund now; the whole outcome is committed before the answer."""
    call.check(shape.obj(("type",), **_COMMON))
    call.check(_TOTAL if call.body["type"] == "total" else _PARTIAL)
    sink_of(call.body)
    wanted = call.body["amountTransaction"]
    fingerprint = fingerprint_of([call.path["payment_id"], call.body["type"], wanted])
    visible(call, Payment.objects.all())
    if known := _known(wanted.get("clientCorrelator"), fingerprint):
        return Answer(201, _described(known))
    try:
        return _refund(call, wanted, fingerprint)
    except IntegrityError:
        if known := _known(wanted.get("clientCorrelator"), fingerprint):
            return Answer(201, _described(known))
        raise


def list_refunds(call: Call) -> Answer:
    """The refunds of one payment."""
    payment = visible(call, Payment.objects.all())
    rows, headers = page(
        call,
        Refund.objects.filter(payment=payment),
        prefix="refund",
        statuses=("processing", "denied", "succeeded"),
        range_error="CARRIER_BILLING_REFUND.INVALID_DATE_RANGE",
    )
    return Answer(200, [_described(row) for row in rows], headers=headers)


def retrieve_refund(call: Call) -> Answer:
    """One refund."""
    payment = visible(call, Payment.objects.all())
    refund = Refund.objects.filter(payment=payment, pk=call.path["refund_id"]).first()
    if refund is None:
        raise not_found()
    return Answer(200, _described(refund))


def remaining(call: Call) -> Answer:
    """What of the charge was not refunded yet."""
    payment = visible(call, Payment.objects.all())
    information = payment.payment_amount["chargingInformation"]
    return Answer(
        200,
        {
            "amount": payment.remaining_won,
            "currency": "KRW",
            "description": "Amount not refunded so far",
            "isTaxIncluded": information.get("isTaxIncluded", False),
        },
    )


def _known(correlator: str | None, fingerprint: str) -> Refund | None:
    if correlator is None:
        return None
    refund = Refund.objects.filter(client_correlator=correlator).first()
    if refund is not None and refund.fingerprint != fingerprint:
        raise invalid("clientCorrelator already exist on server.")
    return refund


def _refund(call: Call, wanted: dict[str, Any], fingerprint: str) -> Answer:
    with transaction.atomic():
        payment = visible(call, Payment.objects.select_for_update())
        # Whoever held the lock before us may have done this very refund.
        if known := _known(wanted.get("clientCorrelator"), fingerprint):
            return Answer(201, _described(known))
        line = find(payment.phone)
        mode = line.refund if line else "answers"
        _check_eligible(payment, call, mode)
        if mode == "fails_twice" and payment.refund_failures < _FAILURES:
            Payment.objects.filter(pk=payment.pk).update(refund_failures=F("refund_failures") + 1)
            return _unavailable()
        amount = _amount(payment, call.body["type"], wanted["refundAmount"])
        sink, token, expires_at = sink_of(call.body)
        about = wanted["refundAmount"].get("chargingMetaData", {})
        refund = Refund.objects.create(
            payment=payment,
            client_correlator=wanted.get("clientCorrelator"),
            fingerprint=fingerprint,
            reference_code=wanted["referenceCode"],
            kind=call.body["type"],
            amount_won=amount,
            refund_amount=wanted["refundAmount"],
            merchant_identifier=about.get("merchantIdentifier", ""),
            reason=call.body.get("reason", ""),
            sink=sink,
            created_at=call.now,
        )
        Payment.objects.filter(pk=payment.pk).update(refunded_won=F("refunded_won") + amount)
        is_lost = mode == "lost"
        late = timedelta(seconds=settings.TIMEOUT_SECONDS + 30) if is_lost else timedelta(0)
        events.announce_refund(
            refund, call.now, token=token, expires_at=expires_at, due_at=call.now + late
        )
    return Answer(201, _described(refund), lost=is_lost)


def _unavailable() -> Answer:
    """Answered, not raised: the counted failure must be committed."""
    return Answer(503, {"status": 503, "code": "UNAVAILABLE", "message": "Service unavailable."})


def _check_eligible(payment: Payment, call: Call, mode: str) -> None:
    if payment.status != Payment.Status.SUCCEEDED or payment.charged_at is None:
        raise _unprocessable("INVALID_PAYMENT_STATUS", "Payment is not yet completed.")
    if _month(payment.charged_at) != _month(call.now):
        raise Problem(
            403,
            "CARRIER_BILLING_REFUND.PAYMENT_NOT_ELIGIBLE_FOR_REFUND",
            "CANCEL_MONTH_CLOSED: the month of the charge is closed",
        )
    if mode == "refused" or call.fault is not None:
        reason = call.fault.reason if call.fault else ""
        raise Problem(
            403,
            "CARRIER_BILLING_REFUND.REFUND_DENIED",
            reason or "CANCEL_PREPAID_BILL: the bill of this month was prepaid",
        )
    if payment.remaining_won == 0:
        raise _unprocessable("UNAUTHORIZED_AMOUNT", "ALREADY_CANCELLED: nothing is left to refund")


def _amount(payment: Payment, kind: str, wanted: dict[str, Any]) -> int:
    """Total is final: it takes whatever is left."""
    if kind == "total":
        return payment.remaining_won
    if payment.operator not in TAKES_PARTS:
        raise Problem(
            403,
            "CARRIER_BILLING_REFUND.REFUND_DENIED",
            "PARTIAL_NOT_SUPPORTED: a charge is refunded in whole",
        )
    information = wanted["chargingInformation"]
    amount = whole_won(information)
    if amount > payment.remaining_won:
        raise _unprocessable(
            "UNAUTHORIZED_AMOUNT", "CANCEL_AMOUNT_EXCEEDED: more than the remaining amount"
        )
    paid = payment.payment_amount["chargingInformation"]
    if "isTaxIncluded" in information and information["isTaxIncluded"] != paid.get(
        "isTaxIncluded", False
    ):
        raise _unprocessable(
            "TAXES_MANAGEMENT_MISMATCH",
            "Inconsistent isTaxIncluded value with regards to related payment.",
        )
    if "refundDetails" in wanted:
        _check_details(payment, wanted["refundDetails"], amount)
    return amount


def _check_details(payment: Payment, details: list[dict[str, Any]], amount: int) -> None:
    paid = {item["id"]: item["amount"] for item in payment.payment_amount.get("paymentDetails", [])}
    if sum(item["amount"] for item in details) != amount or any(
        item["amount"] > paid.get(item["paymentItemId"], 0) for item in details
    ):
        raise _unprocessable(
            "REFUND_DETAILS_MISMATCH",
            "Inconsistent refundDetails information with regards to related payment.",
        )


def _unprocessable(code: str, message: str) -> Problem:
    return Problem(422, f"CARRIER_BILLING_REFUND.{code}", message)


def _month(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%Y-%m")


def _described(refund: Refund) -> dict[str, Any]:
    about: dict[str, Any] = {
        "refundAmount": refund.refund_amount,
        "referenceCode": refund.reference_code,
    }
    if refund.client_correlator is not None:
        about["clientCorrelator"] = refund.client_correlator
    described = {
        "refundId": refund.refund_id,
        "refundStatus": refund.status,
        "type": refund.kind,
        "refundCreationDate": events.stamp(refund.created_at),
        "refundDate": events.stamp(refund.created_at),
        "amountTransaction": about,
    }
    if refund.reason:
        described["reason"] = refund.reason
    if refund.sink:
        described["sink"] = refund.sink
    return described
