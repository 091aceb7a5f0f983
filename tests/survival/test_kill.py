"""kill -9 of anything at the worst moment: no won and no message is lost or doubled.

The tests share one portal and leave it running on; each ends with both books agreeing.
"""

import contextlib
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest
import redis

from tests.conftest import wait_until
from tests.stack import Stack, running
from tests.survival.witness import (
    RECEIPT,
    REFUNDED,
    REVERSED,
    Shopper,
    booked_won,
    books,
    call_task,
    fault,
    in_background,
    let_pass,
    rows,
    schedule_refunds,
)

PRICE_WON = 2_200
LEASE_SECONDS = 61
_seen: list[Shopper] = []


@pytest.fixture(scope="module")
def portal() -> Iterator[Stack]:
    """A portal of its own: these tests are unkind to it."""
    with running() as own:
        yield own
    wait_until(lambda: not own.processes(), what="the end of every process")


def shopper(portal: Stack, last4: str) -> Shopper:
    """A new person; their number must appear in no log."""
    person = Shopper(portal, last4)
    _seen.append(person)
    return person


def test_a_worker_killed_after_the_operators_answer_does_nothing_twice(portal: Stack) -> None:
    refunded = shopper(portal, "0201").pay()
    paid = shopper(portal, "0202")
    paid.buy()
    paid.identify()
    wait_until(lambda: refunded.got(RECEIPT), what="the receipt")
    _hang(portal, refunded, "create_refund")
    fault(portal, operation="message", mode="timeout_after", seconds=20)
    # Both fall due at once: a worker waits only eight seconds for an answer.
    with portal.pause("worker"):
        schedule_refunds(portal, refunded)
        paid.confirm()

    wait_until(lambda: books(portal)["refunds"], what="the operator's refund")
    wait_until(lambda: paid.got(RECEIPT), what="the gateway's text")
    assert _refund_state(portal, refunded) in {"SENDING", "UNKNOWN"}
    assert rows(portal, _UNSENT) > 0
    before = portal.pid_of("worker")
    _kill(portal, portal.group("worker"))
    assert _refund_state(portal, refunded) in {"SENDING", "UNKNOWN"}
    let_pass(portal, seconds=LEASE_SECONDS)

    wait_until(lambda: _refund_state(portal, refunded) == "SUCCEEDED", what="the refund")
    wait_until(lambda: refunded.got(REFUNDED), what="the text about it")
    assert portal.pid_of("worker") != before
    assert len(books(portal)["refunds"]) == 1
    _assert_all_is_well(portal, {refunded: [RECEIPT, REFUNDED], paid: [RECEIPT]})


def test_wiping_valkey_loses_no_receipt_and_no_refund(portal: Stack) -> None:
    refunded = [shopper(portal, f"021{n}").pay() for n in range(3)]
    paid = [shopper(portal, f"022{n}") for n in range(3)]
    for person in paid:
        person.buy()
        person.identify()
    with portal.pause("worker"):
        schedule_refunds(portal, *refunded)
        for person in paid:
            person.confirm()
        queue = _valkey(portal)
        wait_until(lambda: queue.llen("celery") >= 8, what="a full queue")
        assert rows(portal, _UNTOLD) >= 3
        assert rows(portal, _OPEN_REFUNDS) == 3

        before = portal.pid_of("valkey")
        _kill(portal, [before])
        wait_until(lambda: _is_back(portal, "valkey", before), what="Valkey's restart")
        wait_until(lambda: _pings(queue), what="Valkey's answer")
        queue.flushall()
        queue.close()

    for person in refunded:
        wait_until(lambda p=person: p.got(REFUNDED), what="the text about a refund")
    for person in paid:
        wait_until(lambda p=person: p.got(RECEIPT), what="a receipt")
    _assert_all_is_well(
        portal,
        {p: [RECEIPT, REFUNDED] for p in refunded} | {p: [RECEIPT] for p in paid},
    )


def test_nobody_listens_to_a_channel_of_valkey_which_is_read_without_a_time_limit(
    portal: Stack,
) -> None:
    with contextlib.closing(_valkey(portal)) as valkey:
        assert valkey.client_list(_type="pubsub") == []
        assert valkey.client_list(_type="normal") != []


def test_killing_the_web_workers_and_then_the_whole_portal_loses_nothing(portal: Stack) -> None:
    refunded = shopper(portal, "0231").pay()
    cut_off = _awaiting(portal, "0232")
    preparing = shopper(portal, "0233")
    preparing.buy()
    _hang(portal, cut_off, "confirm")
    in_background(cut_off.confirm)
    wait_until(lambda: booked_won(portal, _reference(cut_off)), what="the charge")
    # On a busy machine we may have lost patience with the operator already.
    assert cut_off.state in {"CONFIRMING", "UNKNOWN"}
    _kill_web_workers(portal)
    _hang(portal, preparing, "prepare")
    in_background(preparing.identify)
    wait_until(preparing.codes, what="the reservation")
    assert preparing.state == "CREATED"
    _kill_web_workers(portal)

    charged, untouched = _awaiting(portal, "0235"), _awaiting(portal, "0236")
    patient = _awaiting(portal, "0234")
    schedule_refunds(portal, refunded)
    _hang(portal, charged, "confirm")
    _hang(portal, untouched, "confirm", "timeout_before")
    for person in (charged, untouched):
        in_background(person.confirm)
    wait_until(lambda: booked_won(portal, _reference(charged)), what="the charge")
    wait_until(lambda: untouched.state != "AWAITING_CONFIRMATION", what="a confirmation")
    assert {charged.state, untouched.state} <= {"CONFIRMING", "UNKNOWN"}
    portal.kill()
    wait_until(lambda: not portal.processes(), what="the end of every process")
    portal.start()
    let_pass(portal, seconds=LEASE_SECONDS)

    patient.confirm()
    wait_until(lambda: preparing.identify() and preparing.state != "CREATED", what="a second try")
    preparing.confirm()
    assert (patient.state, preparing.state) == ("PAID", "PAID")
    ends = {cut_off: "PAID", charged: "PAID", untouched: "REVERSED"}
    for person, end in ends.items():
        wait_until(lambda p=person, e=end: p.state == e, what=f"{person.last4} {end}")
    wait_until(lambda: refunded.got(REFUNDED), what="the text about the refund")
    _assert_all_is_well(
        portal,
        {
            refunded: [RECEIPT, REFUNDED],
            untouched: [REVERSED],
            **{p: [RECEIPT] for p in (cut_off, preparing, charged, patient)},
        },
    )


def test_web_workers_that_die_again_at_once_are_replaced_again(portal: Stack) -> None:
    first = portal.pid_of("web")

    for _ in range(3):
        _kill_web_workers(portal)

    assert portal.pid_of("web") == first


def test_no_log_holds_anything_personal(portal: Stack) -> None:
    person = shopper(portal, "0241").pay()
    _provoke_log_lines(portal, person)
    tokens = [p.token for p in _seen]
    links = [m[1] for p in _seen for t in p.texts() if (m := re.search(r"/confirm/([^/]+)/", t))]
    codes = [rf"(?<![\w.-]){code}(?![\w.-])" for p in _seen for code in p.codes()]
    phones = [f"10-?9000-?{p.last4}" for p in _seen]
    others = ["1990-?01-?31", *(re.escape(p.email) for p in _seen)]
    assert len(links) >= len(_seen)
    personal = re.compile("|".join([*map(re.escape, tokens + links), *codes, *phones, *others]))

    logs = sorted((portal.data_dir / "logs").glob("*.log*"))
    leaks = [
        f"{log.name}: {line}"
        for log in [*logs, portal.data_dir / "up.log"]
        for line in log.read_text(errors="replace").splitlines()
        if personal.search(line)
    ]

    assert {"web.log", "worker.log", "operator.log", "postgres.log"} <= {log.name for log in logs}
    assert leaks == []


def _provoke_log_lines(portal: Stack, person: Shopper) -> None:
    """Whatever makes a server complain about an address, a form or a statement."""
    number = f"0109000{person.last4}"
    origins = (portal.portal, portal.operator_api)
    paths = (f"/nowhere/{number}/", f"/pay/{person.token}/", f"/pay/{person.token}x/?{number}")
    for origin in origins:
        for path in paths:
            httpx2.get(f"{origin}{path}")
            httpx2.post(f"{origin}{path}", data={"phone": number, "birthdate": "19900131"})
    link = next(m[0] for t in person.texts() if (m := re.search(r"http\S+/confirm/\S+", t)))
    httpx2.post(link)
    fault(portal, operation="message", mode="error_500", times=1)
    unserved = shopper(portal, "0242").pay()
    wait_until(lambda: unserved.got(RECEIPT), what="the receipt at the second try")
    # Fails with the number in its words.
    call_task(portal, "payments.tasks.notify_paid", subject_id=f"010-9000-{person.last4}")
    worker_log = portal.data_dir / "logs" / "worker.log"
    wait_until(lambda: "expected a number but got" in worker_log.read_text(), what="the failure")
    for name in ("DATABASE_URL", "SANDBOX_DATABASE_URL"):
        with (
            psycopg.connect(portal.environment[name], autocommit=True) as connection,
            contextlib.suppress(psycopg.Error),
        ):
            connection.execute(f'SELECT 1 / 0 AS "{number}"')


# The whole


_UNSENT = "SELECT count(*) FROM payments_message WHERE done_at IS NULL"
_UNTOLD = "SELECT count(*) FROM payments_outboxevent WHERE done_at IS NULL"
_OPEN_REFUNDS = "SELECT count(*) FROM payments_refund WHERE state IN ('SCHEDULED', 'SENDING')"
_OWED_WON = """
    SELECT coalesce(sum(amount_won), 0)::bigint FROM payments_ledgerentry
     WHERE account = 'CARRIER_RECEIVABLE'
"""
_OWED_BY_PAYMENT = """
    SELECT payment.reference, sum(entry.amount_won)::bigint
      FROM payments_payment payment
      JOIN payments_ledgertransaction posting ON posting.payment_id = payment.id
      JOIN payments_ledgerentry entry ON entry.transaction_id = posting.id
     WHERE entry.account = 'CARRIER_RECEIVABLE' GROUP BY 1
"""


def _assert_all_is_well(portal: Stack, told: dict[Shopper, list[str]]) -> None:
    """Both books agree to the won, everybody was told everything exactly once."""
    wait_until(lambda: rows(portal, _UNSENT) == rows(portal, _UNTOLD) == 0, what="all messages")
    for person, wanted in told.items():
        got = [words for words in (RECEIPT, REFUNDED, REVERSED) for _ in range(person.got(words))]
        assert got == wanted, person.last4
        # Everything goes to the mailbox as well.
        assert person.mails() == len(wanted), person.last4
    try:
        portal.manage("verify")
    except subprocess.CalledProcessError as broken:
        pytest.fail(broken.stdout + broken.stderr)
    assert rows(portal, "SELECT sum(amount_won) FROM payments_ledgerentry") == 0
    assert rows(portal, _OWED_WON) == booked_won(portal)
    with psycopg.connect(portal.environment["DATABASE_URL"]) as connection:
        ours = {row[0]: row[1] for row in connection.execute(_OWED_BY_PAYMENT)}
    theirs = {charge["reference"]: 0 for charge in books(portal)["charges"]}
    assert ours == {reference: booked_won(portal, reference) for reference in theirs}
    assert len(theirs) == len(books(portal)["charges"]), "a payment was charged twice"


def _awaiting(portal: Stack, last4: str) -> Shopper:
    person = shopper(portal, last4)
    person.buy()
    person.identify()
    assert person.state == "AWAITING_CONFIRMATION"
    return person


def _hang(portal: Stack, person: Shopper, operation: str, mode: str = "timeout_after") -> None:
    """The operator's answer will not come; we wait eight seconds for one."""
    phone = f"+82109000{person.last4}"
    fault(portal, operation=operation, mode=mode, seconds=20, phone=phone)


def _kill_web_workers(portal: Stack) -> None:
    _kill(portal, _web_workers(portal))
    wait_until(lambda: _is_healthy(portal), what="new web workers")


def _reference(person: Shopper) -> str:
    query = "SELECT reference FROM payments_payment WHERE token = %s"
    return str(rows(person.stack, query, person))


def _refund_state(portal: Stack, person: Shopper) -> str:
    query = """
        SELECT refund.state FROM payments_refund refund
          JOIN payments_payment payment ON payment.id = refund.payment_id
         WHERE payment.token = %s
    """
    return str(rows(portal, query, person))


# Processes


def _web_workers(portal: Stack) -> list[int]:
    """The processes that answer, without the one that watches over them."""
    first = portal.pid_of("web")
    return [pid for pid in portal.group("web") if _parent(pid) == first]


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _kill(portal: Stack, pids: list[int]) -> None:
    """kill -9, of this portal's own processes only."""
    assert pids
    assert set(pids) <= set(portal.processes())
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        wait_until(lambda p=pid: not _is_alive(p), what="the end of a killed process")


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _is_back(portal: Stack, name: str, before: int) -> bool:
    try:
        return portal.pid_of(name) != before
    except LookupError:
        return False


def _valkey(portal: Stack) -> redis.Redis:
    url = portal.environment["REDIS_URL"]
    return redis.Redis.from_url(
        url.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")
    )


def _pings(queue: redis.Redis) -> bool:
    try:
        return bool(queue.ping())
    except redis.RedisError:
        return False


def _is_healthy(portal: Stack) -> bool:
    try:
        with urllib.request.urlopen(f"{portal.portal}/healthz", timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        time.sleep(0.1)
        return False
