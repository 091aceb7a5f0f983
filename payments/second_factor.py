"""A proof beside the text message: whoever holds the SIM for an hour does not have it.

Pluggable: anything that says of a line and a secret "right", "wrong" or "locked" will do. Here it
is the operator's payment PIN (안심결제 비밀번호), asked over HTTP; the sandbox operator serves it.
The secret goes from the shopper's form to the operator, and nowhere else: no row, log or error.
"""

from functools import cache
from typing import Protocol

import httpx2
from django.conf import settings

from payments.carriers.base import Declined, OutcomeUnknown, Unreachable

CONNECT_SECONDS = 2.0
SECONDS = 5.0
LOCKED = "PIN_LOCKED"


class Factor(Protocol):
    """What can prove a line besides a text."""

    def is_right(self, carrier: str, phone: str, secret: str) -> bool:
        """Whether the secret is the line's. A line without one, or unknown, is as good as wrong.

        Raises Declined PIN_LOCKED after too many wrong ones, Unreachable (nothing was checked) or
        OutcomeUnknown (it may have been counted as a try).
        """


class PaymentPin:
    """The payment PIN that operators keep for their lines."""

    def __init__(self, *, api_root: str, token: str) -> None:
        self._root = api_root
        self._client = httpx2.Client(
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx2.Timeout(SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,
        )

    def is_right(self, carrier: str, phone: str, secret: str) -> bool:
        """As `Factor.is_right`."""
        url = f"{self._root}/operators/{carrier}/payment-pin/v1/verify"
        try:
            response = self._client.post(url, json={"phoneNumber": phone, "pin": secret})
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise Unreachable(type(error).__name__) from error
        except httpx2.HTTPError as error:
            raise OutcomeUnknown(type(error).__name__) from error
        return _verdict(response)


@cache
def factor() -> Factor:
    """The one in use; one connection pool per process."""
    return PaymentPin(api_root=settings.SECOND_FACTOR_URL, token=settings.CARRIER_API_TOKEN)


def _verdict(response: httpx2.Response) -> bool:
    # Nothing of the body goes into an exception: it answers a request that held the secret.
    try:
        answer = response.json()
    except ValueError as error:
        raise OutcomeUnknown(f"{response.status_code} without JSON") from error
    if not isinstance(answer, dict):
        raise OutcomeUnknown(f"{response.status_code} without an object")
    if response.status_code == 403 and str(answer.get("message", "")).startswith(LOCKED):
        raise Declined(LOCKED, "the operator locked the payment PIN")
    if not response.is_success or not isinstance(answer.get("verified"), bool):
        raise OutcomeUnknown(str(response.status_code))
    return bool(answer["verified"])
