"""What owners of lines ask a seller: who bought with theirs (정보통신망법 §58의2).

The seller tells or says why it cannot. What it told is not shown again, here least of all.
"""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from payments import states
from payments.calendar import SEOUL
from payments.models import Merchant
from portal.forms import BuyerForm, CauseForm
from portal.views.keyset import page
from portal.views.merchant import for_merchant, merchant_only
from support import buyers
from support.models import Ticket
from support.states import TicketState


@merchant_only
def requests(request: HttpRequest, merchant: Merchant) -> HttpResponse:
    """Every one there was, newest first."""
    found = page(buyers.requests_of(merchant), at="accepted_at", query=request.GET)
    context = {"merchant": merchant, "section": "buyers", "page": found, "now": timezone.now()}
    return render(request, "portal/merchant/buyers.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_merchant
def answer(request: HttpRequest, merchant: Merchant, reference: str) -> HttpResponseBase:
    """One of them with room for the answer; answered, what became of it."""
    ticket = buyers.requests_of(merchant).filter(payment__reference=reference).first()
    if ticket is None:
        raise Http404
    now = timezone.now()
    is_telling = request.method == "POST" and "tell" in request.POST
    is_declining = request.method == "POST" and "decline" in request.POST
    today = now.astimezone(SEOUL).date()
    form = BuyerForm(request.POST if is_telling else None, today=today)
    cause = CauseForm(request.POST if is_declining else None)
    try:
        if form.is_valid():
            buyers.tell(
                ticket_id=ticket.pk,
                words=_words(ticket),
                user_id=request.user.pk or 0,
                address=getattr(request, "client_address", ""),
                now=now,
                **form.cleaned_data,
            )
            return redirect("portal:merchant-buyer", reference)
        if cause.is_valid():
            buyers.decline(ticket_id=ticket.pk, cause=cause.cleaned_data["cause"], now=now)
            return redirect("portal:merchant-buyers")
    except states.IllegalMove:
        # Answered in another window, or taken back by who asked: the page says how it stands.
        return redirect("portal:merchant-buyer", reference)
    context = {
        "merchant": merchant,
        "section": "buyers",
        "ticket": ticket,
        "payment": ticket.payment,
        "is_waiting": ticket.state == TicketState.WAITING_MERCHANT,
        "is_late": ticket.due_at <= now,
        "form": form,
        "cause": cause,
        "wrong": form if form.errors else cause,
    }
    status = 422 if form.errors or cause.errors else 200
    return render(request, "portal/merchant/buyer.html", context, status=status)


def _words(ticket: Ticket) -> str:
    """What the owner reads in the text or mail: that there is an answer, nothing of it."""
    with translation.override(ticket.language):
        return _("판매자가 구매자 정보를 알려 왔어요.")
