"""Settlements as a merchant sees them: what has come together, what was closed, what was paid."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import settlement, standing
from payments.calendar import SEOUL
from payments.models import Merchant, Payout, Settlement, SettlementLine
from payments.settlement import OpenFigures
from payments.standing import Standing
from payments.states import PayoutState
from portal.views.csv_files import Cell, csv_response
from portal.views.keyset import page
from portal.views.merchant import merchant_only

_S = PayoutState
_NOTHING = Standing(gettext_lazy("보낼 돈 없음"), "note")


@dataclass(frozen=True)
class SettlementRow:
    """One closed period; every figure in won.

    payable = net + carried − withheld. Of `held_won` nothing is in net. What is less than nothing
    is carried into the next period.
    """

    first: date
    last: date
    gross_won: int
    refunds_won: int
    fee_won: int
    fee_vat_won: int
    net_won: int
    carried_won: int
    withheld_won: int
    held_won: int
    payout_won: int
    standing: Standing
    paid_on: date | None
    expected_on: date | None


@merchant_only
def settlements(request: HttpRequest, merchant: Merchant) -> HttpResponse:
    """What the next settlement holds by now, and every one before, newest first."""
    found = page(_settlements(merchant), at="closed_at", query=request.GET)
    coming = settlement.open_figures(merchant)
    context = {
        "merchant": merchant,
        "section": "settlements",
        "coming": coming,
        "coming_won": _coming_won(coming),
        "carried_won": coming.brought_forward_won - coming.withheld_won,
        "held_won": coming.held_won + coming.withheld_won,
        "fees_won": coming.figures.fee_won + coming.figures.fee_vat_won,
        "failed": Payout.objects.filter(merchant=merchant, state=_S.FAILED).exists(),
        "page": found,
        "rows": [_row(one) for one in found.rows],
    }
    return render(request, "portal/merchant/settlements.html", context)


@merchant_only
def settlements_csv(request: HttpRequest, merchant: Merchant) -> HttpResponseBase:
    """Every settlement, oldest first; net and payout add up to the ledger."""
    head = [
        _("시작"),
        _("끝"),
        *_money_head(),
        _("정산액"),
        _("이월"),
        _("이월에서 보류"),
        _("기간에서 보류"),
        _("지급액"),
        _("지급 상태"),
        _("지급일"),
    ]
    rows = (_row(one) for one in _settlements(merchant).order_by("last"))
    return csv_response(f"settlements-{merchant.slug}.csv", head, map(_cells, rows))


@merchant_only
def lines_csv(request: HttpRequest, merchant: Merchant) -> HttpResponseBase:
    """The lines of one settlement (`?last=2026-11-30`), or of all of them."""
    lines = SettlementLine.objects.filter(settlement__merchant=merchant)
    name = f"settlement-lines-{merchant.slug}"
    if asked := request.GET.get("last", ""):
        last = _day(asked)
        closed = get_object_or_404(_settlements(merchant), last=last)
        lines = lines.filter(settlement=closed)
        name += f"-{last:%Y%m%d}"
    head = [
        _("정산 끝 날"),
        _("시각(한국)"),
        _("결제 번호"),
        _("주문 번호"),
        _("상품"),
        _("구분"),
        _("지난 기간"),
        *_money_head(),
        _("정산액"),
    ]
    return csv_response(f"{name}.csv", head, _line_cells(lines))


def _settlements(merchant: Merchant) -> QuerySet[Settlement]:
    return Settlement.objects.filter(merchant=merchant).select_related("payout")


def _coming_won(coming: OpenFigures) -> int:
    return coming.figures.net_won + coming.brought_forward_won - coming.withheld_won


def _row(closed: Settlement) -> SettlementRow:
    payout: Payout | None = getattr(closed, "payout", None)
    return SettlementRow(
        first=closed.first,
        last=closed.last,
        gross_won=closed.gross_won,
        refunds_won=closed.refunds_won,
        fee_won=closed.fee_won,
        fee_vat_won=closed.fee_vat_won,
        net_won=closed.net_won,
        carried_won=closed.brought_forward_won,
        withheld_won=closed.withheld_won,
        held_won=closed.held_won,
        payout_won=payout.amount_won if payout else 0,
        standing=standing.of_payout_state(payout.state) if payout else _NOTHING,
        paid_on=payout.paid_at.astimezone(SEOUL).date() if payout and payout.paid_at else None,
        expected_on=payout.due_at.astimezone(SEOUL).date()
        if payout and payout.state == _S.SCHEDULED
        else None,
    )


def _money_head() -> list[str]:
    return [_("매출"), _("취소·환불"), _("수수료"), _("수수료 부가세")]


def _cells(row: SettlementRow) -> list[Cell]:
    return [
        row.first.isoformat(),
        row.last.isoformat(),
        row.gross_won,
        row.refunds_won,
        row.fee_won,
        row.fee_vat_won,
        row.net_won,
        row.carried_won,
        row.withheld_won,
        row.held_won,
        row.payout_won,
        str(row.standing.text),
        row.paid_on.isoformat() if row.paid_on else "",
    ]


def _line_cells(lines: QuerySet[SettlementLine]) -> Iterator[list[Cell]]:
    kinds = {
        "PAID": _("결제"),
        "CARRIER_CANCEL": _("통신사 취소"),
        "BANK_REFUND": _("계좌 환불"),
        "CORRECTION": _("통신사가 취소함"),
    }
    rows: Iterable[SettlementLine] = (
        lines.select_related("settlement", "transaction", "payment")
        .order_by("settlement__last", "transaction__posted_at", "pk")
        .iterator(chunk_size=2_000)
    )
    for line in rows:
        at = line.transaction.posted_at.astimezone(SEOUL)
        yield [
            line.settlement.last.isoformat(),
            at.strftime("%Y-%m-%d %H:%M:%S"),
            line.payment.reference,
            line.payment.order_no,
            line.payment.item_name,
            kinds.get(line.transaction.kind, line.transaction.kind),
            _("예") if line.is_late else "",
            line.gross_won,
            line.refunds_won,
            line.fee_won,
            line.fee_vat_won,
            line.net_won,
        ]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Http404 from None
