"""The door to one's own payments: number and birthdate, the texted code, and the way out.

Every number gets the same page after the same work; whether we know it shows only to whoever
reads the code off its phone.
"""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from payments.calendar import SEOUL
from payments.models import PhoneVerification
from payments.models.verifications import ATTEMPTS
from payments.subscriber import mask_phone
from portal.views.my.forms import KnockForm
from portal.views.my.visit import forget, remember, secret_of, to_door
from support import visits
from support.forms import CodeForm


def knock(request: HttpRequest) -> HttpResponse:
    """Ask who it is; a POST texts the code and leads to the page that takes it."""
    now = timezone.now()
    today = now.astimezone(SEOUL).date()
    if request.method != "POST":
        context = {"form": KnockForm(today=today), "is_late": "late" in request.GET}
        return render(request, "portal/my/knock.html", context)
    form = KnockForm(request.POST, today=today)
    if not form.is_valid():
        return render(request, "portal/my/knock.html", {"form": form}, status=422)
    secret = visits.knock(
        phone=form.cleaned_data["phone"],
        birthdate=form.cleaned_data["birthdate"],
        address=_address(request),
        language=_language(),
        now=now,
    )
    return remember(redirect("portal:my-code"), secret)


@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Take the code; right, it opens the door."""
    now = timezone.now()
    if visits.open_visit(secret_of(request), now=now) is not None:
        return redirect("portal:my")
    waiting = visits.waiting_for_code(secret_of(request), now=now)
    if waiting is None:
        return to_door(request)
    if request.method != "POST":
        return _code_page(request, waiting, CodeForm(), now)
    form = CodeForm(request.POST)
    if form.is_valid():
        secret = visits.enter(waiting, code=form.cleaned_data["code"], now=now)
        if secret is not None:
            return remember(HttpResponseRedirect(reverse("portal:my")), secret)
        waiting.refresh_from_db()
        form.add_error("code", _wrong_code(waiting, now))
    return _code_page(request, waiting, form, now)


@require_POST
def code_again(request: HttpRequest) -> HttpResponse:
    """A new code for the same number and birthdate; only the newest opens the door."""
    now = timezone.now()
    waiting = visits.waiting_for_code(secret_of(request), now=now)
    if waiting is None:
        return to_door(request)
    secret = visits.knock_again(waiting, address=_address(request), language=_language(), now=now)
    return remember(HttpResponseRedirect(f"{reverse('portal:my-code')}?sent=1"), secret)


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Close the visit, here and in the books; before the door again, for another number."""
    now = timezone.now()
    visit = visits.open_visit(secret_of(request), now=now)
    if visit is not None:
        visits.leave(visit, now=now)
    return forget(redirect("portal:my"))


def _code_page(
    request: HttpRequest, waiting: PhoneVerification, form: Any, now: datetime
) -> HttpResponse:
    context = {
        "form": form,
        "masked_phone": mask_phone(waiting.phone),
        "is_dead": visits.is_code_dead(waiting, now=now),
        "is_sent_again": "sent" in request.GET and request.method != "POST",
        "here": reverse("portal:my-code"),
        "again_url": reverse("portal:my-code-again"),
        "restart_url": reverse("portal:my"),
        "restart_label": _("번호나 생년월일 고치기"),
    }
    status = 422 if form.errors else 200
    return render(request, "support/code.html", context, status=status)


def _wrong_code(waiting: PhoneVerification, now: datetime) -> str:
    if waiting.attempts >= ATTEMPTS:
        return _("다섯 번 모두 맞지 않았어요. 인증번호를 다시 받아 주세요")
    if visits.is_code_dead(waiting, now=now):
        return _("입력 시간이 지났어요. 인증번호를 다시 받아 주세요")
    left = ATTEMPTS - waiting.attempts
    return _("번호가 맞지 않아요. {left}번 더 입력할 수 있어요").format(left=left)


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR") or "")


def _language() -> str:
    return get_language() or "ko"
