"""The queue of a desk with a hundred thousand requests behind it costs what a young desk's does.

What a page costs is read off the database itself: statements, and blocks touched by each.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client

from payments.models import Payment
from portal.models import User
from support import queue, saved_views
from support.models import SavedView, Ticket
from tests.support.factories import open_ticket

QUEUE = "/admin/support/ticket/"
FEW, MANY = 1_000, 100_000
# One page of cases with their payments, sellers and agents, and a count for each view.
MOST_STATEMENTS = 16
# Beside what the same page touches on the young desk: the planner may walk another index by then.
# Reading the table would be thousands.
MORE_BLOCKS = 400
# Its own, its payment's, its seller's, and the way there through an index: about seven, and eight
# when the planner's sample of the table says so.
BLOCKS_A_CASE = 10

pytestmark = pytest.mark.django_db


@pytest.fixture
def grow(pay: Callable[..., Payment]) -> Iterator[Callable[[int], None]]:
    """Fills the desk with closed cases, each with a payment of its own, up to a number."""
    pattern = open_ticket(pay(item_name="첫차"))
    Ticket.objects.filter(pk=pattern.pk).update(state="WITHDRAWN")
    assert pattern.payment is not None
    payment = pattern.payment

    def fill(total: int) -> None:
        count = total - Ticket.objects.count()
        first = _copy(payment, count, reference="'OLD' || KEY", token="'t' || KEY", order_no="KEY")
        _copy(
            pattern,
            count,
            token="'t' || KEY",
            payment_id=f"KEY + {first - Ticket.objects.latest('pk').pk}",
            phone_last4="lpad((KEY % 10000)::text, 4, '0')",
            phone_bidx="'line' || KEY",
            accepted_at="accepted_at - interval '300 days' + KEY * interval '2 minutes'",
        )
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE support_ticket, payments_payment")

    yield fill
    # A sequence is not rolled back; the tests after this one count from where it began.
    for row in (pattern, payment):
        _count_on_from(row, row.pk)


def _count_on_from(row: Any, pk: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT setval(pg_get_serial_sequence('{row._meta.db_table}', 'id'), {pk})")


def _copy(row: Any, count: int, **different: str) -> int:
    """Insert copies of a row, some columns computed from their KEY; the newest key before."""
    table, newest = row._meta.db_table, type(row).objects.latest("pk").pk
    columns = [field.column for field in row._meta.concrete_fields if not field.generated]
    own = {name: value.replace("KEY", f"({newest} + n)") for name, value in different.items()}
    values = {column: f'"{column}"' for column in columns} | own | {"id": f"{newest} + n"}
    names = ", ".join(f'"{column}"' for column in values)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {', '.join(values.values())}"
            f" FROM {table}, generate_series(1, {count}) n WHERE id = {row.pk}"
        )
    _count_on_from(row, newest + count)
    return int(newest)


@contextmanager
def _selects() -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, *more: Any) -> Any:
        if sql.startswith("SELECT"):
            seen.append((sql, params))
        return execute(sql, params, *more)

    with connection.execute_wrapper(note):
        yield seen


def cost(desk: Client, **query: str) -> tuple[int, int]:
    """Statements of one page of the queue, and the blocks they touch."""
    with _selects() as selects:
        assert desk.get(QUEUE, query).status_code == 200
    blocks = 0
    with connection.cursor() as cursor:
        for sql, params in selects:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params)
            found = cursor.fetchone()[0]
            plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
            blocks += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return len(selects), blocks


@pytest.fixture
def desk(client: Client, agent: User) -> Client:
    client.force_login(agent)
    return client


WORDS = {
    "by product": {"q": "밤 산책"},
    "by seller": {"q": "멜로디"},
    "by nothing there is": {"q": "그런 것 없음"},
}


def pages() -> dict[str, dict[str, str]]:
    """Every view, and a search for one of the old cases by each thing that has an index."""
    case = Ticket.objects.select_related("payment").order_by("pk")[FEW // 2]
    assert case.payment is not None
    return {
        **{f"view {view}": {"view": str(view)} for view in queue.View},
        **{f"saved {one.name}": {"saved": str(one.pk)} for one in SavedView.objects.all()},
        "by request": {"q": case.number},
        "by payment": {"q": case.payment.reference},
        "by order": {"q": case.payment.order_no},
        "by phone": {"q": "010-9000-0000"},
        "by masked phone": {"q": case.masked_phone},
        "by day": {"q": "2026-11-23"},
        "by a day long ago": {"q": "2026-02-02"},
    }


def test_the_queue_of_100_000_costs_what_the_queue_of_1_000_does(
    desk: Client,
    agent: User,
    grow: Callable[[int], None],
    pay: Callable[..., Payment],
) -> None:
    grow(FEW)
    for number in range(40):
        open_ticket(pay(phone=f"+8210900001{number:02}"))
    for view in list(queue.View)[:5]:
        saved_views.save(user_id=agent.pk, name=str(view), view=view, term="")
        saved_views.save(user_id=agent.pk, name=f"day {view}", view=view, term="2026-11-23")
    young = {name: cost(desk, **query) for name, query in pages().items()}

    grow(MANY)

    for name, query in pages().items():
        statements, blocks = cost(desk, **query)
        assert statements <= MOST_STATEMENTS, name
        assert blocks <= young[name][1] + MORE_BLOCKS, f"{name}: {young[name]} → {blocks}"
    for name, query in WORDS.items():
        statements, blocks = cost(desk, **query)
        assert statements <= MOST_STATEMENTS, name
        assert blocks <= BLOCKS_A_CASE * queue.READ_AT_ONCE, name


def test_reading_on_for_words_comes_to_the_oldest_case(
    desk: Client, grow: Callable[[int], None]
) -> None:
    grow(2 * queue.READ_AT_ONCE + 10)
    oldest = Ticket.objects.earliest("pk")
    Payment.objects.filter(tickets=oldest).update(item_name="비 오는 창가")
    query, pages = {"q": "비 오는"}, 0

    while True:
        page = desk.get(QUEUE, query)
        pages += 1
        if oldest.number in page.content.decode():
            break
        onward = page.context["onward"]
        assert "더 오래된 요청에서 이어서" in page.content.decode()
        query = {name: values[0] for name, values in parse_qs(urlsplit(onward).query).items()}

    assert pages == 3
    assert not page.context["onward"]
