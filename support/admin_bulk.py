"""One step on several cases, in three pages: what, what would happen to each, what became of it."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from payments.models.payments import new_token
from support import bulk, forms, notices, steps
from support.bulk import Action, Order, Result
from support.models import BulkRun, Ticket, pk_of_number

_DIGITS = 18
_KEY = 64


class Bulks(admin.ModelAdmin[Ticket]):
    """What the queue's boxes lead to."""

    def get_urls(self) -> list[URLPattern]:
        """Two more pages beside the queue."""
        wrap = self.admin_site.admin_view
        ask = require_http_methods(["GET", "HEAD", "POST"])(self.bulk_view)
        return [
            path("bulk/", wrap(ask), name="support_ticket_bulk"),
            path(
                "bulk/<int:run>/",
                wrap(require_safe(self.bulk_run_view)),
                name="support_ticket_bulk_run",
            ),
            *super().get_urls(),
        ]

    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        """Which step, then a trial of it, then off it goes."""
        _check(request)
        is_asked = request.method == "POST"
        chosen = _chosen((request.POST if is_asked else request.GET).getlist("case"))
        if not chosen:
            messages.warning(request, _("먼저 요청을 하나 이상 골라 주세요."))
            return HttpResponseRedirect(reverse("admin:support_ticket_changelist"))
        if len(chosen) > bulk.MOST:
            words = _("한 번에 {count}건까지 할 수 있어요.").format(count=bulk.MOST)
            messages.warning(request, words)
            return HttpResponseRedirect(reverse("admin:support_ticket_changelist"))
        problems = _problems(request) if is_asked else {}
        if not is_asked or problems or "back" in request.POST:
            return self._ask(request, chosen, problems)
        order = _order(request)
        if "confirmed" not in request.POST:
            return self._show_trial(request, chosen, order)
        key = request.POST.get("key", "")[:_KEY] or new_token()
        run = bulk.start(order, chosen, key=key, now=timezone.now())
        return HttpResponseRedirect(reverse("admin:support_ticket_bulk_run", args=[run.pk]))

    def bulk_run_view(self, request: HttpRequest, run: int) -> HttpResponse:
        """How far it is, line by line; 204 while an open page knows all there is."""
        _check(request)
        row = get_object_or_404(BulkRun.objects.select_related("assignee", "by"), pk=run)
        items = bulk.items(row)
        over = sum(item.is_over for item in items)
        is_polled = bool(request.htmx)  # type: ignore[attr-defined]
        if is_polled and request.GET.get("known") == f"{over}":
            return HttpResponse(status=204)
        context = {
            **self.admin_site.each_context(request),
            "title": _("{action}, {count}건").format(
                action=row.get_action_display(), count=len(items)
            ),
            "opts": self.opts,
            "run": row,
            "items": [
                (item, _became(row, item.result, is_dead=bool(item.dead_at))) for item in items
            ],
            "over": over,
            "done": sum(item.result == Result.DONE for item in items),
            "is_over": over == len(items),
        }
        name = "_bulk_items" if is_polled else "bulk_run"
        return TemplateResponse(request, f"admin/support/ticket/{name}.html", context)

    def _ask(
        self, request: HttpRequest, chosen: dict[int, int], problems: dict[str, str]
    ) -> HttpResponse:
        rows = Ticket.objects.filter(pk__in=chosen).order_by("deadline_at", "pk")
        offered = [
            (action.value, action.label)
            for action in Action
            if request.user.has_perm(bulk.permission(action))
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": _("고른 요청 {count}건을 한꺼번에").format(count=len(chosen)),
            "opts": self.opts,
            "cases": rows,
            "actions": offered,
            "action": request.POST.get("action", ""),
            "can_assign": request.user.has_perm(bulk.permission(Action.ASSIGN)),
            "colleagues": _colleagues(),
            "colleague": _number(request, "colleague"),
            "reason": request.POST.get("reason", ""),
            "number": request.POST.get("number", ""),
            "problems": problems,
        }
        status = 422 if problems else 200
        return TemplateResponse(request, "admin/support/ticket/bulk.html", context, status=status)

    def _show_trial(
        self, request: HttpRequest, chosen: dict[int, int], order: Order
    ) -> HttpResponse:
        found = bulk.trial(order, chosen, now=timezone.now())
        able = [forecast for forecast in found if forecast.result == Result.DONE]
        reader, text = _sample(order, able[0].ticket) if able else ("", "")
        context = {
            **self.admin_site.each_context(request),
            "title": _("{action}: {count}건 가운데 {able}건을 할 수 있어요").format(
                action=Action(order.action).label, count=len(found), able=len(able)
            ),
            "opts": self.opts,
            "found": [
                (forecast, _would(order.action, forecast), forecast.result == Result.DONE)
                for forecast in found
            ],
            "able": able,
            "chosen": chosen,
            "order": order,
            "number": request.POST.get("number", ""),
            "key": new_token(),
            "reader": reader,
            "text": text,
        }
        return TemplateResponse(request, "admin/support/ticket/bulk_trial.html", context)


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm("support.change_ticket"):
        raise PermissionDenied


def _chosen(typed: list[str]) -> dict[int, int]:
    """Cases as the boxes send them, `12`, or the page of the trial, `12:345` with what was seen."""
    found: dict[int, int] = {}
    for one in typed:
        pk, _colon, seen = one.partition(":")
        if _is_number(pk):
            found[int(pk)] = int(seen) if _is_number(seen) else 0
    return found


def _is_number(typed: str) -> bool:
    return typed.isascii() and typed.isdigit() and len(typed) <= _DIGITS


def _number(request: HttpRequest, name: str) -> int:
    typed = request.POST.get(name, "")
    return int(typed) if _is_number(typed) else 0


def _colleagues() -> list[Any]:
    people = get_user_model().objects.filter(is_staff=True, is_active=True)
    return list(people.order_by("email"))


def _first(request: HttpRequest) -> int | None:
    pk = pk_of_number(request.POST.get("number", ""))
    return pk if pk and Ticket.objects.filter(pk=pk).exists() else None


def _problems(request: HttpRequest) -> dict[str, str]:
    """What is wrong with the order, by field."""
    action = request.POST.get("action", "")
    if action not in Action.values:
        return {"action": _("무엇을 할지 골라 주세요")}
    if not request.user.has_perm(bulk.permission(action)):
        raise PermissionDenied
    if action == Action.ASSIGN:
        known = {person.pk for person in _colleagues()}
        is_known = _number(request, "colleague") in known
        return {} if is_known else {"colleague": _("맡길 사람을 골라 주세요")}
    found = {}
    if problem := forms.reason_problem(request.POST.get("reason", "").strip()):
        found["reason"] = problem
    if action == Action.DUPLICATE and _first(request) is None:
        found["number"] = _("먼저 들어온 요청의 번호를 C-20417처럼 적어 주세요")
    return found


def _order(request: HttpRequest) -> Order:
    action = request.POST.get("action", "")
    is_handed = action == Action.ASSIGN
    return Order(
        action=action,
        reason="" if is_handed else request.POST.get("reason", "").strip(),
        by_id=request.user.pk or 0,
        assignee_id=_number(request, "colleague") if is_handed else None,
        first_id=_first(request) if action == Action.DUPLICATE else None,
    )


def _sample(order: Order, ticket: Ticket) -> tuple[str, str]:
    """What the first customer will read, word for word; handing over tells nobody."""
    if order.action == Action.ASSIGN:
        return "", ""
    if order.action == Action.REJECT:
        text = notices.preview(notices.REJECTED, ticket, decision_reason=order.reason)
        return _("고객이 받을 문자"), text
    name = steps.ASK if order.action == Action.ASK else steps.DUPLICATE
    first = Ticket.objects.filter(pk=order.first_id or 0).first()
    return steps.text(name, ticket, typed=order.reason, first=first)


def _would(action: str, forecast: bulk.Forecast) -> str:
    if forecast.result == Result.DONE:
        return {
            Action.ASSIGN: _("맡겨요"),
            Action.ASK: _("고객에게 묻고 답을 기다려요"),
            Action.DUPLICATE: _("닫고 고객에게 알려요"),
            Action.REJECT: _("거절하고 고객에게 알려요"),
        }[Action(action)]
    if forecast.result == Result.MOVED:
        return _("지금은 할 수 없는 상태예요: {state}").format(
            state=forecast.ticket.get_state_display()
        )
    return _why_not(forecast.result)


def _became(run: BulkRun, result: str, *, is_dead: bool) -> str:
    """What to say of one line; empty while it is still to do."""
    if is_dead:
        return _("여러 번 해 봤지만 안 됐어요. 요청을 열어 직접 해 주세요.")
    if not result:
        return ""
    if result == Result.DONE:
        return {
            Action.ASSIGN: _("맡겼어요"),
            Action.ASK: _("고객에게 물었어요"),
            Action.DUPLICATE: _("같은 요청으로 닫았어요"),
            Action.REJECT: _("거절했어요"),
        }[Action(run.action)]
    return _why_not(Result(result))


def _why_not(result: Result) -> str:
    return {
        Result.ALREADY: _("이미 그 사람이 맡고 있어요"),
        Result.MOVED: _("그사이 할 수 없는 상태가 됐어요"),
        Result.CHANGED: _("그사이 바뀌어서 하지 않았어요. 열어서 확인해 주세요"),
        Result.NOT_SAME: _("먼저 들어온 그 요청이거나, 고객이 다르거나, 그 요청이 닫혔어요"),
        Result.NOT_ALLOWED: _("할 수 있는 권한이 없어요"),
        Result.NOBODY: _("맡길 사람이 지금 로그인할 수 없는 계정이에요"),
    }[result]
