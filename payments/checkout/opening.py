"""A shop opens a payment, the shopper tries it again, and uses what was bought."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from payments import declines, limits, money
from payments.checkout.rows import WrongStep, locked
from payments.models import LimitTerm, Merchant, Payment
from payments.models.payments import new_token
from payments.states import PAYMENT_LIVE, REFUND_HOLDS_MONEY, PaymentState

# How long the price of an order is taken to hold after its window was opened.
_AGAIN_WITHIN = timedelta(hours=1)


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
    goods: limits.Goods = limits.Goods.CONTENT,
    token: str = "",
) -> Payment:
    """A payment window for one order; amount and item cannot change any more.

    `goods` is what kind of thing the merchant declares it to be: limits and risk rules go by it.
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
        goods=goods,
        return_url=return_url,
        return_label=return_label,
        language=language,
        created_at=now,
        expires_at=expires_at,
        check_at=expires_at,
    )


def may_open_again(payment: Payment, *, now: datetime) -> bool:
    """Whether the order may be tried once more from here, without the shop.

    Ended without a charge, for a reason that another try can overcome (domain §12), and lately.
    """
    return (
        payment.state not in PAYMENT_LIVE
        and declines.retry_of(payment.failure_code) != declines.Retry.NO
        and payment.merchant.is_active
        and now < payment.created_at + _AGAIN_WITHIN
    )


@transaction.atomic(durable=True)
def open_again(payment_id: int, *, now: datetime) -> Payment:
    """A new window for the order of a payment that came to nothing; pressed twice, the same one.

    Raises WrongStep where `may_open_again` says no, OutsideLimits as `open_payment`.
    """
    former = locked(payment_id)
    if not may_open_again(former, now=now):
        raise WrongStep(former.state)
    same_order = Payment.objects.filter(merchant=former.merchant, order_no=former.order_no)
    live = same_order.filter(state__in=PAYMENT_LIVE).first()
    if live is not None:
        return live
    token = new_token()
    return open_payment(
        merchant=former.merchant,
        order_no=former.order_no,
        item_name=former.item_name,
        amount_won=former.amount_won,
        goods=limits.Goods(former.goods),
        # The shop's way back may hold the token (see `open_payment`).
        return_url=former.return_url.replace(former.token, token),
        return_label=former.return_label,
        language=former.language,
        now=now,
        token=token,
    )


@transaction.atomic
def mark_used(*, payment_id: int, now: datetime) -> bool:
    """Remember when the shopper first used what was bought (전자상거래법 §17②5).

    False when there is nothing to use: not paid, or all of it given back or about to be.
    """
    # Races with a cancellation of what was not used yet: whoever has the row first is right.
    payment = Payment.objects.select_for_update(of=("self",), no_key=True).get(pk=payment_id)
    promised = payment.refunds.filter(state__in=REFUND_HOLDS_MONEY).aggregate(won=Sum("amount_won"))
    left_won = money.refundable_won(payment.amount_won, promised["won"] or 0)
    if payment.state != PaymentState.PAID or not left_won:
        return False
    if payment.used_at is None:
        payment.used_at = now
        payment.save(update_fields=["used_at"])
    return True
