"""What a merchant earned, added up from the ledger: the one definition behind screen and CSV.

Days are Korean days of `posted_at`, so a cancellation counts on the day the money went back, not on
the day of the sale. Every function takes the merchant first and reads nothing of anybody else.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce, TruncDate

from payments.calendar import SEOUL
from payments.models import Account, LedgerEntry, LedgerTransaction, Merchant

_CHUNK = 2_000


@dataclass(frozen=True)
class Days:
    """Korean days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def starts_at(self) -> datetime:
        """The first moment."""
        return datetime.combine(self.first, time(), tzinfo=SEOUL)

    @property
    def ends_before(self) -> datetime:
        """The first moment that is too late."""
        return datetime.combine(self.last + timedelta(days=1), time(), tzinfo=SEOUL)

    def __iter__(self) -> Iterator[date]:
        for offset in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=offset)


@dataclass(frozen=True)
class Figures:
    """Won and counts; net = sales − refunds − fee − fee VAT, fees less what was returned."""

    sales_won: int = 0
    sales_count: int = 0
    refunds_won: int = 0
    carrier_refunds_count: int = 0
    bank_refunds_count: int = 0
    fee_won: int = 0
    fee_vat_won: int = 0
    net_won: int = 0

    @property
    def fees_won(self) -> int:
        """Fee and its VAT together."""
        return self.fee_won + self.fee_vat_won

    @property
    def refunds_count(self) -> int:
        """Refunds on either route."""
        return self.carrier_refunds_count + self.bank_refunds_count

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )


@dataclass(frozen=True)
class DayFigures:
    """One Korean day."""

    day: date
    figures: Figures


@dataclass(frozen=True)
class Report:
    """Every day of a range, days without a sale included, and their total."""

    days: tuple[DayFigures, ...]
    total: Figures


@dataclass(frozen=True)
class PaymentFigures:
    """What one payment moved inside a range."""

    payment_id: int
    reference: str
    order_no: str
    item_name: str
    carrier: str
    phone_last4: str
    paid_at: datetime
    figures: Figures


def report(merchant: Merchant, days: Days) -> Report:
    """The merchant's figures of each day in the range."""
    rows = (
        _entries(merchant, days)
        .annotate(day=TruncDate("transaction__posted_at", tzinfo=SEOUL))
        .values("day")
        .annotate(**_sums())
        .order_by("day")
    )
    by_day = {row.pop("day"): Figures(**row) for row in rows}
    listed = tuple(DayFigures(day, by_day.get(day, Figures())) for day in days)
    return Report(days=listed, total=sum((row.figures for row in listed), Figures()))


def by_payment(merchant: Merchant, days: Days) -> Iterator[PaymentFigures]:
    """Every payment that moved money in the range, oldest first, read as a stream.

    The columns add up to the total of `report`.
    """
    rows = (
        _entries(merchant, days)
        .values(
            payment_id=F("transaction__payment_id"),
            reference=F("transaction__payment__reference"),
            order_no=F("transaction__payment__order_no"),
            item_name=F("transaction__payment__item_name"),
            carrier=F("transaction__payment__carrier"),
            phone_last4=F("transaction__payment__phone_last4"),
            paid_at=F("transaction__payment__paid_at"),
        )
        .annotate(**_sums())
        .order_by("paid_at", "payment_id")
    )
    names = {field.name for field in fields(Figures)}
    for row in rows.iterator(chunk_size=_CHUNK):
        figures = Figures(**{name: row.pop(name) for name in names})
        yield PaymentFigures(**row, figures=figures)


def of_payments(merchant: Merchant, payment_ids: Iterable[int]) -> dict[int, Figures]:
    """What each of these payments moved until now; payments without postings are left out."""
    rows: Any = (
        LedgerEntry.objects.filter(
            transaction__merchant=merchant, transaction__payment_id__in=list(payment_ids)
        )
        .values(payment_id=F("transaction__payment_id"))
        .annotate(**_sums())
        .order_by()
    )
    return {row.pop("payment_id"): Figures(**row) for row in rows}


def _entries(merchant: Merchant, days: Days) -> Any:
    return LedgerEntry.objects.filter(
        transaction__merchant=merchant,
        transaction__posted_at__gte=days.starts_at,
        transaction__posted_at__lt=days.ends_before,
        # What is paid out was earned before: it is no figure of the day.
        transaction__payment__isnull=False,
    )


def _sums() -> dict[str, Any]:
    kind = LedgerTransaction.Kind
    sale = Q(transaction__kind=kind.PAID, account=Account.CARRIER_RECEIVABLE)
    # Each kind of refund has one line whose amount is what the payer got back.
    carrier_refund = Q(
        transaction__kind__in=[kind.CARRIER_CANCEL, kind.CORRECTION],
        account=Account.CARRIER_RECEIVABLE,
    )
    bank_refund = Q(transaction__kind=kind.BANK_REFUND, account=Account.REFUND_CLEARING)
    return {
        "sales_won": _won(sale),
        "sales_count": Count("pk", filter=sale),
        "refunds_won": -_won(carrier_refund | bank_refund),
        "carrier_refunds_count": Count("pk", filter=carrier_refund),
        "bank_refunds_count": Count("pk", filter=bank_refund),
        "fee_won": -_won(Q(account=Account.FEE_REVENUE)),
        "fee_vat_won": -_won(Q(account=Account.VAT_PAYABLE)),
        "net_won": -_won(Q(account=Account.MERCHANT_PAYABLE)),
    }


def _won(condition: Q) -> Any:
    return Coalesce(Sum("amount_won", filter=condition), 0)
