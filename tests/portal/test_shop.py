"""The demo shops and the library: what was paid for, for as long as it is paid for."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payments.calendar import SEOUL
from payments.models import Payment
from portal.goods import catalogue
from portal.views import shop as views
from tests.portal import histories

pytestmark = pytest.mark.django_db


@pytest.fixture
def bought(client: Client) -> Payment:
    histories.shop("melody")
    product = catalogue.products("melody")[0]
    response = client.post(f"/shop/melody/{product.slug}/buy/", {"amount_won": "1"})
    payment = Payment.objects.get()
    assert response["Location"] == f"/pay/{payment.token}/"
    assert (payment.amount_won, payment.item_name) == (product.amount_won, product.name)
    return payment


def pay(payment: Payment) -> None:
    Payment.objects.filter(pk=payment.pk).update(
        state="PAID", paid_at=timezone.now(), billing_month="2026-11"
    )


def test_library_is_closed_until_the_payment_is_paid(client: Client, bought: Payment) -> None:
    answer = client.get(bought.return_url)

    assert answer.headers["Location"] == reverse("payments:window", args=[bought.token])
    assert client.get(f"{bought.return_url}file/").status_code == 404


def test_the_way_back_leads_to_the_product_when_nothing_was_paid(
    client: Client, bought: Payment
) -> None:
    Payment.objects.filter(pk=bought.pk).update(state="DECLINED")

    answer = client.get(bought.return_url)

    assert answer.headers["Location"] == "/shop/melody/night-walk/"
    assert client.get(f"{bought.return_url}file/").status_code == 404


def test_download_is_a_file_and_marks_the_payment_as_used(client: Client, bought: Payment) -> None:
    pay(bought)

    assert client.get(bought.return_url).status_code == 200
    bought.refresh_from_db()
    assert bought.used_at is None
    response: Any = client.get(f"{bought.return_url}file/")

    assert response["Content-Disposition"].startswith("attachment")
    assert len(b"".join(response.streaming_content)) > 0
    bought.refresh_from_db()
    assert bought.used_at is not None


def test_player_gets_the_part_it_asks_for(client: Client, bought: Payment) -> None:
    pay(bought)
    address = f"{bought.return_url}file/?play=1"

    whole = client.get(address).content
    part = client.get(address, headers={"range": "bytes=2-5"})

    assert part.status_code == 206
    assert part.content == whole[2:6]
    assert part["Content-Range"] == f"bytes 2-5/{len(whole)}"
    assert client.get(address, headers={"range": "bytes=5-2"}).content == whole


def test_library_closes_when_the_money_goes_back(client: Client, bought: Payment) -> None:
    pay(bought)
    bought.refresh_from_db()
    histories.refund(bought, at=timezone.now())

    response = client.get(bought.return_url)

    assert response.status_code == 200
    assert response.context["is_open"] is False
    assert client.get(f"{bought.return_url}file/").status_code == 404


def test_library_of_another_shop_is_not_found(client: Client, bought: Payment) -> None:
    histories.shop("bookshelf")
    pay(bought)

    address = bought.return_url.replace("melody", "bookshelf")

    assert client.get(address).status_code == 404


@pytest.mark.parametrize("path", ["/shop/nobody/", "/shop/melody/nothing/"])
def test_shop_and_product_that_are_not_there(client: Client, path: str) -> None:
    histories.shop("melody")

    assert client.get(path).status_code == 404


def test_every_product_can_be_bought_and_is_there() -> None:
    for slug in ("melody", "bookshelf"):
        assert catalogue.products(slug)
        for product in catalogue.products(slug):
            assert 1_000 <= product.amount_won <= 30_000
            assert product.file.is_file()


def test_a_book_is_read_in_the_browser_and_counts_as_used(client: Client) -> None:
    histories.shop("bookshelf")
    client.post("/shop/bookshelf/night-post/buy/")
    payment = Payment.objects.get()
    assert client.get(f"{payment.return_url}read/").status_code == 404
    pay(payment)

    html = client.get(f"{payment.return_url}read/").content.decode()

    assert "세 번째 편지" in html
    payment.refresh_from_db()
    assert payment.used_at is not None


def test_a_song_has_nothing_to_read(client: Client, bought: Payment) -> None:
    pay(bought)

    assert client.get(f"{bought.return_url}read/").status_code == 404


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (datetime(2026, 11, 23, 14, 5, tzinfo=SEOUL), "11월 30일 23:50까지는 요금에서"),
        (datetime(2026, 12, 31, 9, 0, tzinfo=SEOUL), "12월 31일 23:50까지는 요금에서"),
        (datetime(2026, 11, 30, 23, 55, tzinfo=SEOUL), "본인 계좌로 돌려드려요"),
    ],
)
def test_product_says_until_when_it_can_be_cancelled_by_the_calendar(
    client: Client, monkeypatch: pytest.MonkeyPatch, moment: datetime, said: str
) -> None:
    histories.shop("melody")
    monkeypatch.setattr(views.timezone, "now", lambda: moment)

    html = client.get("/shop/melody/night-walk/").content.decode()

    assert said in html
    last = moment.date() + timedelta(days=7)
    assert f"쓰기 전이면 {last.month}월 {last.day}일까지" in html


def test_product_has_one_main_button(client: Client) -> None:
    histories.shop("melody")

    html = client.get("/shop/melody/night-walk/").content.decode()

    assert html.count("button main") == 1
    assert 'src="/static/previews/night-walk' in html
