"""What is not in the standard: text gateway, bank, the operator's books, and faults on order."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from payments.carriers.sandbox import faults, settings, shape
from payments.carriers.sandbox.events import stamp
from payments.carriers.sandbox.http import Answer, Call, Problem, invalid, not_found
from payments.carriers.sandbox.lines import national
from payments.carriers.sandbox.models import Event, Fault, Message, Payment, Payout, Refund

_MESSAGE = shape.obj(
    ("id", "channel", "to", "text"),
    id=shape.TEXT,
    channel={"type": "string", "enum": ("sms", "email")},
    to=shape.TEXT,
    sender=shape.TEXT,
    subject=shape.TEXT,
    text=shape.TEXT,
    html=shape.TEXT,
    reply_to=shape.TEXT,
)
_PAYOUT = shape.obj(
    ("id", "bank", "account_number", "holder", "amount_won"),
    id=shape.TEXT,
    bank=shape.TEXT,
    account_number={"type": "string", "pattern": r"[0-9-]{6,24}"},
    holder=shape.TEXT,
    amount_won={"type": "integer", "minimum": "1"},
    memo=shape.TEXT,
)
_FAULT = shape.obj(
    ("operation", "mode"),
    operation=shape.TEXT,
    mode={"type": "string", "enum": faults.MODES},
    times={"type": "integer", "minimum": "0"},
    phone=shape.TEXT,
    reason=shape.TEXT,
    seconds={"type": "integer", "minimum": "0"},
)
_CHARGE = shape.obj(
    ("payment_id", "charged_at"),
    payment_id=shape.TEXT,
    charged_at={"type": "string", "format": "date-time"},
)


_CANCELLATION = shape.obj(
    ("payment_id",),
    payment_id=shape.TEXT,
    amount_won={"type": "integer", "minimum": "1"},
    at={"type": "string", "format": "date-time"},
)
_ROUTE = shape.obj(
    ("public", "private"),
    public={"type": "string", "pattern": r"https://\S+"},
    private={"type": "string", "pattern": r"https?://\S+"},
)


def healthz(_request: HttpRequest) -> JsonResponse:
    """200 while the books can be read."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


def message(call: Call) -> Answer:
    """Accept a text or a mail; the same id twice is accepted once."""
    # The gateway's bodies may carry null for what a channel does not use.
    sent = {name: value for name, value in call.body.items() if value is not None}
    if complaint := shape.complaint(sent, _MESSAGE):
        raise invalid(f"{complaint}.")
    is_text = sent["channel"] == "sms"
    Message.objects.get_or_create(
        message_id=sent["id"],
        defaults={
            "channel": sent["channel"],
            "recipient": national(sent["to"]) if is_text else sent["to"].strip().lower(),
            "sender": sent.get("sender", ""),
            "subject": sent.get("subject", ""),
            "text": sent["text"],
            "html": sent.get("html", ""),
            "reply_to": sent.get("reply_to", ""),
            "created_at": call.now,
        },
    )
    return Answer(202, {"id": sent["id"]})


def payout(call: Call) -> Answer:
    """Transfer money to an account; settled at once, idempotent by id."""
    call.check(_PAYOUT)
    body = call.body
    if body["account_number"].endswith("0000"):
        raise Problem(422, "ACCOUNT_NOT_FOUND", "The account does not exist.")
    values = {name: body[name] for name in ("bank", "account_number", "holder", "amount_won")}
    values["memo"] = body.get("memo", "")
    row, _ = Payout.objects.get_or_create(
        payout_id=body["id"], defaults={**values, "created_at": call.now}
    )
    if any(getattr(row, name) != value for name, value in values.items()):
        raise Problem(409, "ALREADY_EXISTS", "The id was used for another payout.")
    return Answer(201, _payout_row(row))


def payout_query(call: Call) -> Answer:
    """One payout."""
    row = Payout.objects.filter(pk=call.path["payout_id"]).first()
    if row is None:
        raise not_found()
    return Answer(200, _payout_row(row))


def books(call: Call) -> Answer:
    """Everything that moved money, in the operator's own words; `?reference=` for one payment."""
    charges: QuerySet[Payment] = Payment.objects.filter(charged_at__isnull=False)
    refunds: QuerySet[Refund] = Refund.objects.select_related("payment")
    payouts: QuerySet[Payout] = Payout.objects.all()
    if "reference" in call.query:
        reference = str(call.query["reference"]).replace("\x00", "")
        charges = charges.filter(reference_code=reference)
        refunds = refunds.filter(Q(payment__reference_code=reference) | Q(reference_code=reference))
        payouts = payouts.filter(memo__contains=reference)
    return Answer(
        200,
        {
            "charges": [
                {
                    "payment_id": row.payment_id,
                    "client_correlator": row.client_correlator,
                    "reference": row.reference_code,
                    "amount_won": row.amount_won,
                    "charged_at": stamp(row.charged_at),
                    "status": row.status,
                }
                for row in charges.order_by("charged_at", "pk")
                if row.charged_at is not None
            ],
            "refunds": [
                {
                    "refund_id": row.refund_id,
                    "payment_id": row.payment.payment_id,
                    "client_correlator": row.client_correlator,
                    "reference": row.reference_code,
                    "amount_won": row.amount_won,
                    "status": row.status,
                    "at": stamp(row.created_at),
                }
                for row in refunds.order_by("created_at", "pk")
            ],
            "payouts": [_payout_row(row) for row in payouts.order_by("created_at", "pk")],
        },
    )


def transactions(call: Call) -> Answer:
    """The file of one Korean day as CSV: every charge and every refund, in order."""
    try:
        start = timezone.make_aware(
            datetime.combine(shape.day(call.path["day"]), datetime.min.time())
        )
    except ValueError as problem:
        raise invalid("The day is not a date like 2026-11-24.") from problem
    end = start + timedelta(days=1)
    charges = Payment.objects.filter(charged_at__gte=start, charged_at__lt=end)
    refunds = Refund.objects.select_related("payment").filter(
        created_at__gte=start, created_at__lt=end
    )
    rows: list[tuple[datetime, list[Any]]] = [
        *(
            (row.charged_at, ["charge", *_file_row(row, row.payment_id)])
            for row in charges
            if row.charged_at is not None
        ),
        *((row.created_at, ["refund", *_file_row(row, row.payment.payment_id)]) for row in refunds),
    ]
    rows.sort(key=lambda row: row[0])
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["kind", "order_ref", "payment_id", "reference", "amount_won", "at"])
    writer.writerows([*values, stamp(moment)] for moment, values in rows)
    return Answer(200, text=file.getvalue())


def add_fault(call: Call) -> Answer:
    """Misbehave as told; modes are in faults.py."""
    call.check(_FAULT)
    body = call.body
    fault = Fault.objects.create(
        operation=body["operation"],
        mode=body["mode"],
        times=body.get("times", 1),
        phone=national(body.get("phone") or ""),
        reason=body.get("reason", "BLOCKED_BY_CARRIER: refused on order"),
        seconds=body.get("seconds"),
    )
    return Answer(201, {"id": fault.pk})


def list_faults(_call: Call) -> Answer:
    """Orders that still have turns left."""
    waiting = Fault.objects.filter(times__gt=0).order_by("pk")
    names = ("id", "operation", "mode", "times", "phone", "reason", "seconds")
    return Answer(200, list(waiting.values(*names)))


def clear_faults(_call: Call) -> Answer:
    """Behave again: no faults, no outages."""
    with transaction.atomic():
        Fault.objects.all().delete()
        Payment.objects.filter(dark_until__isnull=False).update(dark_until=None)
    return Answer(204)


def move_charge(call: Call) -> Answer:
    """Pretend a charge was made at another moment, to see a closed month."""
    call.check(_CHARGE)
    moved = Payment.objects.filter(
        pk=call.body["payment_id"], status=Payment.Status.SUCCEEDED
    ).update(charged_at=shape.moment(call.body["charged_at"]))
    if not moved:
        raise not_found()
    return Answer(204)


def cancel_in_console(call: Call) -> Answer:
    """What a clerk of the operator does by hand: a cancellation no client asked for, or hears of.

    In whole, or `amount_won` of it; `at` puts it on another day.
    """
    call.check(_CANCELLATION)
    with transaction.atomic():
        payment = Payment.objects.select_for_update().filter(pk=call.body["payment_id"]).first()
        if payment is None:
            raise not_found()
        amount = call.body.get("amount_won", payment.remaining_won)
        if not 0 < amount <= payment.remaining_won:
            raise Problem(422, "UNAUTHORIZED_AMOUNT", "More than what is left of the charge.")
        at = call.body.get("at")
        refund = Refund.objects.create(
            payment=payment,
            fingerprint="",
            reference_code="",
            kind="total" if amount == payment.remaining_won else "partial",
            amount_won=amount,
            refund_amount={},
            merchant_identifier=payment.merchant_identifier,
            reason="CONSOLE",
            sink="",
            created_at=shape.moment(at) if at else call.now,
        )
        Payment.objects.filter(pk=payment.pk).update(refunded_won=F("refunded_won") + amount)
    return Answer(201, {"refund_id": refund.refund_id})


def list_events(call: Call) -> Answer:
    """The recorded events, oldest first, and what became of them; `?payment_id=` for one."""
    events = Event.objects.order_by("pk")
    if "payment_id" in call.query:
        events = events.filter(body__data__paymentId=call.query["payment_id"])
    return Answer(
        200,
        [
            {
                "body": row.body,
                "sink": row.sink,
                "tries": row.tries,
                "is_delivered": row.delivered_at is not None,
                "is_given_up": row.given_up_at is not None,
            }
            for row in events
        ],
    )


def add_route(call: Call) -> Answer:
    """Reach a sink at another address until the server ends."""
    call.check(_ROUTE)
    settings.SINK_ROUTES[call.body["public"].rstrip("/")] = call.body["private"].rstrip("/")
    return Answer(204)


def _payout_row(row: Payout) -> dict[str, Any]:
    return {
        "id": row.payout_id,
        "status": "settled",
        "bank": row.bank,
        "account_number": row.account_number,
        "holder": row.holder,
        "amount_won": row.amount_won,
        "memo": row.memo,
        "at": stamp(row.created_at),
    }


def _file_row(row: Payment | Refund, payment_id: str) -> list[Any]:
    return [row.client_correlator or "", payment_id, row.reference_code, row.amount_won]
