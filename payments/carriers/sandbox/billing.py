"""Carrier Billing 0.5: reserve, let the customer confirm, charge, or drop it.

Every decision is committed under the lock of its payment before it is answered.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.http import QueryDict

from payments.carriers.sandbox import events, settings, shape
from payments.carriers.sandbox.http import Answer, Call, Problem, invalid, not_found
from payments.carriers.sandbox.lines import Line, national
from payments.carriers.sandbox.models import Message, Payment

_Status = Payment.Status
_MAXIMUM_PAGE = 100
_MAXIMUM_DIGITS = 9
_PREPARE = shape.obj(
    ("amountTransaction",),
    amountTransaction=shape.obj(
        ("paymentAmount", "referenceCode"),
        phoneNumber=shape.PHONE,
        clientCorrelator=shape.TEXT,
        referenceCode=shape.TEXT,
        paymentAmount=shape.obj(
            ("chargingInformation",),
            chargingInformation=shape.CHARGING_INFORMATION,
            chargingMetaData=shape.obj(
                merchantName=shape.TEXT,
                merchantIdentifier=shape.TEXT,
                fee={"type": "number", "multipleOf": "0.01"},
                purchaseCategoryCode=shape.TEXT,
                channel=shape.TEXT,
                serviceId=shape.TEXT,
                productId=shape.TEXT,
            ),
            paymentDetails={"type": "array", "minItems": 1, "items": shape.item("id")},
        ),
    ),
    sink=shape.TEXT,
    sinkCredential=shape.SINK_CREDENTIAL,
)
_VALIDATE = shape.obj(("authorizationId", "code"), authorizationId=shape.TEXT, code=shape.TEXT)
_PHONE = shape.obj(phoneNumber=shape.PHONE)


def create(call: Call) -> Answer:
    """One-step payment: this client has no right to charge without the customer's confirmation."""
    _read(call)
    raise Problem(403, "PERMISSION_DENIED", "The client may only use two-step payments.")


def prepare(call: Call) -> Answer:
    """Reserve the amount and send the customer a code and a link."""
    wanted = call.body.get("amountTransaction", {})
    line = _read(call)
    fingerprint = fingerprint_of(wanted)
    if known := _known(wanted.get("clientCorrelator"), fingerprint):
        return Answer(201, _prepared(known))
    if call.fault is not None:
        raise Problem(403, "CARRIER_BILLING.PAYMENT_DENIED", call.fault.reason)
    if line.prepare_refusal is not None:
        refusal = line.prepare_refusal
        raise Problem(refusal.status, refusal.code, refusal.reason)
    try:
        return Answer(201, _prepared(_reserve(call, line, fingerprint)))
    except IntegrityError:
        # The same correlator won the race; the constraint has waited for its commit.
        if known := _known(wanted.get("clientCorrelator"), fingerprint):
            return Answer(201, _prepared(known))
        raise


def validate(call: Call) -> Answer:
    """Check the typed code. Five wrong ones and the payment is denied."""
    call.check(_VALIDATE)
    with transaction.atomic():
        payment = locked(call)
        problem = _try_code(payment, call)
    if problem is not None:
        raise problem
    return Answer(204)


def confirm(call: Call) -> Answer:
    """Charge a reservation, once."""
    call.check(_PHONE)
    with transaction.atomic():
        payment, line = _of_phone(call)
        if payment.status == _Status.SUCCEEDED:
            raise Problem(409, "CARRIER_BILLING.PAYMENT_CONFIRMED", "Payment has been confirmed.")
        if payment.status == _Status.CANCELLED:
            raise Problem(409, "CARRIER_BILLING.PAYMENT_CANCELLED", "Payment has been cancelled.")
        if payment.status == _Status.DENIED:
            raise Problem(403, "CARRIER_BILLING.PAYMENT_DENIED", payment.denial_reason)
        if payment.status == _Status.PENDING_VALIDATION:
            raise Problem(403, "PERMISSION_DENIED", "The customer has not confirmed it yet.")
        if line.confirm == "hang_untouched":
            return Answer(202, lost=True)
        if call.fault is not None:
            _deny(payment, call.fault.reason, call.now)
            return Answer(202)
        is_lost = line.confirm == "hang_charged"
        _charge(payment, call.now, is_lost=is_lost, goes_dark=line.goes_dark)
    return Answer(202, lost=is_lost)


def cancel(call: Call) -> Answer:
    """Drop a reservation; a charge is not dropped but refunded."""
    call.check(_PHONE)
    with transaction.atomic():
        payment, _ = _of_phone(call)
        if payment.status == _Status.SUCCEEDED:
            raise Problem(409, "CARRIER_BILLING.PAYMENT_CONFIRMED", "Payment has been confirmed.")
        if payment.status == _Status.CANCELLED:
            raise Problem(409, "CARRIER_BILLING.PAYMENT_CANCELLED", "Payment has been cancelled.")
        if payment.status == _Status.DENIED:
            raise Problem(409, "ALREADY_EXISTS", "The payment was denied; nothing is reserved.")
        payment.status = _Status.CANCELLED
        payment.save(update_fields=["status"])
        events.announce_payment(payment, "cancelled", call.now, due_at=call.now)
    return Answer(202)


def retrieve(call: Call) -> Answer:
    """One payment."""
    return Answer(200, _described(visible(call, Payment.objects.all())))


def list_payments(call: Call) -> Answer:
    """Payments by creation time, status and merchant, newest first unless asked otherwise."""
    payments = Payment.objects.exclude(dark_until__gt=call.now)
    if call.operator:
        payments = payments.filter(operator=call.operator)
    rows, headers = page(
        call,
        payments,
        prefix="payment",
        statuses=[*_Status.values, "processing"],
        range_error="CARRIER_BILLING.INVALID_DATE_RANGE",
    )
    return Answer(200, [_described(row) for row in rows], headers=headers)


def confirm_by_link(token: str, now: datetime) -> bool:
    """Use the texted link; False when it was used, has expired or is moot."""
    with transaction.atomic():
        payment = by_link(token, Payment.objects.select_for_update())
        if payment is None or not link_is_open(payment, now):
            return False
        payment.link_used_at = now
        payment.save(update_fields=["link_used_at"])
        _become_reserved(payment, now)
    return True


def by_link(token: str, payments: QuerySet[Payment]) -> Payment | None:
    """The payment behind a link."""
    return payments.filter(link=token).first()


def link_is_open(payment: Payment, now: datetime) -> bool:
    """Whether the link still confirms."""
    return payment.status == _Status.PENDING_VALIDATION and now < payment.code_expires_at


def won(amount: int) -> str:
    """2,200원."""
    return f"{amount:,}원"


# What the refunds share with the payments


def fingerprint_of(value: Any) -> str:
    """Tells whether a repeated correlator carries the same request."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def whole_won(information: dict[str, Any]) -> int:
    """The amount, which must be whole won."""
    if information["currency"] != "KRW":
        raise invalid("Currency is unknown or not authorized.")
    if information["amount"] != int(information["amount"]):
        raise invalid("Won have no fractions.")
    return int(information["amount"])


def sink_of(body: dict[str, Any]) -> tuple[str, str, datetime | None]:
    """Address, bearer token and its end, from a request that was checked for shape."""
    sink = body.get("sink", "")
    if "sink" in body and not (sink.startswith("https://") and urlsplit(sink).hostname):
        raise invalid("sink not valid for the specified protocol", "INVALID_SINK")
    credential = body.get("sinkCredential")
    if credential is None:
        return sink, "", None
    if credential["credentialType"] != "ACCESSTOKEN":
        raise invalid("Only Access token is supported", "INVALID_CREDENTIAL")
    for name in ("accessToken", "accessTokenExpiresUtc", "accessTokenType"):
        if name not in credential:
            raise invalid(f"Expected property is missing: {name}.")
    if credential["accessTokenType"] != "bearer":
        raise invalid("Only bearer token is supported", "INVALID_TOKEN")
    return sink, credential["accessToken"], shape.moment(credential["accessTokenExpiresUtc"])


def visible(call: Call, payments: QuerySet[Payment]) -> Payment:
    """The payment of the path, unless it is another operator's or cannot be reached now."""
    if call.operator:
        payments = payments.filter(operator=call.operator)
    payment = payments.filter(pk=call.path["payment_id"].replace("\x00", "")).first()
    if payment is None:
        raise not_found()
    if payment.dark_until is not None and call.now < payment.dark_until:
        raise Problem(503, "UNAVAILABLE", "Service unavailable.")
    return payment


def locked(call: Call) -> Payment:
    """The payment of the path under its row lock."""
    return visible(call, Payment.objects.select_for_update())


def page(
    call: Call,
    rows: QuerySet[Any],
    *,
    prefix: str,
    statuses: Sequence[str],
    range_error: str,
) -> tuple[Sequence[Any], dict[str, str]]:
    """The filters, order and pagination both lists share."""
    query = call.query
    field = f"{prefix}CreationDate"
    start, end = _moment(query, f"{field}.gte"), _moment(query, f"{field}.lte")
    if start and end and start > end:
        raise Problem(400, range_error, "Client specified an invalid date range.")
    wanted = [status for value in query.getlist(f"{prefix}Status") for status in value.split(",")]
    if not set(wanted) <= set(statuses):
        raise invalid(f"{prefix}Status is unknown.")
    order = query.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise invalid("order must be asc or desc.")
    number = _positive(query, "page", 1)
    size = _positive(query, "perPage", 10)
    if size > _MAXIMUM_PAGE:
        raise Problem(400, "OUT_OF_RANGE", "Client specified an invalid range.")
    conditions = Q()
    if start:
        conditions &= Q(created_at__gte=start)
    if end:
        conditions &= Q(created_at__lte=end)
    if wanted:
        conditions &= Q(status__in=wanted)
    if "merchantIdentifier" in query:
        conditions &= Q(merchant_identifier=str(query["merchantIdentifier"]).replace("\x00", ""))
    rows = rows.filter(conditions)
    sign = "-" if order == "desc" else ""
    first = min((number - 1) * size, 2**31)
    found = list(rows.order_by(f"{sign}created_at", f"{sign}pk")[first : first + size])
    return found, {
        "X-Total-Count": str(rows.count()),
        "Content-Last-Key": str(first + len(found)),
    }


def _moment(query: QueryDict, name: str) -> datetime | None:
    if name not in query:
        return None
    try:
        # A plus sign that was not escaped arrives as a space.
        return shape.moment(str(query[name]).replace(" ", "+"))
    except (ValueError, OverflowError) as problem:
        raise invalid(f"{name} is not a date-time with its time zone.") from problem


def _positive(query: QueryDict, name: str, default: int) -> int:
    value = query.get(name, str(default))
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAXIMUM_DIGITS):
        raise invalid(f"{name} is not a whole number.")
    if int(value) < 1:
        raise Problem(400, "OUT_OF_RANGE", "Client specified an invalid range.")
    return int(value)


# Reserving


def _read(call: Call) -> Line:
    call.check(_PREPARE)
    wanted = call.body["amountTransaction"]
    amount = whole_won(wanted["paymentAmount"]["chargingInformation"])
    sink_of(call.body)
    line = call.line(wanted.get("phoneNumber"))
    if amount > settings.MAXIMUM_WON:
        raise Problem(
            422,
            "CARRIER_BILLING.UNAUTHORIZED_AMOUNT",
            "LIMIT_PER_PAYMENT: more than one payment may be",
        )
    return line


def _known(correlator: str | None, fingerprint: str) -> Payment | None:
    if correlator is None:
        return None
    payment = Payment.objects.filter(client_correlator=correlator).first()
    if payment is not None and payment.fingerprint != fingerprint:
        raise invalid("clientCorrelator already exist on server.")
    return payment


def _reserve(call: Call, line: Line, fingerprint: str) -> Payment:
    wanted = call.body["amountTransaction"]
    information = wanted["paymentAmount"]["chargingInformation"]
    about = wanted["paymentAmount"].get("chargingMetaData", {})
    sink, token, expires_at = sink_of(call.body)
    lifetime = timedelta(seconds=-1 if line.code_is_expired else settings.CODE_SECONDS)
    with transaction.atomic():
        payment = Payment.objects.create(
            number=secrets.randbelow(9 * 10**11) + 10**11,
            phone=wanted["phoneNumber"],
            operator=line.operator,
            client_correlator=wanted.get("clientCorrelator"),
            fingerprint=fingerprint,
            reference_code=wanted["referenceCode"],
            amount_won=whole_won(information),
            payment_amount=wanted["paymentAmount"],
            merchant_identifier=about.get("merchantIdentifier", ""),
            seller=about.get("merchantName") or information["description"],
            status=_Status.PENDING_VALIDATION,
            sink=sink,
            sink_token=token,
            sink_expires_at=expires_at,
            authorization_id="" if line.link_only else secrets.token_urlsafe(16),
            code=f"{secrets.randbelow(10**6):06d}",
            code_expires_at=call.now + lifetime,
            link=secrets.token_urlsafe(24),
            created_at=call.now,
        )
        if line.texts_arrive:
            _text_code(payment, line, call.now)
        events.announce_payment(payment, "pending-validation", call.now, due_at=call.now)
    return payment


def _address(payment: Payment) -> str:
    return f"{settings.PUBLIC_URL}/confirm/{payment.link}/"


def _text_code(payment: Payment, line: Line, now: datetime) -> None:
    what = f"[{payment.seller}] {won(payment.amount_won)} 결제"
    seconds = settings.CODE_SECONDS
    minutes = seconds // 60
    validity = f"{minutes}분" if minutes else f"{seconds}초"
    warning = "타인에게 알려주지 마세요."
    address = _address(payment)
    if line.link_only:
        text = f"{what} 확인 링크입니다 ({validity}). {warning}\n{address}"
    else:
        # The browser offers the code only on the site named in the last line: the client's.
        host = urlsplit(events.route(payment.sink) or settings.PUBLIC_URL).hostname
        text = f"{what} 인증번호 {payment.code} ({validity}). {warning}\n{address}\n"
        text += f"@{host} #{payment.code}"
    Message.objects.create(
        message_id=f"code-{payment.payment_id}",
        channel="sms",
        recipient=national(payment.phone),
        sender="114",
        text=text,
        created_at=now,
    )


# Moves


def _try_code(payment: Payment, call: Call) -> Problem | None:
    """The problem is returned, not raised: the counted try must be committed."""
    if payment.status in {_Status.RESERVED, _Status.SUCCEEDED}:
        return Problem(409, "ALREADY_EXISTS", "Payment already validated")
    if payment.status == _Status.DENIED:
        return invalid(payment.denial_reason, "CARRIER_BILLING.VALIDATION_FAILED")
    is_ours = bool(payment.authorization_id) and hmac.compare_digest(
        payment.authorization_id.encode(), call.body["authorizationId"].encode()
    )
    if not is_ours or payment.status == _Status.CANCELLED:
        return invalid("Invalid authorizationId.", "CARRIER_BILLING.INVALID_AUTHORIZATION_ID")
    if call.now >= payment.code_expires_at:
        return invalid("CODE_EXPIRED: the code has expired", "CARRIER_BILLING.INVALID_CODE")
    if hmac.compare_digest(payment.code.encode(), call.body["code"].encode()):
        _become_reserved(payment, call.now)
        return None
    payment.tries += 1
    payment.save(update_fields=["tries"])
    left = settings.CODE_TRIES - payment.tries
    if left > 0:
        return invalid(
            f"CODE_INVALID: wrong code, tries left: {left}", "CARRIER_BILLING.INVALID_CODE"
        )
    _deny(payment, "CODE_ATTEMPTS_EXCEEDED: too many wrong codes", call.now)
    return invalid(payment.denial_reason, "CARRIER_BILLING.VALIDATION_FAILED")


def _of_phone(call: Call) -> tuple[Payment, Line]:
    line = call.line(call.body.get("phoneNumber"))
    payment = locked(call)
    if payment.phone != call.body["phoneNumber"]:
        raise not_found()
    return payment, line


def _become_reserved(payment: Payment, now: datetime) -> None:
    payment.status = _Status.RESERVED
    payment.save(update_fields=["status"])
    events.announce_payment(payment, "reserved", now, due_at=now)


def _deny(payment: Payment, reason: str, now: datetime) -> None:
    payment.status = _Status.DENIED
    payment.denial_reason = reason
    payment.save(update_fields=["status", "denial_reason"])
    events.announce_payment(payment, "denied", now, due_at=now)


def _charge(payment: Payment, now: datetime, *, is_lost: bool, goes_dark: bool) -> None:
    payment.status = _Status.SUCCEEDED
    payment.charged_at = now
    if goes_dark:
        payment.dark_until = now + timedelta(seconds=settings.OUTAGE_SECONDS)
    payment.save(update_fields=["status", "charged_at", "dark_until"])
    # Told at once, the client would not notice that it never got the answer.
    late = timedelta(seconds=settings.TIMEOUT_SECONDS + 30) if is_lost else timedelta(0)
    events.announce_payment(payment, "completed", now, due_at=payment.dark_until or now + late)


# How it looks to the client


def _described(payment: Payment) -> dict[str, Any]:
    about: dict[str, Any] = {
        "phoneNumber": payment.phone,
        "paymentAmount": payment.payment_amount,
        "referenceCode": payment.reference_code,
        "resourceURL": f"urn:payments:{payment.payment_id}",
        "serverReferenceCode": payment.server_reference,
    }
    if payment.client_correlator is not None:
        about["clientCorrelator"] = payment.client_correlator
    described: dict[str, Any] = {
        "paymentId": payment.payment_id,
        "amountTransaction": about,
        "paymentStatus": payment.status,
        "paymentCreationDate": events.stamp(payment.created_at),
    }
    if payment.charged_at is not None:
        described["paymentDate"] = events.stamp(payment.charged_at)
    if payment.sink:
        described["sink"] = payment.sink
    return described


def _prepared(payment: Payment) -> dict[str, Any]:
    described = _described(payment)
    described.pop("paymentDate", None)
    if payment.status != _Status.PENDING_VALIDATION:
        return described
    if payment.authorization_id:
        info = {"action": "validate", "authorizationId": payment.authorization_id}
    else:
        info = {"action": "open", "validationURL": _address(payment)}
    return {**described, "validationInfo": info}
