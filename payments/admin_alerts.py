"""What a person has to see to: what it is, how old, whose, and what to do about it."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from payments import admin_owners, watching
from payments.admin import choice_filter, column, heap_filter
from payments.admin_steps import NOT_OFFERED, Step, Stepping, Unable
from payments.models import Alert
from payments.templatetags.won import moment, span

_K = Alert.Kind
_TO_DO = {
    _K.REVIEW: gettext_lazy("통신사에 다시 물어보고, 통신사 말대로 끝내거나 되돌려 주세요."),
    _K.REFUND_FAILED: gettext_lazy("까닭을 보고, 다시 보내거나 계좌 환불로 바꿔 주세요."),
    _K.PAYOUT_FAILED: gettext_lazy("판매자의 계좌를 확인하고 지급을 다시 보내 주세요."),
    _K.REFUND_UNKNOWN: gettext_lazy(
        "저절로 계속 묻고 있어요. 통신사나 은행 담당자에게 직접 확인해 주세요."
    ),
    _K.PAYOUT_UNKNOWN: gettext_lazy("저절로 계속 묻고 있어요. 은행 담당자에게 확인해 주세요."),
    _K.UNMAPPED_ANSWER: gettext_lazy("무슨 뜻인지 통신사에 묻고, 답의 코드를 정해 주세요."),
    _K.LATE_CHARGE: gettext_lazy(
        "저절로 되돌렸어요. 되돌리지 못했다면 통신사와 함께 청구를 빼 주세요."
    ),
    _K.GIVEN_UP: gettext_lazy("막힌 까닭을 고친 뒤 다시 보내 주세요."),
    _K.MAIL_NOT_READ: gettext_lazy("메일함에서 직접 열어 보고, 필요하면 요청으로 적어 주세요."),
}
# Where the row of a `ref` is looked at; some kinds have a list of their own.
_PAGES = {
    "payment": "payment",
    "refund": "refund",
    "payout": "payout",
    "event": "outboxevent",
    "message": "message",
    "call": "carriercall",
}
_OWN_PAGES = {_K.REVIEW: "review", _K.REFUND_FAILED: "failedrefund"}


def page_of(alert: Alert) -> str | None:
    """The address of the row it is about; None when there is no page for such rows."""
    name, _colon, pk = alert.ref.partition(":")
    model = _OWN_PAGES.get(_K(alert.kind)) or _PAGES.get(name)
    return reverse(f"admin:payments_{model}_change", args=[pk]) if model and pk else None


def _row(alert: Alert) -> SafeString | str:
    url = page_of(alert)
    words = alert.detail or alert.ref
    return format_html('<a href="{}">{}</a>', url, words) if url else words


def _age(alert: Alert) -> SafeString:
    until = alert.closed_at or timezone.now()
    return format_html('<span class="nowrap">{}</span>', span(until - alert.raised_at))


def _resolution(alert: Alert) -> str:
    return _("저절로 해결됐어요.") if alert.resolution == Alert.SETTLED else alert.resolution


def _at(name: str) -> Any:
    return lambda row: format_html('<span class="nowrap">{}</span>', moment(getattr(row, name)))


def _closed(alert: Alert) -> str | None:
    if alert.closed_at is not None:
        return NOT_OFFERED
    if alert.kind == _K.REVIEW:
        return _("결제를 결정하면 저절로 닫혀요.")
    return None


def _close(alert: Alert, *, reason: str, by: str, now: Any, **_seen: Any) -> str:
    try:
        watching.close(alert.pk, resolution=reason, by=by, now=now)
    except (watching.AlreadyClosed, watching.StillOpen):
        raise Unable(_("그사이 닫혔어요.")) from None
    return _("닫았어요.")


@admin.register(Alert)
class AlertAdmin(Stepping):
    """Open ones first, the oldest on top."""

    list_display = (
        column(
            "what",
            gettext_lazy("무슨 일"),
            lambda row: format_html("<b>{}</b>", row.get_kind_display()),
        ),
        column("about", gettext_lazy("대상"), _row),
        column("age", gettext_lazy("나이"), _age),
        column("responsible", gettext_lazy("맡은 사람"), lambda row: row.owner),
        column("todo", gettext_lazy("할 일"), lambda row: _TO_DO[_K(row.kind)]),
        column("settled", gettext_lazy("어떻게 해결했는지"), _resolution),
    )
    list_filter = (
        heap_filter(
            gettext_lazy("상태"),
            gettext_lazy("열림"),
            gettext_lazy("닫힘"),
            Q(closed_at__isnull=True),
        ),
        choice_filter("kind", gettext_lazy("무슨 일"), dict(Alert.Kind.choices)),
    )
    search_fields = ("ref__iexact", "detail", "owner")
    search_help_text = gettext_lazy("결제 번호나 맡은 사람")
    ordering = ("-closed_at", "raised_at", "pk")
    details = (
        *list_display,
        column("raised", gettext_lazy("생긴 때"), _at("raised_at")),
        column("closed", gettext_lazy("닫은 때"), _at("closed_at")),
        column("by", gettext_lazy("닫은 사람"), lambda row: row.closed_by),
    )
    steps = (
        Step(
            name="close",
            title=gettext_lazy("닫기"),
            permission="payments.change_alert",
            label=gettext_lazy("어떻게 해결했는지"),
            means=lambda row: _("이 일은 더 이상 사람을 부르지 않아요. 돈은 움직이지 않아요."),
            closed=_closed,
            take=_close,
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        """One address more: to take an alert, or to give it to somebody."""
        own = self.admin_site.admin_view(require_POST(self.own))
        return [path("<int:pk>/own/", own, name="payments_alert_own"), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One alert and whose it is."""
        context = {
            "alert": self.get_object(request, object_id),
            "colleagues": admin_owners.colleagues(),
        }
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def own(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take it, or give it to a colleague; back to where it was pressed."""
        if not request.user.has_perm("payments.change_alert"):
            raise PermissionDenied
        alert = get_object_or_404(Alert, pk=pk)
        me = request.user.get_username()
        try:
            if request.POST.get("whose") == "colleague":
                who = _colleague(request)
                watching.give(alert.pk, to=who, by=me, now=timezone.now())
            else:
                watching.take(alert.pk, by=me)
        except watching.AlreadyClosed:
            messages.warning(request, _("그사이 닫혔어요."))
        url = page_of(alert) if request.POST.get("to") == "row" else None
        return HttpResponseRedirect(url or reverse("admin:payments_alert_change", args=[pk]))


def _colleague(request: HttpRequest) -> str:
    for person in admin_owners.colleagues():
        if str(person.pk) == request.POST.get("colleague"):
            return str(person.get_username())
    raise Http404
