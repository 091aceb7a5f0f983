"""The message gateway: takes a text once per id and brings it to the phone or mailbox.

In sandbox mode it is the sandbox operator's; its phones page shows what arrived.
"""

import httpx2
from django.conf import settings

SECONDS = 5.0


class NotAccepted(Exception):
    """The gateway did not take the message, or did not say so; sending again is harmless."""


def send(*, message_id: str, channel: str, to: str, subject: str, text: str) -> str:
    """Hand one message over; returns the gateway's id. Raises NotAccepted."""
    body = {
        "id": message_id,
        "channel": channel.lower(),
        "to": to,
        "sender": settings.DESK_PHONE if channel == "SMS" else settings.DEFAULT_FROM_EMAIL,
        "subject": subject,
        "text": text,
    }
    try:
        response = httpx2.post(
            f"{settings.MESSAGE_GATEWAY_URL}/gateway/messages",
            json=body,
            headers={"Authorization": f"Bearer {settings.CARRIER_API_TOKEN}"},
            timeout=SECONDS,
            trust_env=False,
        )
        response.raise_for_status()
        return str(response.json()["id"])
    except (httpx2.HTTPError, ValueError, KeyError) as error:
        raise NotAccepted(type(error).__name__) from error
