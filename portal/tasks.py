"""What the clock asks of the portal itself."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from payments import outbox, retention
from payments.tasks import notify_refunded
from portal import events
from portal.models import WorkerHeartbeat
from support import attachments, buyers, forgetting, receiving
from support.models import Ticket
from support.states import TICKET_OPEN


@shared_task
def announce(**_: Any) -> None:
    """What happened is passed on to whoever must know."""
    outbox.drain(events.TASKS, now=timezone.now())


@shared_task
def heartbeat(**_: Any) -> None:
    """The worker shows that it lives."""
    WorkerHeartbeat.beat(at=timezone.now())


@shared_task
def notify_refunded_without_ticket(*, subject_id: int, **_: Any) -> None:
    """A refund arrived that nobody asked the desk for: the money itself tells the payer."""
    if not Ticket.objects.filter(refund_id=subject_id).exists():
        notify_refunded(subject_id=subject_id)


@shared_task
def purge(**_: Any) -> None:
    """Personal data whose time is over is destroyed; nothing that an open request is about."""
    rules = (*retention.RULES, buyers.RETENTION, receiving.RETENTION, *forgetting.RULES)
    now, held = timezone.now(), Ticket.objects.filter(state__in=TICKET_OPEN)
    retention.purge(held=held, now=now, rules=rules)
    attachments.sweep(now=now)
