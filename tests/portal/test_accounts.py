"""Signing in: counted tries, a new session, demo accounts only where nothing is real."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from portal import demo
from portal.models import LoginAttempt, User
from tests.portal import histories

pytestmark = pytest.mark.django_db
LOGIN = "/merchant/login/"


def sign_in(client: Client, password: str, **extra: Any) -> Any:
    return client.post(LOGIN, {"username": "owner@melody.test", "password": password}, **extra)


@pytest.fixture
def owner() -> User:
    return histories.owner(histories.shop("melody"))


@pytest.mark.usefixtures("owner")
def test_owner_reaches_the_back_office_and_the_session_changes(client: Client) -> None:
    client.cookies["sid"] = "chosen-by-somebody-else"

    response = sign_in(client, histories.PASSWORD)

    assert response.status_code == 302
    assert response["Location"] == "/merchant/"
    assert client.cookies["sid"].value != "chosen-by-somebody-else"
    assert client.get("/merchant/").status_code == 200


def test_staff_reach_the_desk(client: Client) -> None:
    User.objects.create_user("owner@melody.test", histories.PASSWORD, is_staff=True)

    assert sign_in(client, histories.PASSWORD)["Location"] == "/admin/"


def test_admin_has_no_door_of_its_own(client: Client) -> None:
    response = client.get("/admin/login/?next=/admin/")

    assert response["Location"] == f"{LOGIN}?next=/admin/"


@pytest.mark.usefixtures("owner")
def test_sixth_try_is_refused_even_with_the_right_password(client: Client) -> None:
    for _ in range(5):
        assert sign_in(client, "wrong").status_code == 422

    response = sign_in(client, histories.PASSWORD)

    assert "15분" in response.content.decode()
    assert "_auth_user_id" not in client.session
    elsewhere = sign_in(client, histories.PASSWORD, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 302


def test_an_empty_form_names_each_field_and_keeps_no_password(client: Client) -> None:
    page = client.post(LOGIN, {"username": "", "password": ""}).content.decode()

    assert "이메일을 입력하세요" in page
    assert "비밀번호를 입력하세요" in page
    assert "필수 항목" not in page
    assert "hunter2" not in client.post(LOGIN, {"password": "hunter2"}).content.decode()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted"),
    [
        (0, "192.0.2.1", "127.0.0.1"),
        (1, "192.0.2.1", "192.0.2.1"),
        (1, "10.9.9.9, 192.0.2.1", "192.0.2.1"),
        (2, "10.9.9.9, 192.0.2.1, 198.51.100.7", "192.0.2.1"),
        (2, "192.0.2.1", "127.0.0.1"),
        (1, "not an address", "127.0.0.1"),
        (1, "", "127.0.0.1"),
    ],
)
def test_tries_are_counted_by_the_address_our_own_proxies_saw(
    client: Client, settings: Any, proxies: int, forwarded: str, counted: str
) -> None:
    settings.TRUSTED_PROXIES = proxies

    sign_in(client, "wrong", HTTP_X_FORWARDED_FOR=forwarded)

    assert LoginAttempt.objects.get().address == counted


@pytest.mark.usefixtures("owner")
def test_tries_come_back_after_a_quarter_of_an_hour_or_a_right_password(client: Client) -> None:
    for _ in range(4):
        sign_in(client, "wrong")
    assert sign_in(client, histories.PASSWORD).status_code == 302
    for _ in range(5):
        assert sign_in(client, "wrong").status_code == 422
    LoginAttempt.objects.update(since=timezone.now() - timedelta(minutes=16))

    assert sign_in(client, histories.PASSWORD).status_code == 302


def test_demo_data_can_be_loaded_again_and_again() -> None:
    call_command("load_demo", verbosity=0)
    call_command("load_demo", verbosity=0)

    assert set(User.objects.values_list("email", flat=True)) == demo.ACCOUNTS
    agent = User.objects.get(email="agent@demo.test")
    assert agent.has_perms(["support.view_ticket", "support.change_ticket"])


def test_demo_data_stays_out_of_real_life(client: Client, settings: Any) -> None:
    call_command("load_demo", verbosity=0)
    settings.SANDBOX = False

    with pytest.raises(CommandError):
        call_command("load_demo", verbosity=0)
    assert [error.id for error in demo.no_demo_accounts(databases=["default"])] == ["portal.E001"]
    sign_in(client, demo.PASSWORD)
    assert "_auth_user_id" not in client.session
