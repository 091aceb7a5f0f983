"""Masked data and who reads it: a reason, a minute, and a trail nobody can rewrite unnoticed."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from unittest import mock

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.test import Client
from django.utils import timezone

from payments import encryption
from payments.models import Payment
from portal.models import User
from support import audit
from support.models import AuditEntry, DayException, Ticket
from tests.support.factories import NOW, PHONE, open_ticket

NUMBER = "010-9000-0000"
Action = AuditEntry.Action


@pytest.fixture
def clock() -> Iterator[mock.Mock]:
    with mock.patch.object(timezone, "now", return_value=NOW) as now:
        yield now


def sign_in(client: Client, user: User, *codenames: str) -> Client:
    user.user_permissions.add(
        *Permission.objects.filter(content_type__app_label="support", codename__in=codenames)
    )
    client.force_login(user)
    return client


@pytest.fixture
def desk(client: Client, agent: User, clock: mock.Mock) -> Client:
    return sign_in(client, agent, "reveal_ticket")


def page(ticket: Ticket) -> str:
    return f"/admin/support/ticket/{ticket.pk}/reveal/"


def reveal(desk: Client, ticket: Ticket, item: str = "phone", reason: str = "전화 상담") -> str:
    answer = desk.post(page(ticket), {"item": item, "reason": reason})
    assert answer.status_code == 302
    return str(answer["Location"])


# The minute


def test_the_number_is_nowhere_on_the_case(desk: Client, ticket: Ticket) -> None:
    for url in (f"/admin/support/ticket/{ticket.pk}/change/", page(ticket)):
        shown = desk.get(url).content.decode()
        assert "010-****-0000" in shown or "휴대전화번호" in shown
        assert NUMBER not in shown
        assert PHONE not in shown


def test_the_number_is_shown_for_a_minute_when_a_reason_is_given(
    desk: Client, ticket: Ticket, clock: mock.Mock
) -> None:
    url = reveal(desk, ticket)

    shown = desk.get(url)

    assert NUMBER in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    assert shown["Refresh"] == f"60; url=/admin/support/ticket/{ticket.pk}/change/"
    clock.return_value = NOW + timedelta(seconds=59)
    assert NUMBER in desk.get(url).content.decode()


def test_a_reload_shows_nothing_when_the_minute_is_over(
    desk: Client, ticket: Ticket, clock: mock.Mock
) -> None:
    url = reveal(desk, ticket)
    clock.return_value = NOW + timedelta(seconds=60)

    late = desk.get(url, follow=True)

    assert late.redirect_chain[0][0].endswith(f"{ticket.pk}/change/")
    assert NUMBER not in late.content.decode()
    assert "볼 수 있는 시간이 지났어요" in late.content.decode()


def test_a_look_is_on_record_with_the_person_concerned(
    desk: Client, ticket: Ticket, agent: User
) -> None:
    reveal(desk, ticket, reason="되걸기 요청")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.reason, entry.address) == (
        Action.REVEALED,
        f"staff:{agent.pk}",
        "되걸기 요청",
        "127.0.0.1",
    )
    assert entry.subject == f"ticket:{ticket.pk}:phone"
    assert entry.person == encryption.blind_index(PHONE, kind="phone")


@pytest.mark.parametrize("reason", ["", "  ", "900131-1234567", "가" * 301])
def test_nothing_is_shown_or_recorded_without_a_fit_reason(
    desk: Client, ticket: Ticket, reason: str
) -> None:
    answer = desk.post(page(ticket), {"item": "phone", "reason": reason})
    assert answer.status_code == 422
    assert "aria-invalid" in answer.content.decode()
    assert not AuditEntry.objects.exists()


def test_what_the_case_does_not_hold_is_not_offered(desk: Client, ticket: Ticket) -> None:
    answer = desk.post(page(ticket), {"item": "account", "reason": "환불"})
    assert answer.status_code == 200
    assert not AuditEntry.objects.exists()


def test_an_address_is_revealed_by_itself(desk: Client, pay: Callable[..., Payment]) -> None:
    ticket = open_ticket(pay(email="shopper@example.kr"))
    shown = desk.get(reveal(desk, ticket, "email")).content.decode()
    assert "shopper@example.kr" in shown
    assert NUMBER not in shown


def test_a_colleagues_minute_is_not_mine(desk: Client, ticket: Ticket, clock: mock.Mock) -> None:
    url = reveal(desk, ticket)
    other = User.objects.create_user("b@desk.test", is_staff=True)
    colleague = sign_in(Client(), other, "reveal_ticket", "view_ticket")
    assert NUMBER not in colleague.get(url, follow=True).content.decode()


def test_one_cases_minute_opens_no_other(
    desk: Client, ticket: Ticket, pay: Callable[..., Payment]
) -> None:
    entry = reveal(desk, ticket).rstrip("/").rpartition("/")[2]
    other = open_ticket(pay(phone="+821090000001"))
    shown = desk.get(f"{page(other)}{entry}/", follow=True).content.decode()
    assert "010-9000-0001" not in shown


def test_without_the_permission_the_door_is_closed_and_the_try_on_record(
    client: Client, agent: User, ticket: Ticket, clock: mock.Mock
) -> None:
    client.force_login(agent)
    assert (
        "가린 것 보기"
        not in client.get(f"/admin/support/ticket/{ticket.pk}/change/").content.decode()
    )
    assert client.post(page(ticket), {"item": "phone", "reason": "?"}).status_code == 403
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject) == (Action.DENIED, page(ticket))


# The trail


def test_a_file_taken_by_a_shop_is_on_record(client: Client, payment: Payment) -> None:
    owner = User.objects.create_user("owner@tune.test", merchant=payment.merchant)
    client.force_login(owner)
    for name in ("payments", "days", "settlements", "settlement-lines"):
        assert client.get(f"/merchant/{name}.csv").status_code == 200
    assert list(AuditEntry.objects.values_list("action", "actor", "subject")) == [
        (Action.EXPORTED, f"person:{owner.pk}", f"/merchant/{name}.csv")
        for name in ("payments", "days", "settlements", "settlement-lines")
    ]


def test_staff_at_a_shops_door_is_on_record(client: Client, agent: User) -> None:
    client.force_login(agent)
    assert client.get("/merchant/").status_code == 403
    assert AuditEntry.objects.get().subject == "/merchant/"


def test_strangers_and_ordinary_pages_leave_no_trail(client: Client, desk: Client) -> None:
    Client().get("/admin/support/ticket/?q=010-9000-0000")
    desk.get("/admin/support/ticket/?q=010-9000-0000")
    assert not AuditEntry.objects.exists()


def test_a_deleted_row_is_on_record(client: Client, agent: User, clock: mock.Mock) -> None:
    sign_in(client, agent, "view_dayexception", "delete_dayexception")
    row = DayException.objects.create(day="2026-11-25", name="임시공휴일")
    client.post(f"/admin/support/dayexception/{row.pk}/delete/", {"post": "yes"})
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor) == (Action.DELETED, f"staff:{agent.pk}")
    assert entry.subject == f"support.dayexception:{row.pk}"


def test_no_list_deletes_many_at_once() -> None:
    """Django writes about many deletions without telling anybody."""
    assert "delete_selected" not in dict(admin.site.actions)


def test_the_trail_is_found_by_the_phone_it_is_about(
    desk: Client, agent: User, ticket: Ticket
) -> None:
    reveal(desk, ticket)
    sign_in(desk, agent, "view_auditentry")
    url = "/admin/support/auditentry/"
    agent.name = "김상담"
    agent.save()
    shown = desk.get(url, {"q": NUMBER}).content.decode()
    assert "전화 상담" in shown
    assert f"김상담 staff:{agent.pk}" in shown
    assert "전화 상담" in desk.get(url, {"q": f"staff:{agent.pk}"}).content.decode()
    assert "전화 상담" not in desk.get(url, {"q": "010-9000-0001"}).content.decode()


# Tampering


@pytest.fixture
def trail(db: None) -> None:
    for number in range(5):
        audit.record(Action.DENIED, actor="staff:1", subject=f"/admin/{number}/", at=NOW)


def tampered(sql: str) -> list[str]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)
    return list(audit.broken())


@pytest.mark.usefixtures("trail")
@pytest.mark.parametrize(
    "sql", ["UPDATE support_auditentry SET actor = 'x'", "DELETE FROM support_auditentry"]
)
def test_the_database_refuses_to_rewrite_the_trail(sql: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert list(audit.broken()) == []


COLUMNS = (
    "at = at + interval '1 microsecond'",
    "actor = 'staff:2'",
    "action = 'DELETED'",
    "subject = '/admin/'",
    "person = 'somebody'",
    "reason = 'because'",
    "address = '::1'",
)


@pytest.mark.usefixtures("trail")
@pytest.mark.parametrize("change", COLUMNS)
def test_a_changed_column_is_found(change: str) -> None:
    assert tampered(f"UPDATE support_auditentry SET {change} WHERE id = 3") == ["audit 3"]


@pytest.mark.usefixtures("trail")
@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("DELETE FROM support_auditentry WHERE id = 3", ["audit 4"]),
        ("DELETE FROM support_auditentry WHERE id = 1", ["audit 2"]),
        ("DELETE FROM support_auditentry WHERE id = 5", ["audit end"]),
        ("DELETE FROM support_auditentry", ["audit end"]),
        ("DELETE FROM support_audithead", ["audit end"]),
        (
            "INSERT INTO support_auditentry (id, at, actor, action, subject, person, reason,"
            " address, previous, digest) SELECT 6, at, actor, action, subject, person, reason,"
            " address, digest, digest FROM support_auditentry WHERE id = 5",
            ["audit 6", "audit end"],
        ),
    ],
)
def test_a_row_taken_out_or_put_in_is_found(sql: str, found: list[str]) -> None:
    assert tampered(sql) == found


@pytest.mark.usefixtures("trail")
def test_a_rewritten_digest_is_found_because_the_key_is_elsewhere() -> None:
    sql = "UPDATE support_auditentry SET digest = md5(actor) || md5(subject) WHERE id = 5"
    assert "audit 5" in tampered(sql)


@pytest.mark.django_db(transaction=True)
def test_verify_names_the_link_that_broke(capsys: pytest.CaptureFixture[str]) -> None:
    audit.record(Action.DENIED, actor="staff:1", subject="/admin/", at=timezone.now())
    call_command("verify")
    tampered("UPDATE support_auditentry SET reason = 'x'")
    with pytest.raises(SystemExit):
        call_command("verify")
    assert "I36: audit 1 " in capsys.readouterr().out
