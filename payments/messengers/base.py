"""What a sender of texts or mails is given, and the three ways it can go wrong."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class NotTaken(Exception):
    """The provider certainly did not take it, this time; trying again is harmless.

    `wait_seconds` is how long the provider asked us to wait; 0 when it did not say.
    """

    def __init__(self, problem: str, *, wait_seconds: int = 0) -> None:
        super().__init__(problem)
        self.wait_seconds = wait_seconds


class Refused(Exception):
    """The provider will never take it: a wrong number, a full stop. Trying again is useless."""


class OutcomeUnknown(Exception):
    """It may have been taken; the answer was lost, late or not understood."""


@dataclass(frozen=True)
class Letter:
    """One text or mail. `message_id` is ours and the same at every try; `to` is E.164 or mail.

    `html` is the whole document of a mail that says what `text` says; empty for a text message.
    `reply_to` is where the answer to a mail shall go; empty for where it came from. A mail that is
    not `is_by_hand` says so, so that no machine answers it (RFC 3834).
    """

    message_id: str
    to: str
    subject: str
    text: str
    html: str = ""
    reply_to: str = ""
    is_by_hand: bool = False


class Sender(Protocol):
    """A provider of one channel."""

    takes_each_id_once: bool
    """Whether the same `message_id` sent twice is delivered once."""

    def send(self, letter: Letter, *, now: datetime) -> str:
        """Hand it over; the provider's id. Raises NotTaken, Refused or OutcomeUnknown."""

    def find(self, letter: Letter, *, since: datetime, now: datetime) -> str | None:
        """The provider's id of a letter it took after `since`; None when it knows of none.

        Raises NotTaken when the provider cannot be asked.
        """
