"""Lists `up` among the commands; manage.py runs it before Django has settings."""

import sys

from django.core.management.base import BaseCommand

from portal.embedded import up


class Command(BaseCommand):
    """Start the whole portal in the foreground."""

    help = "Start PostgreSQL, Valkey, web, worker, beat and the sandbox operator; Ctrl-C stops."
    requires_system_checks: list[str] = []

    def handle(self, *_args: object, **_options: object) -> None:
        """Run until somebody stops it."""
        sys.exit(up.main())
