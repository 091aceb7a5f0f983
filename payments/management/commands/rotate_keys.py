"""Seals all personal data under the newest key of FIELD_KEYS, while everything runs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments import encryption, rotation


class Command(BaseCommand):
    """Run it as often as you like; it says when the old keys may go."""

    help = (
        "Encrypt every sealed column anew under the first key of FIELD_KEYS. Safe while the portal "
        "runs; stop it at any moment and start it again. BLIND_INDEX_KEY is not rotated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """`--check` counts only."""
        parser.add_argument(
            "--check", action="store_true", help="only count what is under which key"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError when a value cannot be opened or older ones are left."""
        if not options["check"]:
            self._rotate()
        newest = encryption.newest_prefix().rstrip(":")
        left = 0
        for column, keys in rotation.count_by_key().items():
            words = ", ".join(f"{key} {count:,}" for key, count in sorted(keys.items()))
            self.stdout.write(f"{column}: {words or 'empty'}")
            left += sum(count for key, count in keys.items() if key != newest)
        if left:
            raise CommandError(f"{left:,} values are under older keys. Run rotate_keys again.")
        self.stdout.write(f"All values are under {newest}; older keys may leave FIELD_KEYS.")

    def _rotate(self) -> None:
        moved: dict[str, int] = {}
        try:
            for step in rotation.rotate():
                name = str(step.column)
                moved[name] = moved.get(name, 0) + step.moved
                beside = f", {step.passed_by} changed meanwhile" if step.passed_by else ""
                self.stdout.write(f"{name}: {moved[name]:,} sealed anew{beside}")
        except encryption.Unreadable as error:
            raise CommandError(f"A value cannot be opened: {error}") from error
