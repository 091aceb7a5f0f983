"""Pages of somebody who wants money back: ask, prove the line, follow the request.

A receipt's token or a texted code opens the same form; the tracking page is its own key. No
session: everything a step needs is in its address, and personal data never is.
"""

from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from payments import calendar, refunds, states
from payments.calendar import SEOUL
from payments.models import Payment, PhoneVerification
from payments.models.verifications import ATTEMPTS
from payments.states import PaymentState
from payments.subscriber import mask_phone
from support import disputes, forms, progress, proofs, ratings, self_cancel, tickets, uploads
from support.models import Rating, Ticket

_INVALID = 422


@require_http_methods(["GET", "HEAD", "POST"])
def request_page(request: HttpRequest) -> HttpResponse:
    """With a receipt's token the request itself; without, the question which payment and line."""
    token = request.GET.get("payment", "")
    if not token:
        return _lookup(request)
    payment = get_object_or_404(Payment.objects.select_related("merchant"), token=token)
    return _ask(request, payment, back_url=reverse("payments:window", args=[payment.token]))


def _lookup(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    today = now.astimezone(SEOUL).date()
    if request.method != "POST":
        form = forms.LookupForm(
            today=today,
            initial={"product": request.GET.get("product"), "date": request.GET.get("date", "")},
        )
        context = {"form": form, "today": today, "is_late": "again" in request.GET}
        return render(request, "support/lookup.html", context)
    form = forms.LookupForm(request.POST, today=today)
    if form.is_valid():
        try:
            verification = _start(form.cleaned_data["phone"], now)
        except proofs.TooManyCodes:
            form.add_error("phone", _too_many())
        else:
            what = {"product": form.cleaned_data["product"], "date": form.cleaned_data["date"]}
            return HttpResponseRedirect(_address("support:code", verification.token, **what))
    return _invalid(request, "support/lookup.html", form=form, today=today)


@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest, token: str) -> HttpResponse:
    """The code we texted; right, it opens the list of the line's payments."""
    verification = _verification(token)
    now = timezone.now()
    onward = _address("support:choose", token, **_what(request))
    if proofs.is_proven(verification, now=now):
        return HttpResponseRedirect(onward)
    form = forms.CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if verification.check_code(form.cleaned_data["code"], at=now):
            return HttpResponseRedirect(onward)
        verification.refresh_from_db()
        form.add_error("code", _wrong_code(verification, now))
    return _code_page(request, verification, form, now)


@require_POST
def resend(request: HttpRequest, token: str) -> HttpResponse:
    """A new code to the same phone; the old one keeps its own tries and time."""
    verification = _verification(token)
    now = timezone.now()
    try:
        fresh = _start(verification.phone, now)
    except proofs.TooManyCodes:
        form = forms.CodeForm({"code": ""})
        form.full_clean()
        form.errors.clear()
        form.add_error("code", _too_many())
        return _code_page(request, verification, form, now)
    return HttpResponseRedirect(_address("support:code", fresh.token, sent="1", **_what(request)))


@require_GET
def choose(request: HttpRequest, token: str) -> HttpResponse:
    """The proven line's payments of the day; another day is one field away."""
    verification = _verification(token)
    now = timezone.now()
    if not proofs.is_proven(verification, now=now):
        return _prove_again(request)
    today = now.astimezone(SEOUL).date()
    typed = request.GET.get("date", "")
    day = _day(typed)
    product = request.GET.get("product", "")[:100]
    matches = (
        proofs.payments_on(verification, day=day, product_text=product) if day is not None else []
    )
    rows = [{"match": match, "ticket": _standing(match.payment)} for match in matches]
    return render(
        request,
        "support/choose.html",
        {
            "verification": verification,
            "masked_phone": mask_phone(verification.phone),
            "day": day,
            "typed": typed,
            "product": product,
            "query": urlencode(_what(request)),
            "today": today,
            "rows": rows,
        },
        status=200 if day is not None else _INVALID,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def request_of_line(request: HttpRequest, token: str, reference: str) -> HttpResponse:
    """The request for a payment of the proven line; anybody else's payment does not exist here."""
    verification = _verification(token)
    if not proofs.is_proven(verification, now=timezone.now()):
        return _prove_again(request)
    payment = proofs.payment_of_line(verification, reference=reference)
    if payment is None:
        raise Http404
    return _ask(request, payment, back_url=_address("support:choose", token, **_what(request)))


def _ask(request: HttpRequest, payment: Payment, *, back_url: str) -> HttpResponse:
    """The one page both ways lead to: slip, what cancelling means, why, send."""
    now = timezone.now()
    standing = _standing(payment)
    if standing is not None:
        return HttpResponseRedirect(_track_address(standing))
    if payment.state != PaymentState.PAID:
        is_checking = payment.state in (PaymentState.UNKNOWN, PaymentState.REVIEW)
        facts = {"payment": payment, "back_url": back_url, "is_checking": is_checking}
        return render(request, "support/not_paid.html", facts)
    if not refunds.remaining_won(payment):
        return render(request, "support/refunded.html", {"payment": payment, "back_url": back_url})
    is_sent = request.method == "POST"
    form = uploads.RequestForm(
        request.POST if is_sent else None, request.FILES if is_sent else None
    )
    title, detail = progress.promise(payment, now=now)
    verdict = refunds.verdict(payment, now)
    context = {
        "form": form,
        "payment": payment,
        "back_url": back_url,
        "promise_title": title,
        "promise_detail": detail,
        "is_bank": verdict.route == calendar.Route.BANK,
        "is_at_once": self_cancel.is_possible(payment, now=now),
        "reasons": Ticket.Reason.choices,
        "stamp": {"text": _("결제됨"), "tone": "done"},
    }
    if request.method != "POST":
        return render(request, "support/request.html", context)
    if not form.is_valid():
        return _invalid(request, "support/request.html", **context)
    return HttpResponseRedirect(_track_address(_open(request, payment, form, now)))


def _open(
    request: HttpRequest, payment: Payment, form: uploads.RequestForm, now: datetime
) -> Ticket:
    wanted = tickets.Request(
        reason=form.cleaned_data["reason"],
        text=form.cleaned_data["text"],
        email=form.cleaned_data["email"],
        product_text=request.GET.get("product", "")[:100],
        payment_date=_day(request.GET.get("date", "")),
    )
    language = get_language() or "ko"
    try:
        facts: dict[str, Any] = {
            "payment": payment,
            "request": wanted,
            "files": form.cleaned_data["files"],
            "language": language,
            "now": now,
        }
        if wanted.reason == Ticket.Reason.UNAUTHORIZED:
            # Use against one's will is objected to, by law (정보통신망법 §58③): the payout waits.
            return disputes.object_to(**facts, by=tickets.SHOPPER)
        return tickets.open_ticket(**facts)
    except tickets.AlreadyOpen as error:
        return error.ticket


def _standing(payment: Payment) -> Ticket | None:
    """The request there is no need to repeat: open, or already answered with all of the money."""
    standing = tickets.open_ticket_of(payment)
    if standing is not None or refunds.remaining_won(payment):
        return standing
    return payment.tickets.filter(refund__isnull=False).last()


@require_GET
def track(request: HttpRequest, token: str) -> HttpResponse:
    """Where the request stands. htmx asks again and again, and gets 204 while nothing changed."""
    ticket = _ticket(token)
    state = progress.of(ticket, now=timezone.now())
    if request.htmx:  # type: ignore[attr-defined]
        if request.GET.get("seen") == state.version:
            return HttpResponse(status=204)
        return render(request, "support/_progress.html", _track_facts(ticket, state))
    context = _track_facts(ticket, state) | {"is_late": "late" in request.GET}
    return render(request, "support/track.html", context)


@require_POST
def withdraw(request: HttpRequest, token: str) -> HttpResponse:
    """Take the request back; too late, the tracking page says why."""
    ticket = _ticket(token)
    try:
        tickets.withdraw(ticket_id=ticket.pk, by=tickets.SHOPPER, now=timezone.now())
    except states.IllegalMove:
        return HttpResponseRedirect(f"{_track_address(ticket)}?late=1")
    return HttpResponseRedirect(_track_address(ticket))


@require_POST
def account(request: HttpRequest, token: str) -> HttpResponse:
    """Where the money shall go."""
    ticket = _ticket(token)
    form = forms.AccountForm(request.POST)
    if form.is_valid():
        try:
            tickets.give_account(ticket_id=ticket.pk, now=timezone.now(), **form.cleaned_data)
        except (tickets.NothingToRefund, states.IllegalMove):
            return HttpResponseRedirect(f"{_track_address(ticket)}?late=1")
        return HttpResponseRedirect(_track_address(ticket))
    state = progress.of(ticket, now=timezone.now())
    if not state.needs_account:
        return HttpResponseRedirect(f"{_track_address(ticket)}?late=1")
    return _invalid(request, "support/track.html", **(_track_facts(ticket, state) | {"form": form}))


@require_POST
def rate(request: HttpRequest, token: str) -> HttpResponse:
    """How it was: one tap, which may bring a sentence along."""
    ticket, now = _ticket(token), timezone.now()
    form = forms.RatingForm(request.POST)
    if not form.is_valid():
        state = progress.of(ticket, now=now)
        context = _track_facts(ticket, state) | {"rating_form": form}
        return _invalid(request, "support/track.html", **context)
    try:
        ratings.rate(ticket_id=ticket.pk, now=now, **form.cleaned_data)
    except ratings.NotNow:
        return HttpResponseRedirect(f"{_track_address(ticket)}?late=1")
    return HttpResponseRedirect(f"{_track_address(ticket)}#rating")


def _track_facts(ticket: Ticket, state: progress.Progress) -> dict[str, Any]:
    refund = ticket.refund
    return {
        "ticket": ticket,
        "payment": ticket.payment,
        "progress": state,
        "refund": refund,
        "bank_name": forms.bank_name(refund.bank) if refund and refund.bank else "",
        "form": forms.AccountForm(),
        "banks": forms.BANKS,
        "rated": ratings.standing(ticket, now=timezone.now()),
        "scores": Rating.Score.choices,
    }


def _ticket(token: str) -> Ticket:
    return get_object_or_404(
        Ticket.objects.select_related("payment__merchant", "refund__payment"), token=token
    )


def _verification(token: str) -> PhoneVerification:
    return get_object_or_404(PhoneVerification, token=token)


def _start(phone: str, now: datetime) -> PhoneVerification:
    return proofs.start(phone=phone, language=get_language() or "ko", now=now)


def _code_page(
    request: HttpRequest, verification: PhoneVerification, form: Any, now: datetime
) -> HttpResponse:
    token, what = verification.token, _what(request)
    context = {
        "form": form,
        "masked_phone": mask_phone(verification.phone),
        "is_dead": verification.attempts >= ATTEMPTS
        or verification.expires_at <= now
        or verification.verified_at is not None,
        "is_sent_again": "sent" in request.GET and request.method != "POST",
        "here": _address("support:code", token, **what),
        "again_url": _address("support:resend", token, **what),
        "restart_url": _address("support:request", **what),
        "restart_label": _("번호 고치기"),
    }
    status = _INVALID if form.errors else 200
    return render(request, "support/code.html", context, status=status)


def _wrong_code(verification: PhoneVerification, now: datetime) -> str:
    left = ATTEMPTS - verification.attempts
    if verification.expires_at <= now or verification.verified_at is not None:
        return _("입력 시간이 지났어요. 인증번호를 다시 받아 주세요")
    if left <= 0:
        return _("다섯 번 모두 맞지 않았어요. 인증번호를 다시 받아 주세요")
    return _("번호가 맞지 않아요. {left}번 더 입력할 수 있어요").format(left=left)


def _too_many() -> str:
    return _("인증번호를 한 시간에 다섯 번까지 보낼 수 있어요. 잠시 뒤에 다시 해 주세요.")


def _prove_again(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(_address("support:request", again="1", **_what(request)))


def _what(request: HttpRequest) -> dict[str, str]:
    """Product and day as the asker gave them; nothing personal, so they may travel in addresses."""
    return {
        "product": request.GET.get("product", "")[:100],
        "date": request.GET.get("date", "")[:20],
    }


def _day(typed: str) -> date | None:
    try:
        return parse_date(typed)
    except ValueError:
        return None


def _address(name: str, *args: str, **query: object) -> str:
    return f"{reverse(name, args=args)}?{urlencode(query)}" if query else reverse(name, args=args)


def _track_address(ticket: Ticket) -> str:
    return reverse("support:track", args=[ticket.token])


def _invalid(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    return render(request, template, context, status=_INVALID)
