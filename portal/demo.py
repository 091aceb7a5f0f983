"""The demo shops and accounts: everybody knows their password, so sandbox mode only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import connections

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
    """Somebody at the desk: name, groups by name."""

    email: str
    name: str
    groups: tuple[str, ...]


SHOPS = (
    Shop("melody", "멜로디 뮤직", "02-555-0100", "help@melody.test", "owner@melody.test"),
    Shop("bookshelf", "북셸프", "02-555-0200", "help@bookshelf.test", "owner@bookshelf.test"),
)
AGENTS = (
    Agent("agent@demo.test", "상담원", ("상담원",)),
    Agent("lead@demo.test", "상담팀장", ("상담원", "상담팀장")),
)
ACCOUNTS = frozenset({*(shop.owner for shop in SHOPS), *(agent.email for agent in AGENTS)})

# Group → permissions as `app.codename`.
GROUPS = {
    "상담원": (
        "support.view_ticket",
        "support.change_ticket",
        "support.reveal_ticket",
        "payments.view_payment",
        "payments.view_refund",
        "payments.view_message",
    ),
    "상담팀장": (
        "support.assign_ticket",
        "support.view_auditentry",
        "support.view_dayexception",
        "support.add_dayexception",
        "support.change_dayexception",
        "support.delete_dayexception",
        "payments.resend_message",
        "payments.view_retentionproof",
        "payments.view_outboxevent",
        "payments.view_carriercall",
        "payments.view_merchant",
        "payments.view_ledgertransaction",
        "payments.view_settlement",
        "payments.view_payout",
        "payments.view_settlementhold",
        "payments.add_settlementhold",
        "payments.change_settlementhold",
        "payments.view_reconciliation",
        "payments.view_difference",
        "payments.change_difference",
        "portal.view_user",
    ),
}


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
