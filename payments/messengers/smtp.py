"""Mail over SMTP, with Django's own backend.

SMTP has no idempotency key: the Message-ID is the same at every try, but a server may deliver both.
"""

import contextlib
import smtplib
from datetime import datetime
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend

from payments.messengers.base import Letter, NotTaken, OutcomeUnknown, Refused

SECONDS = 10


class Smtp:
    """Mails by a mail server; satisfies `base.Sender`."""

    takes_each_id_once = False

    def send(self, letter: Letter, *, now: datetime) -> str:
        """Hand one mail over; see `base.Sender`. The id is the mail's Message-ID."""
        message_id = f"<{_name(letter)}@{_address(settings.DEFAULT_FROM_EMAIL)[2]}>"
        headers = {"Message-ID": message_id}
        if not letter.is_by_hand:
            headers["Auto-Submitted"] = "auto-generated"
        mail = EmailMultiAlternatives(
            letter.subject,
            letter.text,
            to=[letter.to],
            reply_to=[letter.reply_to] if letter.reply_to else None,
            headers=headers,
        )
        mail.attach_alternative(letter.html, "text/html")
        server = EmailBackend(timeout=SECONDS)
        try:
            server.open()
        except (smtplib.SMTPException, OSError) as error:
            raise NotTaken(_words(error)) from error
        try:
            server.send_messages([mail])
        except smtplib.SMTPRecipientsRefused as error:
            raise _judged(*_answer_of(error)) from error
        except smtplib.SMTPResponseException as error:
            raise _judged(error.smtp_code, type(error).__name__) from error
        except (smtplib.SMTPException, OSError) as error:
            raise OutcomeUnknown(_words(error)) from error
        finally:
            # Taken is taken, however the goodbye goes.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.close()
        return message_id

    def find(self, letter: Letter, *, since: datetime, now: datetime) -> str | None:
        """A mail server cannot be asked."""
        return None


def _name(letter: Letter) -> str:
    # What comes after the plus goes into the Message-ID as well: a report of a mail that did not
    # arrive repeats that, and programs that answer somewhere else still name it.
    thread = _address(letter.reply_to)[0].partition("+")[2]
    return f"{letter.message_id}.{thread}" if thread else letter.message_id


def _address(text: str) -> tuple[str, str, str]:
    return parseaddr(text)[1].rpartition("@")


def _judged(code: int, words: str) -> NotTaken | Refused:
    # RFC 5321 §4.2.1: 4yz may work later, 5yz never will.
    problem = f"{words} {code}"
    return NotTaken(problem) if 400 <= code < 500 else Refused(problem)


def _answer_of(error: smtplib.SMTPRecipientsRefused) -> tuple[int, str]:
    code, _ = next(iter(error.recipients.values()))
    return code, type(error).__name__


def _words(error: Exception) -> str:
    # Never the text: it may hold the address.
    return type(error).__name__
