"""What the risk rules say of a try to pay: before the operator is asked, and once it answered.

Counting, reading the rules and deciding cost one statement; the decision is written with the
payer's consents. A failed verification is counted before it can fail and given back when it does
not: otherwise a sweep from a hundred connections at once would be a hundred over its budget.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from payments import risk
from payments.limits import Goods
from payments.models import Payment, RiskCount, RiskDecision, RiskRule, SecondFactor
from payments.risk import Decision, Facts, Kind, Outcome

# Who ended the payment, in its history.
BY = "risk"


@dataclass(frozen=True)
class Screening:
    """What is known of one try, and what follows from it.

    `failures`: counters that hold the try as a failure until it is known to be none.
    """

    facts: Facts
    rules: list[risk.Rule]
    decision: Decision
    keys: Mapping[Kind, str]
    failures: tuple[int, ...]
    has_line_rules: bool

    @property
    def sim_hours(self) -> int:
        """How far back the operator is asked for a changed SIM; 0 when no rule wants to know."""
        return risk.sim_window_hours(self.rules)


def screen(payment: Payment, network_bidx: str, *, now: datetime) -> Screening:
    """Count this try and decide about it, inside the caller's transaction.

    A second factor that was proven for this line in this payment is not asked for again.
    """
    keys = _keys(payment, network_bidx)
    taken = RiskCount.take(payment, keys, at=now, kinds=[*risk.FAILURES, *risk.TRIES])
    facts = Facts(now, payment.amount_won, Goods(payment.goods), taken.measured)
    decision = risk.decide(facts, taken.rules)
    failures = taken.failures
    if decision.outcome != Outcome.ALLOW:
        # Nothing is verified in this step: there is nothing that could fail.
        RiskCount.give_back(failures)
        failures = ()
    return Screening(facts, taken.rules, decision, keys, failures, taken.has_line_rules)


def of_old(payment: Payment, *, now: datetime) -> Screening:
    """For a step that goes on with a line that was screened before: nothing is counted anew."""
    facts = Facts(now, payment.amount_won, Goods(payment.goods), {})
    rules = RiskRule.in_force(now)
    keys = _keys(payment, _network_of_last(payment))
    allow = Decision(Outcome.ALLOW, ())
    return Screening(facts, rules, allow, keys, (), has_line_rules=True)


def screen_swapped(payment: Payment, before: Screening, *, now: datetime) -> Outcome:
    """Decide again, knowing that the SIM changed lately; the decision is written in its own commit.

    Answers ALLOW where the second factor it asks for was proven already.
    """
    facts = replace(before.facts, at=now, is_sim_swapped=True)
    of_sim = [rule for rule in before.rules if rule.kind == Kind.SIM_SWAP]
    decision = risk.decide(facts, of_sim)
    RiskDecision.of(payment, facts, decision, before.keys).save(force_insert=True)
    if decision.outcome == Outcome.SECOND_FACTOR and SecondFactor.is_proven(payment):
        return Outcome.ALLOW
    return decision.outcome


def is_settled(payment: Payment, screening: Screening) -> bool:
    """Whether nothing stands between this try and the operator."""
    outcome = screening.decision.outcome
    return outcome == Outcome.ALLOW or (
        outcome == Outcome.SECOND_FACTOR and SecondFactor.is_proven(payment)
    )


def note_failure(payment: Payment, *, now: datetime) -> None:
    """Count a verification that failed and was not held as such: a wrong code or PIN."""
    keys = _keys(payment, _network_of_last(payment))
    RiskCount.take(payment, keys, at=now, kinds=risk.FAILURES)


def _keys(payment: Payment, network_bidx: str) -> dict[Kind, str]:
    """Under which key each kind is counted for this payment."""
    merchant = str(payment.merchant_id)
    keys = {
        Kind.FAILURES_LINE: payment.phone_bidx,
        Kind.FAILURES_MERCHANT: merchant,
        Kind.FAILURES_ALL: "",
        Kind.TRIES_LINE: payment.phone_bidx,
        Kind.TRIES_MERCHANT: merchant,
    }
    if network_bidx:
        keys |= {Kind.FAILURES_NETWORK: network_bidx, Kind.TRIES_NETWORK: network_bidx}
    return keys


def _network_of_last(payment: Payment) -> str:
    last = RiskDecision.objects.filter(payment=payment).order_by("-pk")
    whose: str = last.values_list("whose", flat=True).first() or ""
    return whose.partition(" ")[2]
