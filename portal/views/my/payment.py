"""One payment of one's own: its story, its receipt, its seller, and the way to get it back."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from payments import refunds, standing
from payments.models import Payment, PhoneVerification
from payments.states import PaymentState
from payments.templatetags.won import month, won, won_of
from portal.receipts import facts, sheets
from portal.views.my import story
from portal.views.my.payments import pdf_response
from portal.views.my.visit import own_payment, visitors_only
from support import progress, self_cancel, tickets
from support.models import Ticket

_NOT_CHARGED = (PaymentState.DECLINED, PaymentState.REVERSED)


@require_safe
@visitors_only
def detail(request: HttpRequest, visit: PhoneVerification, reference: str) -> HttpResponse:
    """Everything about it. htmx asks how it goes, and gets 204 while nothing changed."""
    payment = own_payment(visit, reference)
    now = timezone.now()
    context = _standing(payment, now)
    if request.htmx:  # type: ignore[attr-defined]
        if request.GET.get("seen") == context["version"]:
            return HttpResponse(status=204)
        return render(request, "portal/my/_standing.html", context)
    if payment.state == PaymentState.PAID:
        context["facts"] = facts.of_payment(payment, now=now)
        context |= _ways_back(payment, now)
    context |= {"section": "payments", "story": story.of_payment(payment, payment.refunds.all())}
    return render(request, "portal/my/payment.html", context)


@require_safe
@visitors_only
def receipt(request: HttpRequest, visit: PhoneVerification, reference: str) -> HttpResponse:
    """The receipt as a page to print."""
    payment = own_payment(visit, reference)
    if payment.state != PaymentState.PAID:
        return redirect("portal:my-payment", reference)
    now = timezone.now()
    context = {"payment": payment, "facts": facts.of_payment(payment, now=now)}
    return render(request, "portal/my/receipt.html", context | _standing(payment, now))


@require_safe
@visitors_only
def receipt_pdf(request: HttpRequest, visit: PhoneVerification, reference: str) -> HttpResponse:
    """The receipt as a file."""
    payment = own_payment(visit, reference)
    if payment.state != PaymentState.PAID:
        return redirect("portal:my-payment", reference)
    now = timezone.now()
    content = sheets.receipt(payment, facts.of_payment(payment, now=now), now=now)
    return pdf_response(f"receipt-{payment.reference}.pdf", content)


@require_http_methods(["GET", "HEAD", "POST"])
@visitors_only
def cancel(request: HttpRequest, visit: PhoneVerification, reference: str) -> HttpResponse:
    """What cancelling at once means, and one press to do it; where it cannot be, the request."""
    payment = own_payment(visit, reference)
    now = timezone.now()
    ticket = _ticket_of(payment)
    if ticket is not None:
        return redirect("support:track", ticket.token)
    if not self_cancel.is_possible(payment, now=now):
        return redirect(f"{reverse('support:request')}?payment={payment.token}")
    if request.method != "POST":
        title, detail_ = progress.promise_at_once(payment, now=now)
        context = {"section": "payments", "promise_title": title, "promise_detail": detail_}
        return render(request, "portal/my/cancel.html", context | _standing(payment, now))
    try:
        ticket = self_cancel.cancel(
            payment_id=payment.pk,
            reason=_("사용 전이고 결제한 달 안이라 바로 취소했어요."),
            language=get_language() or "ko",
            now=now,
        )
    except (self_cancel.NeedsAgent, tickets.AlreadyOpen):
        # Used or asked for in another window meanwhile: the page says how it stands now.
        return redirect("portal:my-payment", reference)
    return redirect("support:track", ticket.token)


def _standing(payment: Payment, now: datetime) -> dict[str, Any]:
    """Where the payment stands, in a headline, a stamp and, on the way back, every step."""
    ticket = _ticket_of(payment)
    if ticket is not None:
        state = progress.of(ticket, now=now)
        return {
            "payment": payment,
            "ticket": ticket,
            "progress": state,
            "headline": state.headline,
            "sentence": state.sentence,
            "stamp": state.stamp,
            "bill_line": state.bill_line,
            "version": state.version,
            "is_polling": state.is_polling,
        }
    stamp = standing.of_payment(payment, payment.refunds.all())
    headline, sentence = _headline(payment)
    return {
        "payment": payment,
        "headline": headline,
        "sentence": sentence,
        "stamp": stamp,
        "bill_line": facts.bill_line(payment),
        "version": payment.state,
        "is_polling": not payment.is_final and payment.state != PaymentState.REVIEW,
    }


def _headline(payment: Payment) -> tuple[str, str]:
    if payment.state == PaymentState.PAID:
        back_won = facts.returned_won(payment)
        if back_won >= payment.amount_won:
            return _("모두 돌려드렸어요"), facts.bill_line(payment)
        if back_won:
            amount = won_of(back_won, payment.amount_won)
            return _("{amount}을 돌려드렸어요").format(amount=amount), facts.bill_line(payment)
        return _("잘 결제됐어요"), _("%(month)s 휴대폰 요금 청구서에 %(amount)s이 더해져요.") % {
            "month": month(payment.billing_month),
            "amount": won(payment.amount_won),
        }
    if payment.state in _NOT_CHARGED:
        return _("결제되지 않았어요"), _("돈이 빠져나가지 않았어요. 하실 일은 없어요.")
    if payment.state == PaymentState.AWAITING_CONFIRMATION:
        return _("확인을 기다리고 있어요"), _("아직 돈이 빠져나가지 않았어요.")
    return _("결제 결과를 확인하고 있어요"), _("다시 결제하지 마세요. 결과는 문자로 알려드려요.")


def _ways_back(payment: Payment, now: datetime) -> dict[str, Any]:
    """What cancelling would mean and by which door; nothing when there is nothing to cancel."""
    if _ticket_of(payment) is not None or not refunds.remaining_won(payment):
        return {}
    is_at_once = self_cancel.is_possible(payment, now=now)
    title, detail_ = (
        progress.promise_at_once(payment, now=now)
        if is_at_once
        else progress.promise(payment, now=now)
    )
    return {
        "can_cancel": True,
        "is_at_once": is_at_once,
        "promise_title": title,
        "promise_detail": detail_,
        "is_bank": refunds.verdict(payment, now).route == "BANK",
    }


def _ticket_of(payment: Payment) -> Ticket | None:
    """The request that says how the payment stands: open, or the one that gave the rest back."""
    standing_ = tickets.open_ticket_of(payment)
    if standing_ is not None or refunds.remaining_won(payment):
        return standing_
    return payment.tickets.filter(refund__isnull=False).exclude(state="WITHDRAWN").last()
