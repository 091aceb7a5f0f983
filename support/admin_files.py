"""Files on the desk: chosen for a reply or an answer, and opened by who may read personal data.

Every file that is taken out is on the trail with whose it is (`portal.middleware.AuditTrail` writes
it, told here what and whose), so no reason is asked: to look at what a customer sent is the work.
"""

from collections.abc import Collection
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from support import attachments, downloads, uploads
from support.files import Accepted
from support.models import Attachment, Reply, Ticket

# In the form of a reply: that drafts were shown in it, and the numbers of those left ticked.
_CHOOSING, _KEPT = "choosing", "kept"


class Files(admin.ModelAdmin[Ticket]):
    """The part of the case's admin that opens files."""

    def get_urls(self) -> list[URLPattern]:
        """One more address under a case."""
        view = self.admin_site.admin_view(require_safe(self.file_view))
        return [
            path("<int:pk>/file/<str:signed>/", view, name="support_ticket_file"),
            *super().get_urls(),
        ]

    def file_view(self, request: HttpRequest, pk: int, signed: str) -> HttpResponse:
        """The file; a link whose ten minutes are over leads to a fresh one."""
        if not request.user.has_perm("support.reveal_ticket"):
            raise PermissionDenied
        ticket, now = get_object_or_404(Ticket, pk=pk), timezone.now()
        try:
            link = attachments.read_link(signed, holder=_holder(request), now=now)
        except attachments.NoSuchLink:
            raise Http404 from None
        attachment = Attachment.objects.filter(ticket=ticket, pk=link.attachment_id).first()
        if attachment is None or not attachment.is_open:
            raise Http404
        if not link.is_over:
            request.taken = (  # type: ignore[attr-defined]
                f"ticket:{ticket.pk}:file:{attachment.pk}",
                ticket.phone_bidx,
            )
            return downloads.answer(attachment)
        context = {
            **self.admin_site.each_context(request),
            "title": _("파일 링크의 시간이 지났어요"),
            "opts": self.opts,
            "ticket": ticket,
            "file": attachment,
            "url": _url(request, attachment),
        }
        template = "admin/support/ticket/file_over.html"
        return TemplateResponse(request, template, context, status=410)


def of_conversation(request: HttpRequest, ticket: Ticket) -> dict[int, list[tuple[Any, str]]]:
    """The files of a case by message, each with its link; no link for who may not open it."""
    return {
        message: [(row, _url(request, row)) for row in rows]
        for message, rows in attachments.of_conversation(ticket).items()
    }


def of_reply(request: HttpRequest, reply: Reply) -> list[tuple[Attachment, str]]:
    """The files that go out with a reply on hold."""
    return [(row, _url(request, row)) for row in reply.attachments.order_by("pk")]


def facts(request: HttpRequest, ticket: Ticket, *, new: Collection[int] = ()) -> dict[str, Any]:
    """What the forms say of files: how many, how large, and which are chosen already.

    `new` came with this request; the others stay as the agent ticked them.
    """
    is_choosing = _CHOOSING in request.POST
    ticked = set(request.POST.getlist(_KEPT))
    return {
        "files_form": uploads.FilesForm(),
        "drafts": [
            (row, not is_choosing or row.pk in new or str(row.pk) in ticked)
            for row in attachments.drafts(ticket, by=_by(request))
        ],
    }


def kept(request: HttpRequest, ticket: Ticket, *, new: Collection[int] = ()) -> list[Attachment]:
    """The drafts that go with the reply."""
    return [row for row, is_kept in facts(request, ticket, new=new)["drafts"] if is_kept]


def promised(request: HttpRequest) -> list[int]:
    """The numbers of the drafts that the agent saw beside the reply when sending it."""
    return [int(pk) for pk in request.POST.getlist(_KEPT) if pk.isascii() and pk.isdigit()]


def taken(request: HttpRequest) -> tuple[list[Accepted], str]:
    """The files of a form that may be kept, and what is wrong with them, in words."""
    form = uploads.FilesForm(request.POST, request.FILES)
    if form.is_valid():
        return form.cleaned_data["files"], ""
    return [], " ".join(str(error) for error in form.errors["files"])


def draft(request: HttpRequest, ticket: Ticket) -> tuple[list[int], str]:
    """Keep what was chosen for a reply: the drafts, and what is wrong, in words."""
    accepted, problem = taken(request)
    if not accepted:
        return [], problem
    try:
        rows = attachments.draft(
            ticket_id=ticket.pk, files=accepted, by=_by(request), now=timezone.now()
        )
    except attachments.TooMany:
        return [], too_many()
    return [row.pk for row in rows], ""


def too_many() -> str:
    """Why no more files are taken."""
    return _("이 요청에 보낼 수 있는 파일 수를 넘었어요")


def _by(request: HttpRequest) -> str:
    return f"staff:{request.user.pk}"


def _holder(request: HttpRequest) -> str:
    return f"{_by(request)}:{request.session.session_key}"


def _url(request: HttpRequest, attachment: Attachment) -> str:
    if not request.user.has_perm("support.reveal_ticket"):
        return ""
    signed = attachments.link(attachment, holder=_holder(request), now=timezone.now())
    return reverse("admin:support_ticket_file", args=[attachment.ticket_id, signed])
