"""Sessions that know whose they are, so that somebody can see and end their own.

Django's rows in PostgreSQL with one column more. Where and when somebody signed in stands in the
session itself and travels with it when its key changes; nothing is written on later pages. Payers
have no session at all (tests/payments/test_cost.py).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import SessionBase
from django.utils.dateparse import parse_datetime

from payments import encryption
from portal.models import Session, User

_SIGNED_IN = "signed_in"
_LONGEST_BROWSER = 300


class SessionStore(db.SessionStore):
    """Django's, with the account beside the data."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """The table with the account in it."""
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row of these data."""
        row: Session = super().create_model_instance(data)  # type: ignore[assignment]
        row.account_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        return row


@dataclass(frozen=True)
class Place:
    """Where an account is signed in. `name` stands for the session's key, which stays secret.

    `at` is None for a session older than this list.
    """

    name: str
    at: datetime | None
    address: str
    browser: str
    is_here: bool


def mark(session: SessionBase, *, address: str, browser: str, now: datetime) -> None:
    """Write into a new session when and where it began, and clear away those that ran out."""
    session[_SIGNED_IN] = {
        "at": now.isoformat(),
        "address": address,
        "browser": browser[:_LONGEST_BROWSER],
    }
    Session.objects.filter(expire_date__lt=now).delete()


def signed_in_at(session: SessionBase) -> datetime | None:
    """When somebody signed in to this session; None when it does not say."""
    return parse_datetime(session.get(_SIGNED_IN, {}).get("at", ""))


def places(user: User, *, here: str | None, now: datetime) -> list[Place]:
    """Every place the account is signed in at, this one first, then the newest."""
    rows = user.sessions.filter(expire_date__gt=now)
    found = [_place(row, here=here) for row in rows]
    return sorted(
        found,
        key=lambda place: (place.is_here, place.at.timestamp() if place.at else 0),
        reverse=True,
    )


def end(user: User, name: str) -> bool:
    """Sign the account out at one place; False when it was not signed in there."""
    keys = [key for key in _keys(user) if _name(key) == name]
    return user.sessions.filter(pk__in=keys).delete()[0] > 0


def end_others(user: User, *, here: str | None) -> None:
    """Sign the account out everywhere else; `here` is the key of the session that stays."""
    user.sessions.exclude(pk=here or "").delete()


def end_all(user: User) -> None:
    """Sign the account out everywhere."""
    user.sessions.all().delete()


def _place(row: Session, *, here: str | None) -> Place:
    began = row.get_decoded().get(_SIGNED_IN, {})
    return Place(
        name=_name(row.session_key),
        at=parse_datetime(began.get("at", "")),
        address=began.get("address", ""),
        browser=began.get("browser", ""),
        is_here=row.session_key == here,
    )


def _keys(user: User) -> list[str]:
    return list(user.sessions.values_list("session_key", flat=True))


def _name(key: str) -> str:
    return encryption.token_hash(key)[:20]
