"""A line's own block and limit: in force at the next checkout, loosened only after a while."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Sum
from django.db.utils import ProgrammingError
from django.utils import timezone

from payments import checkout, encryption, lines, tasks
from payments.carriers.camara import Camara
from payments.checkout import own_rules
from payments.models import LineChange, LineRules, Message, OutboxEvent, Payment
from payments.models.lines import month_used_won
from payments.models.payments import holder_index
from payments.states import PaymentState
from tests import factories
from tests.conftest import PATIENCE_SECONDS
from tests.payments.test_checkout import outcomes_of

pytestmark = pytest.mark.django_db(transaction=True)
COOLING_OFF = timedelta(seconds=settings.COOLING_OFF_SECONDS)
OTHER_BIRTHDATE = date(1985, 5, 5)


def holder(last4: str = "0000", birthdate: date = factories.BORN) -> lines.Holder:
    phone = f"+82109000{last4}"
    return lines.Holder(
        phone=phone,
        phone_bidx=encryption.blind_index(phone, kind="phone"),
        holder_bidx=holder_index(phone, birthdate),
    )


def decide(what: Any, who: lines.Holder | None = None, **more: Any) -> LineChange:
    arguments = {"language": "ko", "now": timezone.now()} | more
    change: LineChange = what(who or holder(), **arguments)
    return change


def ended(payment: Payment) -> tuple[str, str, str]:
    """State, code, and who ended it."""
    payment.refresh_from_db()
    actor = payment.events.order_by("id").values_list("actor", flat=True).last()
    return payment.state, payment.failure_code, actor or ""


def submitted(last4: str, amount_won: int = 2_200) -> Payment:
    payment = factories.opened(amount_won)
    with pytest.raises(checkout.Refused):
        checkout.submit(payment.pk, factories.applicant(last4), now=timezone.now())
    return payment


def reservations(operator: Any, payment: Payment) -> list[object]:
    return factories.charges(operator.base_url, operator.token, payment.reference)


def test_a_blocked_line_is_declined_at_its_next_checkout(operator: Any) -> None:
    decide(lines.block)

    payment = submitted("0000")

    assert ended(payment) == (PaymentState.DECLINED, "BLOCKED_BY_OWNER", "owner")
    assert payment.carrier_payment_id == ""


def test_a_wrong_birthdate_hears_nothing_of_the_block(operator: Any) -> None:
    decide(lines.block, holder("0012"))
    payment = factories.opened()

    with pytest.raises(checkout.Refused) as caught:
        checkout.submit(payment.pk, factories.applicant("0012"), now=timezone.now())

    assert caught.value.code == "BIRTHDATE_MISMATCH"


def test_a_block_set_while_the_code_is_typed_stops_the_charge(operator: Any) -> None:
    payment = factories.awaiting("0000")
    decide(lines.block)

    code = factories.texted_code(operator.base_url, "0000")
    checkout.confirm_with_code(payment.pk, code, now=timezone.now())

    assert ended(payment) == (PaymentState.DECLINED, "BLOCKED_BY_OWNER", "owner")
    assert reservations(operator, payment) == []
    assert payment.calls.filter(kind="REVERSE", state="OK").count() == 1


def test_unblocking_waits_out_the_cooling_off_and_says_when(operator: Any) -> None:
    decide(lines.block)
    now = timezone.now()
    change = decide(lines.ask_to_unblock, now=now)

    assert change.effective_at == now + COOLING_OFF
    assert lines.rules_of(holder(), now=change.effective_at - timedelta(seconds=1)).is_blocked
    assert not lines.rules_of(holder(), now=change.effective_at).is_blocked
    assert ended(submitted("0000"))[1] == "BLOCKED_BY_OWNER"


def test_a_line_pays_again_once_its_block_has_ended(operator: Any) -> None:
    decide(lines.block)
    decide(lines.ask_to_unblock, now=timezone.now() - COOLING_OFF)

    assert factories.paid(operator.base_url, "0000").state == PaymentState.PAID


def test_asking_twice_does_not_start_the_wait_anew() -> None:
    decide(lines.block)
    first = decide(lines.ask_to_unblock)

    with pytest.raises(lines.NothingToChange):
        decide(lines.ask_to_unblock, now=timezone.now() + timedelta(seconds=1))

    assert lines.rules_of(holder(), now=timezone.now()).opens_at == first.effective_at


@pytest.mark.parametrize("back", [lines.keep_blocked, lines.block])
def test_the_wish_to_unblock_can_be_taken_back(back: Any) -> None:
    decide(lines.block)
    change = decide(lines.ask_to_unblock)

    decide(back)

    assert lines.rules_of(holder(), now=change.effective_at + COOLING_OFF).is_blocked


def test_an_own_limit_is_met_to_the_won(operator: Any) -> None:
    decide(lines.set_limit, limit_won=4_400)

    factories.paid(operator.base_url, "0000")
    factories.paid(operator.base_url, "0000")
    third = submitted("0000", 1_000)

    assert ended(third) == (PaymentState.DECLINED, "LIMIT_MONTHLY", "owner")


def test_two_charges_at_once_do_not_both_fit_under_a_limit(operator: Any) -> None:
    first = factories.awaiting("0000")
    code_of_first = factories.texted_code(operator.base_url, "0000")
    second = factories.awaiting("0000")
    code_of_second = factories.texted_code(operator.base_url, "0000")
    decide(lines.set_limit, limit_won=3_000)
    codes = [(first, code_of_first), (second, code_of_second)]

    def pay() -> None:
        payment, code = codes.pop()
        checkout.confirm_with_code(payment.pk, code, now=timezone.now())

    outcomes_of(2, pay)

    states = sorted([ended(first)[0], ended(second)[0]])
    assert states == [PaymentState.DECLINED, PaymentState.PAID]


def charged_while_another_is_read(operator: Any, monkeypatch: pytest.MonkeyPatch) -> Payment:
    """A payment past the limit, whose other one becomes PAID after the first sum of payments."""
    first = factories.awaiting("0000")
    code_of_first = factories.texted_code(operator.base_url, "0000")
    second = factories.awaiting("0000")
    code_of_second = factories.texted_code(operator.base_url, "0000")
    decide(lines.set_limit, limit_won=3_000)
    confirm, is_charging, may_end = Camara.confirm, threading.Event(), threading.Event()

    def wait(*arguments: Any) -> Any:
        is_charging.set()
        assert may_end.wait(PATIENCE_SECONDS)
        return confirm(*arguments)

    monkeypatch.setattr(Camara, "confirm", wait)
    with ThreadPoolExecutor(1) as other:
        charge = other.submit(confirm_and_close, first, code_of_first)
        assert is_charging.wait(PATIENCE_SECONDS)

        def let_it_end(execute: Any, sql: str, *more: Any) -> Any:
            answer = execute(sql, *more)
            if 'SUM("payments_payment"' in sql:
                may_end.set()
                charge.result(PATIENCE_SECONDS)
            return answer

        with connection.execute_wrapper(let_it_end):
            checkout.confirm_with_code(second.pk, code_of_second, now=timezone.now())
    assert ended(first)[0] == PaymentState.PAID
    return second


def confirm_and_close(payment: Payment, code: str) -> None:
    checkout.confirm_with_code(payment.pk, code, now=timezone.now())
    connection.close()


def test_a_charge_that_ends_while_the_limit_is_looked_at_is_counted(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = charged_while_another_is_read(operator, monkeypatch)

    assert ended(second) == (PaymentState.DECLINED, "LIMIT_MONTHLY", "owner")


def test_a_charge_that_ends_is_missed_when_paid_and_charging_are_read_one_after_the_other(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control."""

    def careless(payments: Any, *, month: str, also: Any) -> int:
        paid = month_used_won(payments, month=month)
        charging = payments.filter(state__in=also).aggregate(won=Sum("amount_won"))
        return paid + (charging["won"] or 0)

    monkeypatch.setattr(own_rules, "month_used_won", careless)
    second = charged_while_another_is_read(operator, monkeypatch)

    assert ended(second)[0] == PaymentState.PAID


def test_a_lower_limit_holds_at_once_and_a_higher_one_later() -> None:
    now = timezone.now()
    decide(lines.set_limit, limit_won=50_000, now=now)
    decide(lines.set_limit, limit_won=20_000, now=now)
    change = decide(lines.set_limit, limit_won=100_000, now=now)

    assert lines.rules_of(holder(), now=now).limit_won == 20_000
    assert lines.rules_of(holder(), now=change.effective_at).limit_won == 100_000


def test_no_limit_any_more_is_a_higher_limit() -> None:
    decide(lines.set_limit, limit_won=20_000)
    change = decide(lines.set_limit, limit_won=None)

    before = lines.rules_of(holder(), now=timezone.now())
    assert (before.limit_won, before.has_next_limit) == (20_000, True)
    assert lines.rules_of(holder(), now=change.effective_at).limit_won is None


@pytest.mark.parametrize(
    "limit_won", [settings.PAYMENT_MIN_WON - 1, settings.LINE_MONTH_MAX_WON + 1]
)
def test_a_limit_outside_of_what_can_be_spent_is_refused(limit_won: int) -> None:
    with pytest.raises(lines.OutsideRange):
        decide(lines.set_limit, limit_won=limit_won)


def test_another_birthdate_may_tighten_but_not_loosen() -> None:
    stranger = holder(birthdate=OTHER_BIRTHDATE)
    decide(lines.block)

    with pytest.raises(lines.NotYours):
        decide(lines.ask_to_unblock, stranger)
    assert not lines.rules_of(stranger, now=timezone.now()).is_blocked

    decide(lines.set_limit, stranger, limit_won=10_000)
    with pytest.raises(lines.NotYours):
        decide(lines.set_limit, stranger, limit_won=20_000)


def test_whoever_paid_with_the_line_may_lift_what_another_birthdate_set(operator: Any) -> None:
    factories.paid(operator.base_url, "0000")
    decide(lines.block, holder(birthdate=OTHER_BIRTHDATE))

    assert decide(lines.ask_to_unblock).kind == LineChange.Kind.UNBLOCK_ASKED


def test_ten_tabs_block_a_line_once() -> None:
    outcomes = outcomes_of(10, lambda: decide(lines.block))

    assert outcomes == {"ok": 1, "NothingToChange": 9}
    assert (LineRules.objects.count(), LineChange.objects.count()) == (1, 1)


def test_every_decision_is_texted_to_the_line() -> None:
    decide(lines.block)
    change = decide(lines.ask_to_unblock)

    for event in OutboxEvent.objects.filter(kind=lines.CHANGED):
        tasks.notify_line_changed(subject_id=event.subject_id)
        tasks.notify_line_changed(subject_id=event.subject_id)

    texts = [message.text for message in Message.objects.order_by("id")]
    assert len(texts) == 2
    assert "막았어요" in texts[0]
    local = change.effective_at.astimezone(timezone.get_default_timezone())
    assert f"{local:%H:%M}" in texts[1]


def test_a_decision_cannot_be_rewritten() -> None:
    change = decide(lines.block)

    with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
        LineChange.objects.filter(pk=change.pk).update(kind="UNBLOCK_ASKED")
