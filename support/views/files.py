"""Where a shopper fetches a file of their request; the tracking page makes the links."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from support import attachments, downloads
from support.models import Attachment, Ticket, TicketMessage


@require_safe
def file(request: HttpRequest, token: str, signed: str) -> HttpResponse:
    """The file; a link whose ten minutes are over leads to a fresh one."""
    ticket = get_object_or_404(Ticket, token=token)
    now = timezone.now()
    try:
        link = attachments.read_link(signed, holder=ticket.token, now=now)
    except attachments.NoSuchLink:
        raise Http404 from None
    rows = Attachment.objects.filter(
        ticket=ticket, message__party=TicketMessage.Party.CUSTOMER, pk=link.attachment_id
    )
    attachment = rows.first()
    if attachment is None or not attachment.is_open:
        raise Http404
    if not link.is_over:
        return downloads.answer(attachment)
    fresh = attachments.link(attachment, holder=ticket.token, now=now)
    context = {
        "ticket": ticket,
        "file": attachment,
        "url": reverse("support:file", args=[ticket.token, fresh]),
    }
    return render(request, "support/file_over.html", context, status=410)
