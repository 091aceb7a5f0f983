"""The trail of what must not happen unseen: data read, files taken, doors tried, rows gone.

Each entry carries a keyed hash over itself and the one before. Somebody who changes a row, takes
one out or cuts the end off breaks the chain, which `broken` finds; the key is not in the database.
What happens to cases and money has its own history and is not written twice.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Max

from payments import encryption
from support.models import AuditEntry, AuditHead

_KIND = "audit"


@transaction.atomic
def record(
    action: AuditEntry.Action,
    *,
    actor: str,
    subject: str,
    at: datetime,
    person: str = "",
    reason: str = "",
    address: str = "",
) -> AuditEntry:
    """Write one entry behind the last.

    `subject` names a row or a page, `person` is the blind index of whose data it is about. Writers
    wait for each other from here to the end of their transaction: call it last.
    """
    AuditHead.objects.get_or_create(pk=1)
    head = AuditHead.objects.select_for_update().get(pk=1)
    entry = AuditEntry(
        pk=head.last + 1,
        at=at,
        actor=actor,
        action=action,
        subject=subject[:200],
        person=person,
        reason=reason,
        address=address,
        previous=head.digest,
    )
    entry.digest = _digest(entry)
    entry.save(force_insert=True)
    head.last, head.digest = entry.pk, entry.digest
    head.save()
    return entry


def broken() -> Iterator[str]:
    """The entries at which the chain does not hold; may run while others write."""
    newest = AuditEntry.objects.aggregate(newest=Max("pk"))["newest"] or 0
    head = AuditHead.objects.filter(pk=1).first() or AuditHead(pk=1)
    previous, expected = "", 1
    for entry in (
        AuditEntry.objects.filter(pk__lte=max(head.last, newest)).order_by("pk").iterator()
    ):
        if entry.pk != expected or entry.previous != previous or entry.digest != _digest(entry):
            yield f"audit {entry.pk}"
        previous, expected = entry.digest, entry.pk + 1
    if newest > head.last or (head.last, head.digest) != (expected - 1, previous):
        yield "audit end"


def _digest(entry: AuditEntry) -> str:
    fields = [
        entry.pk,
        entry.at.astimezone(UTC).isoformat(),
        entry.actor,
        entry.action,
        entry.subject,
        entry.person,
        entry.reason,
        entry.address,
        entry.previous,
    ]
    return encryption.blind_index(json.dumps(fields), kind=_KIND)
