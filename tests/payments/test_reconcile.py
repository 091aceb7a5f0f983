"""The operators' daily file against our rows: each difference a row, none of them silent."""

from datetime import date, datetime, timedelta
from typing import Any

import httpx2
import pytest
from django.db import DatabaseError, transaction
from django.db.models import Sum
from django.utils import timezone

from payments import invariants, reconcile, refunds
from payments.calendar import SEOUL
from payments.carriers import files
from payments.carriers.base import Unreachable
from payments.models import (
    CarrierCall,
    Difference,
    LedgerEntry,
    LedgerTransaction,
    OperatorLine,
    OutboxEvent,
    Payment,
    Reconciliation,
    Refund,
)
from payments.reconcile import fetching
from payments.states import RefundState
from tests import factories
from tests.payments.test_refunds import asked, work
from tests.portal import histories

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 10)
NOON = datetime(2026, 11, 10, 12, tzinfo=SEOUL)
NEXT_DAY = datetime(2026, 11, 11, 1, tzinfo=SEOUL)
HEAD = "kind,order_ref,payment_id,reference,amount_won,at\r\n"


def sale(*, at: datetime = NOON, **fields: Any) -> Payment:
    """A payment as the operator knows it: with a reservation of its own."""
    shop = fields.pop("shop", None) or histories.shop(f"shop{Payment.objects.count()}")
    payment = histories.sale(shop, at=at, **fields)
    payment.carrier_payment_id = f"OP{payment.pk}"
    payment.save()
    call = CarrierCall(payment=payment, kind="PREPARE", order_ref=f"pb-{payment.pk}", sent_at=at)
    call.save()
    return payment


def cancelled(payment: Payment, *, at: datetime = NOON, kind: str = "REFUND") -> Refund:
    """A cancellation that we sent."""
    refund = histories.refund(payment, at=at)
    CarrierCall.objects.create(
        payment=payment, refund=refund, kind=kind, order_ref=f"pb-r{refund.pk}", sent_at=at
    )
    return refund


def charge(payment: Payment, **changed: Any) -> dict[str, Any]:
    return {
        "kind": "charge",
        "order_ref": f"pb-{payment.pk}",
        "payment_id": f"OP{payment.pk}",
        "reference": payment.reference,
        "amount_won": payment.amount_won,
        "at": NOON.isoformat(),
        **changed,
    }


def refund_line(payment: Payment, order_ref: str, **changed: Any) -> dict[str, Any]:
    return charge(payment, kind="refund", order_ref=order_ref, reference="", **changed)


def file_of(*lines: dict[str, Any]) -> bytes:
    rows = (",".join(str(value) for value in line.values()) for line in lines)
    return (HEAD + "".join(f"{row}\r\n" for row in rows)).encode()


def reconciled(
    *lines: dict[str, Any], day: date = DAY, now: datetime = NEXT_DAY
) -> list[tuple[str, Any]]:
    """Kind and payment of every difference that a file with these lines shows."""
    job, _ = Reconciliation.objects.get_or_create(day=day, defaults={"due_at": now})
    found = reconcile.compare(job.pk, files.read(file_of(*lines)), digest="", now=now)
    return [(row.kind, row.payment_id) for row in found]


# Reading the file


@pytest.mark.parametrize(
    "content",
    [
        file_of(charge(Payment(pk=1, reference="PB-1", amount_won=5))),
        b"\xef\xbb\xbf" + file_of(charge(Payment(pk=1, reference="PB-1", amount_won=5))),
        file_of(charge(Payment(pk=1, reference="가", amount_won=5))).decode().encode("euc-kr"),
        file_of(charge(Payment(pk=1, reference="PB-1", amount_won=5))).replace(b"\r\n", b"\n"),
    ],
    ids=["utf-8", "bom", "euc-kr", "lf"],
)
def test_a_file_is_read_whatever_its_encoding_and_line_ends(content: bytes) -> None:
    (line,) = files.read(content)

    assert (line.number, line.kind, line.order_ref, line.amount_won) == (1, "charge", "pb-1", 5)
    assert line.at == NOON


@pytest.mark.parametrize(
    "line",
    [
        "charge,a,b,c,1",
        "charge,a,b,c,1,2026-11-10T12:00:00",
        "charge,a,b,c,-1,2026-11-10T12:00:00+09:00",
        "charge,a,b,c,١,2026-11-10T12:00:00+09:00",
        "charge,a,b,c,1.0,2026-11-10T12:00:00+09:00",
        "charge,a,,c,1,2026-11-10T12:00:00+09:00",
        "fee,a,b,c,1,2026-11-10T12:00:00+09:00",
        'charge,"a,b,c,1,2026-11-10T12:00:00+09:00',
    ],
)
def test_a_line_that_cannot_be_read_spoils_the_file(line: str) -> None:
    with pytest.raises(files.UnreadableFile):
        files.read(f"{HEAD}{line}\r\n".encode())


@pytest.mark.parametrize("content", [b"", b"<html>", b"kind;order_ref\r\n", b"\xff\xfe\x00"])
def test_something_else_is_not_a_file(content: bytes) -> None:
    with pytest.raises(files.UnreadableFile):
        files.read(content)


# Comparing


def test_nothing_differs_when_both_know_the_same() -> None:
    payment, other = sale(), sale()
    refund = cancelled(other)

    assert reconciled(charge(payment), charge(other), refund_line(other, f"pb-r{refund.pk}")) == []
    assert OperatorLine.objects.filter(payment__isnull=False).count() == 3
    assert Reconciliation.objects.get().done_at == NEXT_DAY


def test_a_charge_that_we_do_not_know() -> None:
    stranger = Payment(pk=99, reference="PB-XXXX-XXXX", amount_won=1_000)

    assert reconciled(charge(stranger)) == [("MISSING_HERE", None)]
    assert Difference.objects.get().theirs_won == 1_000


def test_a_charge_that_stands_in_the_file_twice() -> None:
    payment = sale()

    assert reconciled(charge(payment), charge(payment)) == [("MISSING_HERE", payment.pk)]


def test_a_charge_that_stood_in_the_file_of_another_day() -> None:
    payment = sale()
    assert reconciled(charge(payment)) == []

    assert reconciled(charge(payment), day=DAY + timedelta(days=1)) == [
        ("MISSING_HERE", payment.pk)
    ]


def test_a_payment_and_a_refund_that_the_operator_does_not_know() -> None:
    payment, other = sale(), sale()
    cancelled(other)

    assert reconciled(charge(other)) == [
        ("MISSING_THERE", payment.pk),
        ("MISSING_THERE", other.pk),
    ]
    assert [row.refund_id is None for row in Difference.objects.order_by("pk")] == [True, False]


@pytest.mark.parametrize("off", [-1, 1])
def test_an_amount_that_is_off_by_one(off: int) -> None:
    payment, other = sale(), sale()
    refund = cancelled(other)

    assert reconciled(
        charge(payment, amount_won=payment.amount_won + off),
        charge(other),
        refund_line(other, f"pb-r{refund.pk}", amount_won=other.amount_won + off),
    ) == [("AMOUNT_DIFFERS", payment.pk), ("AMOUNT_DIFFERS", other.pk)]


@pytest.mark.parametrize("state", ["UNKNOWN", "REVIEW", "EXPIRED", "DECLINED", "REVERSED"])
def test_a_charge_of_a_payment_that_is_not_paid_here(state: str) -> None:
    payment = sale()
    Payment.objects.update(state=state)

    assert reconciled(charge(payment)) == [("STATE_DIFFERS", payment.pk)]
    assert Difference.objects.get().ours_state == state


@pytest.mark.parametrize("state", ["REVERSED", "EXPIRED", "CANCELED", "DECLINED"])
def test_a_payment_that_ended_agrees_when_its_late_charge_was_taken_back(state: str) -> None:
    payment = sale()
    Payment.objects.update(state=state)
    CarrierCall.objects.create(payment=payment, kind="REVERSE", order_ref="pb-v", sent_at=NOON)

    assert reconciled(charge(payment), refund_line(payment, "pb-v")) == []


def test_a_refund_that_the_operator_made_and_we_believe_to_have_failed() -> None:
    payment = sale()
    refund = cancelled(payment)
    Refund.objects.update(state="FAILED")

    assert reconciled(charge(payment), refund_line(payment, f"pb-r{refund.pk}")) == [
        ("STATE_DIFFERS", payment.pk)
    ]


def test_days_begin_and_end_at_midnight_in_korea() -> None:
    midnight = datetime(2026, 11, 10, tzinfo=SEOUL)
    sale(at=midnight - timedelta(microseconds=1))
    first = sale(at=midnight)
    last = sale(at=midnight + timedelta(days=1, microseconds=-1))
    sale(at=midnight + timedelta(days=1))

    assert reconciled() == [("MISSING_THERE", first.pk), ("MISSING_THERE", last.pk)]


def test_a_refund_that_was_answered_after_midnight_is_found_in_the_file_before() -> None:
    payment = sale()
    refund = cancelled(payment, at=datetime(2026, 11, 11, 0, 0, 1, tzinfo=SEOUL))
    reconciled(charge(payment), refund_line(payment, f"pb-r{refund.pk}"))

    assert reconciled(day=DAY + timedelta(days=1)) == []


def test_a_day_is_compared_once() -> None:
    payment = sale()

    assert reconciled() == [("MISSING_THERE", payment.pk)]
    assert reconciled() == []
    assert Difference.objects.count() == 1


# Cancelled on their side


def test_what_the_operator_cancelled_becomes_a_refund_a_posting_and_an_event() -> None:
    payment = sale()

    assert reconciled(charge(payment), refund_line(payment, "")) == [
        ("CANCELLED_THERE", payment.pk)
    ]

    refund = payment.refunds.get()
    assert (refund.state, refund.route, refund.requested_by) == ("SUCCEEDED", "CARRIER", "carrier")
    assert [(event.from_state, event.to_state) for event in refund.events.all()] == [
        ("REQUESTED", "SUCCEEDED")
    ]
    assert LedgerTransaction.objects.get(refund=refund).kind == "CORRECTION"
    receivable = LedgerEntry.objects.filter(account="CARRIER_RECEIVABLE")
    assert receivable.aggregate(won=Sum("amount_won"))["won"] == 0
    assert OutboxEvent.objects.get(kind="refund.corrected").subject_id == refund.pk
    difference = Difference.objects.get()
    assert (difference.refund_id, difference.resolution) == (refund.pk, "CORRECTED")


def test_a_part_that_the_operator_cancelled_takes_its_share_of_the_fee() -> None:
    payment = sale(amount_won=10_000)

    reconciled(charge(payment), refund_line(payment, "", amount_won=2_500))

    entries = LedgerEntry.objects.filter(transaction__kind="CORRECTION").order_by("pk")
    assert [(entry.account, entry.amount_won) for entry in entries] == [
        ("MERCHANT_PAYABLE", 2_307),
        ("FEE_REVENUE", 175),
        ("VAT_PAYABLE", 18),
        ("CARRIER_RECEIVABLE", -2_500),
    ]
    assert refunds.remaining_won(payment) == 7_500


def test_parts_that_we_sent_agree_one_by_one(operator: Any) -> None:
    """Our parts, through the real operator, against its own file of the day."""
    payment = factories.paid(operator.base_url, "0000", 10_000)
    for won in (4_000, 2_500, 3_500):
        left_won = refunds.remaining_won(payment)
        refund = refunds.request(
            payment_id=payment.pk,
            amount_won=won,
            expected_remaining_won=left_won,
            reason="part",
            by="test",
            now=timezone.now(),
        )
        assert work(refund).state == RefundState.SUCCEEDED
    day = timezone.now().astimezone(SEOUL).date()
    job = Reconciliation.objects.create(day=day, due_at=timezone.now())
    content = httpx2.get(
        f"{operator.base_url}/files/transactions/{day}",
        headers={"Authorization": f"Bearer {operator.token}"},
    ).content
    ours = [line for line in files.read(content) if line.carrier_payment_id == theirs_of(payment)]

    found = reconcile.compare(job.pk, ours, digest="", now=timezone.now())

    assert sorted(line.amount_won for line in ours) == [2_500, 3_500, 4_000, 10_000]
    assert found == []


def theirs_of(payment: Payment) -> str:
    payment.refresh_from_db()
    return payment.carrier_payment_id


def test_a_cancellation_that_does_not_fit_ours_waits_for_a_person() -> None:
    payment = sale()
    cancelled(payment)

    found = reconciled(charge(payment), refund_line(payment, ""))

    assert ("CANCELLED_THERE", payment.pk) in found
    assert payment.refunds.count() == 1
    assert Difference.objects.get(kind="CANCELLED_THERE").resolved_at is None


# Deciding


def test_a_difference_has_an_owner_and_is_resolved_once_in_words() -> None:
    sale()
    reconciled()
    difference = Difference.objects.get()
    assert (difference.owner, difference.resolved_at) == ("finance", None)

    reconcile.take(difference.pk, by="staff@desk.test")
    with pytest.raises(ValueError, match="words"):
        reconcile.resolve(difference.pk, resolution=" ", by="staff@desk.test", now=NEXT_DAY)
    reconcile.resolve(difference.pk, resolution="전화로 확인", by="staff@desk.test", now=NEXT_DAY)

    difference.refresh_from_db()
    assert (difference.owner, difference.resolution) == ("staff@desk.test", "전화로 확인")
    with pytest.raises(reconcile.AlreadyResolved):
        reconcile.resolve(difference.pk, resolution="anders", by="x", now=NEXT_DAY)


def test_lines_of_a_file_can_neither_be_changed_nor_deleted() -> None:
    payment = sale()
    reconciled(charge(payment))

    with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
        OperatorLine.objects.update(amount_won=1)


# The job


def test_a_day_is_due_when_it_is_over_and_its_file_is_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked_for: list[date] = []
    monkeypatch.setattr(files, "fetch", lambda day: asked_for.append(day) or HEAD.encode())

    for minutes in (0, 29, 30, 31, 32):
        reconcile.reconcile_due(now=datetime(2026, 11, 11, 0, minutes, tzinfo=SEOUL))

    assert asked_for == [DAY]


def test_days_that_were_missed_are_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "fetch", lambda _: HEAD.encode())
    reconcile.reconcile_due(now=NEXT_DAY)

    for _ in range(5):
        reconcile.reconcile_due(now=NEXT_DAY + timedelta(days=3))

    done = Reconciliation.objects.filter(done_at__isnull=False)
    assert [row.day.day for row in done.order_by("day")] == [10, 11, 12, 13]


@pytest.mark.parametrize("problem", [Unreachable("503"), files.UnreadableFile("line 3")])
def test_a_file_that_cannot_be_had_is_asked_for_again_and_then_a_persons(
    monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def fail(_: date) -> bytes:
        raise problem

    monkeypatch.setattr(files, "fetch", fail)
    for _ in range(len(fetching.WAITS_SECONDS) + 1):
        reconcile.reconcile_due(now=NEXT_DAY)
        Reconciliation.objects.update(due_at=NEXT_DAY)

    job = Reconciliation.objects.get()
    assert job.dead_at is not None
    assert type(problem).__name__ in job.problem


# With the operator itself


def control(operator: Any, path: str, body: dict[str, Any]) -> None:
    httpx2.post(
        f"{operator.base_url}/control/{path}",
        json=body,
        headers={"Authorization": f"Bearer {operator.token}"},
    ).raise_for_status()


def differences_today() -> list[tuple[str, int | None]]:
    """Compare today as if it were over; other tests' charges are strangers here."""
    now = timezone.now() + timedelta(days=1)
    Reconciliation.objects.create(
        day=timezone.now().astimezone(SEOUL).date(), due_at=timezone.now()
    )
    reconcile.reconcile_due(now=now)
    ours = Difference.objects.filter(payment__isnull=False).order_by("pk")
    return [(row.kind, row.payment_id) for row in ours]


@pytest.mark.django_db(transaction=True)
def test_paying_and_cancelling_agree_with_the_operators_own_file(operator: Any) -> None:
    factories.paid(operator.base_url, "0000")
    refund = work(asked(factories.paid(operator.base_url, "0000")))
    assert refund.state == RefundState.SUCCEEDED

    assert differences_today() == []
    assert OperatorLine.objects.filter(payment__isnull=False).count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_charge_cancelled_in_the_operators_console_is_corrected_here(operator: Any) -> None:
    payment = factories.paid(operator.base_url, "0000")
    control(operator, "cancellations", {"payment_id": payment.carrier_payment_id})

    assert differences_today() == [("CANCELLED_THERE", payment.pk)]
    assert refunds.remaining_won(payment) == 0
    # Its receipt was never drained here; everything else holds as for a refund we sent.
    broken = {rule.code for rule in invariants.INVARIANTS if invariants.offenders(rule)}
    assert broken <= {"I28"}


@pytest.mark.django_db(transaction=True)
def test_a_charge_moved_to_another_day_is_missing_there(operator: Any) -> None:
    payment = factories.paid(operator.base_url, "0000")
    moved = {"payment_id": payment.carrier_payment_id, "charged_at": "2026-01-01T00:00:00+09:00"}
    control(operator, "charges", moved)

    assert differences_today() == [("MISSING_THERE", payment.pk)]
