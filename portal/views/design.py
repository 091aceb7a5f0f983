"""The design system, alive: every token and every component in every state. Sandbox mode only."""

from types import SimpleNamespace
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal import design

# Tone of a stamp and of a chip, in the order of a payment's life.
_TONES = ("wait", "done", "note", "bad")


class _Sample(forms.Form):
    """Fields to show: `phone` is right, the others are wrong in the way the window says it."""

    phone = forms.CharField()
    birthdate = forms.CharField()
    code = forms.CharField()
    text = forms.CharField(required=False)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Everything the pages are made of; 404 outside sandbox mode."""
    if not settings.SANDBOX:
        raise Http404
    tokens = design.tokens()
    groups = dict.fromkeys(token.group for token in tokens)
    context: dict[str, Any] = {
        "groups": [(group, [t for t in tokens if t.group == group]) for group in groups],
        "merchant": SimpleNamespace(name=_("멜로디 뮤직"), phone="02-555-0100"),
        "stamps": [
            {"tone": tone, "text": text} for tone, text in zip(_TONES, _stamps(), strict=True)
        ],
        "steps": _steps(),
        "empty_form": _Sample(),
        "wrong_form": _wrong(),
        "icons": design.icons(),
        "now": timezone.now(),
    }
    return render(request, "portal/design/page.html", context)


def _stamps() -> list[str]:
    return [_("확인 대기"), _("결제됨"), _("환불됨"), _("결제 안 됨")]


def _steps() -> list[SimpleNamespace]:
    now = timezone.now()
    rows = (
        (_("접수했어요"), "done", now),
        (_("상담원이 확인했어요"), "done", now),
        (_("통신사에 취소를 보내요"), "now", None),
        (_("휴대폰 요금에서 빠져요"), "todo", None),
    )
    return [SimpleNamespace(name=name, state=state, at=at, note="") for name, state, at in rows]


def _wrong() -> _Sample:
    form = _Sample({"phone": "010 9000 0000", "birthdate": "19900231", "code": "48213"})
    form.full_clean()
    form.add_error("birthdate", _("없는 날짜예요. 일을 확인해 주세요"))
    form.add_error("code", _("번호가 짧아요. 숫자 6자리를 입력하세요"))
    return form
