"""The notice with the bill: the four items again, for each payment of the month (§58①).

It goes out by day in the first days of the month after, once for a payment and month.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Sum

from payments import calendar, notifications
from payments.models import BillingNotice, Payment
from payments.states import PaymentState, RefundState

BATCH = 200
# Nobody is woken by a notice, and none is sent when the bill itself is old.
FROM_HOUR, UNTIL_HOUR = 9, 20
LAST_DAY = 10
_log = logging.getLogger(__name__)


def notify_due(*, now: datetime) -> int:
    """Send the notices of last month's payments that are missing; returns how many rows."""
    local = now.astimezone(calendar.SEOUL)
    if local.day > LAST_DAY or not FROM_HOUR <= local.hour < UNTIL_HOUR:
        return 0
    month = calendar.billing_month(now - timedelta(days=local.day))
    told = BillingNotice.objects.filter(payment=OuterRef("pk"), billing_month=month)
    payments = (
        Payment.objects.filter(~Exists(told), state=PaymentState.PAID, billing_month=month)
        .select_related("merchant")
        .order_by("pk")[:BATCH]
    )
    done = 0
    for payment in payments:
        try:
            done += _tell(payment, now=now)
        except Exception:
            # One payment's trouble must not keep the others waiting; the next look comes.
            _log.exception("the billing notice of payment %s was not written", payment.pk)
    return done


@transaction.atomic
def _tell(payment: Payment, *, now: datetime) -> bool:
    """Write the notice and its row; False when another worker was faster."""
    billed_won = payment.amount_won - _taken_off_won(payment)
    _, is_new = BillingNotice.objects.get_or_create(
        payment=payment,
        billing_month=payment.billing_month,
        defaults={"billed_won": billed_won, "created_at": now},
    )
    if is_new and billed_won:
        notifications.notify(
            "billing",
            dedupe_key=f"billing:{payment.pk}:{payment.billing_month}",
            phone=payment.phone,
            email=payment.email,
            context={
                "payment": payment,
                "merchant": payment.merchant,
                "billed_won": billed_won,
            },
            payment=payment,
            language=payment.language,
            required=lambda: notifications.four_items(payment, billed_won),
            now=now,
        )
    return is_new


def _taken_off_won(payment: Payment) -> int:
    """Won that left the bill again; money sent to an account stays on it."""
    off = payment.refunds.filter(state=RefundState.SUCCEEDED, route=calendar.Route.CARRIER)
    return off.aggregate(won=Sum("amount_won"))["won"] or 0
