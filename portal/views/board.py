"""The leads' board, on a page and as a file."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from payments.calendar import SEOUL
from payments.templatetags.won import span
from portal import board
from portal.views.csv_files import Cell, csv_response
from support.models import Rating, Ticket

_WINDOWS = (7, 30, 90)
_USUAL = 30


def _figures(request: HttpRequest) -> tuple[int, board.Board]:
    if not request.user.has_perm("support.view_board"):
        raise PermissionDenied
    typed = request.GET.get("days", "")
    days = int(typed) if typed in map(str, _WINDOWS) else _USUAL
    now = timezone.now()
    return days, board.board(since=now - timedelta(days=days), now=now)


def _page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    days, found = _figures(request)
    names = _names()
    kinds, reasons = dict(Ticket.Kind.choices), dict(Ticket.Reason.choices)
    context |= {
        "title": _("상담 현황"),
        "days": days,
        "windows": _WINDOWS,
        "board": found,
        "ages": _ages(),
        "backlog": [(kinds[kind], counts, sum(counts)) for kind, counts in found.backlog],
        "work": [
            (
                names.get(work.agent, work.agent),
                kinds[work.kind],
                work.count,
                work.late,
                span(work.first_answer),
                span(work.resolution),
            )
            for work in found.work
        ],
        "satisfaction": [
            (names.get(row.agent, row.agent), kinds[row.kind], row.good, row.fair, row.poor)
            for row in found.satisfaction
        ],
        "scores": Rating.Score.labels,
        "reasons": [(shop, reasons.get(reason, reason), n) for shop, reason, n in found.reasons],
    }
    return TemplateResponse(request, "admin/board.html", context)


def page(site: Any) -> Any:
    """The page, for the admin site whose frame it has."""

    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        return _page(request, site.each_context(request))

    return view


@require_safe
def as_csv(request: HttpRequest) -> HttpResponseBase:
    """Every figure of the page, one a line; times in minutes."""
    days, found = _figures(request)
    head = [_("표"), _("이름"), _("종류"), _("항목"), _("값")]
    today = timezone.now().astimezone(SEOUL).date()
    return csv_response(f"desk-{today:%Y%m%d}-{days}d.csv", head, _lines(found))


def _lines(found: board.Board) -> Iterator[list[Cell]]:
    kinds, reasons, names = dict(Ticket.Kind.choices), dict(Ticket.Reason.choices), _names()
    totals = (
        (_("기한 지난 요청"), found.overdue),
        (_("하루 안에 기한인 요청"), found.soon),
        (_("늦게 답한 요청"), found.decided_late),
        (_("통신사 취소 마감을 놓친 요청"), found.cutoff_missed),
    )
    for name, count in totals:
        yield [_("마감"), "", "", name, count]
    for kind, counts in found.backlog:
        for age, count in zip(_ages(), counts, strict=True):
            yield [_("쌓인 요청"), "", str(kinds[kind]), age, count]
    for work in found.work:
        who, kind = names.get(work.agent, work.agent), str(kinds[work.kind])
        yield [_("상담원"), who, kind, _("결정"), work.count]
        yield [_("상담원"), who, kind, _("늦음"), work.late]
        yield [_("상담원"), who, kind, _("첫 답까지 (분)"), _minutes(work.first_answer)]
        yield [_("상담원"), who, kind, _("결정까지 (분)"), _minutes(work.resolution)]
    for row in found.satisfaction:
        who, kind = names.get(row.agent, row.agent), str(kinds[row.kind])
        for label, count in zip(Rating.Score.labels, (row.good, row.fair, row.poor), strict=True):
            yield [_("고객의 평가"), who, kind, str(label), count]
    for shop, reason, count in found.reasons:
        yield [_("취소 이유"), shop, "", str(reasons.get(reason, reason)), count]


def _ages() -> list[str]:
    return [
        _("하루 안"),
        _("1–3일"),
        _("3–7일"),
        _("7–14일"),
        _("14일 넘음"),
    ]


def _names() -> dict[str, str]:
    people = get_user_model().objects.filter(is_staff=True)
    return {f"staff:{person.pk}": str(person) for person in people}


def _minutes(span: timedelta | None) -> Cell:
    return "" if span is None else round(span / timedelta(minutes=1))
