"""Files on the desk: sent with a reply or an answer, opened by who may, each opening on record."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payments.models import Payment
from portal.models import User
from support import attachments, replies, tickets
from support.files import Accepted, Kind
from support.models import Attachment, AuditEntry, Reply, Ticket
from tests.support import files

pytestmark = pytest.mark.django_db
PDF = Accepted("영수증.pdf", Kind.PDF, files.pdf())
WORDS = "이렇게 눌러 보세요."


@pytest.fixture
def desk(client: Client, agent: User) -> Client:
    agent.user_permissions.add(Permission.objects.get(codename="reveal_ticket"))
    client.force_login(agent)
    return client


@pytest.fixture
def sent(ticket: Ticket) -> Attachment:
    """A file of the customer."""
    said = tickets.say(
        ticket, author=tickets.SHOPPER, text="보세요", at=timezone.now(), files=[PDF]
    )
    return said.attachments.get()


def case_url(ticket: Ticket) -> str:
    return reverse("admin:support_ticket_change", args=[ticket.pk])


def links(page: str) -> list[str]:
    return re.findall(r'href="(/admin/support/ticket/\d+/file/[^"]+)"', page)


def opened(desk: Client, ticket: Ticket) -> list[str]:
    return links(desk.get(case_url(ticket)).content.decode())


def reply(desk: Client, ticket: Ticket, *uploads: Any, **more: Any) -> Any:
    seen = tickets.last_change(ticket)
    form = {"decision": "reply", "reason": WORDS, "files": list(uploads), "seen": seen} | more
    return desk.post(case_url(ticket), form)


def test_a_file_of_the_customer_is_opened_and_the_look_is_on_record(
    desk: Client, agent: User, ticket: Ticket, sent: Attachment
) -> None:
    [link] = opened(desk, ticket)

    answer = desk.get(link)

    assert answer.content == PDF.content
    assert answer["Content-Disposition"].startswith("attachment")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor) == ("EXPORTED", f"staff:{agent.pk}")
    assert entry.subject == f"ticket:{ticket.pk}:file:{sent.pk}"
    assert entry.person == ticket.phone_bidx


def test_a_link_of_the_desk_opens_nothing_in_another_sign_in(
    desk: Client, agent: User, ticket: Ticket, sent: Attachment
) -> None:
    [link] = opened(desk, ticket)
    elsewhere = Client()
    elsewhere.force_login(agent)
    assert elsewhere.get(link).status_code == 404
    assert Client().get(link).status_code == 302


def test_a_link_of_a_shopper_opens_nothing_on_the_desk_nor_the_other_way(
    desk: Client, ticket: Ticket, sent: Attachment
) -> None:
    theirs = attachments.link(sent, holder=ticket.token, now=timezone.now())
    url = reverse("admin:support_ticket_file", args=[ticket.pk, theirs])
    assert desk.get(url).status_code == 404
    ours = opened(desk, ticket)[0].rstrip("/").rpartition("/")[2]
    assert desk.get(reverse("support:file", args=[ticket.token, ours])).status_code == 404


def test_without_the_right_to_personal_data_there_is_a_name_and_no_way_in(
    client: Client, agent: User, ticket: Ticket, sent: Attachment
) -> None:
    client.force_login(agent)
    page = client.get(case_url(ticket)).content.decode()
    assert "영수증.pdf" in page
    assert links(page) == []
    signed = attachments.link(sent, holder="staff:1:x", now=timezone.now())
    answer = client.get(reverse("admin:support_ticket_file", args=[ticket.pk, signed]))
    assert answer.status_code == 403


def test_a_link_that_is_over_leads_to_a_fresh_one(
    desk: Client, ticket: Ticket, sent: Attachment
) -> None:
    [link] = opened(desk, ticket)
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        over = desk.get(link)
        [fresh] = links(over.content.decode())
        assert over.status_code == 410
        assert desk.get(fresh).content == PDF.content
    assert AuditEntry.objects.count() == 1


def test_a_reply_is_shown_with_its_files_before_it_leaves(desk: Client, ticket: Ticket) -> None:
    page = reply(desk, ticket, files.sent("화면.png", files.png())).content.decode()
    assert "화면.png" in page
    assert "함께 보낸 파일은 아래 주소에서 받으세요." in page
    kept = re.findall(r'name="kept" value="(\d+)"', page)

    reply(desk, ticket, choosing="1", kept=kept, confirmed="1")

    written = Reply.objects.get()
    assert [row.name for row in written.attachments.all()] == ["화면.png"]
    assert "화면.png" in desk.get(case_url(ticket)).content.decode()
    replies.send_due(now=written.due_at)
    assert ticket.messages.get(text=WORDS).attachments.count() == 1


@pytest.mark.parametrize(
    ("changed", "stays"), [({"back": "reply"}, True), ({"reason": ""}, True), ({"kept": []}, False)]
)
def test_files_chosen_for_a_reply_stay_until_they_are_unticked(
    desk: Client, ticket: Ticket, changed: dict[str, Any], *, stays: bool
) -> None:
    page = reply(desk, ticket, files.sent("화면.png", files.png())).content.decode()
    [kept] = re.findall(r'name="kept" value="(\d+)"', page)
    page = reply(desk, ticket, **({"choosing": "1", "kept": [kept]} | changed)).content.decode()
    assert bool(re.search(rf'name="kept" value="{kept}"( checked| />)', page)) is stays


def test_a_reply_never_leaves_without_a_file_that_was_shown_with_it(
    desk: Client, ticket: Ticket
) -> None:
    page = reply(desk, ticket, files.sent("화면.png", files.png())).content.decode()
    kept = re.findall(r'name="kept" value="(\d+)"', page)
    attachments.sweep(now=timezone.now() + Attachment.DRAFT)

    answer = reply(desk, ticket, choosing="1", kept=kept, confirmed="1")

    assert answer.status_code == 409
    assert WORDS in answer.content.decode()
    assert not Reply.objects.exists()


def test_a_refused_file_leaves_the_words_of_the_reply(desk: Client, ticket: Ticket) -> None:
    answer = reply(desk, ticket, files.sent("a.exe", b"MZ"))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "a.exe: JPEG·PNG 사진이나 PDF만" in page
    assert WORDS in page
    assert not Attachment.objects.exists()


def test_a_merchants_answer_may_carry_files_the_customer_never_sees(
    desk: Client, ticket: Ticket, payment: Payment
) -> None:
    tickets.ask_merchant(
        ticket_id=ticket.pk, question="써 보셨나요?", by="staff:1", now=timezone.now()
    )
    form = {
        "decision": "answer",
        "reason": "한 번 재생됐어요.",
        "files": [files.sent("log.pdf", files.pdf())],
    }
    assert desk.post(case_url(ticket), form).status_code == 302
    assert len(opened(desk, ticket)) == 1
    page = desk.get(reverse("support:track", args=[ticket.token])).content.decode()
    assert "log.pdf" not in page
