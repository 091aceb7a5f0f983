"""CloudEvents: recorded with the decision, delivered by a thread, never in the client's way."""

import logging
import os
import threading
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import httpx2
from django.db import connection, transaction
from django.utils import timezone

from payments.carriers.sandbox import faults, settings
from payments.carriers.sandbox.models import Event, Payment, Refund

log = logging.getLogger(__name__)

_BACKOFF_SECONDS: Final = (1, 2, 4, 8, 16, 32, 64, 128)
_LEASE_SECONDS: Final = 30
_POLL_SECONDS: Final = 1.0
_RECEIVED: Final = range(200, 300)

_PAYMENT = "org.camaraproject.carrier-billing.v0.payment-"
_REFUND = "org.camaraproject.carrier-billing-refund.v0.refund-"
_DESCRIPTIONS: Final = {
    "pending-validation": "The payment waits for the customer's confirmation",
    "reserved": "The amount is reserved",
    "completed": "The payment was charged",
    "cancelled": "The reservation was dropped",
    "denied": "The payment was denied",
}

_bell = threading.Event()
_started_in: set[int] = set()
_start = threading.Lock()


@dataclass(frozen=True)
class _Target:
    sink: str
    token: str
    expires_at: datetime | None


def stamp(moment: datetime) -> str:
    """RFC 3339 in Korean time."""
    return timezone.localtime(moment).isoformat(timespec="milliseconds")


def announce_payment(payment: Payment, kind: str, now: datetime, *, due_at: datetime) -> None:
    """Record an event of the payment; call it in the transaction of the decision."""
    data = {
        "paymentId": payment.payment_id,
        "status": "failed" if kind == "denied" else "succeeded",
        "description": _DESCRIPTIONS[kind],
    }
    if kind == "completed" and payment.charged_at is not None:
        data["paymentDate"] = stamp(payment.charged_at)
    if kind == "denied":
        data["denialReason"] = payment.denial_reason
    target = _Target(payment.sink, payment.sink_token, payment.sink_expires_at)
    _record(_PAYMENT + kind, data, payment, target, now, due_at)


def announce_refund(
    refund: Refund,
    now: datetime,
    *,
    token: str,
    expires_at: datetime | None,
    due_at: datetime,
) -> None:
    """Record that the refund is completed; call it in the transaction of the decision."""
    data = {
        "paymentId": refund.payment.payment_id,
        "refundId": refund.refund_id,
        "status": "succeeded",
        "description": "The amount was taken off the bill",
        "refundDate": stamp(refund.created_at),
    }
    target = _Target(refund.sink, token, expires_at)
    _record(_REFUND + "completed", data, refund.payment, target, now, due_at)


def _record(
    kind: str,
    data: dict[str, str],
    payment: Payment,
    target: _Target,
    now: datetime,
    due_at: datetime,
) -> None:
    if not target.sink:
        return
    fault = faults.take("event", lambda: payment.phone)
    mode = fault.mode if fault else ""
    if mode == "drop":
        return
    body = {
        "id": str(uuid.uuid4()),
        "source": f"{settings.PUBLIC_URL}/operators/{payment.operator or 'ANY'}",
        "type": kind,
        "specversion": "1.0",
        "datacontenttype": "application/json",
        "time": stamp(now),
        "data": data,
    }
    Event.objects.create(
        body=body,
        sink=target.sink,
        token=target.token,
        expires_at=target.expires_at,
        copies=2 if mode == "duplicate" else 1,
        due_at=due_at + timedelta(seconds=fault.seconds or 10)
        if fault and mode in {"slow", "late"}
        else due_at,
    )
    transaction.on_commit(_bell.set)


def start_delivery() -> None:
    """Start the delivering thread once per process; a fork needs its own."""
    pid = os.getpid()
    if pid in _started_in:
        return
    with _start:
        if pid not in _started_in:
            _started_in.add(pid)
            threading.Thread(target=_deliver_for_ever, name="events", daemon=True).start()


def _deliver_for_ever() -> None:
    with httpx2.Client(timeout=5.0, trust_env=False, follow_redirects=False) as client:
        while True:
            _bell.wait(_POLL_SECONDS)
            _bell.clear()
            try:
                while event := _claim(timezone.now()):
                    _deliver(client, event)
            except Exception:
                log.exception("Delivering events failed; it goes on.")
                connection.close()


def _claim(now: datetime) -> Event | None:
    """Take the oldest due event under a lease, so a crash only delays it."""
    with transaction.atomic():
        event = (
            Event.objects.select_for_update(skip_locked=True)
            .filter(delivered_at__isnull=True, given_up_at__isnull=True, due_at__lte=now)
            .order_by("pk")
            .first()
        )
        if event is not None:
            event.tries += 1
            event.due_at = now + timedelta(seconds=_LEASE_SECONDS)
            event.save(update_fields=["tries", "due_at"])
        return event


def _deliver(client: httpx2.Client, event: Event) -> None:
    now = timezone.now()
    if event.expires_at is not None and event.expires_at <= now:
        Event.objects.filter(pk=event.pk).update(given_up_at=now)
        return
    status = 0
    try:
        for _ in range(event.copies):
            status = _post(client, event)
    except httpx2.HTTPError as problem:
        log.warning("Event %s was not delivered: %s", event.body["id"], type(problem).__name__)
    waiting = Event.objects.filter(pk=event.pk)
    if status in _RECEIVED:
        waiting.update(delivered_at=timezone.now())
    elif status == HTTPStatus.GONE or event.tries >= len(_BACKOFF_SECONDS):
        waiting.update(given_up_at=timezone.now())
    else:
        pause = _BACKOFF_SECONDS[event.tries - 1]
        waiting.update(due_at=timezone.now() + timedelta(seconds=pause))


def _post(client: httpx2.Client, event: Event) -> int:
    headers: dict[str, Any] = {
        "Content-Type": "application/cloudevents+json",
        "x-correlator": event.body["id"],
    }
    if event.token:
        headers["Authorization"] = f"Bearer {event.token}"
    response = client.post(route(event.sink), json=event.body, headers=headers)
    return int(response.status_code)


def route(sink: str) -> str:
    """Where the sink is really reached: what a TLS terminator in front of it would do."""
    for public, private in settings.SINK_ROUTES.items():
        if sink == public or sink.startswith(f"{public}/"):
            return str(private + sink[len(public) :])
    return sink
