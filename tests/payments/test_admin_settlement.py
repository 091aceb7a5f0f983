"""What people decide about settlements and differences, in the admin."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payments import settlement
from payments.calendar import SEOUL, month_end
from payments.models import (
    Difference,
    FeeTerm,
    LedgerEntry,
    Payout,
    Reconciliation,
    Remittance,
    SettlementHold,
    SettlementTerms,
)
from portal.models import User
from tests.payments.test_settlement import DECEMBER, merchant, sale
from tests.portal import histories

pytestmark = pytest.mark.django_db
LISTS = (
    "settlement",
    "payout",
    "settlementhold",
    "remittance",
    "feeterm",
    "settlementterms",
    "reconciliation",
    "difference",
)


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss@desk.test", histories.PASSWORD))
    return client


def everything() -> None:
    """A row in every table."""
    shop = merchant()
    payment = sale(shop)
    sale(shop)
    settlement.hold(payment.pk, reason="이의신청", by="agent", now=DECEMBER)
    settlement.close_due(now=DECEMBER)
    settlement.remit(
        carrier="SKT", amount_won=100, bank_ref="B-1", received_at=DECEMBER, by="staff"
    )
    FeeTerm.objects.create(merchant=shop, fee_bps=650, valid_from=DECEMBER, source="계약")
    difference(payment)


def difference(payment: Any) -> Difference:
    day = Reconciliation.objects.create(day="2026-11-10", due_at=DECEMBER)
    return Difference.objects.create(
        reconciliation=day,
        kind="MISSING_THERE",
        payment=payment,
        ours_won=10_000,
        found_at=DECEMBER,
        owner="finance",
    )


def address(name: str, what: str, *args: Any) -> str:
    return reverse(f"admin:payments_{name}_{what}", args=args)


def errors(response: Any) -> Any:
    return response.context and response.context["adminform"].form.errors


@pytest.mark.parametrize("name", LISTS)
def test_every_list_and_row_can_be_looked_at(boss: Client, name: str) -> None:
    from django.apps import apps

    everything()
    row = apps.get_model("payments", name).objects.first()

    assert boss.get(address(name, "changelist")).status_code == 200
    assert boss.get(address(name, "change", row.pk)).status_code == 200
    assert boss.post(address(name, "delete", row.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("name", LISTS)
def test_without_the_permission_nothing_is_seen(client: Client, name: str) -> None:
    user = User.objects.create_user("agent@desk.test", histories.PASSWORD, is_staff=True)
    client.force_login(user)

    assert client.get(address(name, "changelist")).status_code == 403


@pytest.mark.parametrize("name", ["settlement", "payout", "reconciliation", "difference"])
def test_rows_that_are_made_by_the_clock_cannot_be_added(boss: Client, name: str) -> None:
    assert boss.get(address(name, "add")).status_code == 403


def test_a_hold_is_set_by_payment_number_and_let_go_with_a_reason(boss: Client) -> None:
    payment = sale(merchant())
    typed = {"reference": payment.reference.lower(), "reason": "이의신청 접수"}

    assert boss.post(address("settlementhold", "add"), typed).status_code == 302
    hold = SettlementHold.objects.get()
    assert (hold.payment, hold.held_by, hold.reason) == (payment, "boss@desk.test", "이의신청 접수")

    page = address("settlementhold", "change", hold.pk)
    assert errors(boss.post(page, {"release_reason": ""}))
    assert boss.post(page, {"release_reason": "기각"}).status_code == 302
    hold.refresh_from_db()
    assert (hold.released_by, hold.release_reason) == ("boss@desk.test", "기각")
    assert boss.post(page, {"release_reason": "다시"}).status_code == 403


@pytest.mark.parametrize("reference", ["PB-0000-0000", ""])
def test_a_payment_that_is_not_there_cannot_be_held(boss: Client, reference: str) -> None:
    typed = {"reference": reference, "reason": "이의신청"}

    assert errors(boss.post(address("settlementhold", "add"), typed))


def test_a_payment_is_held_once(boss: Client) -> None:
    payment = sale(merchant())
    typed = {"reference": payment.reference, "reason": "이의신청"}
    boss.post(address("settlementhold", "add"), typed)

    assert errors(boss.post(address("settlementhold", "add"), typed))


def test_a_failed_payout_is_sent_anew_and_others_are_left_alone(boss: Client) -> None:
    shop = merchant()
    sale(shop)
    settlement.close_due(now=DECEMBER)
    payout = Payout.objects.get()
    again = address("payout", "again", payout.pk)

    boss.post(again, {"reason": "계좌 고침"})
    payout.refresh_from_db()
    assert payout.events.count() == 0

    SettlementTerms.objects.update(account_sealed="")
    settlement.pay_due(now=DECEMBER + timedelta(seconds=1))
    boss.post(again, {"reason": "계좌 고침"})
    payout.refresh_from_db()
    assert (payout.state, payout.failure_code) == ("SCHEDULED", "")
    last = payout.events.latest("pk")
    assert (last.actor, last.reason) == ("boss@desk.test", "계좌 고침")


def test_boxes_to_tick_leave_no_markup_between_the_words(boss: Client) -> None:
    difference(sale(merchant()))

    page = boss.get(address("difference", "changelist")).content.decode()

    assert 'data-label="" class="action-checkbox"' in page
    assert 'data-label="&lt;' not in page


def test_a_remittance_is_booked_once(boss: Client) -> None:
    typed = {
        "carrier": "KT",
        "amount_won": "50000",
        "bank_ref": "B-7",
        "received_at_0": "2026-12-10",
        "received_at_1": "09:00:00",
    }

    assert boss.post(address("remittance", "add"), typed).status_code == 302
    assert errors(boss.post(address("remittance", "add"), typed))

    row = Remittance.objects.get()
    assert (row.recorded_by, row.received_at) == (
        "boss@desk.test",
        datetime(2026, 12, 10, 9, tzinfo=SEOUL),
    )
    assert LedgerEntry.objects.get(account="BANK").amount_won == 50_000


def test_a_difference_is_taken_and_resolved_in_words(boss: Client) -> None:
    row = difference(sale(merchant()))

    boss.post(address("difference", "changelist"), {"action": "take", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert row.owner == "boss@desk.test"

    page = address("difference", "change", row.pk)
    assert errors(boss.post(page, {"resolution": ""}))
    assert boss.post(page, {"resolution": "통신사와 확인함"}).status_code == 302
    row.refresh_from_db()
    assert (row.resolution, row.resolved_by) == ("통신사와 확인함", "boss@desk.test")
    assert boss.post(page, {"resolution": "다시"}).status_code == 403


def test_a_new_account_is_sealed_and_its_number_never_shown(boss: Client) -> None:
    terms = SettlementTerms.objects.get(merchant=merchant())
    page = address("settlementterms", "change", terms.pk)
    typed = {"cycle": "WEEKLY", "payout_days": "3", "category": "REAL", "bank": "신한"}

    assert errors(boss.post(page, {**typed, "number": "110222333444"}))
    answer = boss.post(page, {**typed, "number": "110222333444", "holder": "멜로디"})

    assert answer.status_code == 302
    terms.refresh_from_db()
    assert (terms.account_number, terms.account_holder, terms.cycle) == (
        "110222333444",
        "멜로디",
        "WEEKLY",
    )
    text = boss.get(page).content.decode()
    assert "110222333444" not in text
    assert "****3444" in text


def test_a_fee_is_added_and_never_changed(boss: Client) -> None:
    shop = merchant()
    next_month = month_end(timezone.now())
    typed = {
        "merchant": shop.pk,
        "category": "",
        "fee_bps": "650",
        "valid_from": next_month.strftime("%Y-%m-%dT%H:%M"),
        "source": "2026-11 계약",
    }

    assert boss.post(address("feeterm", "add"), typed).status_code == 302

    fee = FeeTerm.objects.get()
    assert fee.valid_from == next_month
    changed = boss.post(address("feeterm", "change", fee.pk), {**typed, "fee_bps": "1"})
    assert changed.status_code == 403
