"""A mailbox on an IMAP server (RFC 3501) over TLS: what is UNSEEN waits, what is done is \\Seen.

Tested against a small server on loopback, never against a provider. Nothing is deleted there: how
long mails stay is the mailbox's own affair.
"""

import contextlib
import imaplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from support.inbox.base import Arrived, Unreachable
from support.letters import READ_AT_MOST

SECONDS = 10
_TROUBLE = (imaplib.IMAP4.error, OSError)


class Mailbox:
    """A folder that was selected; satisfies `base.Inbox`. Mails go by their UID."""

    def __init__(self, server: imaplib.IMAP4) -> None:
        self._server = server

    def waiting(self) -> Iterator[Arrived]:
        """Everything not seen; see `base.Inbox`."""
        for name in self._found("SEARCH", "UNSEEN").split():
            # PEEK: to have looked is not to be done.
            raw = self._fetched(name.decode())
            if raw is not None:
                yield Arrived(name.decode(), raw)

    def done(self, arrived: Arrived) -> None:
        r"""Mark it \Seen; see `base.Inbox`."""
        self._asked("STORE", arrived.name, "+FLAGS.SILENT", r"(\Seen)")

    def _found(self, *words: str) -> bytes:
        answer = self._asked(*words)
        first = answer[0] if answer else None
        return first if isinstance(first, bytes) else b""

    def _fetched(self, name: str) -> bytes | None:
        """The mail's first READ_AT_MOST bytes; None when it is gone by now."""
        for part in self._asked("FETCH", name, f"(BODY.PEEK[]<0.{READ_AT_MOST}>)"):
            if isinstance(part, tuple) and len(part) > 1 and isinstance(part[1], bytes):
                return part[1]
        return None

    def _asked(self, *words: str) -> list[object]:
        try:
            status, answer = self._server.uid(*words)
        except _TROUBLE as error:
            raise Unreachable(type(error).__name__) from error
        if status != "OK":
            raise Unreachable(f"{words[0]} {status}")
        return list(answer)


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """The configured folder of the configured account, for as long as the block. Unreachable."""
    try:
        server = imaplib.IMAP4_SSL(
            settings.IMAP_HOST,
            settings.IMAP_PORT,
            ssl_context=ssl.create_default_context(),
            timeout=SECONDS,
        )
    except _TROUBLE as error:
        raise Unreachable(type(error).__name__) from error
    try:
        _sign_in(server)
        yield Mailbox(server)
    finally:
        # Whatever the goodbye says, the work is done or will be done again.
        with contextlib.suppress(*_TROUBLE):
            server.logout()


def _sign_in(server: imaplib.IMAP4) -> None:
    try:
        server.login(settings.IMAP_USER, settings.IMAP_PASSWORD)
        status, _ = server.select(f'"{settings.IMAP_FOLDER}"')
    except _TROUBLE as error:
        # Never the text: it may hold the account.
        raise Unreachable(type(error).__name__) from error
    if status != "OK":
        raise Unreachable(f"SELECT {status}")
