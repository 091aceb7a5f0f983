"""Who else has a case open: a row with a lease, renewed by the page; what both wrote, beside it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from unittest import mock

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from portal.models import User
from support import presence, tickets
from support.models import Presence, Ticket
from tests.support.factories import NOW, reject

OVER = NOW + presence.LEASE


@pytest.fixture
def desk(client: Client, agent: User) -> Iterator[Client]:
    client.force_login(agent)
    with mock.patch.object(timezone, "now", return_value=NOW):
        yield client


@pytest.fixture
def lead(agent: User) -> User:
    user = User.objects.create_user("lead@desk.test", is_staff=True, name="김팀장")
    user.user_permissions.set(agent.user_permissions.all())
    return user


def case(ticket: Ticket) -> str:
    return f"/admin/support/ticket/{ticket.pk}/change/"


def poll(ticket: Ticket) -> str:
    return f"/admin/support/ticket/{ticket.pk}/presence/"


def asked_by(page: str) -> str:
    """What the page asks from now on."""
    found = re.search(r'hx-get="([^"]*/presence/\?seen=[^"]*)"', page)
    assert found
    return found[1].replace("&amp;", "&")


def test_who_opens_a_case_is_seen_there_for_the_length_of_a_lease(
    ticket: Ticket, agent: User, lead: User
) -> None:
    presence.arrive(ticket_id=ticket.pk, user_id=lead.pk, now=NOW)

    def seen(at: timedelta) -> list[bool]:
        rows = presence.others(ticket_id=ticket.pk, but=agent.pk, now=NOW + at)
        return [is_writing for _, is_writing in rows]

    assert seen(presence.LEASE - timedelta(microseconds=1)) == [False]
    assert seen(presence.LEASE) == []
    assert presence.others(ticket_id=ticket.pk, but=lead.pk, now=NOW) == []


def test_whoever_types_is_writing_until_they_stop(ticket: Ticket, agent: User, lead: User) -> None:
    facts = {"ticket_id": ticket.pk, "user_id": lead.pk}
    presence.stay(is_writing=True, now=NOW, **facts)
    presence.stay(is_writing=False, now=NOW + timedelta(seconds=20), **facts)

    for after, is_writing in ((29, True), (30, False), (49, False)):
        at = NOW + timedelta(seconds=after)
        [(_, found)] = presence.others(ticket_id=ticket.pk, but=agent.pk, now=at)
        assert found is is_writing


def test_who_has_saved_what_they_wrote_is_writing_no_more(
    ticket: Ticket, agent: User, lead: User
) -> None:
    presence.stay(ticket_id=ticket.pk, user_id=lead.pk, is_writing=True, now=NOW)
    presence.arrive(ticket_id=ticket.pk, user_id=lead.pk, now=NOW)

    [(_, is_writing)] = presence.others(ticket_id=ticket.pk, but=agent.pk, now=NOW)
    assert not is_writing


def test_typing_says_so_and_asks_nothing(
    desk: Client, ticket: Ticket, agent: User, lead: User
) -> None:
    assert desk.get(poll(ticket), {"writing": "1"}).status_code == 204

    [(_, is_writing)] = presence.others(ticket_id=ticket.pk, but=lead.pk, now=NOW)
    assert is_writing


def test_a_page_left_open_has_one_row_however_often_it_asks(ticket: Ticket, desk: Client) -> None:
    desk.get(case(ticket))
    for _ in range(5):
        desk.get(poll(ticket), {"seen": "1"})

    assert Presence.objects.count() == 1


def test_rows_that_ran_out_go_when_their_owner_opens_another_case(
    ticket: Ticket, agent: User, lead: User
) -> None:
    presence.arrive(ticket_id=ticket.pk, user_id=agent.pk, now=NOW - timedelta(hours=1))
    presence.arrive(ticket_id=ticket.pk, user_id=lead.pk, now=NOW - timedelta(hours=1))

    presence.arrive(ticket_id=ticket.pk, user_id=agent.pk, now=NOW)

    assert set(Presence.objects.values_list("user_id", "seen_until")) == {
        (agent.pk, OVER),
        (lead.pk, OVER - timedelta(hours=1)),
    }


def test_the_page_says_who_else_is_there_and_never_oneself(
    desk: Client, ticket: Ticket, lead: User
) -> None:
    presence.arrive(ticket_id=ticket.pk, user_id=lead.pk, now=NOW)

    assert "김팀장 님이 보고 있어요" in desk.get(case(ticket)).content.decode()
    assert "님이 보고" not in desk.get(case(ticket)).content.decode().replace(
        "김팀장 님이 보고", ""
    )


def test_the_open_page_is_told_only_what_it_does_not_know(
    desk: Client, ticket: Ticket, lead: User
) -> None:
    asks = asked_by(desk.get(case(ticket)).content.decode())
    assert desk.get(asks).status_code == 204

    presence.stay(ticket_id=ticket.pk, user_id=lead.pk, is_writing=True, now=NOW)
    told = desk.get(asks).content.decode()

    assert "김팀장 님이 쓰고 있어요" in told
    assert desk.get(asked_by(told)).status_code == 204


def test_a_colleagues_decision_reaches_the_open_page_with_its_words(
    desk: Client, ticket: Ticket, lead: User
) -> None:
    asks = asked_by(desk.get(case(ticket)).content.decode())
    tickets.reject(ticket_id=ticket.pk, reason="이미 들으셨어요.", by=f"staff:{lead.pk}", now=NOW)

    told = desk.get(asks).content.decode()

    assert "방금 이 요청이 바뀌었어요" in told
    assert "김팀장: 요청 거절" in told
    assert "이미 들으셨어요." in told


def test_ones_own_note_is_no_news(desk: Client, ticket: Ticket, agent: User) -> None:
    asks = asked_by(desk.get(case(ticket)).content.decode())
    tickets.add_note(ticket_id=ticket.pk, text="전화함", by=f"staff:{agent.pk}", now=NOW)

    assert desk.get(asks).status_code == 204


@pytest.mark.parametrize("seen", ["", "x", "-1", "9" * 30])
def test_any_place_in_the_history_may_be_asked_from(
    desk: Client, ticket: Ticket, seen: str
) -> None:
    assert desk.get(poll(ticket), {"seen": seen}).status_code == 200


def test_who_may_not_see_cases_is_not_seen_in_one(
    desk: Client, ticket: Ticket, agent: User
) -> None:
    agent.user_permissions.set(Permission.objects.none())

    assert desk.get(poll(ticket)).status_code == 403
    assert not Presence.objects.exists()


# Both wrote


def test_what_both_wrote_stands_side_by_side(desk: Client, ticket: Ticket, lead: User) -> None:
    seen = str(tickets.last_change(ticket))
    tickets.add_note(
        ticket_id=ticket.pk, text="내려받은 기록 확인함", by=f"staff:{lead.pk}", now=NOW
    )
    tickets.assign(ticket_id=ticket.pk, user_id=lead.pk, by=f"staff:{lead.pk}", now=NOW)

    answer = desk.post(
        case(ticket), {"decision": "reject", "reason": "제가 쓴 긴 설명", "seen": seen}
    )

    page = " ".join(answer.content.decode().split())
    assert answer.status_code == 409
    theirs, mine = page.split("그사이 다른 사람이 한 일</h2>")[1].split("내가 적은 것</h2>")
    assert "내려받은 기록 확인함" in theirs
    assert "<p>제가 쓴 긴 설명</p>" in mine.split("</section>")[0]
    assert "제가 쓴 긴 설명</textarea>" in page


def test_a_case_decided_meanwhile_shows_the_others_reason_beside_mine(
    desk: Client, ticket: Ticket
) -> None:
    seen = str(tickets.last_change(ticket))
    reject(ticket, reason="이미 들으셨어요.")

    answer = desk.post(
        case(ticket), {"decision": "reject", "reason": "저는 다르게 봤어요", "seen": seen}
    )

    theirs, mine = answer.content.decode().split("내가 적은 것</h2>")
    assert "요청 거절" in theirs
    assert "이미 들으셨어요." in theirs.split("그사이 다른 사람이 한 일</h2>")[1]
    assert "저는 다르게 봤어요" in mine
