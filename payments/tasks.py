"""What Celery calls: one look at the due rows each, or one announcement passed on."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from payments import (
    billing,
    checkout,
    deliveries,
    notifications,
    reconcile,
    refunds,
    settlement,
    watching,
)
from payments.models import LineChange, Payment, Refund


@shared_task
def send_messages(**_: Any) -> None:
    """Texts and mails that are due go out."""
    deliveries.send_due(now=timezone.now())


@shared_task
def send_refunds(**_: Any) -> None:
    """Refunds that are due go to the operator or the bank."""
    refunds.send_due(now=timezone.now())


@shared_task
def resolve_payments(**_: Any) -> None:
    """Payments whose end nobody knows are looked into; windows that ran out are closed."""
    checkout.resolve_due(now=timezone.now())


@shared_task
def call_people(**_: Any) -> None:
    """Whatever needs a person gets its alert."""
    watching.look(now=timezone.now())


@shared_task
def close_settlements(**_: Any) -> None:
    """Periods that are over are closed."""
    settlement.close_due(now=timezone.now())


@shared_task
def send_payouts(**_: Any) -> None:
    """Payouts that are due go to the bank."""
    settlement.pay_due(now=timezone.now())


@shared_task
def reconcile_days(**_: Any) -> None:
    """The operators' file of each day that is over is compared with our rows."""
    reconcile.reconcile_due(now=timezone.now())


@shared_task
def send_billing_notices(**_: Any) -> None:
    """Payments of last month are told of again, with the bill."""
    billing.notify_due(now=timezone.now())


@shared_task
def notify_paid(*, subject_id: int, **_: Any) -> None:
    """A payment was charged: send the receipt."""
    payment = Payment.objects.select_related("merchant").get(pk=subject_id)
    notifications.paid(payment, now=timezone.now())


@shared_task
def notify_reversed(*, subject_id: int, **_: Any) -> None:
    """A payment of unknown outcome turned out not to be charged: tell."""
    payment = Payment.objects.select_related("merchant").get(pk=subject_id)
    notifications.reversed_payment(payment, now=timezone.now())


@shared_task
def notify_refunded(*, subject_id: int, **_: Any) -> None:
    """A refund arrived: tell."""
    refund = Refund.objects.select_related("payment__merchant").get(pk=subject_id)
    notifications.refunded(refund, now=timezone.now())


@shared_task
def notify_line_changed(*, subject_id: int, **_: Any) -> None:
    """Something was decided about a line: tell its phone, so that nothing changes unseen."""
    change = LineChange.objects.select_related("rules").get(pk=subject_id)
    notifications.line_changed(change, now=timezone.now())
