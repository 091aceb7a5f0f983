"""Check every invariant and name who breaks one: `manage.py verify`, status 1 if anybody does."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from portal import verifying


class Command(BaseCommand):
    """Reads only, one moment of the database, and may run beside a working portal."""

    help = "check every invariant; status 1 and a line each when one is broken"
    requires_system_checks: list[str] = []

    def handle(self, **_: Any) -> None:
        """One line a violation, then how many."""
        checks = verifying.checked()
        for check in checks:
            for offender in check.offenders:
                rule = check.invariant
                self.stdout.write(f"{rule.code}: {offender} ({rule.says})")
        count = sum(len(check.offenders) for check in checks)
        self.stdout.write(f"{len(checks)} invariants, {count} violations")
        if count:
            sys.exit(1)
