"""Typed readers of environment variables that fail loudly.

Each raises ImproperlyConfigured naming the variable and how to set it. Knows nothing of Django's
settings; `portal/settings.py` is its only caller.
"""

import base64
import binascii
import json
import os
from datetime import time, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env


def _read(name: str, default: str | None, hint: str) -> str:
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set. Set it to {hint}.")
    return value


def text(name: str, *, default: str | None = None, hint: str = "a text", at_least: int = 0) -> str:
    """The variable as it is; shorter than `at_least` characters is refused."""
    value = _read(name, default, hint)
    if len(value) < at_least:
        raise ImproperlyConfigured(f"{name} is too short. Set it to {hint}.")
    return value


def digits(name: str, *, default: str | None = None, hint: str) -> str:
    """A phone number's digits; hyphens and spaces are dropped. An empty default means none."""
    value = _read(name, default, hint).replace("-", "").replace(" ", "")
    if value != default and not (value.isascii() and value.isdigit() and 8 <= len(value) <= 12):
        raise ImproperlyConfigured(f"{name} is not a phone number. Set it to {hint}.")
    return value


def boolean(name: str, *, default: bool) -> bool:
    """True for 1/true/yes/on, False for 0/false/no/off."""
    value = os.environ.get(name, str(default)).strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise ImproperlyConfigured(f"{name} is neither yes nor no. Set it to 1 or 0.")


def integer(name: str, *, default: int) -> int:
    """A whole number of 0 or more."""
    value = os.environ.get(name, str(default)).strip()
    if not (value.isascii() and value.isdigit()):
        raise ImproperlyConfigured(f"{name} is not a whole number. Set it like {default}.")
    return int(value)


def hours(name: str, *, default: str) -> tuple[time, time]:
    """From when to when, inside one day: `09:00-18:00`."""
    opens, _, closes = os.environ.get(name, default).partition("-")
    try:
        found = time.fromisoformat(opens.strip()), time.fromisoformat(closes.strip())
    except ValueError:
        found = time.max, time.min
    if found[0] >= found[1]:
        raise ImproperlyConfigured(f"{name} are no hours of a day. Set it like {default}.")
    return found


def words(name: str, *, default: list[str]) -> list[str]:
    """A list separated by commas."""
    value = os.environ.get(name)
    return default if value is None else [word.strip() for word in value.split(",") if word.strip()]


def choice(name: str, options: tuple[str, ...], *, default: str) -> str:
    """One of the options."""
    value = os.environ.get(name, default).strip().lower()
    if value not in options:
        raise ImproperlyConfigured(f"{name} is none of {', '.join(options)}.")
    return value


def path(name: str, *, default: Path) -> Path:
    """A directory, made absolute."""
    return Path(os.environ.get(name) or default).resolve()


def url(name: str, *, default: str | None = None, hint: str = "an http(s) address") -> str:
    """An http or https address without its trailing slash; an empty default means none."""
    value = _read(name, default, hint)
    if value and not value.startswith(("http://", "https://")):
        raise ImproperlyConfigured(f"{name} is not an http(s) address. Set it to {hint}.")
    return value if value == default else value.rstrip("/")


def database(name: str) -> dict[str, Any]:
    """Django's database settings for a postgresql:// address."""
    value = _read(name, None, "postgresql://user:password@host:5432/name")
    if not value.startswith(("postgresql://", "postgres://")):
        raise ImproperlyConfigured(f"{name} is not a PostgreSQL address (postgresql://…).")
    found = dict(Env.db_url_config(value))
    # A socket's directory stands %2F-escaped in the place of the host; its case matters.
    host = urlsplit(value).netloc.rpartition("@")[2]
    if host.upper().startswith("%2F"):
        found["HOST"] = unquote(host.partition(":")[0])
    return found


# What can be said of an operator: the field of payments.calendar.Capabilities, how it is read, and
# the least that is sensible. A cancel sent off by its deadline may still be on its way for ten
# minutes, and must arrive within the month.
_CAPABILITIES: dict[str, tuple[str, type[Any], int]] = {
    "min_age_seconds": ("min_age", int, 0),
    "cutoff_seconds": ("cutoff_margin", int, 600),
    "parts": ("can_cancel_in_part", bool, 0),
    "bank": ("has_bank_route", bool, 0),
}


def capabilities(name: str) -> dict[str, dict[str, Any]]:
    """What operators can do about cancelling, by code: `{"LGU": {"parts": true}}`, as JSON."""
    hint = f'{{"SKT": {{"parts": true}}}} with any of {", ".join(_CAPABILITIES)}'
    try:
        found = {
            str(code): dict(_capability(*pair) for pair in said.items())
            for code, said in json.loads(os.environ.get(name) or "{}").items()
        }
    except (AttributeError, KeyError, ValueError) as error:
        raise ImproperlyConfigured(f"{name} is malformed. Set it like {hint}.") from error
    return found


def _capability(word: str, value: Any) -> tuple[str, Any]:
    known, kind, least = _CAPABILITIES[word]
    # Exactly that: to Python, true is a number.
    if type(value) is not kind or value < least:
        raise ValueError(word)
    return known, timedelta(seconds=value) if kind is int else value


def key(name: str) -> bytes:
    """32 bytes in base64."""
    return _key(name, _read(name, None, "32 random bytes in base64"))


def keyring(name: str) -> dict[str, bytes]:
    """Keys by id, newest first: `id:base64,id:base64`."""
    hint = "id:base64 of 32 random bytes, newest first, separated by commas"
    pairs = [pair.partition(":") for pair in _read(name, None, hint).split(",")]
    if not all(key_id.strip() and separator for key_id, separator, _ in pairs):
        raise ImproperlyConfigured(f"{name} is malformed. Set it to {hint}.")
    return {key_id.strip(): _key(name, encoded) for key_id, _, encoded in pairs}


def _key(name: str, encoded: str) -> bytes:
    try:
        secret = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error as error:
        raise ImproperlyConfigured(f"{name} is not base64.") from error
    if len(secret) != 32:
        raise ImproperlyConfigured(f"{name} must hold keys of 32 bytes, not {len(secret)}.")
    return secret
