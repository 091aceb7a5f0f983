"""The judge's eyesight: with each guard switched off in turn, the right rule must speak up.

Each workload runs twice, with its guard and without: silence, then a violation. The guards are
taken from this process and its database; the product has no switch for them.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any
from unittest import mock

from tests.chaos import judge

CROWD = 8


@dataclass(frozen=True)
class Guard:
    """`rule` says that `work` went wrong when `off` has taken the guard away."""

    name: str
    rule: str
    work: Callable[["Lab"], None]
    off: Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Lab:
    """A database, an operator, and no worker: only what a workload does happens."""

    environment: dict[str, str]
    operator_url: str

    @property
    def operator_api(self) -> str:
        """Where witness.py gives its orders."""
        return self.operator_url

    @property
    def operator_token(self) -> str:
        """With what."""
        return self.environment["CARRIER_API_TOKEN"]

    def findings(self) -> set[tuple[str, str]]:
        """Every rule that is broken, with who breaks it."""
        from payments import invariants
        from portal.verifying import ALL

        broken = {(v.invariant.code, v.offender) for v in invariants.violations(ALL)}
        books = judge.differences(judge.our_books(self), judge.their_books(self))
        return broken | {("books", sentence) for sentence in books}


def run(*, say: Callable[[str], None]) -> judge.Outcome:
    """Try every guard."""
    outcome = judge.Outcome()
    fired = silent = 0
    with _lab() as lab:
        for guard in _guards():
            say(f"{guard.name}: with it")
            known = lab.findings()
            guard.work(lab)
            too_much = lab.findings() - known
            outcome.wrong += [f"{guard.name}, switched on: {' '.join(f)}" for f in sorted(too_much)]
            silent += not too_much
            say(f"{guard.name}: without it")
            known = lab.findings()
            with guard.off():
                guard.work(lab)
            seen = sorted(lab.findings() - known)
            is_seen = guard.rule in {rule for rule, _ in seen}
            fired += is_seen
            if not is_seen:
                outcome.wrong.append(f"without {guard.name} {guard.rule} says nothing, but {seen}")
            outcome.notes.append(f"without {guard.name}: {', '.join(sorted({r for r, _ in seen}))}")
    outcome.figures = {"fired": f"{fired}/{len(_guards())}", "silent": f"{silent}/{len(_guards())}"}
    return outcome


def _guards() -> list[Guard]:
    return [
        Guard("the index on live orders", "I7", _open_one_order_often, _no_index),
        Guard("the counter of codes", "I10 tries", _guess, _careless_counter),
        Guard("the sweep", "I14", _die_while_confirming, _no_sweep),
        Guard("the doubt about a timeout", "books", _lose_the_answer, _timeout_is_no),
        Guard("the month in Korea", "I25", _refund_after_midnight, _month_in_utc),
        Guard("lock and sum on refunds", "I4", _refund_often_at_once, _no_lock),
    ]


def _open_one_order_often(_: Lab) -> None:
    from payments.models.payments import new_token

    order_no = new_token()

    def open_it() -> None:
        _opened(order_no)

    _at_once(open_it)


@contextlib.contextmanager
def _no_index() -> Iterator[None]:
    """Dropped for good: the database is this run's own and thrown away."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX payment_one_live_per_order")
    yield


def _guess(lab: Lab) -> None:
    """Six wrong codes; the payer's own phone knows the right one."""
    from django.utils import timezone

    from payments import checkout
    from tests import factories

    payment = factories.awaiting("1001")
    wrong = factories.wrong(factories.texted_code(lab.operator_url, "1001"))
    for _ in range(6):
        with contextlib.suppress(checkout.WrongCode, checkout.AttemptsExceeded, checkout.WrongStep):
            checkout.confirm_with_code(payment.pk, wrong, now=timezone.now())


def _careless_counter() -> AbstractContextManager[object]:
    """Read, add, write, as if all had read before the first one wrote."""
    from payments.models import CodeChallenge

    def careless(*, payment_id: int, limit: int, until: Any) -> bool:
        seen = 0
        row = CodeChallenge.objects.filter(payment_id=payment_id)
        return seen < limit and row.update(attempts=seen + 1, checking_until=until) == 1

    return mock.patch.object(CodeChallenge, "take_attempt", careless)


def _die_while_confirming(lab: Lab) -> None:
    """A process ends between the intent and its call; then an hour passes."""
    from django.utils import timezone

    from payments import checkout, tasks
    from payments.checkout import confirming
    from payments.models import Payment
    from tests import factories

    payment = factories.awaiting("1002")
    code = factories.texted_code(lab.operator_url, "1002")
    with (
        contextlib.suppress(SystemExit),
        mock.patch.object(confirming, "_charge", side_effect=SystemExit),
    ):
        checkout.confirm_with_code(payment.pk, code, now=timezone.now())
    for _ in range(5):
        an_hour_ago = timezone.now() - timedelta(hours=1)
        Payment.objects.filter(pk=payment.pk, check_at__isnull=False).update(check_at=an_hour_ago)
        tasks.resolve_payments()


def _no_sweep() -> AbstractContextManager[object]:
    from payments import checkout

    return mock.patch.object(checkout, "resolve_due", return_value=0)


def _lose_the_answer(lab: Lab) -> None:
    """The operator charges and says nothing."""
    from django.utils import timezone

    from payments import checkout, tasks
    from payments.models import Payment
    from tests import factories
    from tests.survival import witness

    payment = factories.awaiting("1003")
    code = factories.texted_code(lab.operator_url, "1003")
    witness.fault(lab, operation="confirm", mode="timeout_after", times=1, seconds=9)
    checkout.confirm_with_code(payment.pk, code, now=timezone.now())
    Payment.objects.filter(pk=payment.pk, state="UNKNOWN").update(check_at=timezone.now())
    tasks.resolve_payments()


def _timeout_is_no() -> AbstractContextManager[object]:
    from payments.carriers.base import Declined, OutcomeUnknown
    from payments.carriers.camara import Camara

    confirm = Camara.confirm

    def hasty(*arguments: Any, **named: Any) -> Any:
        try:
            return confirm(*arguments, **named)
        except OutcomeUnknown as problem:
            raise Declined("PROVIDER_TIMEOUT", str(problem)) from problem

    return mock.patch.object(Camara, "confirm", hasty)


def _refund_after_midnight(lab: Lab) -> None:
    """Paid in the last hour of the month in Korea, given back in the first of the next one."""
    from django.utils import timezone

    from payments import calendar, refunds
    from payments.models import Payment
    from tests import factories

    payment = factories.paid(lab.operator_url, "1004")
    hour = timedelta(hours=1)
    midnight = _month_end(timezone.now())
    paid_at = midnight - hour
    Payment.objects.filter(pk=payment.pk).update(
        paid_at=paid_at, billing_month=calendar.billing_month(paid_at)
    )
    refunds.request(
        payment_id=payment.pk,
        amount_won=payment.amount_won,
        expected_remaining_won=payment.amount_won,
        reason="blind",
        by="agent",
        now=midnight + hour,
    )
    refunds.send_due(now=midnight + 2 * hour)


def _month_in_utc() -> AbstractContextManager[object]:
    from payments import calendar

    return mock.patch.object(calendar, "SEOUL", UTC)


def _refund_often_at_once(lab: Lab) -> None:
    """Everybody looks at what is left before anybody takes it, unless somebody holds the row."""
    from django.utils import timezone

    from payments import refunds
    from payments.refunds import asking
    from tests import factories

    payment = factories.paid(lab.operator_url, "1005")
    all_have_looked = threading.Barrier(CROWD)
    look = asking.remaining_won

    def look_and_wait(row: Any) -> int:
        won = look(row)
        with contextlib.suppress(threading.BrokenBarrierError):
            all_have_looked.wait(1)
        return won

    def ask() -> None:
        refunds.request(
            payment_id=payment.pk,
            amount_won=payment.amount_won,
            expected_remaining_won=payment.amount_won,
            reason="blind",
            by="agent",
            now=timezone.now(),
        )

    with mock.patch.object(asking, "remaining_won", look_and_wait):
        _at_once(ask)


@contextlib.contextmanager
def _no_lock() -> Iterator[None]:
    """Nobody holds the row, and the database does not add up what is promised of it."""
    import pgtrigger
    from django.db.models import QuerySet

    pgtrigger.disable("payments.Refund:within_paid")
    with mock.patch.object(QuerySet, "select_for_update", lambda rows, **_: rows):
        yield
    pgtrigger.enable("payments.Refund:within_paid")


def _month_end(now: Any) -> Any:
    """The end of this month in Korea, by a calendar nobody has tampered with."""
    from zoneinfo import ZoneInfo

    local = now.astimezone(ZoneInfo("Asia/Seoul"))
    first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def _opened(order_no: str) -> None:
    from django.utils import timezone

    from payments import checkout
    from tests import factories

    checkout.open_payment(
        merchant=factories.merchant(),
        order_no=order_no,
        item_name="밤 산책",
        amount_won=2_200,
        return_url="/",
        return_label="지금 듣기",
        language="ko",
        now=timezone.now(),
    )


def _at_once(step: Callable[[], None]) -> None:
    """The step in many threads; those who are refused are what guards are for."""
    from django.db import IntegrityError, connection

    from payments.refunds import UnableToRefund

    barrier = threading.Barrier(CROWD)

    def one() -> None:
        barrier.wait()
        try:
            with contextlib.suppress(IntegrityError, UnableToRefund):
                step()
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(CROWD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextlib.contextmanager
def _lab() -> Iterator[Lab]:
    """PostgreSQL, Valkey and the operator, as pytest has them."""
    from tests import boot

    try:
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0, interactive=False)

        yield Lab(dict(os.environ), boot.start_operator())
    finally:
        boot.pytest_unconfigure()
