"""Files on their way out: always to be saved, never shown or run by our pages."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from support.models import Attachment


def answer(attachment: Attachment) -> HttpResponse:
    """The file. Raises encryption.Unreadable when its bytes are gone."""
    disposition = content_disposition_header(as_attachment=True, filename=attachment.name)
    return HttpResponse(
        attachment.content(),
        content_type=attachment.content_type,
        headers={
            "Content-Disposition": disposition or "attachment",
            "X-Content-Type-Options": "nosniff",
            # Were it opened in spite of that: as a stranger's page, without scripts.
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "private, no-store",
        },
    )
