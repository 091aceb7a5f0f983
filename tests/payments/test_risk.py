"""The rules about risk, without a database: facts in, a decision with its reasons out."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import risk
from payments.calendar import SEOUL
from payments.limits import Goods
from payments.risk import Action, Facts, Kind, Outcome, Rule

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=SEOUL)
COUNTED = sorted(risk.COUNTED | {Kind.CYCLES})


def rule(
    kind: Kind = Kind.FAILURES_ALL,
    threshold: int = 5,
    window: int = 3600,
    action: Action = Action.REFUSE,
    number: int = 1,
) -> Rule:
    return Rule(number, kind, threshold, window, action)


def facts(
    measured: int = 0,
    *,
    at: datetime = NOON,
    goods: Goods = Goods.CONTENT,
    won: int = 2_200,
    swapped: bool | None = None,
) -> Facts:
    return Facts(at, won, goods, {1: measured}, swapped)


rules = st.lists(
    st.builds(
        Rule,
        id=st.integers(1, 5),
        kind=st.sampled_from(Kind),
        threshold=st.integers(0, 30),
        window_seconds=st.integers(3600, 86_400),
        action=st.sampled_from(Action),
    ),
    max_size=6,
)
any_facts = st.builds(
    Facts,
    at=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    amount_won=st.integers(1, 1_000_000),
    goods=st.sampled_from(Goods),
    measured=st.dictionaries(st.integers(1, 5), st.integers(0, 60)),
    is_sim_swapped=st.sampled_from([None, False, True]),
)


@pytest.mark.parametrize("kind", COUNTED)
def test_a_counting_rule_fires_on_the_first_one_above_its_threshold(kind: Kind) -> None:
    assert risk.decide(facts(5), [rule(kind)]).outcome == Outcome.ALLOW

    decision = risk.decide(facts(6), [rule(kind)])

    assert decision.outcome == Outcome.REFUSE
    assert [(firing.rule.kind, firing.value) for firing in decision.fired] == [(kind, 6)]


def test_a_count_belongs_to_the_rule_it_was_made_for() -> None:
    by_hour, by_day = rule(Kind.TRIES_LINE, 5, 3600), rule(Kind.TRIES_LINE, 5, 86_400, number=2)
    seen = Facts(NOON, 2_200, Goods.CONTENT, {1: 5, 2: 6})

    assert [f.rule.id for f in risk.decide(seen, [by_hour, by_day]).fired] == [2]


def test_an_amount_above_the_threshold_asks_for_the_second_factor() -> None:
    above = rule(Kind.AMOUNT, 10_000, 0, Action.SECOND_FACTOR)

    assert risk.decide(facts(won=10_000), [above]).outcome == Outcome.ALLOW
    assert risk.decide(facts(won=10_001), [above]).outcome == Outcome.SECOND_FACTOR


def test_a_policy_of_a_second_factor_for_everybody_is_an_amount_of_nothing() -> None:
    always = rule(Kind.AMOUNT, 0, 0, Action.SECOND_FACTOR)

    assert risk.decide(facts(won=1), [always]).outcome == Outcome.SECOND_FACTOR


@pytest.mark.parametrize("answer", [None, False])
def test_a_sim_that_did_not_change_or_was_not_asked_about_asks_for_nothing(
    answer: bool | None,  # noqa: FBT001
) -> None:
    lately = rule(Kind.SIM_SWAP, 0, 3 * 86_400, Action.SECOND_FACTOR)

    assert risk.decide(facts(swapped=answer), [lately]).outcome == Outcome.ALLOW


def test_a_sim_that_changed_asks_for_the_second_factor() -> None:
    lately = rule(Kind.SIM_SWAP, 0, 3 * 86_400, Action.SECOND_FACTOR)

    assert risk.decide(facts(swapped=True), [lately]).outcome == Outcome.SECOND_FACTOR


@pytest.mark.parametrize(
    ("clock", "firings"),
    [
        ("21:59:59", 0),
        ("22:00:00", 1),
        ("00:30:00", 1),
        ("05:59:59", 1),
        ("06:00:00", 0),
        ("12:00:00", 0),
    ],
)
def test_the_night_is_korean_and_passes_midnight(clock: str, firings: int) -> None:
    at = datetime.fromisoformat(f"2026-11-23 {clock}").replace(tzinfo=SEOUL).astimezone(UTC)
    night = rule(Kind.NIGHT_CASH, 22, 8 * 3600, Action.SECOND_FACTOR)

    decision = risk.decide(facts(at=at, goods=Goods.CASH_LIKE), [night])

    assert len(decision.fired) == firings


@pytest.mark.parametrize("goods", [g for g in Goods if g != Goods.CASH_LIKE])
def test_the_night_is_only_about_goods_that_are_like_cash(goods: Goods) -> None:
    night = rule(Kind.NIGHT_CASH, 22, 8 * 3600)
    midnight = datetime(2026, 11, 23, 0, 0, tzinfo=SEOUL)

    assert risk.decide(facts(at=midnight, goods=goods), [night]).fired == ()


def test_a_rule_in_shadow_is_remembered_and_changes_nothing() -> None:
    decision = risk.decide(facts(6), [rule(action=Action.SHADOW)])

    assert decision.outcome == Outcome.ALLOW
    assert len(decision.fired) == 1


def test_the_strictest_of_what_fired_decides() -> None:
    mild = rule(action=Action.SECOND_FACTOR)
    strict = rule(Kind.AMOUNT, 0, 0, Action.REFUSE, number=2)

    assert risk.decide(facts(6), [mild, strict]).outcome == Outcome.REFUSE
    assert risk.decide(facts(6), [strict, mild]).outcome == Outcome.REFUSE
    assert risk.decide(facts(6), [mild]).outcome == Outcome.SECOND_FACTOR


@given(any_facts, rules)
def test_a_decision_is_as_strict_as_its_reasons_and_never_without_one(
    seen: Facts, some: list[Rule]
) -> None:
    decision = risk.decide(seen, some)

    acting = {f.rule.action.value for f in decision.fired} - {Action.SHADOW.value}
    if decision.outcome == Outcome.ALLOW:
        assert not acting
    else:
        assert decision.outcome.value in acting
    assert (decision.outcome == Outcome.REFUSE) == ("REFUSE" in acting)


@given(any_facts, rules, rules)
def test_one_more_rule_never_makes_a_decision_milder(
    seen: Facts, some: list[Rule], more: list[Rule]
) -> None:
    strictness = list(Outcome)

    before, after = risk.decide(seen, some), risk.decide(seen, [*some, *more])

    assert strictness.index(after.outcome) >= strictness.index(before.outcome)
    assert set(before.fired) <= set(after.fired)


@given(any_facts, rules)
def test_the_order_of_the_rules_does_not_matter(seen: Facts, some: list[Rule]) -> None:
    there, back = risk.decide(seen, some), risk.decide(seen, some[::-1])

    assert there.outcome == back.outcome
    assert sorted(map(repr, there.fired)) == sorted(map(repr, back.fired))


@given(st.datetimes(timezones=st.just(SEOUL)), st.integers(0, 23), st.integers(60, 86_399))
def test_a_night_ends_as_long_after_its_hour_as_it_is(
    day: datetime, hour: int, seconds: int
) -> None:
    begin = day.replace(year=2026, hour=hour, minute=0, second=0, microsecond=0)

    def dark(at: datetime) -> bool:
        return risk.is_night(at, from_hour=hour, seconds=seconds)

    assert dark(begin)
    assert dark(begin + timedelta(seconds=seconds - 1))
    assert not dark(begin + timedelta(seconds=seconds))
    assert not dark(begin - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("203.0.113.78", "203.0.113.0/24"),
        ("203.0.114.77", "203.0.114.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::1", "2001:db8:1::/48"),
        ("2001:db8:2:2::1", "2001:db8:2::/48"),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_an_address_is_counted_with_its_neighbours(address: str, network: str) -> None:
    assert risk.network_of(address) == network


@pytest.mark.parametrize(
    ("windows", "hours"),
    [([], 0), ([3 * 86_400], 72), ([3600, 86_400], 24), ([60], 1), ([31 * 86_400 * 10], 2400)],
)
def test_the_operator_is_asked_as_far_back_as_any_rule_looks_and_it_can_say(
    windows: list[int], hours: int
) -> None:
    some = [rule(Kind.SIM_SWAP, 0, window) for window in windows]

    assert risk.sim_window_hours([*some, rule(Kind.AMOUNT, 0, 86_400_0)]) == hours
