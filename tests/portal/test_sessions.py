"""Where an account is signed in: seen, and ended, by whoever it belongs to."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal import devices
from portal.models import Session, User
from tests.portal import histories

pytestmark = pytest.mark.django_db
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)
DESKTOP = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Safari/537.36"
)
NEW = "another-long-Passw0rd"


@pytest.fixture
def owner() -> User:
    return histories.owner(histories.shop("melody"))


def signed_in(email: str = "owner@melody.test", **extra: Any) -> Client:
    client = Client(**extra)
    client.post("/merchant/login/", {"username": email, "password": histories.PASSWORD})
    assert "_auth_user_id" in client.session
    return client


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def doors(page: str) -> list[str]:
    """The addresses that sign out at each place, as the page lists them."""
    return re.findall(r'action="(/account/sessions/\w+/out/)"', page)


@pytest.mark.usefixtures("owner")
def test_the_list_says_when_from_where_and_with_what() -> None:
    signed_in(REMOTE_ADDR="192.0.2.7", HTTP_USER_AGENT=PHONE)
    here = signed_in(HTTP_USER_AGENT=DESKTOP)

    page = here.get("/account/").content.decode()

    assert page.index("Chrome · 윈도우") < page.index("Safari · 아이폰")
    assert "접속 주소 192.0.2.7" in page
    assert page.count("지금 이곳") == 1
    assert not any(key in page for key in Session.objects.values_list("pk", flat=True))


@pytest.mark.usefixtures("owner")
def test_one_place_can_be_signed_out_and_the_others_stay() -> None:
    lost, here, third = signed_in(), signed_in(), signed_in()
    own = doors(here.get("/account/").content.decode())[0]
    of_lost = doors(lost.get("/account/").content.decode())[0]

    assert here.post(of_lost)["Location"] == "/account/"
    assert [is_in(client) for client in (lost, here, third)] == [False, True, True]

    assert here.post(own)["Location"] == "/merchant/login/"
    assert [is_in(client) for client in (lost, here, third)] == [False, False, True]


@pytest.mark.usefixtures("owner")
def test_everywhere_means_everywhere_and_nobody_else() -> None:
    histories.owner(histories.shop("bookshelf"))
    stranger = signed_in("owner@bookshelf.test")
    clients = [signed_in(), signed_in()]

    assert clients[0].post("/account/sessions/out/")["Location"] == "/merchant/login/"

    assert not any(is_in(client) for client in clients)
    assert is_in(stranger)


@pytest.mark.usefixtures("owner")
def test_a_strangers_place_cannot_be_signed_out() -> None:
    histories.owner(histories.shop("bookshelf"))
    stranger, mine = signed_in("owner@bookshelf.test"), signed_in()

    stranger.post(doors(mine.get("/account/").content.decode())[0])

    assert is_in(mine)


@pytest.mark.usefixtures("owner")
def test_a_new_password_ends_every_other_session() -> None:
    User.objects.update(merchant=None, is_staff=True)
    other, here = signed_in(), signed_in()
    form = {"old_password": histories.PASSWORD, "new_password1": NEW, "new_password2": NEW}

    assert here.post("/account/password/", form).status_code == 302

    # The row itself is gone, not only worthless: it would stand in the list for hours.
    assert Session.objects.count() == 1
    assert (is_in(other), is_in(here)) == (False, True)
    assert len(doors(here.get("/account/").content.decode())) == 1


@pytest.mark.usefixtures("owner")
def test_the_old_password_is_guessed_five_times_at_most() -> None:
    client = signed_in()
    form = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    for _ in range(5):
        assert client.post("/account/password/", form).status_code == 422

    page = client.post("/account/password/", form | {"old_password": histories.PASSWORD})

    assert "15분" in page.content.decode()
    assert NEW not in page.content.decode()
    assert User.objects.get(email="owner@melody.test").check_password(histories.PASSWORD)


def test_a_password_set_by_an_operator_signs_the_account_out(owner: User) -> None:
    client = signed_in()

    owner.set_password(NEW)
    owner.save()

    assert not Session.objects.filter(account=owner).exists()
    assert not is_in(client)


def test_what_ran_out_is_neither_listed_nor_kept(owner: User) -> None:
    signed_in()
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))

    client = signed_in()

    assert Session.objects.filter(account=owner).count() == 1
    assert len(doors(client.get("/account/").content.decode())) == 1


def test_a_payer_has_no_session(client: Client) -> None:
    histories.shop("melody")
    client.get("/shop/melody/")
    client.get("/my/")

    assert Session.objects.count() == 0


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (PHONE, "Safari · 아이폰"),
        (DESKTOP, "Chrome · 윈도우"),
        (f"{DESKTOP} Edg/140.0", "Edge · 윈도우"),
        (f"{DESKTOP} Whale/4.33", "웨일 · 윈도우"),
        ("(Linux; Android 15) SamsungBrowser/28 Chrome/1 Safari/1", "삼성 인터넷 · 안드로이드"),
        ("(X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox · 리눅스"),
        ("curl/8.5", "알 수 없는 브라우저"),
        ("", "알 수 없는 브라우저"),
    ],
)
def test_a_browser_is_told_in_words(user_agent: str, words: str) -> None:
    assert devices.in_words(user_agent) == words
