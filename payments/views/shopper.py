"""The payment window: one address that shows whatever step the payment is in.

GET only looks. A step is a POST that answers with a redirect back to the window, or with 422 and
the form when something typed has to change. With htmx the same form swaps in place.
"""

import contextlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from payments import calendar, checkout, declines, encryption
from payments.carriers import registry
from payments.checkout.rows import CALL_GRACE
from payments.forms import CONSENTS, CodeForm, LineForm
from payments.models import CarrierCall, Payment
from payments.states import PaymentState
from payments.templatetags.won import month
from payments.views.words import words_for

COOKIE = "window"
_WAITING = (PaymentState.CONFIRMING, PaymentState.UNKNOWN)
_STAMPS = {
    "code": (gettext_lazy("확인 대기"), "wait"),
    "link": (gettext_lazy("확인 대기"), "wait"),
    "waiting": (gettext_lazy("확인 중"), "wait"),
    "paid": (gettext_lazy("결제됨"), "done"),
    "ended": (gettext_lazy("결제 안 됨"), "bad"),
}


@dataclass(frozen=True)
class Ending:
    """How a payment ended without a charge, or that a person is looking into it."""

    heading: str | Promise
    message: str | Promise
    next: str | Promise
    not_charged: bool


@require_http_methods(["GET", "HEAD", "POST"])
def window(request: HttpRequest, token: str) -> HttpResponse:
    """Show the step the payment is in; a POST submits carrier, phone and birthdate."""
    payment = _payment(token)
    now = timezone.now()
    if request.method == "POST":
        return _submit(request, payment, now)
    if _is_elsewhere(request, payment):
        return _elsewhere(request, payment)
    response = _page(request, payment, now=now)
    return _with_cookie(request, response, payment)


@require_POST
def code(request: HttpRequest, token: str) -> HttpResponse:
    """Check the typed code and charge."""
    payment = _payment(token)
    if _is_elsewhere(request, payment):
        return _elsewhere(request, payment)
    if payment.state != PaymentState.AWAITING_CONFIRMATION:
        return _to_window(request, payment)
    now = timezone.now()
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _page(request, payment, now=now, form=form, status=422)
    try:
        checkout.confirm_with_code(payment.pk, form.cleaned_data["code"], now=now)
    except checkout.WrongCode as error:
        form.add_error(
            "code",
            _("번호가 맞지 않아요. %(left)s번 더 입력할 수 있어요") % {"left": error.tries_left},
        )
    except checkout.CodeExpired:
        form.add_error("code", _("입력 시간이 지났어요. 새 번호를 받아 주세요"))
    except checkout.CarrierSilent:
        form.add_error("code", _("통신사가 답하지 않아요. 잠시 뒤에 다시 눌러 주세요"))
    except (
        checkout.AttemptsExceeded,
        checkout.InProgress,
        checkout.WindowClosed,
        checkout.WrongStep,
    ):
        return _to_window(request, payment)
    if form.errors:
        payment.refresh_from_db()
        return _page(request, payment, now=timezone.now(), form=form, status=422)
    return _to_window(request, payment)


@require_POST
def resend(request: HttpRequest, token: str) -> HttpResponse:
    """A new code."""
    return _carry_out(request, token, checkout.resend)


@require_POST
def back(request: HttpRequest, token: str) -> HttpResponse:
    """Back to carrier, phone and birthdate."""
    return _carry_out(request, token, checkout.change_line)


@require_POST
def leave(request: HttpRequest, token: str) -> HttpResponse:
    """Stop the payment."""
    return _carry_out(request, token, checkout.leave)


@require_GET
def status(request: HttpRequest, token: str) -> HttpResponse:
    """Has the payment moved on from the step the page shows? Asked every two seconds."""
    payment = _payment(token)
    if request.htmx and request.GET.get("step") == _step(payment, timezone.now()):  # type: ignore[attr-defined]
        return HttpResponse(status=204)
    return _to_window(request, payment)


def _payment(token: str) -> Payment:
    return get_object_or_404(Payment.objects.select_related("merchant", "challenge"), token=token)


class _Step(Protocol):
    """A step of the checkout that needs nothing but the payment."""

    def __call__(self, payment_id: int, *, now: datetime) -> None: ...


def _carry_out(request: HttpRequest, token: str, step: _Step) -> HttpResponse:
    payment = _payment(token)
    if _is_elsewhere(request, payment):
        return _elsewhere(request, payment)
    # Where a step was not possible the window says why: the cool-down, the state, or the end.
    impossible = (
        checkout.InProgress,
        checkout.Refused,
        checkout.WindowClosed,
        checkout.WrongStep,
    )
    try:
        with contextlib.suppress(*impossible):
            step(payment.pk, now=timezone.now())
    except checkout.CarrierSilent:
        return _silent(request, payment)
    return _to_window(request, payment)


def _submit(request: HttpRequest, payment: Payment, now: datetime) -> HttpResponse:
    if _is_elsewhere(request, payment):
        return _elsewhere(request, payment)
    form = LineForm(request.POST, today=now.astimezone(calendar.SEOUL).date())
    if _step(payment, now) != "details":
        return _to_window(request, payment)
    if not form.is_valid():
        return _page(request, payment, now=now, form=form, status=422)
    secret = request.COOKIES.get(COOKIE) or secrets.token_urlsafe(24)
    try:
        checkout.submit(payment.pk, _applicant(request, form, secret), now=now)
    except checkout.Refused as refusal:
        payment.refresh_from_db()
        if payment.state != PaymentState.CREATED:
            return _to_window(request, payment)
        field = declines.FIELD_OF.get(refusal.code, "phone")
        form.add_error(field, str(words_for(refusal.code).message))
    except checkout.CarrierSilent:
        return _silent(request, payment, form)
    except (checkout.InProgress, checkout.WindowClosed, checkout.WrongStep):
        return _to_window(request, payment)
    if form.errors:
        return _page(request, payment, now=now, form=form, status=422)
    response = _to_window(request, payment)
    _set_cookie(response, payment, secret)
    return response


def _applicant(request: HttpRequest, form: LineForm, secret: str) -> checkout.Applicant:
    clean = form.cleaned_data
    return checkout.Applicant(
        carrier=clean["carrier"],
        phone=clean["phone"],
        birthdate=clean["birthdate"],
        email=clean["email"],
        consents=CONSENTS,
        user_agent=request.headers.get("user-agent", ""),
        window_hash=encryption.token_hash(secret),
    )


def _silent(request: HttpRequest, payment: Payment, form: LineForm | None = None) -> HttpResponse:
    payment.refresh_from_db()
    notice = _("통신사가 답하지 않아요. 돈은 빠져나가지 않았어요. 잠시 뒤에 다시 눌러 주세요.")
    return _page(request, payment, now=timezone.now(), form=form, notice=notice, status=422)


def _to_window(request: HttpRequest, payment: Payment) -> HttpResponse:
    url = reverse("payments:window", args=[payment.token])
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(url)
    return HttpResponseRedirect(url)


def _step(payment: Payment, now: datetime) -> str:
    """Which fragment belongs to the payment's state."""
    if payment.state in _WAITING:
        return "waiting"
    if payment.state == PaymentState.PAID:
        return "paid"
    is_open = payment.state in (PaymentState.CREATED, PaymentState.AWAITING_CONFIRMATION)
    if not is_open or now >= payment.expires_at:
        return "ended"
    if payment.state == PaymentState.CREATED:
        return "waiting" if _is_preparing(payment, now) else "details"
    return "link" if payment.validation_action == "open" else "code"


def _is_preparing(payment: Payment, now: datetime) -> bool:
    return (
        bool(payment.phone_bidx)
        and CarrierCall.objects.filter(
            payment=payment,
            kind=CarrierCall.Kind.PREPARE,
            state=CarrierCall.State.SENT,
            sent_at__gt=now - CALL_GRACE,
        ).exists()
    )


def _page(
    request: HttpRequest,
    payment: Payment,
    *,
    now: datetime,
    form: Any = None,
    notice: str = "",
    status: int = 200,
) -> HttpResponse:
    step = _step(payment, now)
    context = {
        "payment": payment,
        "merchant": payment.merchant,
        "carrier_name": _carrier_name(payment),
        "step": step,
        "fragment": f"payments/shopper/_{step}.html",
        "form": form,
        "notice": notice,
        "bill_label": _bill_label(payment, now),
        "stamp": _stamp(step),
        **_details_of(step, payment, form, now),
    }
    name = context["fragment"] if request.htmx and status == 422 else "payments/shopper/window.html"  # type: ignore[attr-defined]
    response = render(request, str(name), context, status=status)
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _details_of(step: str, payment: Payment, form: Any, now: datetime) -> dict[str, Any]:
    seconds_left = max(0, int((payment.expires_at - now).total_seconds()))
    if step == "details":
        today = now.astimezone(calendar.SEOUL).date()
        return {
            "form": form or LineForm(today=today),
            "carriers": registry.carriers(),
            "cancel_until": calendar.carrier_cutoff(now, calendar.Capabilities()),
            "window_seconds_left": seconds_left,
        }
    if step == "code":
        return {
            **_code_details(payment, now),
            "window_seconds_left": seconds_left,
            "form": form or CodeForm(),
        }
    if step == "link":
        return {**_code_details(payment, now), "window_seconds_left": seconds_left}
    if step == "paid":
        return {"cancel_until": _cancel_until(payment)}
    return {"ending": _ending(payment, now)} if step == "ended" else {}


def _code_details(payment: Payment, now: datetime) -> dict[str, Any]:
    challenge = payment.challenge
    again_at = challenge.sent_at + timedelta(seconds=settings.CODE_RESEND_SECONDS)
    return {
        "tries_left": max(0, settings.CODE_ATTEMPTS - challenge.attempts),
        "code_expires_at": challenge.expires_at,
        "code_seconds_left": max(0, int((challenge.expires_at - now).total_seconds())),
        "resend_in_seconds": max(0, int((again_at - now).total_seconds()) + 1)
        if again_at > now
        else 0,
        "resends_left": max(0, settings.CODE_RESENDS - payment.resends),
    }


def _bill_label(payment: Payment, now: datetime) -> str:
    name = month(payment.billing_month or calendar.billing_month(now))
    return _("%(month)s 휴대폰 요금에 청구") % {"month": name}


def _stamp(step: str) -> dict[str, str | Promise] | None:
    if step not in _STAMPS:
        return None
    text, tone = _STAMPS[step]
    return {"text": text, "tone": tone}


def _carrier_name(payment: Payment) -> str:
    return str(registry.carrier(payment.carrier).name) if payment.carrier else ""


def _cancel_until(payment: Payment) -> datetime | None:
    if payment.paid_at is None:
        return None
    capabilities = registry.carrier(payment.carrier).capabilities
    return calendar.carrier_cutoff(payment.paid_at, capabilities)


def _ending(payment: Payment, now: datetime) -> Ending:
    if payment.state == PaymentState.REVIEW:
        return Ending(
            heading=_("담당자가 결과를 확인하고 있어요"),
            message=_("통신사의 답을 아직 받지 못했어요. 다시 결제하지 마세요."),
            next=_("확인되는 대로 문자로 알려 드려요."),
            not_charged=False,
        )
    words = words_for(payment.failure_code or "SESSION_EXPIRED")
    headings = {
        PaymentState.CANCELED: _("결제를 그만두었어요"),
        PaymentState.EXPIRED: _("결제 시간이 지났어요"),
        PaymentState.CREATED: _("결제 시간이 지났어요"),
        PaymentState.AWAITING_CONFIRMATION: _("결제 시간이 지났어요"),
        PaymentState.REVERSED: _("결제가 이루어지지 않았어요"),
    }
    is_over = payment.state in (PaymentState.CREATED, PaymentState.AWAITING_CONFIRMATION)
    words = words_for("SESSION_EXPIRED") if is_over else words
    heading = headings.get(PaymentState(payment.state), _("결제할 수 없었어요"))
    return Ending(heading=heading, message=words.message, next=words.next, not_charged=True)


def _is_elsewhere(request: HttpRequest, payment: Payment) -> bool:
    """Whether another browser has begun this payment: its address alone must not be enough."""
    if not payment.window_hash or payment.is_final:
        return False
    held = encryption.token_hash(request.COOKIES.get(COOKIE, ""))
    return not hmac.compare_digest(held, payment.window_hash)


def _elsewhere(request: HttpRequest, payment: Payment) -> HttpResponse:
    ending = Ending(
        heading=_("다른 화면에서 결제하고 있어요"),
        message=_("이 결제는 처음 연 브라우저에서만 이어 갈 수 있어요."),
        next=_("그 화면을 찾을 수 없으면 상점에서 다시 시작해 주세요."),
        not_charged=False,
    )
    context = {
        "payment": payment,
        "merchant": payment.merchant,
        "step": "ended",
        "fragment": "payments/shopper/_ended.html",
        "bill_label": "",
        "stamp": None,
        "ending": ending,
    }
    return render(request, "payments/shopper/window.html", context, status=409)


def _with_cookie(request: HttpRequest, response: HttpResponse, payment: Payment) -> HttpResponse:
    if COOKIE not in request.COOKIES and not payment.is_final:
        _set_cookie(response, payment, secrets.token_urlsafe(24))
    return response


def _set_cookie(response: HttpResponse, payment: Payment, secret: str) -> None:
    response.set_cookie(
        COOKIE,
        secret,
        max_age=24 * 3600,
        path=reverse("payments:window", args=[payment.token]),
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )
