"""The lead's page: who is on duty with room for how many, and one button that hands out."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from support import sharing
from support.models import Duty, Ticket


class Shares(admin.ModelAdmin[Ticket]):
    """One more page beside the queue."""

    def get_urls(self) -> list[URLPattern]:
        """Its address."""
        view = require_http_methods(["GET", "HEAD", "POST"])(self.share_view)
        return [
            path("share/", self.admin_site.admin_view(view), name="support_ticket_share"),
            *super().get_urls(),
        ]

    def share_view(self, request: HttpRequest) -> HttpResponse:
        """Save who is on duty; with `share` hand the free cases out as well."""
        if not request.user.has_perm("support.assign_ticket"):
            raise PermissionDenied
        agents = sharing.agents()
        typed = {agent.user.pk: _typed(request, agent) for agent in agents}
        problems = {pk: _problem(capacity) for pk, (_is_on, capacity) in typed.items()}
        if request.method == "POST" and not any(problems.values()):
            plan = {pk: (is_on, int(capacity)) for pk, (is_on, capacity) in typed.items()}
            sharing.set_duties(plan)
            if "share" not in request.POST:
                messages.success(request, _("저장했어요."))
            else:
                self._share(request, {agent.user.pk: str(agent.user) for agent in agents})
            return HttpResponseRedirect(reverse("admin:support_ticket_share"))
        context = {
            **self.admin_site.each_context(request),
            "title": _("맡을 사람이 없는 요청 나누기"),
            "opts": self.opts,
            "rows": [(agent, *typed[agent.user.pk], problems[agent.user.pk]) for agent in agents],
            "most": Duty.MOST,
        }
        status = 422 if any(problems.values()) else 200
        return TemplateResponse(request, "admin/support/ticket/share.html", context, status=status)

    def _share(self, request: HttpRequest, names: dict[int, str]) -> None:
        shared = sharing.share(by=f"staff:{request.user.pk}", now=timezone.now())
        given = ", ".join(
            _("{name} {count}건").format(name=names.get(pk, ""), count=count)
            for pk, count in shared.given.items()
        )
        if given:
            messages.success(request, _("나눴어요: {given}").format(given=given))
        if shared.left:
            words = _("맡을 사람이 없는 요청이 {count}건 남았어요. 자리를 늘리면 나눌 수 있어요.")
            messages.warning(request, words.format(count=shared.left))
        elif not given:
            messages.info(request, _("나눌 요청이 없어요."))


def _typed(request: HttpRequest, agent: sharing.Agent) -> tuple[bool, str]:
    """The line of one agent as it was sent, or as it stands."""
    if request.method != "POST":
        return agent.is_on_duty, f"{agent.capacity}"
    pk = agent.user.pk
    return f"duty-{pk}" in request.POST, request.POST.get(f"capacity-{pk}", "").strip()


def _problem(capacity: str) -> str:
    is_number = capacity.isascii() and capacity.isdigit() and len(capacity) <= len(f"{Duty.MOST}")
    if is_number:
        return ""
    return _("0에서 {most} 사이의 숫자로 적어 주세요").format(most=Duty.MOST)
