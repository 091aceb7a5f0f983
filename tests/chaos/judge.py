"""What must be true when everything has been left alone: ours, the operator's and the people's.

What our own rows can tell is `manage.py verify`'s business. Here is what only somebody outside can
know: the operator's and the bank's books, the phones, what people were told, and the logs. Each
check compares two accounts of the same thing and returns sentences; none means that all is well.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.people import Memory
from tests.stack import Stack
from tests.survival.witness import RECEIPT

HEAL_SECONDS = 180
# Celery writes how many seconds a task took; 0.0109000… is none.
_PHONE = re.compile(rb"(?<![0-9.])(?:\+82|0)10-?9000-?[0-9]{4}(?![0-9])")
# What somebody or something still has to do. A payment in REVIEW waits for a person, and so does a
# refund for the payer's account.
_OPEN = {
    "payments": "SELECT count(*) FROM payments_payment WHERE state NOT IN"
    " ('PAID', 'DECLINED', 'EXPIRED', 'CANCELED', 'REVERSED', 'REVIEW')",
    "strays": "SELECT count(*) FROM payments_payment WHERE state IN"
    " ('PAID', 'DECLINED', 'EXPIRED', 'CANCELED', 'REVERSED') AND check_at IS NOT NULL",
    "requests": "SELECT count(*) FROM support_ticket WHERE state = 'NEW'",
    "refunds": "SELECT count(*) FROM payments_refund WHERE state IN"
    " ('REQUESTED', 'SCHEDULED', 'SENDING', 'UNKNOWN')",
    "announcements": "SELECT count(*) FROM payments_outboxevent"
    " WHERE done_at IS NULL AND dead_at IS NULL",
    "messages": "SELECT count(*) FROM payments_message WHERE done_at IS NULL AND dead_at IS NULL",
}


@dataclass
class Books:
    """Won, as one side has them: by payment what was charged and what a carrier gave back, by
    the transfer's id what a bank paid out, and what the operator owes in all."""

    charged: Counter[str] = field(default_factory=Counter)
    refunded: Counter[str] = field(default_factory=Counter)
    paid_out: Counter[str] = field(default_factory=Counter)
    receivable_won: int = 0


@dataclass
class Outcome:
    """What is not true in the end, and the figures of the run."""

    wrong: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def settle(
    stack: Stack, *, say: Callable[[str], None], seconds: float = HEAL_SECONDS
) -> float | None:
    """Wait until nothing is open; returns the seconds it took, None when it stayed open."""
    started = time.monotonic()
    while (spent := time.monotonic() - started) < seconds:
        still = {what: count for what, count in _open(stack).items() if count}
        if not still:
            return spent
        say("settling: " + ", ".join(f"{count} {what}" for what, count in still.items()))
        time.sleep(1)
    return None


def verdict(stack: Stack, memories: Iterable[Memory]) -> list[str]:
    """Everything that is wrong."""
    remembered = list(memories)
    states = dict(ours(stack, "SELECT token, state FROM payments_payment"))
    return [
        *(f"still open: {count} {what}" for what, count in _open(stack).items() if count),
        *broken_rules(),
        *differences(our_books(stack), their_books(stack)),
        *lies(remembered, states),
        *missing_receipts(remembered, states, receipts(stack)),
        *leaks({log.name: log.read_bytes() for log in _logs(stack)}),
    ]


def broken_rules() -> Iterator[str]:
    """What `manage.py verify` says of our rows."""
    from payments import invariants
    from portal.verifying import ALL

    for violation in invariants.violations(ALL):
        rule = violation.invariant
        yield f"{rule.code}: {violation.offender} ({rule.says})"


def differences(here: Books, there: Books) -> Iterator[str]:
    """Where two sides' books do not say the same."""
    for what in ("charged", "refunded", "paid_out"):
        ours_won, theirs_won = getattr(here, what), getattr(there, what)
        for key in sorted({*ours_won, *theirs_won}):
            if ours_won[key] != theirs_won[key]:
                yield (
                    f"{key}: {ours_won[key]} won {what.replace('_', ' ')} by our books,"
                    f" {theirs_won[key]} won by theirs"
                )
    if missing := there.receivable_won - here.receivable_won:
        yield f"the operator's books say that it owes us {missing:+} won more than ours do"


def lies(memories: Iterable[Memory], states: Mapping[str, str]) -> Iterator[str]:
    """Who was told "paid" has paid, who was told "not charged" was not, and everybody was told."""
    for memory in memories:
        state = states.get(memory.token, "nowhere")
        if memory.token and memory.said not in {"paid", "not charged", "review"}:
            yield f"{memory.token[:6]}… cannot find out how it ended, and is {state}"
        if memory.said == "paid" and state != "PAID":
            yield f"{memory.token[:6]}… was told it is paid, and is {state}"
        if memory.said == "not charged" and state == "PAID":
            yield f"{memory.token[:6]}… was told nothing was charged, and is {state}"


def missing_receipts(
    memories: Iterable[Memory], states: Mapping[str, str], received: Mapping[str, int]
) -> Iterator[str]:
    """Each phone got as many receipts as its payments were charged, no more, no fewer."""
    due = Counter(memory.last4 for memory in memories if states.get(memory.token) == "PAID")
    for last4 in sorted({*due, *received}):
        if due[last4] != received.get(last4, 0):
            yield f"…{last4} paid {due[last4]} times and got {received.get(last4, 0)} receipts"


def leaks(logs: Mapping[str, bytes]) -> Iterator[str]:
    """Whole phone numbers where none may be."""
    for name, content in logs.items():
        if found := _PHONE.search(content):
            yield f"a phone number in {name}: …{found.group()[-4:].decode()}"


def endings(stack: Stack) -> Counter[str]:
    """How many payments ended how."""
    return Counter(dict(ours(stack, "SELECT state, count(*) FROM payments_payment GROUP BY 1")))


def our_books(stack: Stack) -> Books:
    """By our rows."""
    books = Books()
    for reference, won in ours(
        stack, "SELECT reference, amount_won FROM payments_payment WHERE state = 'PAID'"
    ):
        books.charged[reference] += won
    for reference, order_ref, won in ours(
        stack,
        "SELECT p.reference, CASE r.route WHEN 'BANK' THEN c.order_ref END, r.amount_won"
        " FROM payments_refund r JOIN payments_payment p ON p.id = r.payment_id"
        " LEFT JOIN payments_carriercall c"
        " ON c.refund_id = r.id AND c.kind = 'PAYOUT' AND c.state = 'OK'"
        " WHERE r.state = 'SUCCEEDED'",
    ):
        (books.paid_out if order_ref else books.refunded)[order_ref or reference] += won
    for order_ref, won in ours(
        stack, "SELECT order_ref, amount_won FROM payments_payoutcall WHERE state = 'OK'"
    ):
        books.paid_out[order_ref] += won
    [(books.receivable_won,)] = ours(
        stack,
        "SELECT coalesce(sum(amount_won), 0) FROM payments_ledgerentry"
        " WHERE account = 'CARRIER_RECEIVABLE'",
    )
    return books


def their_books(stack: Stack) -> Books:
    """By the operator's rows and the bank's."""
    books = Books()
    for reference, charged, refunded in theirs(
        stack,
        "SELECT reference_code, amount_won, refunded_won FROM operator_sandbox_payment"
        " WHERE status = 'succeeded'",
    ):
        books.charged[reference] += charged
        books.refunded[reference] += refunded
    for payout_id, won in theirs(
        stack, "SELECT payout_id, amount_won FROM operator_sandbox_payout"
    ):
        books.paid_out[payout_id] += won
    books.receivable_won = books.charged.total() - books.refunded.total()
    return books


def receipts(stack: Stack) -> dict[str, int]:
    """How many receipts lie on each phone, by its last four digits."""
    return dict(
        theirs(
            stack,
            "SELECT right(recipient, 4), count(*) FROM operator_sandbox_message"
            f" WHERE channel = 'sms' AND text LIKE '%{RECEIPT}%' GROUP BY 1",
        )
    )


def commit(root: Path) -> str:
    """Which code this was, as far as the checkout says."""
    git = root / ".git"
    if git.is_file():
        git = Path(git.read_text().removeprefix("gitdir: ").strip())
    head = (git / "HEAD").read_text().strip() if (git / "HEAD").exists() else "?"
    name = head.removeprefix("ref: ")
    for reference in (git / name, git.parent.parent / name):
        if name != head and reference.is_file():
            return reference.read_text().strip()[:10]
    return head[:10]


def _open(stack: Stack) -> dict[str, int]:
    return {what: ours(stack, query)[0][0] for what, query in _OPEN.items()}


def _logs(stack: Stack) -> Iterator[Path]:
    # The operator's own log may name its own lines.
    return (
        log
        for log in (stack.data_dir / "logs").glob("*.log*")
        if not log.name.startswith("operator")
    )


def ours(stack: Stack, query: str) -> list[tuple[Any, ...]]:
    """Rows of the portal's database."""
    return _rows(stack.environment["DATABASE_URL"], query)


def theirs(stack: Stack, query: str) -> list[tuple[Any, ...]]:
    """Rows of the operator's database."""
    return _rows(stack.environment["SANDBOX_DATABASE_URL"], query)


def _rows(address: str, query: str) -> list[tuple[Any, ...]]:
    deadline = time.monotonic() + 60
    while True:
        try:
            with psycopg.connect(address) as database:
                return database.execute(query).fetchall()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
