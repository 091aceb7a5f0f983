"""Replies to the customer: written, on hold for a few seconds, then sent or taken back.

The row is the job (design §3.6): it has a due time, a sweep sends what is due, and until a sweep
has claimed it its writer may take it back. Nothing leaves before.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from support import attachments, notices, tickets
from support.models import Reply, Ticket
from support.states import TICKET_FINAL, TICKET_MOVES, TicketState

HOLD = timedelta(seconds=15)
_BATCH = 50


class Closed(Exception):
    """The case is closed: open it again to speak."""


class TooLate(Exception):
    """The reply is on its way, or was taken back already."""


@transaction.atomic
def write(
    *,
    ticket_id: int,
    text: str,
    waits: bool,
    by: str,
    now: datetime,
    seen: int | None = None,
    drafts: Iterable[int] = (),
) -> Reply:
    """Put a reply on hold; with `waits` the case waits for the customer once it is sent.

    `drafts` are files of its writer that go with it (`attachments.draft`).
    Raises tickets.ReasonMissing for no text, Closed, tickets.ChangedMeanwhile, attachments.Gone.
    """
    text = text.strip()
    if not text:
        raise tickets.ReasonMissing
    ticket = Ticket.objects.select_for_update(of=("self",), no_key=True).get(pk=ticket_id)
    if ticket.state in TICKET_FINAL:
        raise Closed
    if since := tickets.unseen(ticket, seen, by=by):
        raise tickets.ChangedMeanwhile(since)
    reply = Reply.objects.create(
        ticket=ticket, text=text, waits=waits, author=by, written_at=now, due_at=now + HOLD
    )
    attachments.hold(reply, drafts)
    return reply


@transaction.atomic
def withdraw(*, reply_id: int, by: str, now: datetime) -> None:
    """Take one's own reply back while it is on hold. Raises TooLate."""
    # One conditional statement: it waits for a sweep that has the row, and then finds it sent.
    rows = Reply.objects.filter(pk=reply_id, author=by, sent_at=None, withdrawn_at=None)
    if not rows.update(withdrawn_at=now):
        raise TooLate
    attachments.drop(reply_id)


def on_hold(ticket: Ticket) -> list[Reply]:
    """What is written and neither sent nor taken back."""
    return list(ticket.replies.filter(sent_at=None, withdrawn_at=None).order_by("pk"))


def send_due(*, now: datetime) -> int:
    """Send what is due, each in its own commit; returns how many. Any number may run at once."""
    count = 0
    while count < _BATCH and _send_next(now):
        count += 1
    return count


@transaction.atomic
def _send_next(now: datetime) -> bool:
    due = Reply.objects.filter(due_at__lte=now, sent_at=None, withdrawn_at=None)
    reply = due.select_for_update(skip_locked=True).order_by("due_at", "pk").first()
    if reply is None:
        return False
    reply.sent_at = now
    reply.save(update_fields=["sent_at"])
    said = tickets.replied(ticket_id=reply.ticket_id, text=reply.text, by=reply.author, now=now)
    attachments.send(reply, said)
    ticket = Ticket.objects.select_related("payment__merchant", "refund").get(pk=reply.ticket_id)
    notices.send_reply(
        ticket,
        text=reply.text,
        files=said.attachments.count(),
        now=now,
        dedupe=f":{reply.pk}",
    )
    # Decided while it was on hold: the words still go, the case stays where it is.
    if reply.waits and (ticket.state, TicketState.WAITING_CUSTOMER) in TICKET_MOVES:
        tickets.wait_for_customer(ticket_id=ticket.pk, by=reply.author, now=now)
    return True
