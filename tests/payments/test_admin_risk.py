"""What colleagues see of risk: rules and their reports, decisions and their reasons."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payments import risk
from payments.limits import Goods, Scope
from payments.models import LimitTerm, Payment, RiskDecision, RiskRule
from payments.risk import Action, Facts, Firing, Kind, Rule
from payments.risk_words import condition, reason
from portal.models import User
from tests import factories
from tests.portal import histories

pytestmark = pytest.mark.django_db
HOUR = 3_600


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss@desk.test", histories.PASSWORD))
    return client


def decided(rule: RiskRule, value: int, *, state: str = "PAID") -> RiskDecision:
    """A decision in which this rule fired."""
    payment = factories.opened()
    Payment.objects.filter(pk=payment.pk).update(
        state=state, paid_at=timezone.now(), billing_month="2026-11"
    )
    facts = Facts(timezone.now(), 2_200, Goods.CONTENT, {rule.pk: value})
    decision = RiskDecision.of(payment, facts, risk.decide(facts, [rule.plain]), {})
    decision.save()
    return decision


def fired(kind: Kind, value: int, threshold: int, window: int, action: Action) -> dict[str, Any]:
    firing = Firing(Rule(1, kind, threshold, window, action), value)
    return {
        "kind": firing.rule.kind.value,
        "action": firing.rule.action.value,
        "threshold": firing.rule.threshold,
        "window_seconds": firing.rule.window_seconds,
        "value": firing.value,
    }


@pytest.mark.parametrize(
    ("kind", "value", "threshold", "window", "action", "sentence"),
    [
        (
            Kind.FAILURES_ALL,
            3_001,
            3_000,
            HOUR,
            Action.SECOND_FACTOR,
            "1시간 사이 모든 번호의 본인 확인 실패가 이번 것까지 치면 3,001번이에요(기준 3,000번). "
            "그래서 결제 비밀번호를 물었어요.",
        ),
        (
            Kind.TRIES_NETWORK,
            201,
            200,
            24 * HOUR,
            Action.SHADOW,
            "1일 사이 이 인터넷 대역의 201번째 결제 시도예요(기준 200번). "
            "지켜보기만 하는 규칙이라 그대로 두었어요.",
        ),
        (
            Kind.CYCLES,
            4,
            3,
            30 * 24 * HOUR,
            Action.REFUSE,
            "30일 동안 이 번호의 결제 4건이 취소되거나 환불됐어요(기준 3건). "
            "그래서 결제를 거절했어요.",
        ),
        (
            Kind.NIGHT_CASH,
            23,
            22,
            8 * HOUR,
            Action.SECOND_FACTOR,
            "현금처럼 쓸 수 있는 상품을 밤 23시에 결제하려 했어요(밤: 22시부터 8시간). "
            "그래서 결제 비밀번호를 물었어요.",
        ),
        (
            Kind.AMOUNT,
            29_000,
            20_000,
            0,
            Action.REFUSE,
            "결제 금액 29,000원은 기준 20,000원보다 많아요. 그래서 결제를 거절했어요.",
        ),
        (
            Kind.SIM_SWAP,
            1,
            0,
            72 * HOUR,
            Action.REFUSE,
            "3일 안에 유심이 바뀐 회선이에요. 그래서 결제를 거절했어요.",
        ),
    ],
)
def test_a_decision_explains_itself_in_a_sentence_with_its_figures(
    kind: Kind, value: int, threshold: int, window: int, action: Action, sentence: str
) -> None:
    assert reason(fired(kind, value, threshold, window, action)) == sentence


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_words_for_its_rule_and_its_reason(kind: Kind) -> None:
    assert "{" not in condition(kind, 5, HOUR)
    assert "{" not in reason(fired(kind, 6, 5, HOUR, Action.SHADOW))


def test_a_rule_in_shadow_reports_what_it_would_have_done(boss: Client) -> None:
    rule = RiskRule.objects.get(kind=Kind.TRIES_LINE)
    decided(rule, 31)
    decided(rule, 40, state="DECLINED")
    decided(rule, 3)

    page = boss.get(reverse("admin:payments_riskrule_change", args=[rule.pk])).content.decode()

    assert "지난 7일의 판단 3건 가운데 2건에서 걸렸어요. 그중 1건은 결제됐어요." in page
    assert "켜 두었다면" in page


def test_decisions_are_found_by_what_fired_and_read_as_sentences(boss: Client) -> None:
    line = decided(RiskRule.objects.get(kind=Kind.TRIES_LINE), 31)
    quiet = decided(RiskRule.objects.get(kind=Kind.TRIES_MERCHANT), 1)
    address = reverse("admin:payments_riskdecision_changelist")

    found = boss.get(address, {"fired": "TRIES_LINE"}).content.decode()
    page = boss.get(reverse("admin:payments_riskdecision_change", args=[line.pk])).content.decode()

    assert line.payment.reference in found
    assert quiet.payment.reference not in found
    assert "1시간 사이 이 번호의 31번째 결제 시도예요(기준 30번)." in page
    for name in ("all", "any"):
        assert boss.get(address, {"fired": name} if name == "any" else {}).status_code == 200


def test_a_new_rule_begins_in_shadow_unless_said_otherwise_and_bears_its_maker(
    boss: Client,
) -> None:
    address = reverse("admin:payments_riskrule_add")
    form = boss.get(address).content.decode()
    assert '<option value="SHADOW" selected>' in form
    assert 'name="_save"' in form

    answer = boss.post(
        address,
        {
            "kind": "TRIES_LINE",
            "threshold": "10",
            "window_seconds": "3600",
            "action": "REFUSE",
            "valid_from_0": "2026-11-23",
            "valid_from_1": "00:00:00",
            "note": "너무 많은 시도",
        },
    )

    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert RiskRule.objects.latest("pk").made_by == "boss@desk.test"


def test_a_rule_without_a_window_is_told_beside_its_field(boss: Client) -> None:
    answer = boss.post(
        reverse("admin:payments_riskrule_add"),
        {"kind": "TRIES_LINE", "threshold": "10", "window_seconds": "0", "action": "SHADOW"}
        | {"valid_from_0": "2026-11-23", "valid_from_1": "00:00:00", "note": "x"},
    )

    assert answer.status_code == 200
    assert "기간을 골라 주세요" in answer.content.decode()


def test_a_rule_is_ended_from_the_list_and_keeps_its_past(boss: Client) -> None:
    rule = RiskRule.objects.get(kind=Kind.SIM_SWAP)
    chosen = {"action": "end", "_selected_action": [rule.pk]}

    for _ in range(2):
        boss.post(reverse("admin:payments_riskrule_changelist"), chosen)

    rule.refresh_from_db()
    assert rule.valid_until is not None
    in_force = [one.kind for one in RiskRule.in_force(timezone.now() + timedelta(seconds=1))]
    assert Kind.SIM_SWAP not in in_force


@pytest.mark.parametrize(
    ("scope", "goods", "is_taken"),
    [
        (Scope.LINE_GOODS, "GAME_ITEM", True),
        (Scope.LINE_GOODS, "", False),
        (Scope.LINE_MONTH, "GAME_ITEM", False),
        (Scope.LINE_MONTH, "", True),
    ],
)
def test_a_limit_names_goods_where_it_is_about_goods_and_only_there(
    boss: Client,
    scope: Scope,
    goods: str,
    is_taken: bool,  # noqa: FBT001
) -> None:
    before = LimitTerm.objects.count()

    boss.post(
        reverse("admin:payments_limitterm_add"),
        {
            "scope": scope.value,
            "goods": goods,
            "amount_won": "50000",
            "valid_from": "2099-12-01T00:00",
            "source": "통신사 공지",
        },
    )

    assert LimitTerm.objects.count() - before == int(is_taken)
    page = boss.get(reverse("admin:payments_limitterm_changelist")).content.decode()
    assert "현금성 상품(상품권, 포인트)" in page
