"""Risk rules at work: what is counted and given back, what is refused, what every decision says."""

import threading
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from payments import checkout, declines, encryption, risk, starting_rules
from payments.calendar import SEOUL
from payments.checkout import screening
from payments.limits import Goods
from payments.models import (
    CarrierCall,
    Payment,
    RiskCount,
    RiskDecision,
    RiskRule,
    SecondFactor,
)
from payments.risk import Action, Kind, Outcome
from payments.states import PaymentState
from tests import factories
from tests.payments.test_checkout import outcomes_of
from tests.payments.test_refunds import asked, work

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = 3_600
NETWORK = encryption.blind_index("203.0.113.0/24", kind="network")


def only(kind: Kind, threshold: int, action: Action, window: int = HOUR) -> RiskRule:
    """This rule is the only one in force."""
    RiskRule.objects.filter(valid_until=None).update(valid_until=timezone.now())
    return RiskRule.objects.create(
        kind=kind,
        threshold=threshold,
        window_seconds=window,
        action=action,
        valid_from=timezone.now(),
        note="test",
        made_by="test",
    )


def submit(
    payment: Payment,
    last4: str,
    *,
    born: date = factories.BORN,
    now: datetime | None = None,
) -> str:
    """Where the payment is after its line was given, or what it was refused with."""
    applicant = checkout.Applicant(
        carrier="SKT",
        phone=f"+82109000{last4}",
        birthdate=born,
        network_bidx=NETWORK,
    )
    try:
        checkout.submit(payment.pk, applicant, now=now or timezone.now())
    except checkout.Refused as refused:
        return refused.code
    payment.refresh_from_db()
    return "PIN" if SecondFactor.owed_by(payment) else str(payment.state)


def tried(last4: str, *, goods: Goods = Goods.CONTENT, now: datetime | None = None) -> str:
    """The same for a fresh payment."""
    return submit(factories.opened(goods=goods, now=now), last4, now=now)


def guess(payment: Payment, last4: str) -> str:
    """A birthdate that is not the holder's."""
    return submit(payment, last4, born=date(1991, 1, 31))


def counted(kind: Kind) -> int:
    return sum(RiskCount.objects.filter(kind=kind).values_list("used", flat=True))


def asked_about_holders() -> int:
    """How often the operator was asked whose line it is."""
    return CarrierCall.objects.filter(kind="MATCH").exclude(answer="").count()


def last_decision() -> RiskDecision:
    return RiskDecision.objects.latest("pk")


def test_a_fresh_portal_starts_with_rules_of_which_most_only_watch() -> None:
    rules = list(RiskRule.objects.all())

    assert {rule.kind for rule in rules} == {kind.value for kind, *_ in starting_rules.RULES}
    assert {rule.kind for rule in rules if rule.action != Action.SHADOW} == {
        Kind.SIM_SWAP,
        Kind.NIGHT_CASH,
        Kind.FAILURES_LINE,
        Kind.FAILURES_ALL,
    }
    starting_rules.write()
    assert RiskRule.objects.count() == len(rules)


def test_a_rule_is_ended_once_and_never_changed_otherwise() -> None:
    rule = RiskRule.objects.earliest("pk")

    for change in ({"threshold": 1}, {"action": "REFUSE"}, {"note": "다름"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            RiskRule.objects.filter(pk=rule.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        rule.delete()
    RiskRule.objects.filter(pk=rule.pk).update(valid_until=timezone.now())
    with pytest.raises(DatabaseError), transaction.atomic():
        RiskRule.objects.filter(pk=rule.pk).update(valid_until=None)


# What counts as a failed verification


@pytest.mark.parametrize(
    ("last4", "failures"),
    [
        ("0000", 0),
        ("0012", 1),  # the birthdate is wrong
        ("0011", 1),  # no such line at this carrier
        ("0016", 0),  # the holder is right, the bill is not paid
    ],
)
@pytest.mark.parametrize("kind", risk.FAILURES)
def test_a_failure_is_a_line_that_was_not_the_payers(
    operator: Any, kind: Kind, last4: str, failures: int
) -> None:
    only(kind, 100, Action.REFUSE)

    tried(last4)

    assert counted(kind) == failures


def test_a_wrong_code_is_a_failure_and_an_expired_one_is_not(operator: Any) -> None:
    only(Kind.FAILURES_ALL, 100, Action.REFUSE)
    payment = factories.awaiting("3201")
    wrong = factories.wrong(factories.texted_code(operator.base_url, "3201"))
    with pytest.raises(checkout.WrongCode):
        checkout.confirm_with_code(payment.pk, wrong, now=timezone.now())

    late = factories.awaiting("0043")
    code = factories.texted_code(operator.base_url, "0043")
    with pytest.raises(checkout.CodeExpired):
        checkout.confirm_with_code(late.pk, code, now=timezone.now())

    assert counted(Kind.FAILURES_ALL) == 1


def test_an_operator_that_is_silent_uses_nothing_up(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(Kind.FAILURES_ALL, 100, Action.REFUSE)
    payment = factories.opened()
    monkeypatch.setattr(
        "payments.carriers.camara.Camara.match_birthdate",
        lambda *_: (_ for _ in ()).throw(checkout.identifying.Unreachable("down")),
    )

    with pytest.raises(checkout.CarrierSilent):
        checkout.submit(payment.pk, factories.applicant("0000"), now=timezone.now())

    assert counted(Kind.FAILURES_ALL) == 0


# The budget over all numbers


def test_a_sweep_over_many_numbers_meets_the_budget_that_no_number_of_its_own_does(
    operator: Any,
) -> None:
    only(Kind.FAILURES_ALL, 3, Action.REFUSE)

    answers = [guess(factories.opened(), f"320{n}") for n in range(3)]
    assert tried("3209") == declines.RISK

    assert answers == ["BIRTHDATE_MISMATCH"] * 3
    assert not CarrierCall.objects.filter(payment=Payment.objects.latest("pk")).exists()


def test_payers_who_are_who_they_say_do_not_spend_the_budget(operator: Any) -> None:
    only(Kind.FAILURES_ALL, 1, Action.REFUSE)

    assert [tried(f"321{n}") for n in range(4)] == ["AWAITING_CONFIRMATION"] * 4


def test_twenty_guesses_at_once_spend_the_budget_and_not_one_more(operator: Any) -> None:
    only(Kind.FAILURES_ALL, 5, Action.REFUSE)
    waiting = [(factories.opened(), f"33{n:02d}") for n in range(20)]

    outcomes_of(20, lambda: guess(*waiting.pop()))

    assert asked_about_holders() == counted(Kind.FAILURES_ALL) == 5
    assert RiskDecision.objects.filter(outcome=Outcome.REFUSE).count() == 15


def test_the_race_for_the_budget_is_seen_when_failures_are_counted_after_they_happened(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a counter that is read first and raised later lets all twenty through."""
    only(Kind.FAILURES_ALL, 5, Action.REFUSE)
    waiting = [(factories.opened(), f"34{n:02d}") for n in range(20)]
    all_have_read = threading.Barrier(20, timeout=30)
    take = RiskCount.take

    def careless(payment: Payment, keys: Any, *, at: datetime, kinds: Any) -> Any:
        with transaction.atomic():
            seen = take(payment, keys, at=at, kinds=kinds)
            transaction.set_rollback(True)
        connection.needs_rollback = False
        all_have_read.wait()
        return seen

    monkeypatch.setattr(screening.RiskCount, "take", careless)

    outcomes_of(20, lambda: guess(*waiting.pop()))

    assert asked_about_holders() == 20


def test_a_code_is_not_guessed_on_in_windows_that_were_open_before_the_budget_was_spent(
    operator: Any,
) -> None:
    only(Kind.FAILURES_ALL, 1, Action.SECOND_FACTOR)
    payment = factories.awaiting("3203")
    code = factories.texted_code(operator.base_url, "3203")
    tried("0012")

    checkout.confirm_with_code(payment.pk, code, now=timezone.now())

    payment.refresh_from_db()
    assert (payment.state, payment.failure_code) == ("DECLINED", declines.RISK)
    assert payment.calls.filter(kind="REVERSE", state="OK").exists()
    assert not payment.calls.filter(kind="VALIDATE").exists()


@pytest.mark.parametrize("last4", ["0000", "0011", "0012", "0016"])
def test_with_the_budget_spent_every_number_sees_the_same_step_and_the_operator_is_not_asked(
    operator: Any, last4: str
) -> None:
    only(Kind.FAILURES_ALL, 0, Action.SECOND_FACTOR)

    assert tried(last4) == "PIN"
    assert not CarrierCall.objects.exists()
    assert counted(Kind.FAILURES_ALL) == 0


# The other rules


@pytest.mark.parametrize("kind", risk.TRIES)
def test_a_try_too_many_is_refused_whatever_became_of_the_others(operator: Any, kind: Kind) -> None:
    only(kind, 2, Action.REFUSE)

    answers = [tried("3204") for _ in range(3)]

    assert answers == ["AWAITING_CONFIRMATION", "AWAITING_CONFIRMATION", declines.RISK]


def test_a_line_that_keeps_buying_and_cancelling_is_refused(operator: Any) -> None:
    only(Kind.CYCLES, 1, Action.REFUSE, 30 * 86_400)
    for _ in range(2):
        assert tried("3205") == "AWAITING_CONFIRMATION"
        work(asked(factories.paid(operator.base_url, "3205")))

    assert tried("3205") == declines.RISK
    assert tried("3206") == "AWAITING_CONFIRMATION"


def test_at_night_goods_like_cash_ask_for_the_pin_and_others_do_not(operator: Any) -> None:
    only(Kind.NIGHT_CASH, 22, Action.SECOND_FACTOR, 8 * HOUR)
    night = timezone.now().astimezone(SEOUL).replace(hour=23, minute=0)

    assert tried("3207", goods=Goods.CASH_LIKE, now=night) == "PIN"
    assert tried("3207", goods=Goods.CONTENT, now=night) == "AWAITING_CONFIRMATION"
    noon = night.replace(hour=12)
    assert tried("3207", goods=Goods.CASH_LIKE, now=noon) == "AWAITING_CONFIRMATION"


def test_nobody_is_asked_about_the_sim_when_no_rule_wants_to_know(operator: Any) -> None:
    only(Kind.AMOUNT, 1_000_000, Action.REFUSE)

    assert tried("0054") == "AWAITING_CONFIRMATION"
    assert CarrierCall.objects.get(kind="SIM_SWAP").state == "SKIPPED"


def test_a_changed_sim_is_refused_where_the_rule_says_so(operator: Any) -> None:
    only(Kind.SIM_SWAP, 0, Action.REFUSE, 3 * 86_400)

    assert tried("0054") == declines.RISK
    payment = Payment.objects.latest("pk")
    assert payment.events.latest("pk").actor == screening.BY
    assert last_decision().facts["is_sim_swapped"] is True


def test_a_sim_changed_before_the_window_of_the_rule_asks_for_nothing(operator: Any) -> None:
    only(Kind.SIM_SWAP, 0, Action.REFUSE, 3 * HOUR)

    assert tried("0054") == "AWAITING_CONFIRMATION"


# What a decision says


def test_a_rule_in_shadow_lets_pass_and_is_on_record(operator: Any) -> None:
    rule = only(Kind.TRIES_LINE, 0, Action.SHADOW)

    assert tried("3208") == "AWAITING_CONFIRMATION"

    decision = last_decision()
    assert decision.outcome == Outcome.ALLOW
    assert decision.fired == [
        {
            "rule": rule.pk,
            "kind": "TRIES_LINE",
            "action": "SHADOW",
            "threshold": 0,
            "window_seconds": HOUR,
            "value": 1,
        }
    ]


def test_a_decision_names_neither_number_nor_address_and_is_never_changed(operator: Any) -> None:
    tried("3209")

    decision = last_decision()
    bidx = encryption.blind_index("+821090003209", kind="phone")
    assert decision.whose == f"{bidx} {NETWORK}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(d)::text FROM payments_riskdecision d")
        written = cursor.fetchone()[0]
    for secret in ("3209", "203.0", "1990"):
        assert secret not in written.replace(decision.whose, "")
    for change in ({"outcome": "REFUSE"}, {"whose": ""}):
        with pytest.raises(DatabaseError), transaction.atomic():
            RiskDecision.objects.filter(pk=decision.pk).update(**change)


def test_a_refusal_holds_no_limit_and_says_nothing_of_the_rule(operator: Any) -> None:
    only(Kind.TRIES_LINE, 0, Action.REFUSE)

    assert tried("3210") == declines.RISK

    payment = Payment.objects.latest("pk")
    assert payment.state == PaymentState.DECLINED
    assert not payment.holds.exists()
    event = payment.events.latest("pk")
    assert (event.actor, event.reason) == (screening.BY, declines.RISK)


def test_a_window_of_counting_ends_and_the_next_begins_at_nothing(operator: Any) -> None:
    only(Kind.TRIES_LINE, 1, Action.REFUSE)
    assert tried("3211") == "AWAITING_CONFIRMATION"
    assert tried("3211") == declines.RISK

    later = timezone.now() + timedelta(seconds=HOUR)

    assert tried("3211", now=later) == "AWAITING_CONFIRMATION"
