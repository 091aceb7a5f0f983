"""Closing a merchant's period: every posting goes into exactly one settlement.

What a settlement holds is decided by rows, not by times: a posting that has no line yet goes into
the next period that closes, however old it is, unless its payment is under an objection.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from typing import Any

from django.db import transaction
from django.db.models import F, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from payments import calendar, cycles
from payments.cycles import Span
from payments.models import (
    Account,
    LedgerEntry,
    LedgerTransaction,
    Merchant,
    Payout,
    Settlement,
    SettlementHold,
    SettlementLine,
    SettlementTerms,
)
from payments.states import PayoutState

_KINDS = LedgerTransaction.Kind
# What moves a merchant's money because of a payment; a payout itself is not settled.
SETTLED_KINDS = (_KINDS.PAID, _KINDS.CARRIER_CANCEL, _KINDS.BANK_REFUND, _KINDS.CORRECTION)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figures:
    """Won; net = gross − refunds − fee − fee VAT, fees less what was returned."""

    gross_won: int = 0
    refunds_won: int = 0
    fee_won: int = 0
    fee_vat_won: int = 0
    net_won: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )


@dataclass(frozen=True)
class OpenFigures:
    """What no settlement has yet: `figures` of what the next one takes, `held_won` beside it.

    `brought_forward_won` was settled and not paid, `withheld_won` of that waits for an objection.
    `since` is the day after the last closed one, None while nothing was closed.
    """

    since: date | None
    figures: Figures
    held_won: int
    brought_forward_won: int
    withheld_won: int


def close_due(*, now: datetime) -> int:
    """Close every period that is over; returns how many settlements were written."""
    _write_missing_terms()
    closed = 0
    for merchant_id in SettlementTerms.objects.values_list("merchant_id", flat=True):
        try:
            while close_next(merchant_id, now=now) is not None:
                closed += 1
        except Exception:
            # One merchant's trouble must not keep the others waiting; the next look comes.
            _log.exception("merchant %s could not be settled", merchant_id)
    return closed


@transaction.atomic(durable=True)
def close_next(merchant_id: int, *, now: datetime) -> Settlement | None:
    """Close the merchant's oldest open period that is over; None when there is none.

    Postings, refunds and holds may come at any time: what is not seen here is seen next time.
    """
    terms = locked_terms(merchant_id)
    merchant = terms.merchant
    span = _due_span(terms, now=now)
    if span is None:
        return None
    lines = list(_lines(merchant, span))
    total = sum((figures for _, figures in lines), Figures())
    late_won = sum(figures.net_won for row, figures in lines if row["at"] < span.starts_at)
    brought_forward_won, withheld_won = _balance(merchant), _withheld(merchant)
    settlement = Settlement.objects.create(
        merchant=merchant,
        first=span.first,
        last=span.last,
        closed_at=now,
        **vars(total),
        late_won=late_won,
        held_won=_held(merchant, before=span.ends_before),
        brought_forward_won=brought_forward_won,
        withheld_won=withheld_won,
        payable_won=brought_forward_won + total.net_won - withheld_won,
    )
    SettlementLine.objects.bulk_create(
        (
            SettlementLine(
                settlement=settlement,
                transaction_id=row["transaction_id"],
                payment_id=row["payment_id"],
                is_late=row["at"] < span.starts_at,
                **vars(figures),
            )
            for row, figures in lines
        ),
        batch_size=2_000,
    )
    if settlement.payable_won > 0:
        Payout.objects.create(
            settlement=settlement,
            merchant=merchant,
            amount_won=settlement.payable_won,
            due_at=_payout_due(terms, now=now),
        )
    return settlement


def open_figures(merchant: Merchant) -> OpenFigures:
    """What the merchant has coming that no settlement has yet."""
    last = _last_closed_day(merchant)
    rows = (figures for _, figures in _lines(merchant, None))
    return OpenFigures(
        since=cycles.day_after(last) if last else None,
        figures=sum(rows, Figures()),
        held_won=_held(merchant, before=None),
        brought_forward_won=_balance(merchant),
        withheld_won=_withheld(merchant),
    )


def locked_terms(merchant_id: int) -> SettlementTerms:
    """The merchant's terms, locked: closing, holding and lowering a payout wait for each other."""
    return (
        SettlementTerms.objects.select_for_update(of=("self",), no_key=True)
        .select_related("merchant")
        .get(merchant_id=merchant_id)
    )


def unpaid_won(merchant: Merchant, *, but: Iterable[str] = ()) -> int:
    """Won of closed settlements that no payout carries; payouts in `but` count as not there.

    Negative: the merchant owes it, because more was given back than sold.
    """
    settled = Settlement.objects.filter(merchant=merchant).aggregate(won=Sum("net_won"))["won"]
    gone = Payout.objects.filter(merchant=merchant).exclude(state__in=[PayoutState.CANCELED, *but])
    return (settled or 0) - (gone.aggregate(won=Sum("amount_won"))["won"] or 0)


def _balance(merchant: Merchant) -> int:
    return unpaid_won(merchant)


def _withheld(merchant: Merchant) -> int:
    open_holds = SettlementHold.objects.filter(merchant=merchant, released_at__isnull=True)
    return open_holds.aggregate(won=Sum("withheld_won"))["won"] or 0


def _write_missing_terms() -> None:
    """A merchant nobody made terms for is settled by the defaults, and stops at its payout."""
    missing = Merchant.objects.filter(terms__isnull=True)
    SettlementTerms.objects.bulk_create(
        (SettlementTerms(merchant=merchant) for merchant in missing), ignore_conflicts=True
    )


def _due_span(terms: SettlementTerms, *, now: datetime) -> Span | None:
    merchant = terms.merchant
    today = now.astimezone(calendar.SEOUL).date()
    closed_until = _last_closed_day(merchant)
    over = cycles.span_of(terms.cycle, today).first
    if closed_until is not None and cycles.day_after(closed_until) >= over:
        # The usual answer, before anything is added up.
        return None
    # Today is in no period that is over.
    midnight = datetime.combine(today, time(), tzinfo=calendar.SEOUL)
    oldest = (
        _open(merchant)
        .filter(transaction__posted_at__lt=midnight)
        .aggregate(at=Min("transaction__posted_at"))["at"]
    )
    if oldest is not None:
        return cycles.next_span(
            terms.cycle,
            oldest=oldest.astimezone(calendar.SEOUL).date(),
            closed_until=closed_until,
            today=today,
        )
    # Nothing was sold, but money may have come free that an objection had held back.
    if _balance(merchant) - _withheld(merchant) > 0:
        return cycles.last_span(terms.cycle, closed_until=closed_until, today=today)
    return None


def _last_closed_day(merchant: Merchant) -> date | None:
    latest = Settlement.objects.filter(merchant=merchant).order_by("-last").first()
    return latest.last if latest else None


def _unsettled(merchant: Merchant) -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.filter(
        transaction__merchant=merchant,
        transaction__kind__in=SETTLED_KINDS,
        transaction__settlement_line__isnull=True,
    )


def _under_objection(merchant: Merchant) -> QuerySet[Any, Any]:
    return SettlementHold.objects.filter(merchant=merchant, released_at__isnull=True).values(
        "payment_id"
    )


def _open(merchant: Merchant) -> QuerySet[LedgerEntry]:
    return _unsettled(merchant).exclude(transaction__payment_id__in=_under_objection(merchant))


def _held(merchant: Merchant, *, before: datetime | None) -> int:
    held = _unsettled(merchant).filter(
        transaction__payment_id__in=_under_objection(merchant), account=Account.MERCHANT_PAYABLE
    )
    if before is not None:
        held = held.filter(transaction__posted_at__lt=before)
    return -(held.aggregate(won=Sum("amount_won"))["won"] or 0)


def _lines(merchant: Merchant, span: Span | None) -> Iterable[tuple[dict[str, Any], Figures]]:
    entries = _open(merchant)
    if span is not None:
        entries = entries.filter(transaction__posted_at__lt=span.ends_before)
    rows: Any = (
        entries.values(
            "transaction_id",
            payment_id=F("transaction__payment_id"),
            at=F("transaction__posted_at"),
        )
        .annotate(**_sums())
        .order_by("transaction_id")
    )
    names = [field.name for field in fields(Figures)]
    for row in rows:
        yield row, Figures(**{name: row[name] for name in names})


def _sums() -> dict[str, Any]:
    sale = Q(transaction__kind=_KINDS.PAID, account=Account.CARRIER_RECEIVABLE)
    # Each kind of refund has one line whose amount is what the payer got back.
    back = Q(
        transaction__kind__in=[_KINDS.CARRIER_CANCEL, _KINDS.CORRECTION],
        account=Account.CARRIER_RECEIVABLE,
    ) | Q(transaction__kind=_KINDS.BANK_REFUND, account=Account.REFUND_CLEARING)
    return {
        "gross_won": _won(sale),
        "refunds_won": -_won(back),
        "fee_won": -_won(Q(account=Account.FEE_REVENUE)),
        "fee_vat_won": -_won(Q(account=Account.VAT_PAYABLE)),
        "net_won": -_won(Q(account=Account.MERCHANT_PAYABLE)),
    }


def _won(condition: Q) -> Any:
    return Coalesce(Sum("amount_won", filter=condition), 0)


def _payout_due(terms: SettlementTerms, *, now: datetime) -> datetime:
    if not terms.payout_days:
        return now
    today = now.astimezone(calendar.SEOUL).date()
    day = calendar.business_days_after(today, terms.payout_days)
    return datetime.combine(day, time(9), tzinfo=calendar.SEOUL)
