"""One number, one definition: ledger, report, screen and CSV agree to the won."""

import csv
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from payments.calendar import SEOUL
from payments.models import Account, LedgerEntry
from portal import reports
from portal.reports import Days, Figures
from tests.portal import histories

pytestmark = pytest.mark.django_db
NOVEMBER = Days(date(2026, 11, 1), date(2026, 11, 30))
RANGE = {"period": "custom", "first": "2026-11-01", "last": "2026-11-30"}
MONEY = {
    "매출": "sales_won",
    "취소·환불": "refunds_won",
    "수수료": "fee_won",
    "수수료 부가세": "fee_vat_won",
    "받을 돈": "net_won",
}


@pytest.fixture
def _december() -> Any:
    with time_machine.travel(datetime(2026, 12, 15, 3, tzinfo=UTC), tick=False):
        yield


@pytest.fixture
def signed_in(client: Client) -> Client:
    client.force_login(histories.owner(histories.shop("melody")))
    return client


def merchant_of(client: Client) -> Any:
    from portal.models import User

    return User.objects.get(pk=client.session["_auth_user_id"]).merchant


def lines(client: Client, name: str, query: dict[str, str]) -> list[dict[str, str]]:
    response: Any = client.get(reverse(name), query)
    assert response.status_code == 200
    text = b"".join(response.streaming_content).decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(text.removeprefix("\ufeff").splitlines()))


def added(rows: list[dict[str, str]]) -> dict[str, int]:
    return {field: sum(int(row[head]) for row in rows) for head, field in MONEY.items()}


@pytest.mark.usefixtures("_december")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_csv_columns_add_up_to_the_report_after_any_history(signed_in: Client, seed: int) -> None:
    merchant = merchant_of(signed_in)
    start = datetime(2026, 10, 20, tzinfo=SEOUL)
    histories.random_history(merchant, first=start, days=45, seed=seed)
    histories.random_history(histories.shop("other"), first=start, days=45, seed=seed)

    total = reports.report(merchant, NOVEMBER).total
    expected = {field: getattr(total, field) for field in MONEY.values()}

    assert added(lines(signed_in, "portal:merchant-csv", RANGE)) == expected
    assert added(lines(signed_in, "portal:merchant-days-csv", RANGE)) == expected
    assert total.net_won == total.sales_won - total.refunds_won - total.fees_won


@pytest.mark.usefixtures("_december")
def test_screen_shows_the_totals_of_the_csv(signed_in: Client) -> None:
    merchant = merchant_of(signed_in)
    start = datetime(2026, 11, 1, tzinfo=SEOUL)
    histories.random_history(merchant, first=start, days=29, seed=7)

    page = signed_in.get(reverse("portal:merchant-home"), RANGE).content.decode()

    for amount in added(lines(signed_in, "portal:merchant-csv", RANGE)).values():
        assert f"{amount:,}" in page


def test_report_of_everything_equals_the_ledger(signed_in: Client) -> None:
    merchant = merchant_of(signed_in)
    histories.random_history(merchant, first=datetime(2026, 3, 1, tzinfo=SEOUL), days=60, seed=11)

    total = reports.report(merchant, Days(date(2026, 2, 1), date(2026, 8, 1))).total

    payable = LedgerEntry.objects.filter(account=Account.MERCHANT_PAYABLE)
    assert total.net_won == -sum(payable.values_list("amount_won", flat=True))


def test_day_begins_and_ends_at_midnight_in_korea(signed_in: Client) -> None:
    merchant = merchant_of(signed_in)
    midnight = datetime(2026, 11, 1, tzinfo=SEOUL)
    histories.sale(merchant, at=midnight - timedelta(microseconds=1), amount_won=1_000)
    histories.sale(merchant, at=midnight, amount_won=2_000)
    histories.sale(merchant, at=midnight + timedelta(days=1, microseconds=-1), amount_won=4_000)
    histories.sale(merchant, at=midnight + timedelta(days=1), amount_won=8_000)

    found = reports.report(merchant, Days(date(2026, 11, 1), date(2026, 11, 1)))

    assert [row.figures.sales_won for row in found.days] == [6_000]
    assert found.total.sales_count == 2


def test_refund_counts_on_its_own_day_and_returns_the_fee(signed_in: Client) -> None:
    merchant = merchant_of(signed_in)
    sold = histories.sale(merchant, at=datetime(2026, 10, 31, 12, tzinfo=SEOUL), amount_won=10_000)
    histories.refund(sold, at=datetime(2026, 11, 2, 12, tzinfo=SEOUL), route="BANK")

    november = reports.report(merchant, NOVEMBER).total

    assert november == Figures(
        refunds_won=10_000,
        bank_refunds_count=1,
        fee_won=-700,
        fee_vat_won=-70,
        net_won=-9_230,
    )


@pytest.mark.usefixtures("_december")
def test_csv_turns_formulas_into_text_and_keeps_numbers(signed_in: Client) -> None:
    merchant = merchant_of(signed_in)
    at = datetime(2026, 11, 2, 9, 30, tzinfo=SEOUL)
    for start in ("=", "+", "-", "@", "\t", "\r", " =", "\uff1d"):
        histories.sale(merchant, at=at, item_name=f'{start}HYPERLINK("x")')
    sold = histories.sale(merchant, at=at - timedelta(days=20), item_name="밤, 산책")
    histories.refund(sold, at=at)

    response: Any = signed_in.get(reverse("portal:merchant-csv"), RANGE)
    text = b"".join(response.streaming_content).decode().removeprefix("\ufeff")
    rows = list(csv.reader(text.splitlines(keepends=True)))

    assert rows[1][3] == "밤, 산책"
    assert int(rows[1][-1]) < 0
    assert all(row[3].startswith("'") for row in rows[2:])
    assert {row[1] for row in rows[2:]} == {"2026-11-02 09:30:00"}
    assert all(row[5] == "010-****-0000" for row in rows[1:])


def test_report_is_one_statement_however_long_the_range(signed_in: Client) -> None:
    merchant = merchant_of(signed_in)
    histories.random_history(merchant, first=datetime(2026, 1, 1, tzinfo=SEOUL), days=300, seed=5)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        reports.report(merchant, Days(date(2026, 1, 1), date(2026, 12, 31)))

    assert len(queries) == 1
