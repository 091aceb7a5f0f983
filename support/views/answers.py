"""Where a shopper answers a question of ours, or writes unasked; the tracking page leads here."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from payments import states
from support import attachments, progress, tickets, uploads
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
    form = _form(request)
    if form.is_valid():
        try:
            tickets.customer_answered(
                ticket_id=ticket.pk, by=tickets.SHOPPER, now=timezone.now(), **form.cleaned_data
            )
        except attachments.TooMany:
            form.add_error("files", _too_many_files())
        except states.IllegalMove:
            return HttpResponseRedirect(f"{track_url}?late=1")
        else:
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
    form = _form(request)
    if form.is_valid():
        try:
            tickets.customer_wrote(ticket_id=ticket.pk, now=timezone.now(), **form.cleaned_data)
        except tickets.TooMany:
            form.add_error("text", _("한 시간에 열 번까지 남길 수 있어요. 급하면 전화해 주세요"))
        except attachments.TooMany:
            form.add_error("files", _too_many_files())
        except states.IllegalMove:
            return HttpResponseRedirect(f"{track_url}?late=1")
        else:
            return HttpResponseRedirect(track_url)
    state = progress.of(ticket, now=timezone.now())
    context = {"ticket": ticket, "progress": state, "form": form}
    return render(request, "support/write.html", context, status=422 if form.is_bound else 200)


def _form(request: HttpRequest) -> uploads.AnswerForm:
    if request.method != "POST":
        return uploads.AnswerForm()
    return uploads.AnswerForm(request.POST, request.FILES)


def _too_many_files() -> str:
    return _("보낼 수 있는 파일 수를 넘었어요. 한 시간 뒤에 보내거나 전화해 주세요")
