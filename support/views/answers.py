"""Where a shopper answers a question of ours; the tracking page leads here."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
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
    return render(request, "support/answer.html", context, status=422 if form.is_bound else 200)
