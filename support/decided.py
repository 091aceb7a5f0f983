"""What people decide about money goes on the trail, in the transaction that makes it true."""

from datetime import datetime
from typing import Any

from support import audit
from support.models import AuditEntry


def record_decision(
    *, what: str, subject: str, reason: str, by: str, at: datetime, **_: Any
) -> None:
    """Receiver of `payments.decisions.decided`."""
    audit.record(
        AuditEntry.Action.DECIDED, actor=by, subject=f"{subject} {what}", reason=reason, at=at
    )
