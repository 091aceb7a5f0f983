"""Having files looked at for viruses, by whatever the operator of this portal has.

`ATTACHMENT_SCANNER` is the dotted name of a function `scan(content: bytes) -> str` that answers
`clean`, `infected` or `unknown`; it may raise, which is `unknown`. A file nobody has called clean
yet is shown to nobody; an infected one is destroyed, and its line says so. What stays unknown after
all tries is never shown. Without a scanner files are shown as soon as their content was checked
(`support.files`), and no virus scanner has seen them: a deployment that takes files from the public
should name one.

The row is the job (design §3.6). The call happens with no transaction open.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils.module_loading import import_string

from payments.models import claims
from support.models import Attachment, AttachmentBody

CLEAN, INFECTED = "clean", "infected"
_WAITS_SECONDS = (10, 60, 600, 3600, 21_600)
_BATCH = 20
_log = logging.getLogger(__name__)


def check_settings() -> None:
    """Stop a start that names a scanner which is not there. Raises ImproperlyConfigured."""
    if not settings.ATTACHMENT_SCANNER:
        return
    try:
        import_string(settings.ATTACHMENT_SCANNER)
    except ImportError as error:
        raise ImproperlyConfigured(
            "ATTACHMENT_SCANNER names nothing that can be imported. "
            "Set it to the dotted name of a function, scanners.clamav.scan."
        ) from error


def scan_due(*, now: datetime) -> int:
    """Have what is due looked at, one by one; returns how many. Any number may run at once."""
    open_jobs = Attachment.objects.filter(done_at=None, dead_at=None)
    if not settings.ATTACHMENT_SCANNER:
        # There was one when they came, and there is none now.
        return open_jobs.update(verdict=Attachment.Verdict.UNSCANNED, done_at=now)
    scan: Callable[[bytes], str] = import_string(settings.ATTACHMENT_SCANNER)
    count = 0
    for attachment in claims.claim_due(open_jobs, now=now, batch=_BATCH):
        _finish(attachment, _answer(scan, attachment), now)
        count += 1
    return count


def _answer(scan: Callable[[bytes], str], attachment: Attachment) -> str:
    try:
        return scan(attachment.content())
    except Exception:
        # Also bytes that cannot be read: a key that is missing here is no reason to destroy them.
        _log.exception("scanning attachment %s", attachment.pk)
        return ""


@transaction.atomic
def _finish(attachment: Attachment, answer: str, now: datetime) -> None:
    rows = Attachment.objects.filter(pk=attachment.pk)
    over = {"done_at": now, "lease_expires_at": None}
    if answer == CLEAN:
        rows.update(verdict=Attachment.Verdict.CLEAN, **over)
    elif answer == INFECTED:
        rows.update(verdict=Attachment.Verdict.INFECTED, key_sealed="", **over)
        AttachmentBody.objects.filter(pk=attachment.pk).delete()
    elif rows.exists():
        claims.put_back(attachment, waits_seconds=_WAITS_SECONDS, now=now)
