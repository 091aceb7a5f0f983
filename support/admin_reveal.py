"""The agents' pages for reading masked data: why, then a minute of it.

No script hides anything: the server stops answering, and a header sends the browser away.
"""

from datetime import timedelta
from math import ceil
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from support import forms, revealing
from support.models import AuditEntry, Ticket
from support.revealing import Item


class Reveals(admin.ModelAdmin[Ticket]):
    """The part of the case's admin that shows personal data."""

    def get_urls(self) -> list[URLPattern]:
        """Two more pages under a case."""
        wrap = self.admin_site.admin_view
        ask = require_http_methods(["GET", "HEAD", "POST"])(self.reveal_view)
        return [
            path("<int:pk>/reveal/", wrap(ask), name="support_ticket_reveal"),
            path(
                "<int:pk>/reveal/<int:entry>/",
                wrap(require_safe(self.revealed_view)),
                name="support_ticket_revealed",
            ),
            *super().get_urls(),
        ]

    def reveal_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What, and why; a reason leads to the minute."""
        ticket = _ticket(request, pk)
        offered = revealing.items(ticket)
        reason = request.POST.get("reason", "").strip()
        chosen, problem = request.POST.get("item", ""), ""
        if request.method == "POST":
            problem = forms.reason_problem(reason, missing=_("왜 봐야 하는지 적어 주세요"))
            if not problem and chosen in offered:
                entry = revealing.ask(
                    ticket,
                    Item(chosen),
                    reason=reason,
                    actor=f"staff:{request.user.pk}",
                    address=getattr(request, "client_address", ""),
                    now=timezone.now(),
                )
                url = reverse("admin:support_ticket_revealed", args=[pk, entry.pk])
                return HttpResponseRedirect(url)
        words = _words()
        context = {
            **self.admin_site.each_context(request),
            "title": _("개인정보 보기"),
            "opts": self.opts,
            "ticket": ticket,
            "items": [(item, words[item]) for item in offered],
            "chosen": chosen or (offered[0] if offered else ""),
            "reason": reason,
            "problem": problem,
            "seconds": int(revealing.SHOWN_FOR.total_seconds()),
        }
        template = "admin/support/ticket/reveal.html"
        return TemplateResponse(request, template, context, status=422 if problem else 200)

    def revealed_view(self, request: HttpRequest, pk: int, entry: int) -> HttpResponse:
        """The data while its minute lasts; afterwards back to the case, whoever reloads."""
        ticket = _ticket(request, pk)
        row = get_object_or_404(AuditEntry, pk=entry)
        case_url = reverse("admin:support_ticket_change", args=[pk])
        found = revealing.shown(ticket, row, actor=f"staff:{request.user.pk}", now=timezone.now())
        if found is None:
            messages.info(request, _("볼 수 있는 시간이 지났어요. 다시 보려면 이유를 적어 주세요."))
            return HttpResponseRedirect(case_url)
        item, lines, left = found
        if item == Item.ACCOUNT:
            lines = [forms.bank_name(lines[0]), *lines[1:]]
        seconds = ceil(left / timedelta(seconds=1))
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _words()[item],
            "opts": self.opts,
            "ticket": ticket,
            "lines": lines,
            "reason": row.reason,
            "seconds": seconds,
        }
        answer = TemplateResponse(request, "admin/support/ticket/revealed.html", context)
        answer.headers["Refresh"] = f"{seconds}; url={case_url}"
        return answer


def _ticket(request: HttpRequest, pk: int) -> Ticket:
    if not request.user.has_perm("support.reveal_ticket"):
        raise PermissionDenied
    return get_object_or_404(Ticket.objects.select_related("refund", "buyer"), pk=pk)


def _words() -> dict[Item, str]:
    return {
        Item.PHONE: _("휴대전화번호"),
        Item.EMAIL: _("이메일 주소"),
        Item.ACCOUNT: _("환불 계좌"),
        Item.BUYER: _("판매자가 알린 구매자"),
    }
