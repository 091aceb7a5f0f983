"""Bringing messages to people: claimed, handed to a provider, tried again, given up to a person.

A provider takes each message at most once per idempotency key. What happens when nobody knows
whether it did is declared by the kind (`messengers.kinds`):

- the provider knows our id (`takes_each_id_once`): it is handed over again;
- it can be asked (`find`): what it took is adopted;
- else a notice is sent again, a duplicate being the lesser wrong, and a code is not.
"""

import logging
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now
from django.utils import translation
from django.utils.translation import gettext as _

from payments import decisions, subscriber
from payments.messengers import kinds, links, mails, sender_of
from payments.messengers.base import Letter, NotTaken, OutcomeUnknown, Refused, Sender
from payments.messengers.kinds import Delivery, Owner
from payments.models import Alert, Message, MessageDelivery, claims

BATCH = 100
BACKOFF_SECONDS = (2, 5, 15, 60, 300, 1800, 7200, 21600)
_Outcome = MessageDelivery.Outcome
_log = logging.getLogger(__name__)


class UnableToSend(Exception):
    """It cannot be sent again; `code` is NOT_DEAD, SECRET or FORGOTTEN."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def send_due(*, now: datetime) -> int:
    """Hand every due message to its provider; returns how many were taken."""
    return sum(_try(message, now=now) for message in _claim(now))


def hindrance(message: Message) -> str | None:
    """Why a message cannot be sent again (an UnableToSend code); None when it can."""
    if message.dead_at is None:
        return "NOT_DEAD"
    if kinds.of(message.kind).is_secret:
        return "SECRET"
    return None if message.text_sealed else "FORGOTTEN"


@transaction.atomic
def send_again(message_id: int, *, reason: str, by: str, now: datetime) -> Message:
    """Try a dead message once more, for another lifetime; whoever asked owns it from now on.

    Raises UnableToSend and decisions.ReasonMissing.
    """
    reason = decisions.required(reason)
    message = Message.objects.select_for_update(of=("self",)).get(pk=message_id)
    if code := hindrance(message):
        raise UnableToSend(code)
    message.dead_at = None
    message.due_at = now
    message.deadline_at = now + kinds.of(message.kind).lifetime
    message.attempts = 0
    message.problem = ""
    message.owner = by
    message.save()
    subject = f"message:{message.pk}"
    Alert.objects.filter(ref=subject, closed_at__isnull=True).update(owner=by)
    decisions.record("message.again", subject=subject, reason=reason, by=by, at=now)
    return message


def _claim(now: datetime) -> Iterator[Message]:
    waiting = Message.objects.filter(done_at__isnull=True, dead_at__isnull=True)
    return claims.claim_due(waiting, now=now, batch=BATCH)


def _try(message: Message, *, now: datetime) -> bool:
    try:
        return _deliver(message, now=now)
    except Exception as problem:
        # One that cannot even be read must not keep the others waiting.
        _log.exception("message %s", message.pk)
        return _put_back(message, type(problem).__name__, now=now)


def _deliver(message: Message, *, now: datetime) -> bool:
    sender = sender_of(message.channel)
    kind = kinds.of(message.kind)
    if now >= message.deadline_at:
        return _give_up(message, "TOO_LATE", now=now)
    if links.forbidden(message.text, may_link=kind.may_link, own=settings.PUBLIC_URL):
        return _give_up(message, "FORBIDDEN_LINK", now=now)
    letter = _letter(message)
    lost = message.deliveries.filter(outcome__in=[_Outcome.SENT, _Outcome.UNKNOWN]).first()
    if lost is not None and not sender.takes_each_id_once:
        try:
            found = sender.find(letter, since=lost.attempted_at, now=now)
        except NotTaken as problem:
            return _put_back(message, str(problem), now=now)
        if found is not None:
            return _taken(message, lost, found, now=now)
        if kind.delivery is Delivery.AT_MOST_ONCE:
            return _give_up(message, "UNKNOWN_OUTCOME", now=now)
    return _hand_over(message, letter, sender, now=now)


def _letter(message: Message) -> Letter:
    text, html = message.text, ""
    if message.channel == Message.Channel.EMAIL:
        html = mails.html_of(
            text, subject=message.subject, language=message.language, own=settings.PUBLIC_URL
        )
    return Letter(
        message_id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{settings.PUBLIC_URL}/{message.pk}")),
        to=message.to,
        subject=message.subject,
        text=text,
        html=html,
        reply_to=message.reply_to,
        is_by_hand=kinds.of(message.kind).is_by_hand,
    )


def _hand_over(message: Message, letter: Letter, sender: Sender, *, now: datetime) -> bool:
    delivery = _intend(message, now=now)
    if delivery is None:
        return False
    try:
        provider_id = sender.send(letter, now=now)
    except NotTaken as problem:
        _close(delivery, _Outcome.UNREACHABLE, problem)
        return _put_back(message, str(problem), now=now, wait_seconds=problem.wait_seconds)
    except Refused as problem:
        _close(delivery, _Outcome.REFUSED, problem)
        return _give_up(message, str(problem), now=now)
    except OutcomeUnknown as problem:
        _close(delivery, _Outcome.UNKNOWN, problem)
        return _put_back(message, str(problem), now=now)
    return _taken(message, delivery, provider_id, now=now)


@transaction.atomic(durable=True)
def _intend(message: Message, *, now: datetime) -> MessageDelivery | None:
    """The try, on record before the call; None when another worker has the message by now."""
    # A worker that slept through its lease must not send what another one took meanwhile; and the
    # lease runs from here, because the provider may have been asked first.
    mine = Message.objects.filter(
        pk=message.pk, attempts=message.attempts, done_at__isnull=True, dead_at__isnull=True
    )
    if not mine.update(lease_expires_at=Greatest(F("lease_expires_at"), Now() + claims.LEASE)):
        return None
    return MessageDelivery.objects.create(message=message, attempted_at=now, outcome=_Outcome.SENT)


def _close(delivery: MessageDelivery, outcome: "_Outcome", problem: Exception) -> None:
    delivery.outcome = outcome
    delivery.problem = str(problem)[:100]
    delivery.save(update_fields=["outcome", "problem"])


@transaction.atomic(durable=True)
def _taken(message: Message, delivery: MessageDelivery, provider_id: str, *, now: datetime) -> bool:
    delivery.outcome = _Outcome.ACCEPTED
    delivery.provider_id = provider_id[:200]
    delivery.save(update_fields=["outcome", "provider_id"])
    # Whoever has the message by now: it is out.
    fields: dict[str, object] = {"done_at": now, "lease_expires_at": None, "problem": ""}
    Message.objects.filter(pk=message.pk).update(dead_at=None, **fields, **_forgotten(message))
    if message.owner:
        # It was dead before, and somebody's: that is settled now.
        alerts = Alert.objects.filter(ref=f"message:{message.pk}", closed_at__isnull=True)
        alerts.update(closed_at=now, closed_by=message.owner)
    return True


def _put_back(message: Message, problem: str, *, now: datetime, wait_seconds: int = 0) -> bool:
    """Due again after a while, unless this was the last try or the next would come too late."""
    if message.attempts > len(BACKOFF_SECONDS):
        return _give_up(message, problem, now=now)
    wait = max(BACKOFF_SECONDS[message.attempts - 1], wait_seconds)
    due_at = now + timedelta(seconds=wait)
    if due_at >= message.deadline_at:
        return _give_up(message, problem, now=now)
    _log.warning("message %s was not taken: %s", message.pk, problem)
    _write(message, {"due_at": due_at, "lease_expires_at": None, "problem": problem[:100]})
    return False


@transaction.atomic(durable=True)
def _give_up(message: Message, problem: str, *, now: datetime) -> bool:
    """Dead, with an owner; a mail takes over from a text where an address is known."""
    _log.error("message %s is given up: %s", message.pk, problem)
    has_fallback = bool(message.fallback_sealed) and _send_by_mail(message, now=now)
    owner = Owner.NOBODY if has_fallback else message.owner or kinds.of(message.kind).owner
    fields = {
        "dead_at": now,
        "lease_expires_at": None,
        "problem": problem[:100],
        "owner": str(owner),
    }
    _write(message, fields | _forgotten(message))
    if owner != Owner.NOBODY:
        detail = f"{message.kind} {message.channel}: {problem}"
        Alert.note(Alert.Kind.GIVEN_UP, ref=f"message:{message.pk}", detail=detail, at=now)
    return False


def _send_by_mail(message: Message, *, now: datetime) -> bool:
    address = message.fallback
    mail = Message(
        kind=message.kind,
        channel=Message.Channel.EMAIL,
        payment=message.payment,
        language=message.language,
        dedupe_key=f"{message.dedupe_key.removesuffix(':sms')}:email",
        to_masked=subscriber.mask_email(address),
        created_at=now,
        due_at=now,
        deadline_at=now + kinds.of(message.kind).lifetime,
    )
    with translation.override(message.language):
        mail.subject = _("[%(site)s] 결제 알림") % {"site": settings.SITE_NAME}
    mail.to, mail.text = address, message.text
    Message.objects.bulk_create([mail], ignore_conflicts=True)
    return True


def _forgotten(message: Message) -> dict[str, object]:
    # A code has no business in the database once it is out or worthless.
    return {"text_sealed": ""} if kinds.of(message.kind).is_secret else {}


def _write(message: Message, fields: dict[str, object]) -> None:
    # Only as long as it is ours: another worker's outcome is not written over.
    Message.objects.filter(pk=message.pk, attempts=message.attempts).update(**fields)
