"""The merchant's back office. Every query starts from the merchant of whoever is signed in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from payments import standing
from payments.calendar import SEOUL
from payments.carriers import registry
from payments.models import Merchant, Payment, Refund
from payments.states import REFUND_FINAL, PaymentState
from portal import charts, reports
from portal.forms import PERIODS, STANDINGS, PaymentFilter, PeriodForm
from portal.reports import Days, Figures
from portal.views import timeline
from portal.views.csv_files import Cell, csv_response
from portal.views.keyset import page

RECENT = 6
_OPEN_REFUNDS = 5
_UNPAID = ("DECLINED", "EXPIRED", "CANCELED", "REVERSED")
_STANDING_FILTERS = {
    "paid": Q(state=PaymentState.PAID),
    "open": ~Q(state__in=(*_UNPAID, PaymentState.PAID)),
    "unpaid": Q(state__in=_UNPAID),
}
P = ParamSpec("P")


@dataclass(frozen=True)
class PaymentRow:
    """One line of a list of payments."""

    payment: Payment
    standing: standing.Standing
    figures: Figures | None
    carrier_name: str


def for_merchant(
    view: Callable[Concatenate[HttpRequest, Merchant, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Hand the view its merchant; strangers sign in, staff are told that this is not their door."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        merchant = request.user.merchant
        if merchant is None:
            raise PermissionDenied
        return view(request, merchant, *args, **kwargs)

    return guarded


def merchant_only(
    view: Callable[Concatenate[HttpRequest, Merchant, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """The same for a page that only shows."""
    return require_safe(for_merchant(view))


@merchant_only
def home(request: HttpRequest, merchant: Merchant) -> HttpResponse:
    """What was sold and what is left of it, for a range of days."""
    form = _period_form(request)
    period = form.chosen()
    found = reports.report(merchant, period.days)
    recent = list(_payments(merchant).order_by("-created_at", "-pk")[:RECENT])
    open_refunds = _refunds(merchant).exclude(state__in=REFUND_FINAL)
    context = {
        "merchant": merchant,
        "section": "home",
        "form": form,
        "periods": PERIODS,
        "period": period,
        "days": period.days,
        "query": _period_query(period.name, period.days),
        "report": found,
        "chart": charts.chart(found.days),
        "rows": _rows(merchant, recent),
        "open_refunds": [
            (refund, standing.of_refund_state(refund.state))
            for refund in open_refunds.order_by("-requested_at", "-pk")[:_OPEN_REFUNDS]
        ],
    }
    return render(request, "portal/merchant/home.html", context, status=_status(form))


@merchant_only
def payments(request: HttpRequest, merchant: Merchant) -> HttpResponse:
    """Every payment, newest first, with filters."""
    form = PaymentFilter(request.GET)
    chosen = _filtered(merchant, form)
    found = page(chosen, at="created_at", query=request.GET)
    context = {
        "merchant": merchant,
        "section": "payments",
        "form": form,
        "standings": STANDINGS,
        "is_filtered": any(request.GET.get(name) for name in form.fields),
        "page": found,
        "rows": _rows(merchant, found.rows),
    }
    return render(request, "portal/merchant/payments.html", context, status=_status(form))


@merchant_only
def payment(request: HttpRequest, merchant: Merchant, reference: str) -> HttpResponse:
    """One payment: its money and everything that happened to it."""
    found = get_object_or_404(_payments(merchant), reference=reference)
    refunds_ = sorted(found.refunds.all(), key=lambda refund: refund.pk)
    context = {
        "merchant": merchant,
        "section": "payments",
        "payment": found,
        "standing": standing.of_payment(found, refunds_),
        "carrier_name": _carrier_name(found.carrier),
        "figures": reports.of_payments(merchant, [found.pk]).get(found.pk),
        "refunds": [(refund, standing.of_refund_state(refund.state)) for refund in refunds_],
        "moments": timeline.moments(found, refunds_),
    }
    return render(request, "portal/merchant/payment.html", context)


@merchant_only
def refunds(request: HttpRequest, merchant: Merchant) -> HttpResponse:
    """Every refund, newest first."""
    found = page(_refunds(merchant), at="requested_at", query=request.GET)
    context = {
        "merchant": merchant,
        "section": "refunds",
        "page": found,
        "rows": [(refund, standing.of_refund_state(refund.state)) for refund in found.rows],
    }
    return render(request, "portal/merchant/refunds.html", context)


@merchant_only
def payments_csv(request: HttpRequest, merchant: Merchant) -> HttpResponseBase:
    """The report's figures by payment; the columns add up to its totals."""
    head = [
        _("결제 번호"),
        _("결제 시각(한국)"),
        _("주문 번호"),
        _("상품"),
        _("통신사"),
        _("휴대폰"),
    ]
    return _report_file(request, merchant, "payments", head, _payment_lines)


@merchant_only
def days_csv(request: HttpRequest, merchant: Merchant) -> HttpResponseBase:
    """The report's figures by Korean day."""
    head = [_("날짜"), _("결제 건수"), _("취소·환불 건수")]
    return _report_file(request, merchant, "days", head, _day_lines)


def _report_file(
    request: HttpRequest,
    merchant: Merchant,
    name: str,
    head: list[str],
    lines: Callable[[Merchant, Days], Iterator[list[Cell]]],
) -> HttpResponseBase:
    """The chosen days as a file: columns of their own, then the money."""
    form = _period_form(request)
    days = form.chosen().days
    if form.errors:
        return HttpResponse(_("날짜를 확인해 주세요"), status=422, content_type="text/plain")
    money = [_("매출"), _("취소·환불"), _("수수료"), _("수수료 부가세"), _("받을 돈")]
    file_name = f"{name}-{merchant.slug}-{days.first:%Y%m%d}-{days.last:%Y%m%d}.csv"
    return csv_response(file_name, [*head, *money], lines(merchant, days))


def _period_form(request: HttpRequest) -> PeriodForm:
    return PeriodForm(request.GET, today=timezone.now().astimezone(SEOUL).date())


def _status(form: PeriodForm | PaymentFilter) -> int:
    return 422 if form.errors else 200


def _period_query(name: str, days: Days) -> str:
    if name != "custom":
        return f"?period={name}"
    return f"?period=custom&first={days.first.isoformat()}&last={days.last.isoformat()}"


def _payments(merchant: Merchant) -> QuerySet[Payment]:
    return Payment.objects.filter(merchant=merchant).prefetch_related("refunds")


def _refunds(merchant: Merchant) -> QuerySet[Refund]:
    return Refund.objects.filter(merchant=merchant).select_related("payment")


def _filtered(merchant: Merchant, form: PaymentFilter) -> QuerySet[Payment]:
    payments_ = _payments(merchant)
    if not form.is_valid():
        return payments_.none()
    typed = form.cleaned_data
    first, last = typed["first"], typed["last"]
    if first:
        payments_ = payments_.filter(created_at__gte=Days(first, first).starts_at)
    if last:
        payments_ = payments_.filter(created_at__lt=Days(last, last).ends_before)
    if typed["standing"] == "refunds":
        asked = _refunds(merchant).exclude(state="WITHDRAWN").values("payment_id")
        payments_ = payments_.filter(pk__in=asked)
    elif typed["standing"]:
        payments_ = payments_.filter(_STANDING_FILTERS[typed["standing"]])
    if typed["q"]:
        payments_ = payments_.filter(
            Q(reference__icontains=typed["q"])
            | Q(item_name__icontains=typed["q"])
            | Q(order_no=typed["q"])
        )
    if typed["amount"] is not None:
        payments_ = payments_.filter(amount_won=typed["amount"])
    return payments_


def _rows(merchant: Merchant, shown: list[Payment]) -> list[PaymentRow]:
    figures = reports.of_payments(merchant, [row.pk for row in shown])
    return [
        PaymentRow(
            payment=row,
            standing=standing.of_payment(row, row.refunds.all()),
            figures=figures.get(row.pk),
            carrier_name=_carrier_name(row.carrier),
        )
        for row in shown
    ]


def _carrier_name(code: str) -> str:
    return str(registry.carrier(code).name) if code else ""


def _money(figures: Figures) -> list[Cell]:
    return [
        figures.sales_won,
        figures.refunds_won,
        figures.fee_won,
        figures.fee_vat_won,
        figures.net_won,
    ]


def _payment_lines(merchant: Merchant, days: Days) -> Iterator[list[Cell]]:
    for row in reports.by_payment(merchant, days):
        yield [
            row.reference,
            row.paid_at.astimezone(SEOUL).strftime("%Y-%m-%d %H:%M:%S"),
            row.order_no,
            row.item_name,
            _carrier_name(row.carrier),
            f"010-****-{row.phone_last4}" if row.phone_last4 else "",
            *_money(row.figures),
        ]


def _day_lines(merchant: Merchant, days: Days) -> Iterator[list[Cell]]:
    for row in reports.report(merchant, days).days:
        yield [
            row.day.isoformat(),
            row.figures.sales_count,
            row.figures.refunds_count,
            *_money(row.figures),
        ]
