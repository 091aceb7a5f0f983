"""Beside the queue: keeping what it shows under a name, and renaming or dropping that."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from support import saved_views
from support.models import SavedView, Ticket
from support.queue import View

_LONGEST_TERM = 200
_DIGITS = 18
VIEWS = {
    View.TODO: gettext_lazy("할 일"),
    View.MINE: gettext_lazy("내 요청"),
    View.UNASSIGNED: gettext_lazy("맡은 사람 없음"),
    View.NEAR: gettext_lazy("마감 임박"),
    View.WAITING: gettext_lazy("답 기다림"),
    View.REOPENED: gettext_lazy("다시 연 요청"),
    View.REFUNDING: gettext_lazy("환불 진행 중"),
    View.CLOSED: gettext_lazy("닫힘"),
}


class SavedViews(admin.ModelAdmin[Ticket]):
    """Two more pages beside the queue."""

    def get_urls(self) -> list[URLPattern]:
        """Their addresses."""
        both = require_http_methods(["GET", "HEAD", "POST"])
        add, change = both(self.add_saved_view), both(self.change_saved_view)
        return [
            path("views/add/", self.admin_site.admin_view(add), name="support_ticket_view_add"),
            path("views/<int:pk>/", self.admin_site.admin_view(change), name="support_ticket_view"),
            *super().get_urls(),
        ]

    def saved_view(self, request: HttpRequest) -> SavedView | None:
        """The agent's own view that the address names; None when it names none."""
        pk = request.GET.get("saved", "")
        if not pk:
            return None
        is_number = pk.isascii() and pk.isdigit() and len(pk) <= _DIGITS
        found = saved_views.find(request.user.pk or 0, int(pk)) if is_number else None
        if found is None:
            raise Http404
        return found

    def add_saved_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for the name of what the queue shows, and keep it."""
        user_id = self._agent(request)
        sent = request.POST if request.method == "POST" else request.GET
        view, term = _view(sent.get("view", "")), sent.get("q", "").strip()[:_LONGEST_TERM]
        name = request.POST.get("name", "")
        problem = ""
        if request.method == "POST":
            try:
                saved = saved_views.save(user_id=user_id, name=name, view=view, term=term)
            except (
                saved_views.NameMissing,
                saved_views.NameTaken,
                saved_views.TooMany,
            ) as error:
                problem = _problem(error)
            else:
                messages.success(request, _("저장했어요: {name}").format(name=saved.name))
                return HttpResponseRedirect(_queue(saved))
        facts = {"title": _("이 보기 저장"), "view": view, "term": term}
        return self._view_page(request, name=name, problem=problem, **facts)

    def change_saved_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Another name for one's own view, or away with it."""
        saved = saved_views.find(self._agent(request), pk)
        if saved is None:
            raise Http404
        name, problem = request.POST.get("name", saved.name), ""
        if "forget" in request.POST:
            saved_views.forget(saved)
            messages.success(request, _("보기를 지웠어요: {name}").format(name=saved.name))
            return HttpResponseRedirect(reverse("admin:support_ticket_changelist"))
        if request.method == "POST":
            try:
                saved_views.rename(saved, name)
            except (saved_views.NameMissing, saved_views.NameTaken) as error:
                problem = _problem(error)
            else:
                messages.success(request, _("이름을 바꿨어요: {name}").format(name=saved.name))
                return HttpResponseRedirect(_queue(saved))
        facts = {"title": _("저장한 보기 고치기"), "saved": saved, "term": saved.term}
        return self._view_page(request, name=name, problem=problem, view=View(saved.view), **facts)

    def _agent(self, request: HttpRequest) -> int:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return request.user.pk or 0

    def _view_page(self, request: HttpRequest, *, problem: str, **facts: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "problem": problem,
            "longest": SavedView.LONGEST_NAME,
            "view_words": VIEWS[facts["view"]],
            **facts,
        }
        status = 422 if problem else 200
        template = "admin/support/ticket/saved_view.html"
        return TemplateResponse(request, template, context, status=status)


def _queue(saved: SavedView) -> str:
    return f"{reverse('admin:support_ticket_changelist')}?saved={saved.pk}"


def _view(name: str) -> View:
    try:
        return View(name or View.TODO)
    except ValueError:
        raise Http404 from None


def _problem(error: Exception) -> str:
    if isinstance(error, saved_views.TooMany):
        return _("{most}개까지 저장할 수 있어요. 쓰지 않는 보기를 먼저 지워 주세요").format(
            most=SavedView.MOST
        )
    if isinstance(error, saved_views.NameTaken):
        return _("같은 이름의 보기가 이미 있어요")
    return _("보기의 이름을 적어 주세요")
