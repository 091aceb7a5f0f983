"""The demo shops and the library: what was paid for, for as long as it is paid for."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from payments.models import Payment
from portal.goods import catalogue
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
    assert client.get(bought.return_url).status_code == 404
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
