"""Check every invariant and name who breaks one: `manage.py verify`, status 1 if anybody does."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from payments import invariants
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
        self.stdout.write(f"{len(ALL)} invariants, {len(found)} violations")
        if found:
            sys.exit(1)
