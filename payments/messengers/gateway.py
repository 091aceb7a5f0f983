"""The message gateway: takes a text or mail once per id and brings it to the phone or mailbox.

In sandbox mode it is the sandbox operator's; its phones page shows what arrived.
"""

from datetime import datetime

from django.conf import settings

from payments.messengers import http
from payments.messengers.base import Letter, OutcomeUnknown


class Gateway:
    """One channel of the gateway, `sms` or `email`; satisfies `base.Sender`."""

    takes_each_id_once = True

    def __init__(self, channel: str) -> None:
        self._channel = channel

    def send(self, letter: Letter, *, now: datetime) -> str:
        """Hand one message over; see `base.Sender`."""
        is_text = self._channel == "sms"
        answer = http.post(
            f"{settings.MESSAGE_GATEWAY_URL}/gateway/messages",
            {
                "id": letter.message_id,
                "channel": self._channel,
                "to": letter.to,
                "sender": settings.DESK_PHONE if is_text else settings.DEFAULT_FROM_EMAIL,
                "subject": letter.subject,
                "text": letter.text,
                **({} if is_text else {"html": letter.html, "reply_to": letter.reply_to}),
            },
            headers={"Authorization": f"Bearer {settings.CARRIER_API_TOKEN}"},
        )
        if not isinstance(answer.get("id"), str):
            raise OutcomeUnknown("no id")
        return str(answer["id"])

    def find(self, letter: Letter, *, since: datetime, now: datetime) -> str | None:
        """Never needed: the same id again is the question."""
        return None
