"""What somebody decides about their own line: block it, cap its month, and take both back."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from payments import calendar, lines
from payments.models import LineChange, PhoneVerification
from payments.subscriber import mask_phone
from payments.templatetags.won import month, until, won
from portal.views.my.forms import LimitForm
from portal.views.my.visit import visitors_only
from support import visits

_KIND = LineChange.Kind
_DECISIONS: dict[str, Callable[..., LineChange]] = {
    "block": lines.block,
    "unblock": lines.ask_to_unblock,
    "keep-blocked": lines.keep_blocked,
    "keep-limit": lines.keep_limit,
}


@require_http_methods(["GET", "HEAD", "POST"])
@visitors_only
def rules(request: HttpRequest, visit: PhoneVerification) -> HttpResponse:
    """How the line stands; a POST names the decision in `what`."""
    now = timezone.now()
    if request.method != "POST":
        return _page(request, visit, LimitForm(), now)
    what = request.POST.get("what", "")
    form = LimitForm(request.POST)
    if what == "limit" and not form.is_valid():
        return _page(request, visit, form, now)
    try:
        change = _decide(what, visits.holder_of(visit), form, now)
    except lines.NotYours:
        messages.error(
            request,
            _("다른 생년월일로 정한 것이라 여기서 풀 수 없어요. 고객센터로 알려 주세요."),
        )
    except lines.NothingToChange:
        messages.info(request, _("이미 그렇게 되어 있어요."))
    else:
        messages.success(request, _words(change))
    return redirect("portal:my-rules")


def _decide(what: str, holder: lines.Holder, form: LimitForm, now: datetime) -> LineChange:
    language = get_language() or "ko"
    if what == "limit":
        limit_won = form.cleaned_data["limit"]
        return lines.set_limit(holder, limit_won=limit_won, language=language, now=now)
    if what == "no-limit":
        return lines.set_limit(holder, limit_won=None, language=language, now=now)
    decision = _DECISIONS.get(what)
    if decision is None:
        raise lines.NothingToChange
    return decision(holder, language=language, now=now)


def _page(
    request: HttpRequest, visit: PhoneVerification, form: LimitForm, now: datetime
) -> HttpResponse:
    context: dict[str, Any] = {
        "section": "rules",
        "masked_phone": mask_phone(visit.phone),
        "rules": lines.rules_of(visits.holder_of(visit), now=now),
        "form": form,
        "this_month": month(calendar.billing_month(now)),
        "would_open_at": now + lines.cooling_off(),
    }
    return render(request, "portal/my/rules.html", context, status=422 if form.errors else 200)


def _words(change: LineChange) -> str:
    at = until(change.effective_at)
    if change.kind == _KIND.UNBLOCK_ASKED:
        return _("{at}에 풀려요. 그때까지는 막혀 있고, 마음이 바뀌면 거둘 수 있어요.").format(at=at)
    if change.kind == _KIND.UNBLOCK_WITHDRAWN:
        return _("차단을 그대로 두었어요.")
    if change.kind == _KIND.LIMIT_LOWERED:
        return _("지금부터 한 달에 {limit}까지만 결제돼요.").format(limit=won(change.limit_won))
    if change.kind == _KIND.LIMIT_RAISE_ASKED and change.limit_won is None:
        return _("{at}에 내가 정한 한도가 없어져요. 그때까지 거둘 수 있어요.").format(at=at)
    if change.kind == _KIND.LIMIT_RAISE_ASKED:
        return _("{at}부터 {limit}까지 쓸 수 있어요. 그때까지 거둘 수 있어요.").format(
            at=at, limit=won(change.limit_won)
        )
    if change.kind == _KIND.LIMIT_RAISE_WITHDRAWN:
        return _("한도를 그대로 두었어요.")
    return _("막았어요. 지금부터 이 번호로는 결제되지 않아요.")
