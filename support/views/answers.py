"""Where a shopper answers a question of ours, or writes unasked; the tracking page leads here."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from payments import states
from support import forms, progress, tickets
from support.models import Ticket


@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """The question with room for an answer; a case that waits for none leads back to its page."""
    ticket = get_object_or_404(
        Ticket.objects.select_related("payment__merchant", "refund__payment"), token=token
    )
    track_url = reverse("support:track", args=[ticket.token])
    question = progress.question(ticket)
    if not question:
        return HttpResponseRedirect(track_url)
    form = forms.AnswerForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        text = form.cleaned_data["text"]
        try:
            tickets.customer_answered(
                ticket_id=ticket.pk, text=text, by=tickets.SHOPPER, now=timezone.now()
            )
        except states.IllegalMove:
            return HttpResponseRedirect(f"{track_url}?late=1")
        return HttpResponseRedirect(track_url)
    state = progress.of(ticket, now=timezone.now())
    context = {"ticket": ticket, "progress": state, "question": question, "form": form}
    return render(request, "support/write.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def write(request: HttpRequest, token: str) -> HttpResponse:
    """Room for what the shopper wants to say; a closed case leads back to its page."""
    ticket = get_object_or_404(
        Ticket.objects.select_related("payment__merchant", "refund__payment"), token=token
    )
    track_url = reverse("support:track", args=[ticket.token])
    if ticket.is_final:
        return HttpResponseRedirect(f"{track_url}?late=1")
    form = forms.AnswerForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        text = form.cleaned_data["text"]
        try:
            tickets.customer_wrote(ticket_id=ticket.pk, text=text, now=timezone.now())
        except tickets.TooMany:
            form.add_error("text", _("한 시간에 열 번까지 남길 수 있어요. 급하면 전화해 주세요"))
        except states.IllegalMove:
            return HttpResponseRedirect(f"{track_url}?late=1")
        else:
            return HttpResponseRedirect(track_url)
    state = progress.of(ticket, now=timezone.now())
    context = {"ticket": ticket, "progress": state, "form": form}
    return render(request, "support/write.html", context, status=422 if form.is_bound else 200)
