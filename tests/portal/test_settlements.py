"""The merchant's settlements: page, CSV and ledger are one number."""

import csv
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum
from django.test import Client
from django.urls import reverse

from payments import settlement
from payments.calendar import SEOUL
from payments.models import Account, LedgerEntry, Merchant, Payment, Payout, SettlementTerms
from payments.states import PayoutState
from tests.portal import histories

pytestmark = pytest.mark.django_db
OCTOBER = datetime(2026, 10, 5, 12, tzinfo=SEOUL)
DECEMBER = datetime(2026, 12, 10, 12, tzinfo=SEOUL)


@pytest.fixture
def merchant() -> Merchant:
    shop = histories.shop("melody")
    SettlementTerms.objects.create(merchant=shop, payout_days=0)
    return shop


@pytest.fixture
def signed_in(client: Client, merchant: Merchant) -> Client:
    client.force_login(histories.owner(merchant))
    return client


def lines(client: Client, name: str, **query: str) -> list[dict[str, str]]:
    response: Any = client.get(reverse(f"portal:{name}"), query)
    assert response.status_code == 200
    text = b"".join(response.streaming_content).decode().removeprefix("\ufeff")
    return list(csv.DictReader(text.splitlines()))


def added(rows: list[dict[str, str]], column: str) -> int:
    return sum(int(row[column]) for row in rows)


def ledger_won(merchant: Merchant, account: Account) -> int:
    entries = LedgerEntry.objects.filter(transaction__merchant=merchant, account=account)
    return -(entries.aggregate(won=Sum("amount_won"))["won"] or 0)


def paid(payout: Payout) -> None:
    from payments.models import LedgerTransaction
    from payments.models.ledger import Line

    payout.paid_at = payout.due_at
    payout.move_to(PayoutState.SENDING, at=payout.due_at, by="test")
    payout.move_to(PayoutState.PAID, at=payout.due_at, by="test")
    LedgerTransaction.post(
        LedgerTransaction.Kind.PAYOUT,
        [Line(Account.MERCHANT_PAYABLE, payout.amount_won), Line(Account.BANK, -payout.amount_won)],
        merchant=payout.merchant,
        source=f"payout:{payout.pk}",
        at=payout.due_at,
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_page_and_files_equal_the_ledger_to_the_won(
    signed_in: Client, merchant: Merchant, seed: int
) -> None:
    histories.random_history(merchant, first=OCTOBER, days=60, seed=seed)
    histories.random_history(histories.shop("other"), first=OCTOBER, days=60, seed=seed)
    first = Payment.objects.filter(merchant=merchant).order_by("pk")[:1].get()
    settlement.hold(first.pk, reason="이의신청", by="agent", now=OCTOBER)
    settlement.close_due(now=DECEMBER)
    for payout in Payout.objects.filter(merchant=merchant).order_by("pk")[:1]:
        paid(payout)

    periods = lines(signed_in, "merchant-settlements-csv")
    detail = lines(signed_in, "merchant-settlement-lines-csv")
    page = signed_in.get(reverse("portal:merchant-settlements"))

    coming = page.context["coming"]
    sent = added([row for row in periods if row["지급 상태"] == "보냄"], "지급액")
    open_won = coming.figures.net_won + coming.held_won
    assert added(periods, "정산액") - sent + open_won == ledger_won(
        merchant, Account.MERCHANT_PAYABLE
    )
    for column in ("매출", "취소·환불", "수수료", "수수료 부가세", "정산액"):
        assert added(periods, column) == added(detail, column)
    text = page.content.decode()
    for row in periods:
        assert f"{int(row['지급액']):,}" in text
        assert f"{int(row['정산액']):,}" in text
    assert periods[0]["지급일"]


def test_files_of_one_settlement_hold_its_lines_only(signed_in: Client, merchant: Merchant) -> None:
    october = histories.sale(merchant, at=OCTOBER)
    histories.sale(merchant, at=OCTOBER + timedelta(days=40))
    settlement.close_due(now=DECEMBER)

    (line,) = lines(signed_in, "merchant-settlement-lines-csv", last="2026-10-31")

    assert line["결제 번호"] == october.reference


@pytest.mark.parametrize("last", ["2026-10-30", "x", "2026-13-01", "9999-99-99"])
def test_a_settlement_that_is_not_there_is_not_found(signed_in: Client, last: str) -> None:
    address = reverse("portal:merchant-settlement-lines-csv")

    assert signed_in.get(address, {"last": last}).status_code == 404


def test_settlement_of_another_merchant_is_not_found(signed_in: Client) -> None:
    other = histories.shop("other")
    histories.sale(other, at=OCTOBER)
    settlement.close_due(now=DECEMBER)

    address = reverse("portal:merchant-settlement-lines-csv")
    assert signed_in.get(address, {"last": "2026-10-31"}).status_code == 404


def test_the_page_says_what_is_held_and_what_could_not_be_sent(
    signed_in: Client, merchant: Merchant
) -> None:
    held = histories.sale(merchant, at=OCTOBER, amount_won=10_000)
    histories.sale(merchant, at=OCTOBER, amount_won=20_000)
    settlement.hold(held.pk, reason="이의신청", by="agent", now=OCTOBER)
    settlement.close_due(now=DECEMBER)
    settlement.pay_due(now=DECEMBER + timedelta(seconds=1))

    text = signed_in.get(reverse("portal:merchant-settlements")).content.decode()

    assert "9,230원은 이의신청이 끝날 때까지 보류했어요" in text
    assert "보내지 못한 정산이 있어요" in text
    assert "18,460" in text


def test_payouts_are_no_figure_of_the_days_report(signed_in: Client, merchant: Merchant) -> None:
    from portal import reports

    histories.sale(merchant, at=OCTOBER, amount_won=10_000)
    settlement.close_due(now=DECEMBER)
    paid(Payout.objects.get())
    days = reports.Days(OCTOBER.date(), DECEMBER.date())

    assert reports.report(merchant, days).total.net_won == 9_230
    assert sum(row.figures.net_won for row in reports.by_payment(merchant, days)) == 9_230
