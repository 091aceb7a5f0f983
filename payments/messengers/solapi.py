"""SOLAPI, a Korean provider of texts: its public API v4, signed with HMAC-SHA256.

Facts: docs.solapi.com (authentication/api-key, api-reference/messages, message-status-codes).
It has no idempotency key: two equal calls are two texts. What we can do is put our id into
`customFields` and, when an answer was lost, look it up in the list of what it took.
"""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

from django.conf import settings

from payments import subscriber
from payments.messengers import http
from payments.messengers.base import Letter, NotTaken, OutcomeUnknown, Refused

_TAKEN = "2000"
# 1024, 1030, 2024, 2230: its server failed, our balance is empty. The message is fine.
_LATER = frozenset({"1024", "1030", "2024", "2230"})
# Clocks differ; the list is asked from a little before the try.
_CLOCK_SKEW = timedelta(minutes=5)


class Solapi:
    """Texts by SOLAPI; satisfies `base.Sender`."""

    takes_each_id_once = False

    def send(self, letter: Letter, *, now: datetime) -> str:
        """Hand one text over; see `base.Sender`."""
        # Without a type it chooses SMS or LMS by the length.
        message = {
            "to": subscriber.national(letter.to),
            "from": settings.SOLAPI_SENDER,
            "text": letter.text,
            "country": "82",
            "autoTypeDetect": True,
            "customFields": {"id": letter.message_id},
        }
        answer = http.post(
            f"{settings.SOLAPI_URL}/messages/v4/send",
            {"message": message},
            headers=_authorization(now),
        )
        code, provider_id = answer.get("statusCode"), answer.get("messageId")
        if code == _TAKEN and isinstance(provider_id, str) and provider_id:
            return provider_id
        if not isinstance(code, str) or code == _TAKEN:
            raise OutcomeUnknown("no status code or id")
        raise NotTaken(f"status {code}") if code in _LATER else Refused(f"status {code}")

    def find(self, letter: Letter, *, since: datetime, now: datetime) -> str | None:
        """Look our id up among the texts it took for this number; see `base.Sender`."""
        answer = http.get(
            f"{settings.SOLAPI_URL}/messages/v4/list",
            {
                "criteria": "to",
                "cond": "eq",
                "value": subscriber.national(letter.to),
                "startDate": _iso(since - _CLOCK_SKEW),
                "endDate": _iso(now + _CLOCK_SKEW),
                "limit": "100",
            },
            headers=_authorization(now),
        )
        taken = answer.get("messageList")
        if not isinstance(taken, dict):
            raise NotTaken("could not ask: no list")
        for provider_id, text in taken.items():
            fields = text.get("customFields") if isinstance(text, dict) else None
            if isinstance(fields, dict) and fields.get("id") == letter.message_id:
                return str(provider_id)
        return None


def _authorization(now: datetime) -> dict[str, str]:
    # A signature lives 15 minutes and is accepted once: the salt makes each its own.
    date, salt = _iso(now), secrets.token_hex(16)
    key, secret = settings.SOLAPI_API_KEY, settings.SOLAPI_API_SECRET
    signature = hmac.new(secret.encode(), f"{date}{salt}".encode(), hashlib.sha256).hexdigest()
    return {
        "Authorization": (
            f"HMAC-SHA256 apiKey={key}, date={date}, salt={salt}, signature={signature}"
        )
    }


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
