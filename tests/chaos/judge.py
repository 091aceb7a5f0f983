"""What must be true when everything has been left alone: ours, the operator's and the people's.

Each check returns sentences; none means that all is well.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.people import Memory
from tests.stack import Stack

HEAL_SECONDS = 180
FINAL = ("PAID", "DECLINED", "EXPIRED", "CANCELED", "REVERSED")
_PHONE = re.compile(rb"(?:\+82|0)10-?9000-?[0-9]{4}")
# What somebody or something still has to do, and nobody but a person may leave undone.
_OPEN = {
    "payments": "SELECT count(*) FROM payments_payment WHERE state NOT IN"
    " ('PAID', 'DECLINED', 'EXPIRED', 'CANCELED', 'REVERSED', 'REVIEW')",
    "refunds": "SELECT count(*) FROM payments_refund WHERE state IN"
    " ('REQUESTED', 'SCHEDULED', 'SENDING', 'UNKNOWN')",
    "announcements": "SELECT count(*) FROM payments_outboxevent"
    " WHERE done_at IS NULL AND dead_at IS NULL",
    "messages": "SELECT count(*) FROM payments_message WHERE done_at IS NULL AND dead_at IS NULL",
}
# No rows, whatever happened (design §5, §3.7, §3.8).
_NEVER = {
    "a posting that does not balance": "SELECT transaction_id FROM payments_ledgerentry"
    " GROUP BY 1 HAVING sum(amount_won) <> 0",
    "an order with two live payments": "SELECT order_no FROM payments_payment WHERE state NOT IN"
    " ('DECLINED', 'EXPIRED', 'CANCELED', 'REVERSED') GROUP BY merchant_id, order_no"
    " HAVING count(*) > 1",
    "more refunded than paid": "SELECT p.reference FROM payments_payment p JOIN payments_refund r"
    " ON r.payment_id = p.id AND r.state NOT IN ('FAILED', 'WITHDRAWN')"
    " GROUP BY p.id HAVING sum(r.amount_won) > p.amount_won",
    "more than five tries": "SELECT id FROM payments_codechallenge WHERE attempts > 5",
    "a state its history does not lead to": "SELECT p.reference FROM payments_payment p"
    " JOIN LATERAL (SELECT to_state FROM payments_paymentevent WHERE payment_id = p.id"
    " ORDER BY id DESC LIMIT 1) last ON true WHERE last.to_state <> p.state",
    "a move out of a final state": "SELECT id FROM payments_paymentevent WHERE from_state IN"
    " ('PAID', 'DECLINED', 'EXPIRED', 'CANCELED', 'REVERSED')",
    "money in the clearing account": "SELECT sum(amount_won) FROM payments_ledgerentry"
    " WHERE account = 'REFUND_CLEARING' HAVING sum(amount_won) <> 0",
    "a paid payment without its receipt": "SELECT p.reference FROM payments_payment p"
    " WHERE p.state = 'PAID' AND (SELECT count(*) FROM payments_message m WHERE m.payment_id = p.id"
    " AND m.kind = 'paid' AND m.channel = 'sms' AND m.done_at IS NOT NULL) <> 1",
    "a carrier refund sent in another month": "SELECT r.id FROM payments_refund r"
    " JOIN payments_payment p ON p.id = r.payment_id"
    " JOIN payments_carriercall c ON c.refund_id = r.id AND c.kind = 'REFUND'"
    " WHERE date_trunc('month', c.sent_at AT TIME ZONE 'Asia/Seoul')"
    " <> date_trunc('month', p.paid_at AT TIME ZONE 'Asia/Seoul')",
    "a request that only failed because the month ended": "SELECT id FROM payments_refund"
    " WHERE state = 'FAILED' AND failure_code = 'CANCEL_MONTH_CLOSED'",
}


def settle(stack: Stack, *, say: Callable[[str], None]) -> float:
    """Wait until nothing is open; returns the seconds it took, or HEAL_SECONDS when it did not."""
    started = time.monotonic()
    while (spent := time.monotonic() - started) < HEAL_SECONDS:
        still = {what: count for what, count in _open(stack).items() if count}
        if not still:
            return spent
        say("settling: " + ", ".join(f"{count} {what}" for what, count in still.items()))
        time.sleep(2)
    return HEAL_SECONDS


def verdict(stack: Stack, memories: Sequence[Memory]) -> list[str]:
    """Everything that is wrong."""
    return [
        *(f"still open: {count} {what}" for what, count in _open(stack).items() if count),
        *_never(stack),
        *_books(stack),
        *_promises(stack, memories),
        *_logs(stack),
    ]


def states(stack: Stack) -> Counter[str]:
    """How many payments ended how."""
    return Counter(dict(_ours(stack, "SELECT state, count(*) FROM payments_payment GROUP BY 1")))


def _open(stack: Stack) -> dict[str, int]:
    return {what: _ours(stack, query)[0][0] for what, query in _OPEN.items()}


def _never(stack: Stack) -> Iterator[str]:
    for what, query in _NEVER.items():
        if found := _ours(stack, query):
            yield f"{what}: {len(found)}, first {found[0][0]}"


def _books(stack: Stack) -> Iterator[str]:
    """Ours against the operator's and the bank's, payment by payment."""
    ours = dict(
        _ours(stack, "SELECT reference, amount_won FROM payments_payment WHERE state = 'PAID'")
    )
    theirs = Counter[str]()
    back = Counter[str]()
    for reference, charged, refunded in _operators(
        stack,
        "SELECT reference_code, amount_won, refunded_won FROM sandbox_payment"
        " WHERE status = 'succeeded'",
    ):
        theirs[reference] += charged
        back[reference] += refunded
    for reference in sorted({*ours, *theirs}):
        if ours.get(reference, 0) != theirs[reference]:
            yield (
                f"{reference}: ours {ours.get(reference, 0)} won,"
                f" the operator's {theirs[reference]} won"
            )
    refunds = Counter[str]()
    by_bank = 0
    for reference, route, won in _ours(
        stack,
        "SELECT p.reference, r.route, r.amount_won FROM payments_refund r"
        " JOIN payments_payment p ON p.id = r.payment_id WHERE r.state = 'SUCCEEDED'",
    ):
        refunds[reference] += won if route == "CARRIER" else 0
        by_bank += won if route == "BANK" else 0
    for reference in sorted({*refunds, *(+back)}):
        if refunds[reference] != back[reference]:
            yield (
                f"{reference}: refunded {refunds[reference]} won by us,"
                f" {back[reference]} won by the operator"
            )
    [(paid_out,)] = _operators(stack, "SELECT coalesce(sum(amount_won), 0) FROM sandbox_payout")
    if by_bank != paid_out:
        yield f"paid out {by_bank} won by us, {paid_out} won by the bank"
    [(receivable,)] = _ours(
        stack,
        "SELECT coalesce(sum(amount_won), 0) FROM payments_ledgerentry"
        " WHERE account = 'CARRIER_RECEIVABLE'",
    )
    if receivable != theirs.total() - back.total():
        yield f"receivable {receivable} won, the operator owes {theirs.total() - back.total()} won"


def _promises(stack: Stack, memories: Sequence[Memory]) -> Iterator[str]:
    """Who was told "paid" has paid; who was told "not charged" was not."""
    now = dict(_ours(stack, "SELECT token, state FROM payments_payment"))
    for memory in memories:
        state = now.get(memory.token, "")
        if memory.said == "paid" and state != "PAID":
            yield f"{memory.token[:6]}… was told it is paid, and is {state}"
        if memory.said == "not charged" and state == "PAID":
            yield f"{memory.token[:6]}… was told nothing was charged, and is {state}"


def _logs(stack: Stack) -> Iterator[str]:
    for log in (stack.data_dir / "logs").glob("*.log*"):
        if log.name.startswith("operator") or not (found := _PHONE.search(log.read_bytes())):
            continue
        yield f"a phone number in {log.name}: …{found.group()[-4:].decode()}"


def _ours(stack: Stack, query: str) -> list[tuple[Any, ...]]:
    return _rows(stack.environment["DATABASE_URL"], query)


def _operators(stack: Stack, query: str) -> list[tuple[Any, ...]]:
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


def commit(root: Path) -> str:
    """Which code this was, as far as the checkout says."""
    head = (root / ".git/HEAD").read_text().strip() if (root / ".git/HEAD").exists() else "?"
    reference = root / ".git" / head.removeprefix("ref: ")
    return (reference.read_text() if reference.is_file() else head).strip()[:10]
