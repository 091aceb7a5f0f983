"""What an inbox is asked for, and how it fails."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


class Unreachable(Exception):
    """The inbox cannot be read now; what is in it stays, and is read another time."""


@dataclass(frozen=True)
class Arrived:
    """A mail that waits. `name` is the inbox's own; `raw` at most letters.READ_AT_MOST bytes."""

    name: str
    raw: bytes


class Inbox(Protocol):
    """A place mails come to. Reading takes nothing out of it: only `done` does."""

    def waiting(self) -> Iterator[Arrived]:
        """What waits, the longest waiting first. Raises Unreachable."""

    def done(self, arrived: Arrived) -> None:
        """It is written down: do not hand it out again. Twice is as once. Raises Unreachable."""
