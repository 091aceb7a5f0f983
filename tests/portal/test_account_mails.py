"""Whoever has an account is told by mail what happened to it, in the same commit."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from payments.models import Message
from portal import account_mails, second_factor
from portal.account_mails import Change
from portal.models import User
from tests.portal import histories
from tests.portal.test_second_factor import code_of

pytestmark = pytest.mark.django_db
EMAIL, NEW = "agent@desk.test", "another-Passw0rd-here"
LOGIN = {"username": EMAIL, "password": histories.PASSWORD}


@pytest.fixture
def agent() -> User:
    return User.objects.create_user(EMAIL, histories.PASSWORD, is_staff=True)


@pytest.fixture
def signed_in(agent: User, client: Client) -> Client:
    client.post("/merchant/login/", LOGIN)
    return client


def told() -> list[tuple[str, str]]:
    """Subject and address of every mail about an account, oldest first."""
    rows = Message.objects.filter(kind="account_changed").order_by("pk")
    assert all(row.channel == "EMAIL" for row in rows)
    return [(row.subject.partition("내 계정: ")[2], row.to) for row in rows]


def turn_on(client: Client, user: User) -> Any:
    second_factor.begin(user)
    return client.post("/account/second-factor/", {"code": code_of(user, at=timezone.now())})


DEEDS: dict[str, tuple[Callable[[Client, User], Any], str]] = {
    "app on": (turn_on, "2단계 인증을 켰어요"),
    "new codes": (
        lambda client, user: (
            turn_on(client, user),
            client.post("/account/second-factor/codes/"),
        ),
        "복구 코드를 새로 받았어요",
    ),
    "app off": (
        lambda client, user: (turn_on(client, user), client.post("/account/second-factor/off/")),
        "2단계 인증을 껐어요",
    ),
    "password": (
        lambda client, _: client.post(
            "/account/password/",
            {
                "old_password": histories.PASSWORD,
                "new_password1": NEW,
                "new_password2": NEW,
            },
        ),
        "비밀번호를 바꿨어요",
    ),
    "out everywhere": (
        lambda client, _: client.post("/account/sessions/out/"),
        "모든 곳에서 로그아웃했어요",
    ),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_what_one_does_to_ones_account_is_told_by_mail(
    signed_in: Client, agent: User, deed: str
) -> None:
    act, words = DEEDS[deed]

    act(signed_in, agent)

    assert told()[-1] == (words, EMAIL)


@pytest.fixture
def boss(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss@desk.test", histories.PASSWORD))
    return client


def test_what_a_colleague_does_to_it_as_well(boss: Client, agent: User) -> None:
    page = f"/admin/portal/user/{agent.pk}"
    boss.post(f"{page}/second-factor/", {"reason": "휴대폰을 잃어버렸대요."})
    form = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    assert boss.post(f"{page}/password/", form).status_code == 302

    assert told() == [
        ("고객센터의 다른 사람이 2단계 인증을 재설정했어요", EMAIL),
        ("운영자가 비밀번호를 바꿨어요", EMAIL),
    ]


def test_what_did_not_happen_is_not_told(signed_in: Client, boss: Client, agent: User) -> None:
    form = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    signed_in.post("/account/password/", form)
    signed_in.post("/account/second-factor/codes/")
    boss.post(f"/admin/portal/user/{agent.pk}/password/", {"password1": NEW, "password2": "x"})

    assert told() == []


def test_a_change_that_is_rolled_back_is_not_told(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_mails.notifications, "notify", lambda *_, **__: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        DEEDS["password"][0](signed_in, User.objects.get())

    assert User.objects.get().check_password(histories.PASSWORD)


def test_the_mail_speaks_the_language_the_person_signed_in_with(
    agent: User, client: Client
) -> None:
    client.cookies["django_language"] = "en"
    client.post("/merchant/login/", LOGIN)
    client.cookies["django_language"] = "ko"

    client.post("/account/sessions/out/")

    assert Message.objects.get(kind="account_changed").language == "en"


def test_without_an_address_nothing_is_sent_and_the_page_says_so(
    signed_in: Client, agent: User
) -> None:
    assert "이 주소로 메일을 보내요" in signed_in.get("/account/").content.decode()
    User.objects.filter(pk=agent.pk).update(email="")
    agent.refresh_from_db()

    account_mails.tell(agent, Change.CODES, now=timezone.now())

    assert told() == []
    assert "알려드릴 수 없어요" in signed_in.get("/account/").content.decode()


def test_there_is_one_page_for_ones_password(signed_in: Client) -> None:
    """The admin's own would count no wrong tries and tell nobody."""
    answer = signed_in.post("/admin/password_change/", {"old_password": histories.PASSWORD})

    assert (answer.status_code, answer["Location"]) == (302, "/account/password/")
