"""The door answers every number alike: the same work, and no difference a stopwatch can find."""

import math
import random
import re
import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments import lines
from payments.models import Merchant, Message, Payment, PhoneVerification
from payments.models.payments import holder_index
from support import visits
from tests.portal import histories, mine

pytestmark = pytest.mark.django_db
ROUNDS = 30
# Two-sided, of a standard normal: chance alone passes it once in ninety thousand comparisons.
SUSPICIOUS = 4.4


@pytest.fixture
def shop(db: None) -> Merchant:
    return histories.shop("tune")


def known(shop: Merchant, last4: str) -> None:
    """A line with a history."""
    for _ in range(2):
        mine.paid(shop, last4=last4)


def blocked(shop: Merchant, last4: str) -> None:
    """A line with a history whose holder blocked it."""
    known(shop, last4)
    row = Payment.objects.filter(phone_last4=last4).latest("pk")
    holder = lines.Holder(
        phone=mine.phone(last4), phone_bidx=row.phone_bidx, holder_bidx=row.holder_bidx
    )
    lines.block(holder, language="ko", now=timezone.now())


def throttled(shop: Merchant, last4: str) -> None:
    """A line that was sent as many codes as an hour allows."""
    for _ in range(5):
        visits.knock(
            phone=mine.phone(last4),
            birthdate=mine.BORN,
            address="192.0.2.1",
            language="ko",
            now=timezone.now(),
        )


def unknown(shop: Merchant, last4: str) -> None:
    """A line nobody ever paid with."""


LINES: dict[str, tuple[int, Callable[[Merchant, str], None]]] = {
    "known": (4000, known),
    "blocked": (5000, blocked),
    "throttled": (6000, throttled),
    "unknown": (7000, unknown),
}


@pytest.fixture
def doors(shop: Merchant) -> dict[str, list[str]]:
    """As many lines of each sort as there are rounds, so that none is asked twice."""
    found = {}
    for name, (first, make) in LINES.items():
        found[name] = [str(first + number) for number in range(ROUNDS)]
        for last4 in found[name]:
            make(shop, last4)
    return found


def seconds_of(last4: str) -> float:
    """How long the real view takes to answer one number."""
    client = Client(REMOTE_ADDR=f"198.51.100.{random.randrange(250)}")
    began = time.perf_counter()
    answer = mine.knock(client, last4)
    took = time.perf_counter() - began
    assert answer.status_code == 302
    return took


def times(doors: dict[str, list[str]]) -> dict[str, list[float]]:
    """Times by sort of line, all sorts in every round and in random order: load hits all alike."""
    found: dict[str, list[float]] = {name: [] for name in doors}
    for number in range(ROUNDS):
        for name in random.sample(list(doors), len(doors)):
            found[name].append(seconds_of(doors[name][number]))
    return found


def difference(some: list[float], others: list[float]) -> float:
    """Mann–Whitney's U as a standard normal: 0 for no difference, ranks only, so outliers weigh
    no more than anybody else."""
    values = sorted(
        (value, group) for group, values in ((0, some), (1, others)) for value in values
    )
    ranks = sum(rank for rank, (_, group) in enumerate(values, start=1) if group == 0)
    n, m = len(some), len(others)
    u = ranks - n * (n + 1) / 2
    return (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)


@pytest.mark.parametrize("name", ["known", "blocked", "throttled"])
def test_each_sort_of_line_costs_the_same_statements(shop: Merchant, name: str) -> None:
    first, make = LINES[name]
    make(shop, str(first))

    assert work(str(first)) == work("7999")


def work(last4: str) -> list[str]:
    """Every statement of the door, with its values taken out."""
    client = Client()
    with CaptureQueriesContext(connection) as captured:
        answer = mine.knock(client, last4)
        client.get(answer.headers["Location"])
    return [shape(query["sql"]) for query in captured.captured_queries]


def shape(sql: str) -> str:
    """A statement without its values."""
    return re.sub(r"'[^']*'(::timestamptz)?|NULL|s?[0-9]+(_x[0-9]+)?", "?", sql)


def test_no_sort_of_line_answers_slower_or_faster(doors: dict[str, list[str]]) -> None:
    measured = times(doors)

    found = {
        name: round(difference(values, measured["unknown"]), 2)
        for name, values in measured.items()
        if name != "unknown"
    }
    assert all(abs(z) < SUSPICIOUS for z in found.values()), found


def careless(slowness: float = 0) -> Callable[..., str]:
    """The door as one would write it without thinking: look first whether we know the number."""
    honest = visits.knock

    def knock(**who: Any) -> str:
        holder_bidx = holder_index(who["phone"], who["birthdate"])
        if Payment.objects.filter(holder_bidx=holder_bidx).exists():
            time.sleep(slowness)
        return honest(**who)

    return knock


def test_a_door_that_looks_a_number_up_shows_in_its_statements(
    shop: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = work("7999")
    monkeypatch.setattr(visits, "knock", careless())

    assert len(work("7998")) == len(honest) + 1


def test_the_stopwatch_finds_a_door_that_is_slower_for_known_numbers(
    doors: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As slow as the noise of the moment allows to see in so few rounds; more when it grew.
    quarters = statistics.quantiles([seconds_of(str(8000 + n)) for n in range(ROUNDS)], n=4)
    slowness = 2.5 * (quarters[2] - quarters[0])
    honest = visits.knock
    for _ in range(4):
        monkeypatch.setattr(visits, "knock", careless(slowness))
        measured = times({name: doors[name] for name in ("known", "unknown")})
        found = difference(measured["known"], measured["unknown"])
        if found > SUSPICIOUS:
            break
        monkeypatch.setattr(visits, "knock", honest)
        slowness *= 2

    assert found > SUSPICIOUS


def test_the_page_for_the_code_is_the_same_for_every_sort(shop: Merchant) -> None:
    pages = set()
    for first, make in LINES.values():
        make(shop, str(first))
        client = Client()
        answer = mine.knock(client, str(first))
        page = client.get(answer.headers["Location"])
        body = re.sub(r'(csrfmiddlewaretoken" value=")[^"]+', "", page.content.decode())
        headers = tuple(sorted(page.headers.items()))
        pages.add((answer.status_code, page.status_code, headers, body.replace(str(first), "")))

    assert len(pages) == 1


def test_every_sort_leaves_the_same_rows(shop: Merchant) -> None:
    for first, make in LINES.values():
        make(shop, str(first))
        rows = PhoneVerification.objects.count(), Message.objects.count()

        mine.knock(Client(), str(first))

        assert (PhoneVerification.objects.count(), Message.objects.count()) == (
            rows[0] + 1,
            rows[1] + 1,
        )
