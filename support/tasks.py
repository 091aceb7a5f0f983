"""What the desk does when something happened: called by the outbox with the id of its subject.

Each is safe to run twice: a notice has one dedupe key, a move is made once.
"""

from typing import Any

from celery import shared_task
from django.utils import timezone

from payments.models import Refund
from payments.states import RefundState
from support import bulk, notices, receiving, replies, scanning, tickets
from support.models import Ticket


@shared_task
def notify_ticket_received(*, subject_id: int, **_: Any) -> None:
    """Tell the shopper that the request arrived and where to follow it."""
    notices.send(notices.RECEIVED, _ticket(subject_id), now=timezone.now())


@shared_task
def notify_ticket_approved(*, subject_id: int, **_: Any) -> None:
    """Tell the shopper how and until when the money comes back."""
    ticket = _ticket(subject_id)
    notices.send(notices.APPROVED, ticket, now=timezone.now(), dedupe=notices.round_of(ticket))


@shared_task
def notify_ticket_rejected(*, subject_id: int, **_: Any) -> None:
    """Tell the shopper why not, and how to object."""
    _send_result(notices.REJECTED, _ticket(subject_id))


@shared_task
def notify_ticket_answered(*, subject_id: int, **_: Any) -> None:
    """Tell the customer what we found out, or where it can be read."""
    _send_result(notices.ANSWERED, _ticket(subject_id))


@shared_task
def resolve_ticket(*, subject_id: int, **_: Any) -> None:
    """The refund arrived: close its request and say so, if a request stands behind it."""
    ticket = tickets.resolve_for_refund(refund_id=subject_id, now=timezone.now())
    if ticket is not None:
        _send_result(notices.RESOLVED, _ticket(ticket.pk))


@shared_task
def notify_account_needed(*, subject_id: int, **_: Any) -> None:
    """The money has to go to a bank account: ask for it, if a request stands behind the refund."""
    now = timezone.now()
    ticket = tickets.refund_changed_route(refund_id=subject_id, now=now)
    if ticket is None:
        return
    refund = Refund.objects.get(pk=subject_id)
    # An account that the bank refused is asked for anew; each asking is its own notice.
    times = refund.events.filter(to_state=RefundState.AWAITING_ACCOUNT).count()
    notices.send(notices.ACCOUNT_NEEDED, _ticket(ticket.pk), now=now, dedupe=f":{times}")


@shared_task
def send_replies(**_: Any) -> None:
    """Replies whose time to be taken back is over go out."""
    replies.send_due(now=timezone.now())


@shared_task
def read_mail(**_: Any) -> None:
    """Mails that came become cases and answers."""
    receiving.read(now=timezone.now())


@shared_task
def scan_files(**_: Any) -> None:
    """Files that came in are looked at for viruses."""
    scanning.scan_due(now=timezone.now())


@shared_task
def work_bulk(**_: Any) -> None:
    """Steps on many cases go on, case by case."""
    bulk.work(now=timezone.now())


def _ticket(pk: int) -> Ticket:
    return Ticket.objects.select_related("payment__merchant", "refund").get(pk=pk)


def _send_result(kind: str, ticket: Ticket) -> None:
    now = timezone.now()
    notices.send(kind, ticket, now=now, dedupe=notices.round_of(ticket))
    Ticket.objects.filter(pk=ticket.pk, result_notified_at=None).update(result_notified_at=now)
