"""Every rule there is, over the rows of this portal: for `manage.py verify` and for people."""

import time
from datetime import datetime

from payments import invariants
from payments.invariants import Check, Invariant
from portal.models import Verification
from support import audit
from support.invariants import INVARIANTS as OF_THE_DESK

ALL = [*invariants.INVARIANTS, *OF_THE_DESK]
# The one rule that is no query: the key of the chain is not in the database.
TRAIL = Invariant("I36", "the audit trail is one unbroken chain", "")


def checked() -> list[Check]:
    """Every rule looked at; reads only, and may run beside a working portal."""
    found = invariants.checked(ALL)
    started = time.perf_counter()
    broken = list(audit.broken())
    return [*found, Check(TRAIL, broken, time.perf_counter() - started)]


def run(*, by: str, now: datetime) -> Verification:
    """Look at every rule and keep what was found, for people to read."""
    rules = [
        {
            "code": check.invariant.code,
            "says": check.invariant.says,
            "seconds": round(check.seconds, 4),
            "offenders": check.offenders,
        }
        for check in checked()
    ]
    return Verification.objects.create(by=by, started_at=now, rules=rules)
