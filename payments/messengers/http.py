"""One HTTP call to a provider, classed: certainly not taken, refused for good, or nobody knows."""

import json
import ssl
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx2

from payments.messengers.base import NotTaken, OutcomeUnknown, Refused

CONNECT_SECONDS = 2.0
SECONDS = 8.0
_LONGEST_ANSWER = 100_000
_LONGEST_WAIT_SECONDS = 3_600
# The account, the balance or the pace is wrong, not the message: it may go once that is put right.
_OURS_TO_MEND = frozenset({401, 402, 403, 429})


def post(url: str, body: Mapping[str, object], *, headers: Mapping[str, str]) -> dict[str, Any]:
    """The answer of a call that hands a message over.

    Raises NotTaken, Refused or OutcomeUnknown; whatever is not understood is unknown.
    """
    return _call("POST", url, headers=headers, content=json.dumps(body))


def get(url: str, params: Mapping[str, str], *, headers: Mapping[str, str]) -> dict[str, Any]:
    """The answer to a question, which changes nothing. Raises NotTaken whatever goes wrong."""
    try:
        return _call("GET", url, headers=headers, params=params)
    except (OutcomeUnknown, Refused) as error:
        raise NotTaken(f"could not ask: {error}") from error


def _call(method: str, url: str, *, headers: Mapping[str, str], **parts: Any) -> dict[str, Any]:
    limits = httpx2.Timeout(SECONDS, connect=CONNECT_SECONDS)
    back_by = time.monotonic() + SECONDS
    try:
        with httpx2.stream(
            method,
            url,
            headers={"Content-Type": "application/json", **headers},
            timeout=limits,
            trust_env=False,
            verify=_authorities(),
            **parts,
        ) as response:
            _check(response)
            return _parsed(_read(response, back_by=back_by))
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        raise NotTaken(type(error).__name__) from error
    except httpx2.HTTPError as error:
        raise OutcomeUnknown(type(error).__name__) from error


@cache
def _authorities() -> ssl.SSLContext:
    """Whom to trust, read once a process: for each message it would take longer than the call."""
    return httpx2.create_ssl_context(trust_env=False)


def _check(response: httpx2.Response) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status in _OURS_TO_MEND:
        raise NotTaken(f"HTTP {status}", wait_seconds=_asked_to_wait(response))
    if status == 408 or not 400 <= status < 500:
        raise OutcomeUnknown(f"HTTP {status}")
    raise Refused(f"HTTP {status}")


def _asked_to_wait(response: httpx2.Response) -> int:
    value = response.headers.get("Retry-After", "")
    is_seconds = value.isascii() and value.isdigit() and len(value) < 8
    return min(int(value), _LONGEST_WAIT_SECONDS) if is_seconds else 0


def _read(response: httpx2.Response, *, back_by: float) -> bytes:
    # The client's own limit is per read: an answer of a byte a second would never end.
    answer = b""
    for part in response.iter_bytes():
        answer += part
        if len(answer) > _LONGEST_ANSWER or time.monotonic() > back_by:
            raise OutcomeUnknown("the answer did not end")
    return answer


def _parsed(answer: bytes) -> dict[str, Any]:
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise OutcomeUnknown("the answer is not JSON") from error
    if not isinstance(found, dict):
        raise OutcomeUnknown("the answer is not an object")
    return found
