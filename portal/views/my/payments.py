"""All of somebody's payments over all shops, by month; and the same as files to keep."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from payments import calendar, lines, standing
from payments.calendar import SEOUL
from payments.carriers import registry
from payments.models import Merchant, Payment, PhoneVerification
from payments.subscriber import mask_phone
from payments.templatetags.won import moment, month, won
from portal.receipts import facts, sheets
from portal.views.csv_files import Cell, csv_response
from portal.views.keyset import page
from portal.views.my import door
from portal.views.my.visit import secret_of, visitors_only
from support import papers, visits
from support.models import Ticket

SIZE = 20
_LONGEST_PDF = 1_000


@dataclass(frozen=True)
class Row:
    """One payment in the list; `month` is the heading it stands under, `2026-11`."""

    payment: Payment
    standing: standing.Standing
    month: str
    bill: str


@dataclass(frozen=True)
class Month:
    """A month one can choose: `2026-11` and how it is said."""

    value: str
    text: str


@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponseBase:
    """Whoever is inside sees their payments, everybody else the door."""
    is_inside = visits.open_visit(secret_of(request), now=timezone.now()) is not None
    return _list(request) if is_inside and request.method != "POST" else door.knock(request)


@visitors_only
def _list(request: HttpRequest, visit: PhoneVerification) -> HttpResponse:
    mine = visits.payments_of(visit)
    found = page(_chosen(mine, request.GET), at="created_at", query=request.GET, size=SIZE)
    is_filtered = any(request.GET.get(name) for name in ("month", "shop"))
    now = timezone.now()
    context = {
        "section": "payments",
        "masked_phone": mask_phone(visit.phone),
        "page": found,
        "rows": [_row(payment) for payment in found.rows],
        "months": _months(mine),
        "shops": Merchant.objects.filter(pk__in=mine.order_by().values("merchant")).order_by(
            "name"
        ),
        "chosen_month": request.GET.get("month", ""),
        "chosen_shop": request.GET.get("shop", ""),
        "is_filtered": is_filtered,
        "rules": lines.rules_of(visits.holder_of(visit), now=now),
        "this_month": month(calendar.billing_month(now)),
        "file_query": _file_query(request.GET),
        "ready": _ready(visit, now),
    }
    return render(request, "portal/my/payments.html", context)


@require_safe
@visitors_only
def as_csv(request: HttpRequest, visit: PhoneVerification) -> HttpResponseBase:
    """The whole history, or what is chosen of it, for a spreadsheet."""
    head = [
        _("결제 번호"),
        _("시각(한국)"),
        _("판매자"),
        _("판매자 전화"),
        _("상품"),
        _("통신사"),
        _("휴대폰"),
        _("상태"),
        _("청구되는 달"),
        _("금액(원)"),
        _("돌려받은 금액(원)"),
    ]
    chosen = _chosen(visits.payments_of(visit), request.GET).order_by("-created_at", "-pk")
    return csv_response(_file_name("csv"), head, _csv_lines(chosen))


@require_safe
@visitors_only
def as_pdf(request: HttpRequest, visit: PhoneVerification) -> HttpResponse:
    """The same to print or hand in."""
    now = timezone.now()
    chosen = _chosen(visits.payments_of(visit), request.GET).order_by("-created_at", "-pk")
    shown = list(chosen[: _LONGEST_PDF + 1])
    note = (
        _("최근 1,000건이에요. 전부는 CSV 파일로 받을 수 있어요.")
        if len(shown) > _LONGEST_PDF
        else _("모두 {count}건이에요.").format(count=len(shown))
    )
    head = [
        _("시각"),
        _("판매자"),
        _("상품"),
        _("상태"),
        _("금액"),
        _("돌려받은 금액"),
    ]
    rows = [
        [
            moment(payment.paid_at or payment.created_at),
            payment.merchant.name,
            f"{payment.item_name}\n{payment.reference}",
            str(standing.of_payment(payment, payment.refunds.all()).text),
            won(payment.amount_won),
            won(facts.returned_won(payment)) if facts.returned_won(payment) else "–",
        ]
        for payment in shown[:_LONGEST_PDF]
    ]
    content = sheets.history(head, rows, line=mask_phone(visit.phone), note=note, now=now)
    return pdf_response(_file_name("pdf"), content)


def pdf_response(name: str, content: bytes) -> HttpResponse:
    """A PDF called `name`, to keep."""
    response = HttpResponse(content, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _ready(visit: PhoneVerification, now: datetime) -> list[Ticket]:
    """Answers that wait here; about a payment only for who made it by this birthdate."""
    found = papers.ready(visit.phone_bidx, now=now)
    mine = visit.holder_bidx
    return [one for one in found if one.payment is None or one.payment.holder_bidx == mine]


def _row(payment: Payment) -> Row:
    return Row(
        payment=payment,
        standing=standing.of_payment(payment, payment.refunds.all()),
        month=calendar.billing_month(payment.created_at),
        bill=facts.bill_line(payment),
    )


def _chosen(mine: QuerySet[Payment], query: QueryDict) -> QuerySet[Payment]:
    """What month and shop leave of it; a choice we never offered leaves everything."""
    first = _first_of(query.get("month", ""))
    if first is not None:
        mine = mine.filter(created_at__gte=first, created_at__lt=calendar.month_end(first))
    shop = query.get("shop", "")
    return mine.filter(merchant__slug=shop) if shop else mine


def _first_of(chosen: str) -> datetime | None:
    try:
        return datetime.strptime(chosen, "%Y-%m").replace(tzinfo=SEOUL)
    except ValueError:
        return None


def _months(mine: QuerySet[Payment]) -> list[Month]:
    firsts = mine.order_by().datetimes("created_at", "month", order="DESC", tzinfo=SEOUL)
    return [Month(f"{at:%Y-%m}", f"{at:%Y}. {at.month}.") for at in firsts]


def _csv_lines(rows: QuerySet[Payment]) -> Iterator[list[Cell]]:
    for payment in rows.iterator(chunk_size=500):
        at = (payment.paid_at or payment.created_at).astimezone(SEOUL)
        yield [
            payment.reference,
            at.strftime("%Y-%m-%d %H:%M:%S"),
            payment.merchant.name,
            payment.merchant.phone,
            payment.item_name,
            str(registry.carrier(payment.carrier).name) if payment.carrier else "",
            payment.masked_phone,
            str(standing.of_payment(payment, payment.refunds.all()).text),
            payment.billing_month,
            payment.amount_won,
            facts.returned_won(payment),
        ]


def _file_query(query: QueryDict) -> str:
    kept = query.copy()
    for name in list(kept):
        if name not in {"month", "shop"}:
            kept.pop(name)
    return f"?{kept.urlencode()}" if kept else ""


def _file_name(kind: str) -> str:
    return f"payments-{timezone.now().astimezone(SEOUL):%Y%m%d}.{kind}"
