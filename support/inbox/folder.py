"""A Maildir folder: mails wait in `new/` and are moved to `cur/` once they are written down.

In sandbox mode the sandbox operator's mail page delivers here; elsewhere a mail server does. A move
is one step of the file system: a process that dies leaves a mail in the one place or the other.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from support.inbox.base import Arrived, Unreachable
from support.letters import READ_AT_MOST

# Seen, in the words of Maildir.
_SEEN = ":2,S"


class Folder:
    """One Maildir, made when it is not there; satisfies `base.Inbox`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def waiting(self) -> Iterator[Arrived]:
        """Every mail in `new/`; see `base.Inbox`."""
        try:
            # Not by `mailbox.Maildir`, which takes a folder that is there for a whole one.
            for name in ("tmp", "new", "cur"):
                (self._path / name).mkdir(mode=0o700, parents=True, exist_ok=True)
            files = sorted((self._path / "new").iterdir(), key=lambda file: file.name)
        except OSError as error:
            raise Unreachable(type(error).__name__) from error
        for file in files:
            if file.name.startswith("."):
                continue
            # Gone: another worker was faster.
            with contextlib.suppress(FileNotFoundError), file.open("rb") as mail:
                yield Arrived(file.name, mail.read(READ_AT_MOST))

    def done(self, arrived: Arrived) -> None:
        """Into `cur/`; see `base.Inbox`."""
        target = self._path / "cur" / f"{arrived.name.partition(':')[0]}{_SEEN}"
        try:
            with contextlib.suppress(FileNotFoundError):
                (self._path / "new" / arrived.name).rename(target)
        except OSError as error:
            raise Unreachable(type(error).__name__) from error
