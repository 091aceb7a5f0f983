"""Holding a payment's money back while an objection is open, and letting it go (§58③)."""

from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from payments.models import (
    Payment,
    Payout,
    SettlementHold,
    SettlementLine,
    SettlementTerms,
)
from payments.settlement.closing import locked_terms, unpaid_won
from payments.states import PAYOUT_UNSENT, PayoutState


class NoSuchHold(Exception):
    """The payment is not held."""


@transaction.atomic
def hold(payment_id: int, *, reason: str, by: str, now: datetime) -> SettlementHold:
    """Keep the payment's money from its merchant until `release`; again changes nothing.

    An open payment stays out of every settlement. Of a settled one, what was not sent yet is taken
    out of the payout. Money that is gone stays gone: a refund of it is a negative line later.
    """
    payment = Payment.objects.select_related("merchant").get(pk=payment_id)
    SettlementTerms.objects.get_or_create(merchant=payment.merchant)
    merchant = locked_terms(payment.merchant_id).merchant
    standing = SettlementHold.objects.filter(payment=payment, released_at__isnull=True).first()
    if standing is not None:
        return standing
    settled_won = 0 if _is_gone(payment) else _settled_won(payment)
    # Whoever sends a payout locks its row too: it is lowered, or seen as sent.
    unsent = list(
        Payout.objects.select_for_update(no_key=True)
        .filter(merchant=merchant, state__in=PAYOUT_UNSENT)
        .order_by("-pk")
    )
    others = SettlementHold.objects.filter(merchant=merchant, released_at__isnull=True)
    withheld_already = others.aggregate(won=Sum("withheld_won"))["won"] or 0
    there_won = unpaid_won(merchant, but=PAYOUT_UNSENT) - withheld_already
    withheld_won = max(0, min(settled_won, there_won))
    _lower(unsent, to_won=there_won - withheld_won, by=by, now=now)
    return SettlementHold.objects.create(
        payment=payment,
        merchant=merchant,
        reason=reason[:200],
        withheld_won=withheld_won,
        held_by=by,
        held_at=now,
    )


@transaction.atomic
def release(payment_id: int, *, reason: str, by: str, now: datetime) -> SettlementHold:
    """The objection is over: the money goes into the next settlement. Raises NoSuchHold."""
    merchant_id = Payment.objects.values_list("merchant_id", flat=True).get(pk=payment_id)
    if not SettlementTerms.objects.filter(merchant_id=merchant_id).exists():
        raise NoSuchHold
    locked_terms(merchant_id)
    standing = SettlementHold.objects.filter(
        payment_id=payment_id, released_at__isnull=True
    ).first()
    if standing is None:
        raise NoSuchHold
    standing.release_reason = reason[:200]
    standing.released_by = by
    standing.released_at = now
    standing.save(update_fields=["release_reason", "released_by", "released_at"])
    return standing


def _settled_won(payment: Payment) -> int:
    lines = SettlementLine.objects.filter(payment=payment)
    return lines.aggregate(won=Sum("net_won"))["won"] or 0


def _is_gone(payment: Payment) -> bool:
    """Whether the settlement of the sale, or one after it, was sent: that carried its money."""
    sale = SettlementLine.objects.filter(payment=payment, gross_won__gt=0).first()
    if sale is None:
        return False
    sent = Payout.objects.filter(
        merchant_id=payment.merchant_id, settlement_id__gte=sale.settlement_id
    ).exclude(state__in=[*PAYOUT_UNSENT, PayoutState.CANCELED])
    latest = sent.order_by("-settlement_id").first()
    if latest is None:
        return False
    # Withheld from what was sent, and let go since: it waits for the next settlement.
    let_go = SettlementHold.objects.filter(
        payment=payment, withheld_won__gt=0, released_at__gt=latest.settlement.closed_at
    )
    return not let_go.exists()


def _lower(unsent: list[Payout], *, to_won: int, by: str, now: datetime) -> None:
    """Lower what is about to be sent, the latest first, until it is at most this much."""
    over = sum(payout.amount_won for payout in unsent) - max(0, to_won)
    for payout in unsent:
        cut = min(over, payout.amount_won)
        if cut <= 0:
            return
        over -= cut
        payout.amount_won -= cut
        if payout.amount_won:
            payout.save(update_fields=["amount_won"])
        else:
            payout.move_to(PayoutState.CANCELED, at=now, by=by, reason="hold")
