"""The payment window: one address that shows whatever step the payment is in.

GET only looks. A step is a POST that answers with a redirect back to the window, or with 422 and
the form when something typed has to change. With htmx the answer is the next step itself, swapped
in place: one request a step.
"""

import contextlib
import hmac
import secrets
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from payments import calendar, checkout, declines, encryption, risk
from payments.forms import CONSENTS, CodeForm, LineForm, PinForm
from payments.models import Payment, Refund, SecondFactor
from payments.states import PaymentState
from payments.views import steps
from payments.views.words import words_for

COOKIE = "window"
# In the address after a resend, so that the window says so without JavaScript too.
SENT = "sent"
_PAGE = "payments/shopper/window.html"
_STEP = "payments/shopper/_step.html"


@require_http_methods(["GET", "HEAD", "POST"])
def window(request: HttpRequest, token: str) -> HttpResponse:
    """Show the step the payment is in; a POST submits carrier, phone and birthdate."""
    payment = _payment(token)
    now = timezone.now()
    if _is_elsewhere(request, payment):
        return _elsewhere(request, payment)
    if request.method == "POST":
        return _submit(request, payment, now)
    notice = _sent_words() if SENT in request.GET else ""
    response = _page(request, payment, now=now, notice=notice)
    return _with_cookie(request, response, payment)


@sensitive_post_parameters("pin")
@require_POST
def pin(request: HttpRequest, token: str) -> HttpResponse:
    """Check the line's payment PIN; right, the operator reserves and texts."""
    payment = _payment(token)
    if _is_elsewhere(request, payment):
        return _elsewhere(request, payment)
    if steps.step_of(payment, timezone.now()) != "pin":
        return _to_window(request, payment)
    form = PinForm(request.POST)
    if not form.is_valid():
        return _page(request, payment, now=timezone.now(), form=form, status=422)
    try:
        checkout.prove(payment.pk, form.cleaned_data["pin"], now=timezone.now())
    except checkout.WrongPin as error:
        form.add_error(
            "pin",
            _("결제 비밀번호가 맞지 않아요. %(left)s번 더 입력할 수 있어요")
            % {"left": error.tries_left},
        )
    except checkout.CarrierSilent:
        return _silent(request, payment)
    except checkout.Refused as refusal:
        return _refused_after_pin(request, payment, refusal.code)
    except (
        checkout.InProgress,
        checkout.PinLocked,
        checkout.WindowClosed,
        checkout.WrongStep,
    ):
        return _to_window(request, payment)
    if form.errors:
        return _page(request, _payment(token), now=timezone.now(), form=form, status=422)
    return _to_window(request, payment)


@require_POST
def code(request: HttpRequest, token: str) -> HttpResponse:
    """Check the typed code and charge."""
    payment = _payment(token)
    if _is_elsewhere(request, payment):
        return _elsewhere(request, payment)
    if payment.state != PaymentState.AWAITING_CONFIRMATION:
        return _to_window(request, payment)
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _page(request, payment, now=timezone.now(), form=form, status=422)
    try:
        checkout.confirm_with_code(payment.pk, form.cleaned_data["code"], now=timezone.now())
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
    """A new code; too soon, the window says in how many seconds."""
    payment = _payment(token)
    if _is_elsewhere(request, payment):
        return _elsewhere(request, payment)
    try:
        checkout.resend(payment.pk, now=timezone.now())
    except checkout.InProgress:
        return _too_soon(request, payment)
    except checkout.CarrierSilent:
        return _silent(request, payment)
    except (checkout.Refused, checkout.WindowClosed, checkout.WrongStep):
        return _to_window(request, payment)
    return _to_window(request, payment, notice=_sent_words())


@require_POST
def extend(request: HttpRequest, token: str) -> HttpResponse:
    """More time. What was typed stays; htmx swaps the clocks alone."""
    payment = _payment(token)
    if _is_elsewhere(request, payment):
        return _elsewhere(request, payment)
    now = timezone.now()
    is_longer = True
    try:
        checkout.extend(payment.pk, now=now)
    except checkout.NoMoreTime:
        is_longer = False
    except (checkout.WindowClosed, checkout.WrongStep):
        return _load_window(request, payment)
    payment.refresh_from_db()
    form = _as_typed(request, steps.step_of(payment, now), now)
    context = steps.facts_of(payment, now=now, form=form) | {"is_longer": is_longer}
    if request.htmx:  # type: ignore[attr-defined]
        return _private(render(request, "payments/shopper/_time.html", context))
    return _private(render(request, _PAGE, context))


@require_POST
def back(request: HttpRequest, token: str) -> HttpResponse:
    """Back to carrier, phone and birthdate."""
    is_pin = SecondFactor.owed_by(_payment(token))
    return _carry_out(request, token, checkout.give_up if is_pin else checkout.change_line)


@require_POST
def leave(request: HttpRequest, token: str) -> HttpResponse:
    """Stop the payment."""
    return _carry_out(request, token, checkout.leave)


@require_POST
def again(request: HttpRequest, token: str) -> HttpResponse:
    """A new payment for the same order, after one that came to nothing."""
    payment = _payment(token)
    try:
        fresh = checkout.open_again(payment.pk, now=timezone.now())
    except (checkout.WrongStep, checkout.OutsideLimits):
        return _load_window(request, payment)
    return _load_window(request, fresh)


@require_GET
def status(request: HttpRequest, token: str) -> HttpResponse:
    """Has the payment moved on from the step the page shows? 204 while it has not."""
    payment = _payment(token)
    if _is_elsewhere(request, payment):
        return _elsewhere(request, payment)
    seen = request.GET.get("step")
    if request.htmx and seen == steps.step_of(payment, timezone.now()):  # type: ignore[attr-defined]
        return HttpResponse(status=204)
    return _to_window(request, payment)


def _payment(token: str) -> Payment:
    beside = ("merchant", "challenge", "second_factor")
    payments = Payment.objects.select_related(*beside).annotate(refund_rows=Refund.beside_payment())
    return get_object_or_404(payments, token=token)


class _Step(Protocol):
    """A step of the checkout that needs nothing but the payment."""

    def __call__(self, payment_id: int, *, now: datetime) -> None: ...


def _carry_out(request: HttpRequest, token: str, step: _Step) -> HttpResponse:
    payment = _payment(token)
    if _is_elsewhere(request, payment):
        return _elsewhere(request, payment)
    # Where it moved on meanwhile, the window shows to where.
    with contextlib.suppress(checkout.WrongStep):
        step(payment.pk, now=timezone.now())
    return _to_window(request, payment)


def _submit(request: HttpRequest, payment: Payment, now: datetime) -> HttpResponse:
    if steps.step_of(payment, now) != "details":
        return _to_window(request, payment)
    form = LineForm(request.POST, today=now.astimezone(calendar.SEOUL).date())
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
        network_bidx=_network(request),
    )


def _network(request: HttpRequest) -> str:
    """A keyed hash of the address range a request comes from; the address goes no further."""
    # Behind proxies of ours the site's middleware knows who really asks.
    address = getattr(request, "client_address", request.META["REMOTE_ADDR"])
    network = risk.network_of(address)
    return encryption.blind_index(network, kind="network") if network else ""


def _refused_after_pin(request: HttpRequest, payment: Payment, code: str) -> HttpResponse:
    """The PIN was right, the line is refused: at its end, or back to the field to correct."""
    payment = _payment(payment.token)
    now = timezone.now()
    if steps.step_of(payment, now) != "details":
        return _to_window(request, payment)
    return _page(request, payment, now=now, notice=str(words_for(code).message), status=422)


def _as_typed(request: HttpRequest, step: str, now: datetime) -> LineForm | CodeForm | None:
    """The step's form as far as it was filled in, unchecked."""
    if step == "details":
        today = now.astimezone(calendar.SEOUL).date()
        return LineForm(today=today, initial=request.POST.dict())
    return CodeForm(initial=request.POST.dict()) if step == "code" else None


def _sent_words() -> str:
    return _("새 문자를 보냈어요. 앞의 번호는 이제 쓸 수 없으니 새 번호를 입력해 주세요.")


def _too_soon(request: HttpRequest, payment: Payment) -> HttpResponse:
    payment.refresh_from_db()
    now = timezone.now()
    if payment.state != PaymentState.AWAITING_CONFIRMATION:
        return _to_window(request, payment)
    seconds = steps.resend_wait_seconds(payment, now)
    notice = _("%(seconds)s초 뒤에 다시 받을 수 있어요.") % {"seconds": seconds}
    return _page(request, payment, now=now, notice=notice, status=422)


def _silent(request: HttpRequest, payment: Payment, form: LineForm | None = None) -> HttpResponse:
    payment.refresh_from_db()
    notice = _("통신사가 답하지 않아요. 돈은 빠져나가지 않았어요. 잠시 뒤에 다시 눌러 주세요.")
    return _page(request, payment, now=timezone.now(), form=form, notice=notice, status=422)


def _to_window(request: HttpRequest, payment: Payment, *, notice: str = "") -> HttpResponse:
    """The step the payment is in now: in place with htmx, by a redirect without."""
    if request.htmx:  # type: ignore[attr-defined]
        fresh = _payment(payment.token)
        return _page(request, fresh, now=timezone.now(), notice=notice)
    url = reverse("payments:window", args=[payment.token])
    return HttpResponseRedirect(f"{url}?{SENT}=1" if notice else url)


def _load_window(request: HttpRequest, payment: Payment) -> HttpResponse:
    """The whole window, for an answer that was to change only a part of the step."""
    url = reverse("payments:window", args=[payment.token])
    # An address given by HX-Retarget would be looked for beside a button that may be gone by then.
    is_htmx = request.htmx  # type: ignore[attr-defined]
    return HttpResponseClientRedirect(url) if is_htmx else HttpResponseRedirect(url)


def _page(
    request: HttpRequest,
    payment: Payment,
    *,
    now: datetime,
    form: Any = None,
    notice: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        **steps.facts_of(payment, now=now, form=form),
        "notice": notice,
        "is_bad_notice": bool(notice) and status != 200,
    }
    template = _STEP if request.htmx else _PAGE  # type: ignore[attr-defined]
    return _private(render(request, template, context, status=status))


def _private(response: HttpResponse) -> HttpResponse:
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _is_elsewhere(request: HttpRequest, payment: Payment) -> bool:
    """Whether another browser has begun this payment: its address alone must not be enough."""
    if not payment.window_hash or payment.is_final:
        return False
    held = encryption.token_hash(request.COOKIES.get(COOKIE, ""))
    return not hmac.compare_digest(held, payment.window_hash)


def _elsewhere(request: HttpRequest, payment: Payment) -> HttpResponse:
    context = {
        "payment": payment,
        "merchant": payment.merchant,
        "step": "elsewhere",
        "fragment": "payments/shopper/_elsewhere.html",
    }
    return _private(render(request, _PAGE, context, status=409))


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
