"""Files beside the words: taken with a message, shown to both sides, opened by a link that ends.

A link is signed for whoever it was made for (a shopper's page, one sign-in of an agent) and for ten
minutes. Whoever still may see the page gets a fresh one; anybody else's link opens nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Q

from support.files import Accepted
from support.models import Attachment, AttachmentBody, Reply, Ticket, TicketMessage

LINK_LASTS = timedelta(minutes=10)
_HOUR = timedelta(hours=1)
_SWEEP = 200
_Verdict = Attachment.Verdict


class TooMany(Exception):
    """One side has sent as many files as it may, for now or for this case."""


class Gone(Exception):
    """A draft that should go with a reply is not there any more, or went with another one."""


class NoSuchLink(Exception):
    """A link that we did not make, or not for this holder."""


@dataclass(frozen=True)
class Link:
    """What a link opens, and whether its time is over."""

    attachment_id: int
    is_over: bool


def check_room(ticket: Ticket, count: int, *, by: str, now: datetime) -> None:
    """Raises TooMany when this side may not send so many more. Caller holds the lock."""
    mine = ticket.attachments.filter(author=by)
    if mine.count() + count > settings.ATTACHMENTS_A_CASE:
        raise TooMany
    if mine.filter(added_at__gt=now - _HOUR).count() + count > settings.ATTACHMENTS_AN_HOUR:
        raise TooMany


def add(message: TicketMessage, files: Sequence[Accepted], *, now: datetime) -> list[Attachment]:
    """Files that come with a message, in its transaction. Caller holds the ticket's lock.

    Raises TooMany.
    """
    if not files:
        return []
    check_room(message.ticket, len(files), by=message.author, now=now)
    return [_keep(message.ticket, file, message.author, now, message) for file in files]


@transaction.atomic
def draft(*, ticket_id: int, files: Sequence[Accepted], by: str, now: datetime) -> list[Attachment]:
    """Keep files for a reply that is still being written; only their author sees them.

    Raises TooMany.
    """
    ticket = Ticket.objects.select_for_update(of=("self",), no_key=True).get(pk=ticket_id)
    check_room(ticket, len(files), by=by, now=now)
    return [_keep(ticket, file, by, now, None) for file in files]


def drafts(ticket: Ticket, *, by: str) -> list[Attachment]:
    """What somebody chose for a reply to come."""
    rows = ticket.attachments.filter(author=by, message=None, reply=None)
    return list(rows.order_by("pk"))


def hold(reply: Reply, keys: Iterable[int]) -> None:
    """Put an author's own drafts behind a reply; its other drafts are dropped. Raises Gone."""
    mine = Attachment.objects.filter(
        ticket_id=reply.ticket_id, author=reply.author, message=None, reply=None
    )
    chosen = set(keys)
    if mine.filter(pk__in=chosen).update(reply=reply) != len(chosen):
        raise Gone
    mine.delete()


def send(reply: Reply, message: TicketMessage) -> None:
    """The reply left: its files belong to its message from now on."""
    reply.attachments.update(message=message)


def drop(reply_id: int) -> None:
    """The reply was taken back, and so are its files."""
    Attachment.objects.filter(reply_id=reply_id, message=None).delete()


@transaction.atomic
def sweep(*, now: datetime) -> int:
    """Drop drafts nobody came back to; returns how many."""
    old = Attachment.objects.filter(
        message=None, reply=None, added_at__lte=now - Attachment.DRAFT
    ).order_by("pk")
    # Locked: a reply may take one while we look.
    keys = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:_SWEEP])
    Attachment.objects.filter(pk__in=keys).delete()
    return len(keys)


def of_messages(tickets: Iterable[int]) -> dict[int, list[Attachment]]:
    """The files of every message of these cases, by message."""
    found: dict[int, list[Attachment]] = defaultdict(list)
    rows = Attachment.objects.filter(ticket__in=tickets, message__isnull=False)
    for row in rows.order_by("pk"):
        found[row.message_id or 0].append(row)
    return dict(found)


def of_conversation(ticket: Ticket) -> dict[int, list[Attachment]]:
    """The same for a case and those merged into it."""
    same = Ticket.objects.filter(Q(pk=ticket.pk) | Q(duplicate_of=ticket))
    return of_messages(same.values_list("pk", flat=True))


def link(attachment: Attachment, *, holder: str, now: datetime) -> str:
    """What an address carries to open a file: signed for the holder, for ten minutes."""
    until = int((now + LINK_LASTS).timestamp())
    return signing.Signer(salt=_salt(holder)).sign_object([attachment.pk, until])


def read_link(signed: str, *, holder: str, now: datetime) -> Link:
    """What a link opens for this holder. Raises NoSuchLink."""
    try:
        key, until = signing.Signer(salt=_salt(holder)).unsign_object(signed)
    except (signing.BadSignature, ValueError) as error:
        raise NoSuchLink from error
    return Link(key, datetime.fromtimestamp(until, UTC) <= now)


def _salt(holder: str) -> str:
    return f"support.attachments:{holder}"


def _keep(
    ticket: Ticket, file: Accepted, by: str, now: datetime, message: TicketMessage | None
) -> Attachment:
    attachment = Attachment(
        ticket=ticket, message=message, author=by, kind=file.kind, added_at=now, due_at=now
    )
    if not settings.ATTACHMENT_SCANNER:
        attachment.verdict, attachment.done_at = _Verdict.UNSCANNED, now
    content = attachment.seal(file.name, file.content)
    attachment.save(force_insert=True)
    AttachmentBody(attachment=attachment, content=content).save(force_insert=True)
    return attachment
