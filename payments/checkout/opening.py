"""A shop opens a payment; the shopper later uses what was bought."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from payments import limits
from payments.models import LimitTerm, Merchant, Payment
from payments.models.payments import new_token


class OutsideLimits(Exception):
    """The amount may not be charged at once; carries which limit."""

    def __init__(self, limit: limits.Scope) -> None:
        super().__init__(limit.value)
        self.limit = limit


@transaction.atomic
def open_payment(
    *,
    merchant: Merchant,
    order_no: str,
    item_name: str,
    amount_won: int,
    return_url: str,
    return_label: str,
    language: str,
    now: datetime,
    token: str = "",
) -> Payment:
    """A payment window for one order; amount and item cannot change any more.

    `token` is for a shop whose return address holds it: made beforehand with `new_token`.
    Raises OutsideLimits; a second live payment of the order is an IntegrityError.
    """
    range_won = LimitTerm.in_force(
        {
            limits.Scope.PAYMENT_MIN: settings.PAYMENT_MIN_WON,
            limits.Scope.PAYMENT_MAX: settings.PAYMENT_MAX_WON,
        },
        merchant=merchant,
        at=now,
    )
    hit = limits.outside(
        amount_won,
        min_won=range_won[limits.Scope.PAYMENT_MIN],
        max_won=range_won[limits.Scope.PAYMENT_MAX],
    )
    if hit is not None:
        raise OutsideLimits(hit)
    expires_at = now + timedelta(seconds=settings.WINDOW_SECONDS)
    return Payment.objects.create(
        token=token or new_token(),
        merchant=merchant,
        order_no=order_no,
        item_name=item_name,
        amount_won=amount_won,
        return_url=return_url,
        return_label=return_label,
        language=language,
        created_at=now,
        expires_at=expires_at,
        check_at=expires_at,
    )


def mark_used(*, payment_id: int, now: datetime) -> None:
    """Remember when the shopper first used what was bought (전자상거래법 §17②5)."""
    Payment.objects.filter(pk=payment_id, state="PAID", used_at__isnull=True).update(used_at=now)
