"""What one payment costs the database, from the shop's button to the completion page.

The budget is of performance.md: statements are Python's time, commits that wrote are flushes of the
write-ahead log, and on the payer's path there is neither a session nor a broker.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from kombu import Connection

from payments.forms import CONSENTS
from payments.models import Merchant, Payment
from portal.goods import catalogue
from portal.models import Session
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
STATEMENTS = 24
COMMITS = 5


class Meter:
    """Every statement, and the transactions that wrote something."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self._writing: set[str] = set()
        self._autocommitted = 0

    @property
    def commits(self) -> int:
        """Transactions that got an id from PostgreSQL, because they changed something."""
        return len(self._writing) + self._autocommitted

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        self.statements.append(" ".join(sql.split()))
        result = execute(sql, *rest)
        if connection.in_atomic_block:
            # Asked beside Django, so that asking is not counted.
            asked = connection.connection.execute("SELECT pg_current_xact_id_if_assigned()::text")
            if (transaction_id := asked.fetchone()[0]) is not None:
                self._writing.add(transaction_id)
        elif not sql.lstrip().startswith("SELECT"):
            self._autocommitted += 1
        return result


@contextmanager
def metered() -> Iterator[Meter]:
    meter = Meter()
    with connection.execute_wrapper(meter):
        yield meter


def pay(client: Client, operator: Any) -> str:
    """The whole way of a shopper without JavaScript, who loads every page on it: the token."""
    product = catalogue.products("melody")[0]
    opened = client.post(f"/shop/melody/{product.slug}/buy/")
    window = opened.headers["Location"]
    client.get(window)
    line = {"carrier": "SKT", "phone": "010-9000-0000", "birthdate": "19900131"}
    submitted = client.post(window, line | dict.fromkeys(CONSENTS, "on"))
    assert submitted.status_code == 302
    client.get(window)
    code = factories.texted_code(operator.base_url, "0000")
    confirmed = client.post(f"{window}code/", {"code": code})
    assert confirmed.headers["Location"] == window
    done = client.get(window)
    assert "지금 듣기" in done.content.decode()
    return window.split("/")[2]


def test_a_payment_takes_at_most_24_statements_and_5_commits_that_write(
    operator: Any, client: Client
) -> None:
    factories.merchant("melody")

    with metered() as meter:
        token = pay(client, operator)

    assert Payment.objects.get(token=token).state == "PAID"
    listed = "\n".join(f"{number:2} {sql[:110]}" for number, sql in enumerate(meter.statements, 1))
    cost = f"{len(meter.statements)} statements, {meter.commits} commits\n{listed}"
    assert len(meter.statements) <= STATEMENTS, cost
    assert meter.commits <= COMMITS, cost


def test_the_meter_counts_every_statement_and_every_commit_that_writes() -> None:
    shop = factories.merchant("melody")

    with metered() as meter:
        Merchant.objects.get(pk=shop.pk)
        Merchant.objects.filter(pk=shop.pk).update(name="하나")
        with transaction.atomic():
            Merchant.objects.filter(pk=shop.pk).update(name="둘")
            Merchant.objects.filter(pk=shop.pk).update(name="셋")
        with transaction.atomic():
            Merchant.objects.get(pk=shop.pk)

    assert (len(meter.statements), meter.commits) == (5, 2)


def test_a_payment_makes_no_session_and_rings_no_broker(
    operator: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.merchant("melody")

    def rung(*_: Any, **__: Any) -> None:
        pytest.fail("the broker was called on the payer's path")

    monkeypatch.setattr(Connection, "connect", rung)
    monkeypatch.setattr(Connection, "_ensure_connection", rung)

    pay(client, operator)

    assert Session.objects.count() == 0
    assert settings.SESSION_COOKIE_NAME not in client.cookies
