"""Check every invariant and name who breaks one: `manage.py verify`, status 1 if anybody does."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from payments import invariants
from support import audit
from support.invariants import INVARIANTS as OF_THE_DESK

ALL = [*invariants.INVARIANTS, *OF_THE_DESK]


class Command(BaseCommand):
    """Reads only, one moment of the database, and may run beside a working portal."""

    help = "check every invariant; status 1 and a line each when one is broken"
    requires_system_checks: list[str] = []

    def handle(self, **_: Any) -> None:
        """One line a violation, then how many."""
        found = invariants.violations(ALL)
        for violation in found:
            rule = violation.invariant
            self.stdout.write(f"{rule.code}: {violation.offender} ({rule.says})")
        links = list(audit.broken())
        for link in links:
            self.stdout.write(f"I36: {link} (the audit trail is one unbroken chain)")
        count = len(found) + len(links)
        self.stdout.write(f"{len(ALL) + 1} invariants, {count} violations")
        if count:
            sys.exit(1)
