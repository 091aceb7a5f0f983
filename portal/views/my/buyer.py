"""Asking the seller who bought with one's line, and reading what it told (정보통신망법 §58의2).

The door has made sure that the owner asks, so the question goes to the seller at once. Every look
at the answer is a press of a button and on the trail.
"""

import contextlib
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.dateparse import parse_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from payments.models import Payment, PhoneVerification
from payments.states import PaymentState
from portal.views.my.visit import own_payment, visitors_only
from support import buyers, papers, tickets
from support.models import Ticket


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@visitors_only
def buyer(request: HttpRequest, visit: PhoneVerification, reference: str) -> HttpResponse:
    """What can be asked, that it was asked, or what the answer is."""
    payment = own_payment(visit, reference)
    if payment.state != PaymentState.PAID:
        return redirect("portal:my-payment", reference)
    now = timezone.now()
    ticket = _newest(payment)
    ends_at = papers.until(ticket) if ticket else None
    # While an answer can be read, a second question would hide it.
    can_ask = ticket is None or (ticket.is_final and (ends_at or now) <= now)
    if request.method == "POST" and "ask" in request.POST:
        with contextlib.suppress(tickets.AlreadyOpen):
            if can_ask:
                buyers.ask(
                    payment=payment, question=_question(), language=get_language() or "ko", now=now
                )
        return redirect("portal:my-buyer", reference)
    context: dict[str, Any] = {
        "section": "payments",
        "payment": payment,
        "ticket": ticket,
        "ends_at": ends_at,
        "is_ready": ends_at is not None and ends_at > now,
        "can_ask": can_ask,
    }
    if request.method == "POST" and ticket is not None:
        with contextlib.suppress(buyers.NotThere):
            name, birthdate = buyers.look(
                ticket, actor="owner", address=getattr(request, "client_address", ""), now=now
            )
            context |= {"name": name, "birthdate": parse_date(birthdate)}
    return render(request, "portal/my/buyer.html", context)


def _newest(payment: Payment) -> Ticket | None:
    rows = payment.tickets.filter(kind=Ticket.Kind.BUYER_INFORMATION)
    return rows.select_related("payment__merchant").order_by("-pk").first()


def _question() -> str:
    """What the seller reads; sellers are written to in Korean."""
    with translation.override("ko"):
        return _("본인 확인을 한 휴대폰의 주인이 구매자의 성명과 생년월일을 요청했습니다.")
