"""The second factor: password, then a code; required of staff where anything is real."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client

from payments import encryption, rotation
from portal import roles, second_factor
from portal.models import RecoveryCode, SecondFactor, User
from support import audit
from support.models import AuditEntry
from tests.portal import histories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
LOGIN, CODE, SET_UP, ACCOUNT = (
    "/merchant/login/",
    "/merchant/login/code/",
    "/account/second-factor/",
    "/account/",
)
EMAIL = "agent@desk.test"


@pytest.fixture
def clock() -> Iterator[Any]:
    """Noon in Seoul, until somebody moves it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def agent() -> User:
    user = User.objects.create_user(EMAIL, histories.PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=roles.AGENT))
    return user


@pytest.fixture
def _for_real(settings: Any) -> None:
    settings.SANDBOX = False


def sign_in(client: Client, email: str = EMAIL, **extra: Any) -> Any:
    return client.post(LOGIN, {"username": email, "password": histories.PASSWORD}, **extra)


def code_of(user: User, *, at: datetime = NOON) -> str:
    """What the app shows."""
    totp = second_factor._totp(SecondFactor.objects.get(user=user))
    return totp.generate(int(at.timestamp())).decode()


def turned_on(user: User, *, at: datetime = NOON - timedelta(hours=1)) -> list[str]:
    """An account with an app; its recovery codes."""
    factor = second_factor.begin(user)
    return second_factor.confirm(factor, code_of(user, at=at), here=None, address="", now=at)


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def type_code(client: Client, code: str) -> Any:
    return client.post(CODE, {"code": code})


# Setting up


@pytest.mark.usefixtures("clock", "_for_real")
def test_staff_set_it_up_before_anything_else_and_see_the_recovery_codes_once(
    client: Client, agent: User
) -> None:
    assert sign_in(client)["Location"] == "/admin/"
    assert client.get("/admin/")["Location"] == SET_UP

    page = client.get(SET_UP).content.decode()
    secret = SecondFactor.objects.get(user=agent).secret
    assert secret in page.replace(" ", "")
    assert "data:image/svg+xml" in page
    assert f"secret={secret}" in page

    shown = client.post(SET_UP, {"code": code_of(agent)})
    codes = re.findall(r"<code>(\w{5}-\w{5})</code>", shown.content.decode())
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    assert "data:text/plain" in shown.content.decode()
    assert shown["Cache-Control"] == "no-store"
    assert client.get("/admin/").status_code == 200
    assert client.get(SET_UP)["Location"] == ACCOUNT
    assert not any(code in client.get(ACCOUNT).content.decode() for code in codes)
    assert AuditEntry.objects.get().action == AuditEntry.Action.FACTOR_ON


@pytest.mark.usefixtures("clock")
def test_a_wrong_first_code_turns_nothing_on_and_keeps_the_secret(
    client: Client, agent: User
) -> None:
    sign_in(client)
    client.get(SET_UP)
    secret = SecondFactor.objects.get().secret

    response = client.post(SET_UP, {"code": "000000"})

    assert response.status_code == 422
    assert f"secret={secret}" in response.content.decode()
    assert second_factor.of(agent) is None


def test_in_the_sandbox_a_password_is_enough_and_the_second_factor_is_offered(
    client: Client, agent: User
) -> None:
    sign_in(client)

    assert client.get("/admin/").status_code == 200
    assert "2단계 인증 켜기" in client.get(ACCOUNT).content.decode()


@pytest.mark.usefixtures("_for_real")
def test_of_a_shops_people_it_is_not_required(client: Client) -> None:
    histories.owner(histories.shop("vinyl"))

    sign_in(client, "owner@vinyl.test")

    assert client.get("/merchant/").status_code == 200


def test_it_ends_sessions_that_were_open_without_it(agent: User, clock: Any) -> None:
    other, here = Client(), Client()
    sign_in(other)
    sign_in(here)
    here.get(SET_UP)

    here.post(SET_UP, {"code": code_of(agent)})

    assert is_in(here)
    assert not is_in(other)


def test_what_weakens_an_account_asks_for_a_sign_in_of_just_now(
    client: Client, agent: User, clock: Any
) -> None:
    turned_on(agent)
    sign_in(client)
    type_code(client, code_of(agent))
    clock.shift(timedelta(minutes=11))

    for address in ("second-factor/codes/", "second-factor/off/"):
        answer = client.post(f"/account/{address}")
        assert answer["Location"] == f"{LOGIN}?next={ACCOUNT}"
    assert second_factor.of(agent) is not None


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("is_sandbox", "then"), [(True, ACCOUNT), (False, SET_UP)])
def test_turned_off_it_is_gone_and_who_must_have_one_sets_up_the_next(
    client: Client, agent: User, settings: Any, *, is_sandbox: bool, then: str
) -> None:
    settings.SANDBOX = is_sandbox
    turned_on(agent)
    sign_in(client)
    type_code(client, code_of(agent))
    assert second_factor.of(agent) is not None
    assert client.get("/account/second-factor/off/").status_code == 200
    assert second_factor.of(agent) is not None

    assert client.post("/account/second-factor/off/")["Location"] == then

    assert second_factor.of(agent) is None
    assert client.get("/admin/").status_code == (200 if is_sandbox else 302)
    assert AuditEntry.objects.latest("pk").action == AuditEntry.Action.FACTOR_OFF


# At the door


@pytest.mark.usefixtures("clock", "_for_real")
def test_the_right_password_alone_opens_nothing(client: Client, agent: User) -> None:
    turned_on(agent)

    assert sign_in(client, HTTP_REFERER="/")["Location"] == CODE

    assert not is_in(client)
    assert client.get("/admin/")["Location"].startswith("/admin/login/")
    assert type_code(client, code_of(agent))["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


@pytest.mark.usefixtures("clock")
def test_after_the_code_one_is_where_one_wanted_to_go(client: Client, agent: User) -> None:
    turned_on(agent)
    form = {"username": EMAIL, "password": histories.PASSWORD}

    client.post(f"{LOGIN}?next=/admin/board/", form)
    assert type_code(client, code_of(agent))["Location"] == "/admin/board/"
    client.post(f"{LOGIN}?next=https://evil.example/", form)
    later = NOON + timedelta(seconds=30)
    assert type_code(client, code_of(agent, at=later))["Location"] == "/admin/"


@pytest.mark.usefixtures("clock")
def test_a_code_is_good_once_and_so_is_every_one_before_it(agent: User) -> None:
    turned_on(agent)
    first, second, third = Client(), Client(), Client()
    for client in (first, second, third):
        sign_in(client)
    code = code_of(agent)

    assert type_code(first, code).status_code == 302
    assert "이미 쓴 번호" in type_code(second, code).content.decode()
    older = code_of(agent, at=NOON - timedelta(seconds=30))
    assert "이미 쓴 번호" in type_code(third, older).content.decode()
    assert (is_in(first), is_in(second), is_in(third)) == (True, False, False)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("seconds", "found"),
    [(-60, "422"), (-30, "in"), (0, "in"), (30, "in"), (60, "422")],
)
def test_a_clock_may_be_half_a_minute_off(
    client: Client, agent: User, seconds: int, found: str
) -> None:
    turned_on(agent)
    sign_in(client)

    answer = type_code(client, code_of(agent, at=NOON + timedelta(seconds=seconds)))

    assert ("in" if is_in(client) else str(answer.status_code)) == found


def test_the_sixth_code_is_refused_even_when_it_is_right_wherever_it_comes_from(
    client: Client, agent: User, clock: Any
) -> None:
    turned_on(agent)
    sign_in(client)
    for guess in ("000000", "1", "AAAAA-AAAAA", "０００００００", "000 000"):
        assert type_code(client, guess).status_code == 422
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    sign_in(elsewhere)

    assert "15분" in type_code(elsewhere, code_of(agent)).content.decode()
    assert not is_in(elsewhere)
    SecondFactor.objects.update(since=NOON - timedelta(days=900))
    assert type_code(elsewhere, code_of(agent)).status_code == 302


@pytest.mark.usefixtures("clock")
def test_a_recovery_code_opens_once_however_it_is_typed(agent: User) -> None:
    codes = turned_on(agent)
    for client, typed in ((Client(), codes[0]), (Client(), codes[1].replace("-", " ").lower())):
        sign_in(client)
        assert type_code(client, typed)["Location"] == ACCOUNT
        assert is_in(client)
    again = Client()
    sign_in(again)

    assert type_code(again, codes[0]).status_code == 422
    assert second_factor.codes_left(SecondFactor.objects.get()) == 8


def test_new_recovery_codes_replace_the_old_and_are_no_others(agent: User) -> None:
    old = turned_on(agent)
    factor = SecondFactor.objects.get()

    new = second_factor.renew_codes(factor, now=NOON)

    with pytest.raises(second_factor.WrongCode):
        second_factor.check(factor, old[0], now=NOON)
    assert second_factor.check(factor, new[0], now=NOON) is second_factor.Proof.RECOVERY


def test_somebody_elses_recovery_code_opens_nothing(agent: User) -> None:
    other = User.objects.create_user("other@desk.test", is_staff=True)
    codes = turned_on(other)
    turned_on(agent)

    with pytest.raises(second_factor.WrongCode):
        second_factor.check(SecondFactor.objects.get(user=agent), codes[0], now=NOON)


@pytest.mark.parametrize("change", ["time", "password", "inactive", "reset"])
def test_the_door_waits_ten_minutes_for_the_same_account(
    client: Client, agent: User, clock: Any, change: str
) -> None:
    turned_on(agent)
    sign_in(client)
    code = code_of(agent)
    if change == "time":
        clock.shift(timedelta(minutes=11))
        code = code_of(agent, at=NOON + timedelta(minutes=11))
    elif change == "password":
        agent.set_password("another-long-Passw0rd")
        agent.save()
    elif change == "inactive":
        User.objects.update(is_active=False)
    else:
        SecondFactor.objects.all().delete()
        code = "000000"

    assert type_code(client, code)["Location"] == LOGIN
    assert not is_in(client)


def test_nobody_comes_to_the_second_step_without_the_first(client: Client) -> None:
    assert client.get(CODE)["Location"] == LOGIN


@pytest.mark.django_db(transaction=True)
def test_of_ten_who_type_the_same_code_at_once_one_gets_in(agent: User) -> None:
    turned_on(agent)
    factor, code = SecondFactor.objects.get(), code_of(agent)
    SecondFactor.objects.update(tries=0)
    found: list[str] = []

    def type_it() -> None:
        try:
            found.append(second_factor.check(factor, code, now=NOON).name)
        except (second_factor.UsedCode, second_factor.TooManyTries) as error:
            found.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=type_it) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count("CODE") == 1
    assert len(found) == 10


# At rest


def test_neither_the_secret_nor_a_recovery_code_is_readable_in_the_database(
    agent: User, settings: Any
) -> None:
    codes = turned_on(agent)
    factor = SecondFactor.objects.get()
    secret = factor.secret
    stored = str(SecondFactor.objects.values()) + str(RecoveryCode.objects.values())
    assert secret not in stored
    assert not any(part in stored for code in codes for part in code.split("-"))

    settings.FIELD_KEYS = {"k9": b"9" * 32, **settings.FIELD_KEYS}
    moved = sum(step.moved for step in rotation.rotate() if step.column.model is SecondFactor)
    assert moved == 1
    factor.refresh_from_db()
    assert factor.secret_sealed.startswith("k9:")
    assert factor.secret == secret
    assert encryption.newest_prefix() == "k9:"


# Reset by a colleague


@pytest.mark.usefixtures("clock", "_for_real")
def test_a_lead_resets_a_colleagues_and_the_trail_says_why(client: Client, agent: User) -> None:
    turned_on(agent)
    sign_in(client)
    type_code(client, code_of(agent))
    lead = User.objects.create_user("lead@desk.test", histories.PASSWORD, is_staff=True)
    lead.groups.add(Group.objects.get(name=roles.LEAD))
    turned_on(lead)
    boss = Client()
    sign_in(boss, "lead@desk.test")
    type_code(boss, code_of(lead))
    url = f"/admin/portal/user/{agent.pk}/second-factor/"

    assert boss.post(url, {"reason": " "}).status_code == 422
    assert second_factor.of(agent) is not None
    assert boss.post(url, {"reason": "휴대폰을 잃어버림"}).status_code == 302

    assert second_factor.of(agent) is None
    assert not is_in(client)
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.actor, entry.subject, entry.reason) == (
        "RESET",
        f"staff:{lead.pk}",
        f"portal.user:{agent.pk}",
        "휴대폰을 잃어버림",
    )
    assert list(audit.broken()) == []
    assert sign_in(client)["Location"] == "/admin/"
    assert client.get("/admin/")["Location"] == SET_UP


def test_nobody_resets_their_own_or_a_superusers(client: Client) -> None:
    lead = User.objects.create_user("lead@desk.test", histories.PASSWORD, is_staff=True)
    lead.groups.add(Group.objects.get(name=roles.LEAD))
    boss = User.objects.create_superuser("boss@desk.test")
    for user in (lead, boss):
        turned_on(user)
    client.force_login(lead)

    for user in (lead, boss):
        url = f"/admin/portal/user/{user.pk}/second-factor/"
        assert client.post(url, {"reason": "잃어버림"}).status_code == 403
        assert second_factor.of(user) is not None
