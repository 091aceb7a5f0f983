"""Mails that stop their reader: tried ever more seldom, told of, and in the end set aside.

What a mail does may end the process that reads it, so it is counted before it is looked into. The
mail itself stays in the mailbox; nothing of it is kept here but a digest.
"""

import hashlib
from datetime import datetime, timedelta

from django.db import transaction

from payments.models import Alert
from support.inbox.base import Arrived
from support.models import BegunMail, InboundMail

# The second try comes at once, the tenth after eight hours; as long again later it is set aside.
TRIES = 10
# Somebody is told when so many were in vain.
TOLD_AFTER = 3


@transaction.atomic
def begin(arrived: Arrived, *, now: datetime) -> BegunMail | None:
    """Count this try of it; None while its next try is not due. Only one reader runs at a time.

    With more than TRIES `tries` it is not to be read, but to be `set_aside`.
    """
    digest = hashlib.sha256(arrived.raw).hexdigest()
    begun, _ = BegunMail.objects.get_or_create(digest=digest, defaults={"next_at": now})
    if begun.tries > TRIES:
        return begun
    if begun.next_at > now:
        return None
    begun.tries += 1
    begun.next_at = now + timedelta(minutes=2 ** (begun.tries - 1) - 1)
    begun.save()
    if begun.tries == TOLD_AFTER + 1:
        Alert.note(Alert.Kind.MAIL_NOT_READ, ref=_ref(begun), detail=arrived.name, at=now)
    return begun


@transaction.atomic
def finish(begun: BegunMail, *, now: datetime) -> None:
    """It is written down: forget the tries, and that somebody was told."""
    forget(begun)
    Alert.settle(_ref(begun), resolution=Alert.SETTLED, by="system", at=now)


def set_aside(begun: BegunMail, *, now: datetime) -> None:
    """It stops its reader for good: a row says so, the alert stays, a person reads the mail.

    Twice is as once: until the inbox has heard that it is done, it is not to be read again.
    """
    InboundMail.objects.get_or_create(
        digest=begun.digest,
        defaults={"verdict": InboundMail.Verdict.SET_ASIDE, "received_at": now},
    )


def forget(begun: BegunMail) -> None:
    """Whoever puts the mail back into the inbox has it tried anew."""
    begun.delete()


def _ref(begun: BegunMail) -> str:
    return f"mail:{begun.digest[:16]}"
