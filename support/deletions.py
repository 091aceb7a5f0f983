"""A row deleted in the admin goes on the trail, by the line Django's admin writes about it."""

from typing import Any

from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType

from support import audit
from support.models import AuditEntry


def record_deletion(*, instance: LogEntry, created: bool, **_: Any) -> None:
    """Receiver of a saved admin log line; only deletions count. The row's name stays out of it."""
    if not created or instance.action_flag != DELETION or instance.content_type_id is None:
        return
    kind = ContentType.objects.get_for_id(instance.content_type_id)
    audit.record(
        AuditEntry.Action.DELETED,
        actor=f"staff:{instance.user_id}",
        subject=f"{kind.app_label}.{kind.model}:{instance.object_id}",
        at=instance.action_time,
    )
