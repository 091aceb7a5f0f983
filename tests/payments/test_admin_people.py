"""The screens of what needs a person: every list and page, its steps, and what they refuse."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from payments.models import Alert, LimitTerm, OutboxEvent, Refund
from portal.models import User
from support.models import AuditEntry
from tests.payments.test_watching import refund
from tests.portal import histories

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss@desk.test", histories.PASSWORD))
    return client


def seen(client: Client, address: str) -> str:
    answer = client.get(f"/admin/payments/{address}")
    assert answer.status_code == 200, address
    return answer.content.decode()


def messages(answer: Any) -> str:
    return " ".join(map(str, answer.context["messages"]))


def press(client: Client, address: str, **form: str) -> Any:
    return client.post(f"/admin/payments/{address}", form, follow=True)


def test_the_front_page_counts_what_is_open(boss: Client) -> None:
    assert "desk-badge" not in boss.get("/admin/").content.decode()
    Alert.note(Alert.Kind.GIVEN_UP, ref="event:1", detail="", at=NOW)

    assert '<span class="desk-badge">1</span>' in boss.get("/admin/").content.decode()


def test_the_queue_shows_what_is_open_until_somebody_asks_for_the_rest(boss: Client) -> None:
    row = refund()
    there = f"failedrefund/{row.pk}/change"
    assert there in seen(boss, "failedrefund/")
    assert there not in seen(boss, "failedrefund/?heap=0")
    Refund.objects.filter(pk=row.pk).update(state="SUCCEEDED")

    assert there not in seen(boss, "failedrefund/")
    assert there in seen(boss, "failedrefund/?heap=all")


def test_an_alert_leads_to_its_row_and_is_taken_there(boss: Client) -> None:
    row = refund()
    Alert.note(Alert.Kind.REFUND_FAILED, ref=f"refund:{row.pk}", detail="PB-1", at=NOW)
    alert = Alert.objects.get()
    assert f'href="/admin/payments/failedrefund/{row.pk}/change/"' in seen(boss, "alert/")

    answer = press(boss, f"alert/{alert.pk}/own/", to="row")

    assert answer.redirect_chain[-1][0].endswith(f"/failedrefund/{row.pk}/change/")
    assert "boss@desk.test" in answer.content.decode()


def test_an_alert_is_given_to_a_colleague_who_may_see_to_it(boss: Client) -> None:
    Alert.note(Alert.Kind.GIVEN_UP, ref="event:1", detail="", at=NOW)
    alert = Alert.objects.get()
    other = User.objects.create_superuser("other@desk.test", histories.PASSWORD)
    shop = histories.owner(histories.shop("melody"))

    press(boss, f"alert/{alert.pk}/own/", whose="colleague", colleague=str(other.pk))
    assert Alert.objects.get().owner == "other@desk.test"
    stranger = press(boss, f"alert/{alert.pk}/own/", whose="colleague", colleague=str(shop.pk))
    assert stranger.status_code == 404


def test_an_alert_is_closed_with_words_and_not_without(boss: Client) -> None:
    Alert.note(Alert.Kind.GIVEN_UP, ref="event:1", detail="", at=NOW)
    pk = Alert.objects.get().pk

    assert press(boss, f"alert/{pk}/close/").status_code == 422
    assert "닫았어요" in messages(press(boss, f"alert/{pk}/close/", reason="고침"))
    assert "할 수 없는 일" in messages(press(boss, f"alert/{pk}/close/", reason="고침"))


def test_a_failed_refund_that_may_have_moved_says_so_and_offers_nothing(boss: Client) -> None:
    row = refund()
    row.calls.create(payment=row.payment, kind="REFUND", state="UNKNOWN", sent_at=NOW)

    page = seen(boss, f"failedrefund/{row.pk}/change/")

    assert "이미 움직였을 수 있어요" in page
    assert f"/failedrefund/{row.pk}/retry/" not in page
    press(boss, f"failedrefund/{row.pk}/retry/", reason="다시")
    row.refresh_from_db()
    assert row.state == "FAILED"


def test_a_failed_refund_is_sent_on_to_the_bank(boss: Client) -> None:
    row = refund()

    answer = press(boss, f"failedrefund/{row.pk}/bank/", reason="통신사가 계속 거절")

    row.refresh_from_db()
    assert (row.state, row.route) == ("AWAITING_ACCOUNT", "BANK")
    assert "계좌를 묻고 있어요" in messages(answer)
    assert AuditEntry.objects.get().subject == f"refund:{row.pk} refund.use_bank"


def test_above_the_limit_the_page_names_who_proposed(boss: Client, settings: Any) -> None:
    settings.DECIDED_ALONE_MAX_WON = 1_000
    row = refund()

    assert "제안해 두었어요" in messages(press(boss, f"failedrefund/{row.pk}/bank/", reason="거절"))
    assert "boss@desk.test 님이 제안했어요" in seen(boss, f"failedrefund/{row.pk}/change/")
    again = press(boss, f"failedrefund/{row.pk}/bank/", reason="거절")

    assert again.status_code == 409
    row.refresh_from_db()
    assert row.state == "FAILED"


def test_a_dead_announcement_is_sent_again(boss: Client) -> None:
    event = OutboxEvent.objects.create(
        kind="payment.paid", subject_id=1, created_at=NOW, due_at=NOW, dead_at=NOW
    )

    press(boss, f"outboxevent/{event.pk}/again/", reason="고침")

    event.refresh_from_db()
    assert event.dead_at is None


def test_a_limit_is_added_from_now_on_and_never_changed(boss: Client) -> None:
    typed = {"scope": "LINE_MONTH", "merchant": "", "amount_won": "300000", "source": "공문"}
    past = {**typed, "valid_from": "2020-01-01T00:00"}

    assert "이미 지난 때" in press(boss, "limitterm/add/", **past).content.decode()
    assert not LimitTerm.objects.filter(scope="LINE_MONTH").exists()
    press(boss, "limitterm/add/", **typed, valid_from="")
    term = LimitTerm.objects.get(scope="LINE_MONTH")
    assert (term.amount_won, term.merchant) == (300_000, None)
    assert press(boss, f"limitterm/{term.pk}/change/", **typed).status_code == 403
    assert "모든 판매자" in seen(boss, "limitterm/")


def test_a_case_in_review_shows_the_evidence_and_both_ways(boss: Client) -> None:
    sold = histories.payment(histories.shop("melody"), at=NOW, state="REVIEW")
    sold.events.create(
        from_state="UNKNOWN",
        to_state="REVIEW",
        actor="resolver",
        reason="charged 3000 won",
        occurred_at=NOW,
    )
    sold.calls.create(kind="QUERY", state="OK", answer="succeeded 3000", sent_at=NOW)

    page = seen(boss, f"review/{sold.pk}/change/")

    for words in ("다른 금액을 청구했다고 했어요: 3,000원", "3,000원을 청구했다고 해요"):
        assert words in page
    assert "우리 금액과 달라요" in page
    assert f"/review/{sold.pk}/reverse/" in page
    assert f"/review/{sold.pk}/adopt/" not in page
    assert "010-0000" not in page
