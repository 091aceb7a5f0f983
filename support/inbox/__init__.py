"""Where mails to the customer centre are read, chosen by MAIL_INBOX: nowhere, a folder, IMAP."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from support.inbox.base import Inbox
from support.inbox.folder import Folder
from support.inbox.imap import mailbox


@contextmanager
def opened() -> Iterator[Inbox | None]:
    """The inbox, open; None when mails are read nowhere. Raises base.Unreachable."""
    if settings.MAIL_INBOX == "imap":
        with mailbox() as found:
            yield found
    elif settings.MAIL_INBOX == "folder":
        yield Folder(settings.INBOX_DIR)
    else:
        yield None
