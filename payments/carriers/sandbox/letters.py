"""Mails the customers write: put into the customer centre's Maildir, as a mail server would."""

from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from mailbox import Maildir
from pathlib import Path

from django.utils import timezone

from payments.carriers.sandbox import settings
from payments.carriers.sandbox.models import Message

LONGEST_SUBJECT = 200
LONGEST_TEXT = 20_000


def can_be_written() -> bool:
    """Whether this sandbox knows where the customer centre reads its mails."""
    return bool(settings.INBOX)


def write(*, sender: str, subject: str, text: str, answered: Message | None) -> None:
    """Deliver one mail, in answer to one that came, or of its own accord."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = recipient(answered)
    mail["Subject"] = " ".join(subject.split())[:LONGEST_SUBJECT]
    mail["Date"] = format_datetime(timezone.now())
    mail["Message-ID"] = make_msgid(domain="mail.sandbox.invalid")
    mail.set_content(text[:LONGEST_TEXT])
    box = Path(settings.INBOX)
    for name in ("tmp", "new", "cur"):
        (box / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    Maildir(box).add(mail)


def recipient(answered: Message | None) -> str:
    """Where a mail goes: where the one it answers says, or to the customer centre at large."""
    return (answered.reply_to or answered.sender if answered else "") or settings.DESK_EMAIL
