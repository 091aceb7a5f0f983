"""The demo shops and accounts: everybody knows their password, so sandbox mode only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import connections

from portal import roles
from portal.models import User

PASSWORD = "demo-only-Passw0rd"  # noqa: S105 (printed by `manage.py up`)


@dataclass(frozen=True)
class Shop:
    """A demo merchant and who signs in for it."""

    slug: str
    name: str
    phone: str
    email: str
    owner: str


@dataclass(frozen=True)
class Agent:
    """Somebody at the desk: name and role."""

    email: str
    name: str
    role: str


SHOPS = (
    Shop("melody", "멜로디 뮤직", "02-555-0100", "help@melody.test", "owner@melody.test"),
    Shop("bookshelf", "북셸프", "02-555-0200", "help@bookshelf.test", "owner@bookshelf.test"),
)
AGENTS = (
    Agent("agent@demo.test", "상담원", roles.AGENT),
    Agent("lead@demo.test", "상담팀장", roles.LEAD),
    Agent("finance@demo.test", "정산 담당", roles.FINANCE),
    Agent("operator@demo.test", "운영자", roles.OPERATOR),
)
ACCOUNTS = frozenset({*(shop.owner for shop in SHOPS), *(agent.email for agent in AGENTS)})


def is_barred(email: str) -> bool:
    """Whether this is a demo account in a place where real money moves."""
    return not settings.SANDBOX and email.lower() in ACCOUNTS


def no_demo_accounts(
    *, databases: Sequence[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """An Error when demo accounts exist outside sandbox mode."""
    if settings.SANDBOX:
        return []
    problems: list[checks.CheckMessage] = []
    for alias in databases or ():
        # Before the first migration there is nothing to look at.
        if "portal_user" not in connections[alias].introspection.table_names():
            continue
        found = User.objects.using(alias).filter(email__in=ACCOUNTS, is_active=True).count()
        if found:
            problems.append(
                checks.Error(
                    f"{found} demo account(s) exist outside sandbox mode.",
                    hint="Delete or deactivate them: everybody knows their password.",
                    id="portal.E001",
                )
            )
    return problems
