"""Mails that come in: a case, a turn of a conversation, or a row that says why neither."""

import base64
import contextlib
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import Permission
from django.db import connection, connections
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from payments import retention
from payments.models import Alert, Merchant, Message, OutboxEvent, Payment, RetentionProof
from portal.models import User
from support import begun_mails, inbox, letters, receiving, tasks, threads, tickets
from support.inbox.base import Unreachable
from support.inbox.folder import Folder
from support.models import BegunMail, InboundMail, InternalNote, Ticket, TicketMessage
from support.receiving import LIMIT, take
from tests.support import files
from tests.support.factories import NOW, open_ticket, reject
from tests.support.mails import SENDER, bounce, mail, part, parts

V = InboundMail.Verdict
pytestmark = pytest.mark.django_db


@pytest.fixture
def case(pay: Callable[..., Payment]) -> Ticket:
    """An open cancellation of somebody who gave a mail address."""
    return open_ticket(pay(email=SENDER))


def received(raw: bytes, *, after: timedelta = timedelta(0)) -> InboundMail:
    row = take(raw, now=NOW + after)
    assert row is not None
    return row


def answering(case: Ticket, **changes: Any) -> bytes:
    """The customer's answer to one of our mails about the case."""
    extra = changes.pop("extra", f"Cc: {threads.address_of(case)}")
    return mail(extra=extra, **changes)


# A new matter


def test_a_mail_becomes_a_question_without_payment_and_is_announced() -> None:
    row = received(mail())

    ticket = row.ticket
    assert ticket is not None
    assert (row.verdict, ticket.kind, ticket.state, ticket.payment) == (V.OPENED, "E", "NEW", None)
    assert (ticket.text, ticket.product_text) == ("환불은 언제 되나요?", "문의")
    assert (ticket.email, ticket.phone, ticket.phone_bidx) == (SENDER, "", "")
    assert row.message == ticket.messages.get()
    assert OutboxEvent.objects.filter(kind="ticket.received", subject_id=ticket.pk).exists()


def test_its_writer_is_told_by_mail_where_an_answer_goes() -> None:
    ticket = received(mail()).ticket
    assert ticket is not None

    tasks.notify_ticket_received(subject_id=ticket.pk)

    told = Message.objects.get()
    assert (told.channel, told.to, told.reply_to) == ("EMAIL", SENDER, threads.address_of(ticket))


@pytest.mark.parametrize(
    ("text", "language"), [("Where is my refund?", "en"), ("Refund 언제 돼요?", "ko"), ("1", "ko")]
)
def test_an_answer_speaks_the_writers_language(text: str, language: str) -> None:
    ticket = received(mail(text, subject="")).ticket

    assert ticket is not None
    assert ticket.language == language


def test_a_long_mail_says_that_it_was_cut() -> None:
    ticket = received(mail("가" * 100_000)).ticket

    assert ticket is not None
    assert ticket.text.endswith("(메일이 길어 여기까지만 담았어요.)")


def test_who_wrote_is_kept_sealed() -> None:
    row = received(mail())

    assert row.masked_sender == "m***@mail.test"
    assert row.subject == "문의"
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(m)::text FROM support_inboundmail m")
        stored = cursor.fetchone()[0]
    assert "minji" not in stored
    assert "문의" not in stored


# Its files


def enclosed(content: bytes, name: str = "a.jpg", kind: str = "application/octet-stream") -> bytes:
    """A part as a mail program writes a file."""
    head = f'Content-Type: {kind}\r\nContent-Disposition: attachment; filename="{name}"\r\n'
    return f"{head}Content-Transfer-Encoding: base64\r\n\r\n".encode() + base64.encodebytes(content)


def test_pictures_and_pdfs_come_along_as_if_they_had_been_uploaded() -> None:
    raw = parts(part("보세요"), enclosed(files.photo(), "a.jpg"), enclosed(files.pdf(), "b.pdf"))

    row = received(raw)

    assert row.attachments == 2
    assert row.ticket is not None
    assert row.message is not None
    assert row.ticket.text == "보세요"
    photo, pdf = row.message.attachments.order_by("pk")
    assert (photo.name, photo.kind, photo.author) == ("a.jpg", "JPEG", tickets.SHOPPER)
    # Drawn anew: nothing of what came beside the picture is left.
    assert b"GPS" not in photo.content()
    assert b"<?php" not in photo.content()
    assert (pdf.name, pdf.content()) == ("b.pdf", files.pdf())


def test_a_file_with_no_words_is_a_request_all_the_same() -> None:
    ticket = received(parts(enclosed(files.png(), "a.png"), subject="")).ticket

    assert ticket is not None
    assert ticket.text == "(글이 없는 메일이에요.)"
    assert ticket.attachments.get().name == "a.png"


NASTY: dict[str, tuple[bytes, str]] = {
    "a zip": (enclosed(b"PK\3\4", "a.zip"), "a.zip: JPEG·PNG 사진이나 PDF만 보낼 수 있어요"),
    "a program called a picture": (
        enclosed(b"MZ\x90", "a.png", "image/png"),
        "a.png: JPEG·PNG 사진이나 PDF만 보낼 수 있어요",
    ),
    "half a picture": (enclosed(files.photo()[:200]), "a.jpg: 파일이 깨져 있어 열 수 없어요"),
    "a bomb": (
        enclosed(files.png_that_claims(60_000, 60_000), "a.png"),
        "a.png: 사진이 너무 커요. 5천만 화소까지 보낼 수 있어요",
    ),
    "a PDF that runs": (
        enclosed(files.pdf_with(b"/JavaScript", packed=True), "a.pdf"),
        "a.pdf: 프로그램이나 다른 파일이 든 PDF는 받지 않아요. 화면을 찍어 사진으로 보내 주세요",
    ),
    "a locked PDF": (
        enclosed(files.locked_pdf(), "a.pdf"),
        "a.pdf: 암호가 걸린 PDF예요. 암호를 풀고 보내 주세요",
    ),
    "nothing": (enclosed(b""), "a.jpg: 내용이 없는 파일이에요"),
    "no base64": (
        part("!", "image/png\r\nContent-Transfer-Encoding: base64", "a.png"),
        "a.png: 내용이 없는 파일이에요",
    ),
    "a mail in the mail": (
        part(mail("속", message_id="<in@mail.test>"), "message/rfc822"),
        "file: JPEG·PNG 사진이나 PDF만 보낼 수 있어요",
    ),
    "a path": (
        enclosed(b"x", "../../etc/passwd"),
        "passwd: JPEG·PNG 사진이나 PDF만 보낼 수 있어요",
    ),
    "a resident number in its name": (
        enclosed(files.photo(), "900131-1234567.jpg"),
        "주민등록번호는 받지 않아요. 지우고 다시 보내 주세요",
    ),
}


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_file_is_named_with_what_is_wrong_and_stops_nothing(name: str) -> None:
    file, why = NASTY[name]

    row = received(parts(part("보세요"), file, enclosed(files.png(), "good.png")))

    assert row.ticket is not None
    assert row.ticket.text == f"보세요\n\n(받지 못한 파일이 있어요.)\n{why}"
    assert [one.name for one in row.ticket.attachments.all()] == ["good.png"]


def test_a_file_that_breaks_the_checks_themselves_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def burst(*_: Any, **__: Any) -> None:
        raise MemoryError("900131-1234567")

    monkeypatch.setattr("support.files.accept", burst)

    ticket = received(parts(part("보세요"), enclosed(files.photo()))).ticket

    assert ticket is not None
    assert ticket.text.endswith("a.jpg: 파일이 깨져 있어 열 수 없어요")
    assert "MemoryError" in caplog.text
    assert "900131" not in caplog.text


def test_a_file_too_large_for_an_upload_is_too_large_for_a_mail(settings: Any) -> None:
    settings.ATTACHMENT_MAX_BYTES = 1_000_000
    big = files.pdf() + b"\n" * 1_000_000

    ticket = received(parts(part("보세요"), enclosed(big, "a.pdf"))).ticket

    assert ticket is not None
    assert ticket.text.endswith("a.pdf: 파일 하나는 1MB까지 보낼 수 있어요")


def test_a_file_behind_the_end_of_what_is_read_is_not_called_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(letters, "READ_AT_MOST", 2_000)
    raw = parts(part("보세요"), enclosed(files.photo((900, 900)), "a.jpg"))

    ticket = received(raw).ticket

    assert ticket is not None
    assert ticket.text.endswith(
        "a.jpg: 메일이 너무 커서 끝까지 받지 못했어요. 진행 화면에서 보내 주세요"
    )


def test_more_files_than_may_come_at_once_are_named(settings: Any) -> None:
    settings.ATTACHMENTS_AT_ONCE = 1
    more = [enclosed(b"x", f"{number}.png") for number in range(6)]

    ticket = received(parts(part("보세요"), enclosed(files.png(), "a.png"), *more)).ticket

    assert ticket is not None
    assert ticket.attachments.count() == 1
    assert ticket.text.endswith(
        "0.png, 1.png, 2.png, 3.png, 4.png…: 파일은 한 번에 1개까지 보낼 수 있어요"
    )


@pytest.mark.parametrize("is_open", [True, False], ids=["an open case", "a new one"])
def test_words_come_without_their_files_when_there_is_no_more_room(
    settings: Any, case: Ticket, *, is_open: bool
) -> None:
    settings.ATTACHMENTS_AN_HOUR = 0
    raw = parts(part("보세요"), enclosed(files.png(), "a.png"))

    row = received(
        raw.replace(b"To: ", f"To: {threads.address_of(case)}, ".encode()) if is_open else raw
    )

    assert row.verdict == (V.ADDED if is_open else V.OPENED)
    assert row.message is not None
    assert row.message.text.endswith("a.png: 이 요청에 보낼 수 있는 파일 수를 넘었어요")
    assert not row.message.attachments.exists()
    assert Ticket.objects.count() == (1 if is_open else 2)


def test_what_is_refused_is_said_in_the_writers_language() -> None:
    raw = parts(part("Look"), enclosed(b"PK", "a.zip"), subject="Question")

    ticket = received(raw).ticket

    assert ticket is not None
    assert ticket.text.endswith("a.zip: only JPEG or PNG pictures and PDFs can be sent")


def test_a_sellers_files_are_for_the_desk_alone(case: Ticket, merchant: Merchant) -> None:
    tickets.ask_merchant(ticket_id=case.pk, question="보냈나요?", by="staff:1", now=NOW)
    raw = parts(part("보냈습니다"), enclosed(files.pdf(), "a.pdf"), sender=merchant.email)

    row = received(raw.replace(b"To: ", f"To: {_sellers(case)}, ".encode()))

    assert row.message is not None
    assert row.message.party == "M"
    assert row.message.attachments.get().author == tickets.MERCHANT


@pytest.mark.parametrize("why", ["a machine", "nobody", "ourselves", "too often"])
def test_no_file_is_opened_of_a_mail_that_is_not_followed(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {
        "a machine": {"extra": "Auto-Submitted: auto-replied"},
        "nobody": {"sender": ""},
        "ourselves": {"sender": "help@phonebill.test"},
        "too often": {},
    }[why]
    if why == "too often":
        for number in range(LIMIT):
            received(mail(message_id=f"<{number}@busy>"))
    monkeypatch.setattr("support.files.accept", lambda *_, **__: pytest.fail("opened"))

    received(parts(part("보세요"), enclosed(files.photo()), **changes))


def test_two_readers_do_not_look_into_the_same_mail(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INBOX_DIR = tmp_path
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "1").write_bytes(mail())
    key = "SELECT pg_try_advisory_lock(hashtextextended('inbox', 0))"
    with psycopg.connect(**_parameters()) as other:
        other.execute(key)
        assert receiving.read(now=NOW) == 0
        other.execute("SELECT pg_advisory_unlock_all()")

    assert receiving.read(now=NOW) == 1


def _parameters() -> dict[str, Any]:
    parameters = connection.get_connection_params()
    return {
        name: parameters[name]
        for name in ("dbname", "host", "port", "user", "password")
        if name in parameters
    }


# Into a conversation


def test_an_answer_to_our_mail_joins_the_case_from_the_address_that_stands_on_it(
    case: Ticket,
) -> None:
    row = received(answering(case))

    assert (row.verdict, row.ticket) == (V.ADDED, case)
    assert row.message is not None
    assert (row.message.author, row.message.text) == ("shopper", "환불은 언제 되나요?")
    assert Ticket.objects.count() == 1


def test_so_does_a_mail_with_its_number_in_the_subject(case: Ticket) -> None:
    row = received(mail(subject=f"Re: 취소 요청 ({case.number})", sender="MINJI@Mail.Test"))

    assert (row.verdict, row.ticket) == (V.ADDED, case)


def test_the_clock_goes_on_as_when_it_was_written_on_the_progress_page(
    pay: Callable[..., Payment],
) -> None:
    cases = [open_ticket(pay(email=SENDER, phone=f"+82109000000{n}")) for n in (1, 2)]
    later = NOW + timedelta(days=1)
    for one in cases:
        tickets.ask_customer(ticket_id=one.pk, question="언제요?", by="staff:1", now=NOW)

    take(answering(cases[0]), now=later)
    tickets.customer_wrote(ticket_id=cases[1].pk, text="어제요.", now=later)

    by_mail, by_page = (Ticket.objects.get(pk=one.pk) for one in cases)
    assert by_mail.state == by_page.state == "IN_PROGRESS"
    assert by_mail.due_at == by_page.due_at
    assert by_mail.clock_left == by_page.clock_left


def test_a_sealed_address_from_somebody_else_is_a_new_matter(case: Ticket) -> None:
    row = received(answering(case, sender="thief@mail.test"))

    assert row.verdict == V.OPENED
    assert row.ticket != case
    assert case.messages.count() == 1


@pytest.mark.parametrize("number", ["C-20417", "C-99999999999", "E-20001", "C-20000"])
def test_a_guessed_number_is_a_new_matter(case: Ticket, number: str) -> None:
    for subject in (number, f"{case.kind}-{20_000 + case.pk}"):
        row = received(mail(subject=subject, sender="x@y.test", message_id=f"<{subject}@y>"))
        assert row.verdict == V.OPENED
    assert case.messages.count() == 1


def test_a_seal_that_is_not_ours_opens_nothing(case: Ticket) -> None:
    extra = f"Cc: help+{case.pk}.{'0' * 20}@phonebill.test"

    assert received(answering(case, extra=extra)).verdict == V.OPENED


def test_a_case_without_an_address_is_nobodys_by_mail(ticket: Ticket) -> None:
    assert ticket.email_bidx == ""

    assert received(answering(ticket)).verdict == V.OPENED


def test_a_closed_case_is_followed_by_a_new_one_that_says_so(case: Ticket) -> None:
    reject(case)

    row = received(answering(case))

    assert row.verdict == V.OPENED
    assert row.ticket is not None
    assert row.ticket.notes.get().text == f"AFTER {case.number}"


def test_a_merged_case_goes_on_in_the_first_one(pay: Callable[..., Payment]) -> None:
    first, second = (open_ticket(pay(email=SENDER)) for _ in range(2))
    tickets.mark_duplicate(
        ticket_id=second.pk, first_id=first.pk, reason="같은 일", by="staff:1", now=NOW
    )

    assert received(answering(second)).ticket == first


def test_a_mail_never_withdraws_or_decides(case: Ticket) -> None:
    received(answering(case, text="취소 요청을 거둡니다. withdraw. approve."))

    case.refresh_from_db()
    assert case.state == "NEW"


def test_a_sellers_answer_joins_the_case_that_waits_for_it(
    case: Ticket, merchant: Merchant
) -> None:
    tickets.ask_merchant(ticket_id=case.pk, question="보냈나요?", by="staff:1", now=NOW)
    asked = Message.objects.get(kind="ticket_referred")
    assert asked.reply_to == _sellers(case)

    row = received(mail("보냈습니다.", extra=f"Cc: {_sellers(case)}", sender=merchant.email))

    case.refresh_from_db()
    assert (row.verdict, case.state) == (V.ADDED, "IN_PROGRESS")
    said = TicketMessage.objects.latest("pk")
    assert (said.party, said.author) == ("M", "merchant")
    # Without our seal it is nobody's: a seller's address is known to all.
    again = mail(subject=case.number, sender=merchant.email, message_id="<2@shop>")
    assert received(again).verdict == V.OPENED


def test_a_customer_does_not_answer_as_the_seller(case: Ticket, merchant: Merchant) -> None:
    tickets.ask_merchant(ticket_id=case.pk, question="보냈나요?", by="staff:1", now=NOW)

    # The seal is in every mail the customer gets, and the seller's address on its page.
    row = received(answering(case, sender=merchant.email, text="환불해 주세요."))

    case.refresh_from_db()
    assert (row.verdict, case.state) == (V.OPENED, "WAITING_MERCHANT")


def _sellers(case: Ticket) -> str:
    return threads.address_of(case, TicketMessage.Party.MERCHANT)


# Loops, floods, and what nobody can answer


@pytest.mark.parametrize(
    "extra",
    ["Auto-Submitted: auto-replied", "Precedence: bulk", "List-Id: <x>", "Return-Path: <>"],
)
def test_what_a_machine_writes_is_noted_and_not_answered(case: Ticket, extra: str) -> None:
    row = received(answering(case, extra=f"{extra}\r\nCc: {threads.address_of(case)}"))

    assert (row.verdict, row.mark) == (V.MACHINE, extra.partition(":")[0])
    assert Ticket.objects.count() == 1
    assert case.messages.count() == 1


def test_an_absence_note_does_not_answer_a_question(case: Ticket) -> None:
    tickets.ask_customer(ticket_id=case.pk, question="언제요?", by="staff:1", now=NOW)

    received(
        answering(case, extra=f"Auto-Submitted: auto-replied\r\nCc: {threads.address_of(case)}")
    )

    case.refresh_from_db()
    assert case.state == "WAITING_CUSTOMER"


@pytest.mark.parametrize("sender", ["help@phonebill.test", "HELP+1.a@Phonebill.test"])
def test_our_own_mails_come_to_nothing(sender: str) -> None:
    assert received(mail(sender=sender)).verdict == V.OWN
    assert not Ticket.objects.exists()


@pytest.mark.parametrize("sender", [None, "", "a@b.test, c@d.test"])
def test_without_a_sender_there_is_nobody_to_answer(sender: str | None) -> None:
    assert received(mail(sender=sender)).verdict == V.NO_SENDER
    assert not Ticket.objects.exists()


def test_bytes_that_are_no_mail_are_kept_as_unreadable() -> None:
    assert received(b"").verdict == V.UNREADABLE


def test_one_sender_fills_the_desk_for_an_hour_only_so_far() -> None:
    verdicts = [
        received(mail(message_id=f"<{number}@mail.test>")).verdict for number in range(LIMIT + 2)
    ]
    later = received(mail(message_id="<later@mail.test>"), after=timedelta(hours=1, seconds=1))

    assert verdicts == [V.OPENED] * LIMIT + [V.TOO_MANY] * 2
    assert Ticket.objects.count() == LIMIT + 1
    assert later.verdict == V.OPENED


def test_a_mail_that_did_not_arrive_is_a_note_on_its_case_once_an_hour(case: Ticket) -> None:
    original = f"Message-ID: <uuid.{threads.address_of(case).partition('+')[2]}>\r\n"

    rows = [received(bounce(original + "X: y\r\n" * number)) for number in range(3)]

    assert [(row.verdict, row.ticket) for row in rows] == [(V.BOUNCED, case)] * 3
    assert [note.text for note in InternalNote.objects.all()] == ["MAIL_BOUNCED"]
    assert Ticket.objects.count() == 1


def test_a_mail_to_the_seller_that_did_not_arrive_is_noted_as_such(case: Ticket) -> None:
    seal = _sellers(case).partition("+")[2]

    row = received(bounce(f"Message-ID: <uuid.{seal}>\r\n"))

    assert row.ticket == case
    assert case.notes.get().text == "MERCHANT_MAIL_BOUNCED"


def test_a_report_without_our_seal_is_only_recorded(case: Ticket) -> None:
    row = received(bounce(f"Subject: {case.number}\r\n"))

    assert (row.verdict, row.ticket) == (V.BOUNCED, None)
    assert not InternalNote.objects.exists()


# Once


def test_a_mail_that_comes_twice_changes_nothing() -> None:
    received(mail())

    assert take(mail(), now=NOW) is None
    assert take(mail(extra="Received: by another way"), now=NOW) is None
    assert take(mail(message_id=""), now=NOW) is not None
    assert take(mail(message_id=""), now=NOW) is None
    assert Ticket.objects.count() == 2


def test_nobody_takes_anothers_place_with_its_message_id() -> None:
    received(mail(sender="thief@mail.test"))

    assert received(mail()).verdict == V.OPENED


def test_a_crash_before_the_commit_leaves_the_mail_and_no_trace(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INBOX_DIR = tmp_path
    with inbox.opened() as folder:
        assert folder is not None
        assert list(folder.waiting()) == []
    (tmp_path / "new" / "1").write_bytes(mail())
    with monkeypatch.context() as broken:
        broken.setattr(InboundMail, "save", lambda _: 1 / 0)
        assert receiving.read(now=NOW) == 0
    assert not Ticket.objects.exists()
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["1"]

    assert receiving.read(now=NOW) == 1

    assert Ticket.objects.count() == 1
    assert [file.name for file in (tmp_path / "cur").iterdir()] == ["1:2,S"]


def test_a_crash_after_the_commit_brings_the_mail_again_for_nothing(
    settings: Any, tmp_path: Path
) -> None:
    settings.INBOX_DIR = tmp_path
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "1").write_bytes(mail())
    take(mail(), now=NOW)

    assert receiving.read(now=NOW) == 1

    assert Ticket.objects.count() == 1
    assert not list((tmp_path / "new").iterdir())


def test_one_that_cannot_be_taken_does_not_keep_the_others_waiting(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INBOX_DIR = tmp_path
    (tmp_path / "new").mkdir()
    for number in range(3):
        (tmp_path / "new" / f"{number}").write_bytes(mail(message_id=f"<{number}@mail.test>"))
    key = receiving._digest
    monkeypatch.setattr(
        receiving, "_digest", lambda letter, raw: key(letter, raw) if b"<0@" not in raw else 1 / 0
    )

    assert receiving.read(now=NOW) == 2
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["0"]


@pytest.fixture
def stopping(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """One mail waits that stops whoever reads it; every reading of it, until told to read well."""
    settings.INBOX_DIR = tmp_path
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "1").write_bytes(mail())
    readings: list[bytes] = []

    def stop(raw: bytes) -> Any:
        readings.append(raw)
        # As killed as a test can be: nothing of ours catches it.
        raise SystemExit

    monkeypatch.setattr(receiving, "read_letter", stop)
    return readings


def read_at(minute: int) -> None:
    with contextlib.suppress(SystemExit):
        receiving.read(now=NOW + timedelta(minutes=minute))


def test_a_mail_that_stops_its_reader_is_tried_ever_more_seldom(stopping: list[bytes]) -> None:
    tried_at = []
    for minute in range(130):
        before = len(stopping)
        read_at(minute)
        if len(stopping) > before:
            tried_at.append(minute)

    assert tried_at == [0, 1, 2, 5, 12, 27, 58, 121]


def test_a_mail_that_stopped_its_reader_three_times_is_told_of(stopping: list[bytes]) -> None:
    for minute in (0, 1, 2):
        read_at(minute)
    assert not Alert.objects.exists()

    read_at(5)

    assert [(one.kind, one.detail) for one in Alert.objects.all()] == [("MAIL_NOT_READ", "1")]


def test_a_mail_that_stops_its_reader_for_good_is_set_aside_for_a_person(
    stopping: list[bytes], tmp_path: Path
) -> None:
    for hour in range(24):
        for minute in (0, 30):
            read_at(60 * hour + minute)

    assert len(stopping) == begun_mails.TRIES
    assert [row.verdict for row in InboundMail.objects.all()] == [V.SET_ASIDE]
    assert [file.name for file in (tmp_path / "cur").iterdir()] == ["1:2,S"]
    assert Alert.objects.filter(closed_at=None).count() == 1
    assert not BegunMail.objects.exists()


def test_a_mail_set_aside_is_not_read_again_while_the_inbox_does_not_hear_of_it(
    stopping: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as deaf:
        deaf.setattr(Folder, "done", lambda *_: unreachable())
        for minute in range(0, 24 * 60, 30):
            read_at(minute)
    assert len(stopping) == begun_mails.TRIES
    assert BegunMail.objects.exists()

    read_at(24 * 60)

    assert len(stopping) == begun_mails.TRIES
    assert InboundMail.objects.get().verdict == V.SET_ASIDE
    assert not BegunMail.objects.exists()


def unreachable() -> None:
    raise Unreachable("gone")


def test_a_mail_that_is_read_after_all_calls_nobody_any_more(
    stopping: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for minute in (0, 1, 2, 5):
        read_at(minute)
    monkeypatch.setattr(receiving, "read_letter", letters.read)

    read_at(30)

    assert [row.verdict for row in InboundMail.objects.all()] == [V.OPENED]
    assert not Alert.objects.filter(closed_at=None).exists()
    assert not BegunMail.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_one_mail_make_one_case() -> None:
    start = threading.Barrier(2)

    def work() -> None:
        start.wait()
        try:
            take(mail(), now=NOW)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert Ticket.objects.count() == InboundMail.objects.count() == 1


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_stop_the_desk(noise: bytes) -> None:
    assert InboundMail.Verdict(received(noise + mail(noise, subject=noise)).verdict)
    InboundMail.objects.all().delete()


# What the desk sees


@pytest.fixture
def desk(client: Client, agent: User) -> Client:
    agent.user_permissions.add(Permission.objects.get(codename="view_inboundmail"))
    client.force_login(agent)
    return client


def test_the_desk_reads_a_case_that_came_by_mail_with_its_writer_masked(desk: Client) -> None:
    ticket = received(mail()).ticket
    assert ticket is not None

    queue = desk.get("/admin/support/ticket/").content.decode()
    page = desk.get(f"/admin/support/ticket/{ticket.pk}/change/").content.decode()

    assert ticket.number in queue
    assert "m***@mail.test" in queue
    assert "이메일로 옴" in page
    assert "환불은 언제 되나요?" in page
    assert SENDER not in queue + page


def test_the_list_of_mails_says_what_was_made_of_each(desk: Client, case: Ticket) -> None:
    received(answering(case))
    received(mail(sender="other@mail.test", extra="Precedence: bulk"))

    page = desk.get("/admin/support/inboundmail/").content.decode()
    found = desk.get("/admin/support/inboundmail/", {"q": " Minji@mail.test "}).content.decode()

    assert "요청의 대화에 더함" in page
    assert "자동으로 보낸 메일" in page
    assert case.number in found
    assert "Precedence" not in found
    assert SENDER not in page


def test_the_customer_reads_on_the_progress_page_what_they_mailed(
    client: Client, case: Ticket
) -> None:
    received(answering(case))

    page = client.get(f"/support/track/{case.token}/").content.decode()

    assert "환불은 언제 되나요?" in page
    assert client.get(f"/support/track/{_opened().token}/").status_code == 200


def _opened() -> Ticket:
    ticket = received(mail(message_id="<9@mail.test>")).ticket
    assert ticket is not None
    return ticket


def test_after_a_year_who_wrote_is_forgotten() -> None:
    old = received(mail(), after=timedelta(days=-366))
    new = received(mail(message_id="<2@mail.test>"))

    for _ in range(2):
        retention.purge(held=Ticket.objects.none(), now=NOW, rules=[receiving.RETENTION])

    for row in (old, new):
        row.refresh_from_db()
    assert (old.masked_sender, old.subject, old.sender_bidx) == ("", "", "")
    assert new.masked_sender
    assert RetentionProof.objects.get(count=1).rule == "INBOUND_MAIL"
