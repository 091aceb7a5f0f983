"""Any order of anything: steps, answers, lost answers, crashes, callbacks and time.

Hypothesis plays shopper, agent, worker and operator against the use cases. The operator here is a
model with books of its own, so that it can lose an answer or let our process die on any call;
the real one is met in tests/payments/test_checkout.py and tests/survival. In the end everything is
left alone with time and workers, and both books must agree to the won.

EXAMPLES=2000 makes it look longer.
"""

import contextlib
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Q, Sum
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from payments import checkout, refunds, states
from payments.banks import transfers
from payments.carriers import base, registry
from payments.checkout import confirming
from payments.models import CodeChallenge, LedgerEntry, Payment, PaymentEvent, Refund
from payments.refunds import sending
from payments.states import PaymentState, RefundState
from tests import factories

pytestmark = pytest.mark.django_db
CODE = "123456"
# What may become of a call: answered, refused, never arrived, done but unanswered, our end.
FATES = ("ok", "ok", "ok", "declined", "unreachable", "lost_before", "lost_after", "crash")

STAGES = ("opened", "awaiting", "awaiting", "paid")


class Crash(BaseException):
    """Our process dies here: nothing that was not committed exists."""


@dataclass
class Charge:
    """A line of the operator's books."""

    status: str
    amount_won: int
    order_ref: str
    refunded_won: int = 0


class ModelOperator:
    """An operator and a bank that can be told what becomes of their next calls."""

    def __init__(self) -> None:
        self.charges: dict[str, Charge] = {}
        self.refunds: dict[str, tuple[str, int]] = {}
        self.payouts: dict[str, int] = {}
        self.fates: list[str] = []
        # The fault of an operator that is not idempotent: only asking first saves us from it.
        self.forgets_refund_ids = False
        self._ids = itertools.count(1)

    def _call(self, work: Callable[[], Any], refusal: str = "UNPAID_BILL") -> Any:
        fate = self.fates.pop(0) if self.fates else "ok"
        match fate:
            case "declined":
                raise base.Declined(refusal)
            case "unreachable":
                raise base.Unreachable("refused")
            case "lost_before":
                raise base.OutcomeUnknown("timeout")
            case "lost_after":
                work()
                raise base.OutcomeUnknown("timeout")
            case "crash":
                work()
                raise Crash
        return work()

    def match_birthdate(self, phone: str, birthdate: date) -> bool | None:
        return True

    def is_of_age(self, phone: str, age: int) -> bool | None:
        return True

    def is_sim_swapped(self, phone: str, hours: int) -> bool:
        return False

    def prepare(self, phone: str, order: base.Order) -> base.Prepared:
        def work() -> base.Prepared:
            known = [pid for pid, c in self.charges.items() if c.order_ref == order.order_ref]
            pid = known[0] if known else f"op-{next(self._ids)}"
            fresh = Charge("pending_validation", order.amount_won, order.order_ref)
            self.charges.setdefault(pid, fresh)
            return base.Prepared(pid, "validate", "auth")

        return self._call(work)

    def validate(self, pid: str, authorization_id: str, code: str) -> None:
        def work() -> None:
            charge = self.charges[pid]
            if charge.status != "pending_validation":
                raise base.Declined("CODE_EXPIRED")
            if code != CODE:
                raise base.Declined("CODE_INVALID")
            charge.status = "reserved"

        self._call(work, "CODE_INVALID")

    def confirm(self, pid: str, phone: str) -> base.PaymentStatus:
        def work() -> base.PaymentStatus:
            charge = self.charges[pid]
            if charge.status not in {"reserved", "succeeded"}:
                raise base.Declined("SESSION_EXPIRED")
            charge.status = "succeeded"
            return self._status(pid)

        return self._call(work)

    def cancel(self, pid: str, phone: str) -> None:
        def work() -> None:
            charge = self.charges[pid]
            if charge.status == "succeeded":
                raise base.Declined("ALREADY_CONFIRMED")
            charge.status = "cancelled"

        self._call(work)

    def retrieve(self, pid: str) -> base.PaymentStatus:
        return self._call(lambda: self._status(pid))

    def find(self, order_ref: str, since: datetime) -> base.PaymentStatus | None:
        known = [pid for pid, c in self.charges.items() if c.order_ref == order_ref]
        return self._call(lambda: self._status(known[0]) if known else None)

    def refund(self, pid: str, wanted: base.CarrierRefund) -> base.RefundStatus:
        def work() -> base.RefundStatus:
            charge, order_ref = self.charges[pid], wanted.order_ref
            left_won = charge.amount_won - charge.refunded_won
            won = left_won if wanted.part_won is None else wanted.part_won
            if self.forgets_refund_ids:
                won = charge.amount_won
            elif order_ref not in self.refunds and not 0 < won <= left_won:
                raise base.Declined("CANCEL_AMOUNT_EXCEEDED")
            if order_ref not in self.refunds or self.forgets_refund_ids:
                charge.refunded_won += won
                self.refunds[order_ref] = (pid, self.refunds.get(order_ref, (pid, 0))[1] + won)
            return base.RefundStatus(order_ref, "succeeded")

        return self._call(work, "CANCEL_PREPAID_BILL")

    def find_refund(self, pid: str, order_ref: str) -> base.RefundStatus | None:
        is_known = order_ref in self.refunds
        answer = base.RefundStatus(order_ref, "succeeded") if is_known else None
        return self._call(lambda: answer)

    def pay_out(self, payout: transfers.Payout) -> None:
        work = lambda: self.payouts.setdefault(payout.order_ref, payout.amount_won)  # noqa: E731
        self._call(work, "ACCOUNT_NOT_FOUND")

    def is_settled(self, order_ref: str) -> bool:
        return bool(self._call(lambda: order_ref in self.payouts))

    def _status(self, pid: str) -> base.PaymentStatus:
        charge = self.charges[pid]
        return base.PaymentStatus(
            pid, charge.status, charge.amount_won, charge.order_ref, f"tx-{pid}", None
        )


# Most calls of a step go well; the one that does not is the first, the second or the third.
fates = st.builds(
    lambda good, fate: [*(["ok"] * good), fate], st.integers(0, 2), st.sampled_from(FATES)
)


class Paying(RuleBasedStateMachine):
    """One shop, a few payments, everything that can happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.operator = ModelOperator()
        self.now = timezone.now()
        self.steps = 0
        self._patches = pytest.MonkeyPatch()
        self._patches.setattr(registry, "adapter", lambda code: self.operator)
        self._patches.setattr(transfers, "pay_out", self.operator.pay_out)
        self._patches.setattr(transfers, "is_settled", self.operator.is_settled)
        self._undo = transaction.atomic()
        # As Django's own TestCase marks its transaction, so that durable blocks may stand in it.
        self._undo._from_testcase = True  # type: ignore[attr-defined]
        self._undo.__enter__()

    def teardown(self) -> None:
        try:
            self._let_it_settle()
            self.the_books_agree_in_the_end()
        finally:
            transaction.set_rollback(True)
            self._undo.__exit__(None, None, None)
            self._patches.undo()

    @initialize(stages=st.lists(st.sampled_from(STAGES), min_size=1, max_size=3))
    def shop(self, stages: list[str]) -> None:
        for stage in stages:
            payment = factories.opened(now=self.now)
            if stage != "opened":
                checkout.submit(payment.pk, factories.applicant("0000"), now=self.now)
            if stage == "paid":
                checkout.confirm_with_code(payment.pk, CODE, now=self.now)

    # What people, workers and the clock do. A step that is not possible now says so, or nothing.

    def _try(self, fates_: list[str], step: Callable[[], object]) -> None:
        impossible = (
            checkout.AttemptsExceeded,
            checkout.CarrierSilent,
            checkout.CodeExpired,
            checkout.InProgress,
            checkout.Refused,
            checkout.WindowClosed,
            checkout.WrongCode,
            checkout.WrongStep,
            refunds.UnableToRefund,
            states.IllegalMove,
            Crash,
        )
        self.operator.fates = list(fates_)
        with contextlib.suppress(*impossible):
            step()
        self.operator.fates = []

    def _payment(self, which: int) -> Payment:
        found = list(Payment.objects.order_by("pk"))
        return found[which % len(found)]

    @rule(which=st.integers(0, 2), fates_=fates)
    def submit(self, which: int, fates_: list[str]) -> None:
        pk = self._payment(which).pk
        self._try(fates_, lambda: checkout.submit(pk, factories.applicant("0000"), now=self.now))

    @rule(which=st.integers(0, 2), code=st.sampled_from([CODE, CODE, "654321"]), fates_=fates)
    def type_code(self, which: int, code: str, fates_: list[str]) -> None:
        pk = self._payment(which).pk
        self._try(fates_, lambda: checkout.confirm_with_code(pk, code, now=self.now))

    @rule(which=st.integers(0, 2), repeats=st.integers(1, 2))
    def use_the_link(self, which: int, repeats: int) -> None:
        payment = self._payment(which)
        charge = self.operator.charges.get(payment.carrier_payment_id)
        if charge is None or charge.status != "pending_validation":
            return
        charge.status = "reserved"
        for _ in range(repeats):
            checkout.note_event(
                payment_id=payment.pk, event_id=f"e{payment.pk}", kind="reserved", now=self.now
            )

    @rule(which=st.integers(0, 2), fates_=fates)
    def resend(self, which: int, fates_: list[str]) -> None:
        pk = self._payment(which).pk
        self._try(fates_, lambda: checkout.resend(pk, now=self.now))

    @precondition(lambda self: self.steps % 3 == 0)
    @rule(which=st.integers(0, 2), fates_=fates)
    def change_line(self, which: int, fates_: list[str]) -> None:
        pk = self._payment(which).pk
        self._try(fates_, lambda: checkout.change_line(pk, now=self.now))

    @precondition(lambda self: self.steps % 5 == 0)
    @rule(which=st.integers(0, 2), fates_=fates)
    def leave(self, which: int, fates_: list[str]) -> None:
        pk = self._payment(which).pk
        self._try(fates_, lambda: checkout.leave(pk, now=self.now))

    @rule(which=st.integers(0, 2))
    def ask_for_a_refund(self, which: int) -> None:
        payment = self._payment(which)
        self._try(
            [],
            lambda: refunds.request(
                payment_id=payment.pk,
                amount_won=payment.amount_won,
                expected_remaining_won=payment.amount_won,
                reason="any",
                by="agent",
                now=self.now,
            ),
        )

    @rule(
        which=st.integers(0, 2),
        amount_won=st.sampled_from([1, 100, 1_099, 1_100, 2_199]),
        is_stale=st.booleans(),
    )
    def ask_for_a_part(self, *, which: int, amount_won: int, is_stale: bool) -> None:
        payment = self._payment(which)
        seen = payment.amount_won if is_stale else refunds.remaining_won(payment)
        self._try(
            [],
            lambda: refunds.request(
                payment_id=payment.pk,
                amount_won=amount_won,
                expected_remaining_won=seen,
                reason="any",
                by="agent",
                now=self.now,
            ),
        )

    @precondition(lambda self: self.steps % 4 == 0 and Refund.objects.exists())
    @rule()
    def withdraw(self) -> None:
        refund = Refund.objects.latest("pk")
        self._try([], lambda: refunds.withdraw(refund_id=refund.pk, by="shopper", now=self.now))

    @precondition(lambda self: Refund.objects.filter(state="AWAITING_ACCOUNT").exists())
    @rule()
    def give_account(self) -> None:
        refund = Refund.objects.filter(state="AWAITING_ACCOUNT").latest("pk")
        account = {"bank": "004", "number": "12345678901", "holder": "김시험"}
        refunds.give_account(refund_id=refund.pk, now=self.now, **account)

    @rule(fates_=fates)
    def look(self, fates_: list[str]) -> None:
        self._try(fates_, lambda: checkout.resolve_due(now=self.now))

    @rule(fates_=fates)
    def send_refunds(self, fates_: list[str]) -> None:
        self._try(fates_, lambda: refunds.send_due(now=self.now))

    @rule(seconds=st.sampled_from([1, 5, 30, 61, 200, 700, 86_400, 40 * 86_400]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    # What holds at every moment.

    @invariant()
    def every_posting_balances(self) -> None:
        self.steps += 1
        # The balance is a deferred constraint, which this test's transaction never gets to.
        connection.check_constraints()

    @invariant()
    def nothing_is_charged_twice(self) -> None:
        succeeded = [c for c in self.operator.charges.values() if c.status == "succeeded"]
        assert len(succeeded) <= Payment.objects.count()
        for payment in Payment.objects.all():
            refs = set(payment.calls.values_list("order_ref", flat=True))
            assert sum(charge.order_ref in refs for charge in succeeded) <= 1

    @invariant()
    def no_more_goes_back_than_was_paid(self) -> None:
        for payment in Payment.objects.filter(refunds__isnull=False).distinct():
            refs = set(payment.calls.values_list("order_ref", flat=True))
            back = sum(won for ref, (_, won) in self.operator.refunds.items() if ref in refs)
            back += sum(won for ref, won in self.operator.payouts.items() if ref in refs)
            assert back <= payment.amount_won

    @invariant()
    def no_more_is_promised_than_was_paid(self) -> None:
        for payment in Payment.objects.filter(refunds__isnull=False).distinct():
            assert 0 <= refunds.remaining_won(payment) <= payment.amount_won

    @invariant()
    def history_leads_to_the_state(self) -> None:
        for payment in Payment.objects.all():
            moves = list(PaymentEvent.objects.filter(payment=payment).order_by("pk"))
            chain = [PaymentState.CREATED.value, *(move.to_state for move in moves)]
            assert [move.from_state for move in moves] == chain[:-1]
            assert chain[-1] == payment.state

    @invariant()
    def five_wrong_codes_are_the_most(self) -> None:
        assert not CodeChallenge.objects.filter(attempts__gt=5).exists()

    # Left alone with time and workers.

    def _let_it_settle(self) -> None:
        self.operator.fates = []
        due = Q(state__in=["SCHEDULED", "SENDING", "UNKNOWN"])
        for _ in range(40):
            self.now += timedelta(seconds=90)
            checkout.resolve_due(now=self.now)
            refunds.send_due(now=self.now)
            is_open = Payment.objects.filter(check_at__isnull=False).exists()
            if not is_open and not Refund.objects.filter(due).exists():
                return

    def the_books_agree_in_the_end(self) -> None:
        for payment in Payment.objects.all():
            assert payment.is_final, payment.state
            refs = set(payment.calls.values_list("order_ref", flat=True))
            charged = sum(
                charge.amount_won
                for charge in self.operator.charges.values()
                if charge.order_ref in refs and charge.status == "succeeded"
            )
            is_paid = payment.state == PaymentState.PAID
            assert charged == (payment.amount_won if is_paid else 0), payment.state
        for refund in Refund.objects.all():
            assert refund.state in {"SUCCEEDED", "WITHDRAWN", "AWAITING_ACCOUNT", "FAILED"}
        ours = Refund.objects.filter(state=RefundState.SUCCEEDED)
        by_route = {
            row["route"]: row["won"] for row in ours.values("route").annotate(won=Sum("amount_won"))
        }
        assert by_route.get("CARRIER", 0) == sum(won for _, won in self.operator.refunds.values())
        assert by_route.get("BANK", 0) == sum(self.operator.payouts.values())
        for payment in Payment.objects.filter(state=PaymentState.PAID):
            back = ours.filter(payment=payment).aggregate(won=Sum("amount_won"))["won"]
            entries = LedgerEntry.objects.filter(transaction__payment=payment)
            for account in ("MERCHANT_PAYABLE", "FEE_REVENUE", "VAT_PAYABLE"):
                left = entries.filter(account=account).aggregate(won=Sum("amount_won"))["won"]
                assert back != payment.amount_won or not left
        receivable = LedgerEntry.objects.filter(account="CARRIER_RECEIVABLE")
        booked = receivable.aggregate(won=Sum("amount_won"))["won"] or 0
        charged = [c for c in self.operator.charges.values() if c.status == "succeeded"]
        assert booked == sum(c.amount_won - c.refunded_won for c in charged)


EXAMPLES = int(os.environ.get("EXAMPLES", "60"))


def test_any_order_of_anything_ends_with_both_books_agreeing() -> None:
    Paying.TestCase.settings = settings(
        max_examples=EXAMPLES,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    Paying.TestCase("runTest").runTest()


def declined_instead(payment: Payment, calls: Any, problem: str, *, at: datetime) -> None:
    """A timeout taken for a refusal: what was charged after all is then nobody's."""
    refusal = base.Declined("PROVIDER_TIMEOUT", problem)
    confirming._record_declined(payment, calls, refusal, at=at)


def never(*, now: datetime) -> int:
    """A sweep that does not run."""
    return 0


@pytest.mark.parametrize(
    ("place", "guard", "off", "of"),
    [
        (confirming, "_record_unknown", declined_instead, "charge"),
        (checkout, "resolve_due", never, "charge"),
        (refunds, "send_due", never, "refund"),
        (sending, "_is_settled", lambda refund, now: False, "refund"),
    ],
    ids=[
        "a timeout is a refusal",
        "no resolver",
        "no refund worker",
        "never asks before resending",
    ],
)
def test_the_books_disagree_when_a_guard_is_off(
    monkeypatch: pytest.MonkeyPatch, place: Any, guard: str, off: Callable[..., Any], of: str
) -> None:
    monkeypatch.setattr(place, guard, off)
    machine = Paying()
    machine.operator.forgets_refund_ids = True
    machine.shop(stages=["awaiting"])
    machine.type_code(which=0, code=CODE, fates_=["ok", "lost_after" if of == "charge" else "ok"])
    if of == "refund":
        machine.ask_for_a_refund(which=0)
        machine.time_passes(seconds=61)
        machine.send_refunds(fates_=["lost_after"])

    with pytest.raises(AssertionError):
        machine.teardown()
