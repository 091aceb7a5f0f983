"""Files that shoppers send: what is taken, what is refused and how, and who may open it."""

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import signing
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from payments import rotation
from payments.models import Message, Payment
from support import attachments, replies, scanning, tickets
from support.files import Accepted, Kind, _one_at_a_time, plain_name
from support.models import Attachment, AttachmentBody, InternalNote, Ticket, TicketMessage
from tests.support import files
from tests.support.factories import NOW, open_ticket, reject

pytestmark = pytest.mark.django_db
MB = 1_000_000
PDF = Accepted("영수증.pdf", Kind.PDF, files.pdf())


@pytest.fixture
def client() -> Client:
    """A browser to which the server's failures show as 500, not as a traceback of the test."""
    return Client(raise_request_exception=False)


@pytest.fixture
def recent(pay: Callable[..., Payment]) -> Payment:
    """Paid a moment ago by the real clock, which the pages read."""
    return pay(at=timezone.now() - timedelta(minutes=20))


@pytest.fixture
def case(recent: Payment) -> Ticket:
    return tickets.open_ticket(
        payment=recent,
        request=tickets.Request(reason="OTHER", text="소리가 안 나요."),
        language="ko",
        now=timezone.now(),
    )


def ask(client: Client, payment: Payment, *uploads: Any, **typed: str) -> Any:
    """The request form, sent with files."""
    form = {"reason": "MISDESCRIBED", "text": "설명과 달라요", "files": list(uploads)} | typed
    return client.post(f"/support/request/?payment={payment.token}", form)


def write(client: Client, ticket: Ticket, *uploads: Any, text: str = "보세요") -> Any:
    url = reverse("support:write", args=[ticket.token])
    return client.post(url, {"text": text, "files": list(uploads)})


def links(client: Client, ticket: Ticket) -> list[str]:
    page = client.get(reverse("support:track", args=[ticket.token])).content.decode()
    return re.findall(r'href="(/support/track/[^"]+/file/[^"]+)"', page)


def keep(ticket: Ticket, *, author: str = tickets.SHOPPER, party: str = "C") -> Attachment:
    said = tickets.say(
        ticket,
        author=author,
        text="보세요",
        at=timezone.now(),
        party=TicketMessage.Party(party),
        files=[PDF],
    )
    return said.attachments.get()


# Taken


def test_a_request_with_files_has_them_in_its_first_message(
    client: Client, recent: Payment
) -> None:
    answer = ask(
        client, recent, files.sent("화면.jpg", files.photo()), files.sent("bill.pdf", files.pdf())
    )

    ticket = Ticket.objects.get()
    said = ticket.messages.get()
    assert answer.status_code == 302
    assert [row.name for row in said.attachments.order_by("pk")] == ["화면.jpg", "bill.pdf"]
    page = client.get(answer["Location"]).content.decode()
    assert "화면.jpg" in page
    assert "bill.pdf" in page


def test_files_alone_are_a_message_too(client: Client, recent: Payment) -> None:
    ask(client, recent, files.sent("a.png", files.png()), text="")
    assert Ticket.objects.get().messages.get().attachments.count() == 1


def test_a_message_of_the_shopper_may_bring_files(client: Client, case: Ticket) -> None:
    assert write(client, case, files.sent("a.pdf", files.pdf())).status_code == 302
    assert case.messages.get(text="보세요").attachments.get().name == "a.pdf"


def test_an_answer_to_a_question_may_bring_files(client: Client, case: Ticket) -> None:
    now = timezone.now()
    tickets.ask_customer(ticket_id=case.pk, question="화면을 보여 주세요", by="staff:1", now=now)
    url = reverse("support:answer", args=[case.token])
    client.post(url, {"text": "여기요", "files": [files.sent("a.jpg", files.photo())]})
    assert case.messages.get(text="여기요").attachments.count() == 1


def test_a_picture_is_written_anew_without_place_or_comment(client: Client, case: Ticket) -> None:
    write(client, case, files.sent("a.jpg", files.photo() + b"PK\x03\x04 and a second file"))

    kept = Attachment.objects.get().content()
    with Image.open(io.BytesIO(kept)) as picture:
        assert not picture.getexif()
        assert "comment" not in picture.info
    assert b"php" not in kept
    assert b"second" not in kept


def test_a_huge_photograph_is_made_smaller(client: Client, case: Ticket) -> None:
    write(client, case, files.sent("a.jpg", files.photo((6_000, 3_000), turned=6)))
    with Image.open(io.BytesIO(Attachment.objects.get().content())) as picture:
        # As it was held: what said so is gone with the rest.
        assert picture.size == (2_000, 4_000)


@pytest.mark.parametrize(
    ("name", "content", "kept"),
    [
        # The bytes decide, whatever the name says.
        ("x.php.jpg", files.photo(), "x_php.jpg"),
        ("page.svg", files.png(), "page.png"),
        ("../../x", files.png(), "x.png"),
        ("..\\..\\etc\\passwd", files.png(), "passwd.png"),
        # Right-to-left: it would read "exe.jpg" backwards.
        ("영수증\u202egpj.exe", files.photo(), "영수증gpj.jpg"),
        # As macOS writes Korean, in pieces.
        ("\u1112\u116a\u1106\u1167\u11ab.pdf", files.pdf(), "화면.pdf"),
        ("a<b>|c?.jpg", files.photo(), "a_b__c.jpg"),
        pytest.param("가" * 200 + ".pdf", files.pdf(), "가" * 60 + ".pdf", id="long"),
        ("...jpg", files.photo(), "file.jpg"),
        ("\U0001f9fe.jpg", files.photo(), "\U0001f9fe.jpg"),
    ],
)
def test_a_file_goes_by_a_name_that_cannot_mislead(
    client: Client, case: Ticket, name: str, content: bytes, kept: str
) -> None:
    write(client, case, files.sent(name, content))
    assert Attachment.objects.get().name == kept
    [link] = links(client, case)
    assert client.get(link).status_code == 200


def test_a_name_cannot_leave_its_header() -> None:
    assert plain_name('a"; b\r\nSet-Cookie: x.jpg') == "a_; bSet-Cookie_ x"


# Refused

SCRIPT = b"7 0 obj << /S /JavaScript /JS (app.alert(1)) >> endobj"
REFUSED = {
    "nothing in it": ("a.jpg", b"", "내용이 없는 파일"),
    "too large": ("a.pdf", files.pdf() + bytes(11 * MB), "파일 하나는 10MB까지"),
    "100 MB": ("a.pdf", bytes(100 * MB), "파일 하나는 10MB까지"),
    "a program": ("a.jpg", b"MZ\x90\0" + bytes(100), "JPEG·PNG 사진이나 PDF만"),
    "SVG with a script": ("a.svg", b"<svg><script>alert(1)</script></svg>", "PDF만"),
    "SVG called PNG": ("a.png", b"<svg onload='alert(1)'/>", "PDF만"),
    "GIF": ("a.gif", b"GIF89a" + bytes(50), "PDF만"),
    "page": ("a.html", b"<!doctype html><script>1</script>", "PDF만"),
    "archive": ("a.zip", b"PK\x03\x04" + bytes(50), "PDF만"),
    "PHP called JPEG": ("a.php.jpg", b"<?php system('id');", "PDF만"),
    "picture bomb": ("a.png", files.png_that_claims(50_000, 50_000), "5천만 화소"),
    "picture a little too large": ("a.png", files.png_that_claims(8_000, 7_000), "5천만 화소"),
    "picture without its data": ("a.png", files.png_that_claims(4_000, 4_000), "깨져 있어"),
    "half a JPEG": ("a.jpg", files.photo()[:-400], "깨져 있어"),
    "the head of a JPEG": ("a.jpg", b"\xff\xd8\xff\xe0" + bytes(30), "깨져 있어"),
    "half a PDF": ("a.pdf", files.pdf()[:-40], "깨져 있어"),
    "PDF that is a page too": ("a.pdf", b"%PDF-1.7\n<html>\n" + files.pdf(), "깨져 있어"),
    "PDF with an archive behind": ("a.pdf", files.pdf() + b"PK\x05\x06" + bytes(18), "깨져 있어"),
    "PDF after something else": ("a.pdf", b"GIF89a" + files.pdf(), "PDF만"),
    "PDF with JavaScript": ("a.pdf", files.pdf_with(SCRIPT), "프로그램이나 다른 파일이 든"),
    "PDF with masked JavaScript": (
        "a.pdf",
        files.pdf_with(SCRIPT.replace(b"Script", b"#53cript")),
        "프로그램이나 다른 파일이 든",
    ),
    "PDF with packed JavaScript": (
        "a.pdf",
        files.pdf_with(SCRIPT, packed=True),
        "프로그램이나 다른 파일이 든",
    ),
    "PDF that starts programs": (
        "a.pdf",
        files.pdf_with(b"7 0 obj << /S /Launch /F (cmd.exe) >> endobj"),
        "프로그램이나 다른 파일이 든",
    ),
    "PDF with a file in it": (
        "a.pdf",
        files.pdf_with(b"7 0 obj << /Type /EmbeddedFile >> endobj"),
        "프로그램이나 다른 파일이 든",
    ),
    "PDF bomb": ("a.pdf", files.pdf_with(bytes(61 * MB), packed=True), "안을 확인할 수 없는"),
    "PDF packed in an old way": (
        "a.pdf",
        files.pdf_with(b"7 0 obj << /Filter /LZWDecode >> endobj"),
        "안을 확인할 수 없는",
    ),
    "locked PDF": ("a.pdf", files.locked_pdf(), "암호가 걸린"),
    "resident number in the name": ("900131-1234567.jpg", files.photo(), "주민등록번호는 받지"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_is_not_taken_is_refused_in_words(
    client: Client, recent: Payment, what: str
) -> None:
    name, content, words = REFUSED[what]

    answer = ask(client, recent, files.sent(name, content), text="설명과 달라요")

    page = answer.content.decode()
    assert answer.status_code == 422
    # In the summary and beside the field; what was typed is still there.
    assert page.count(words) == 2
    assert "설명과 달라요" in page
    assert not Ticket.objects.exists()
    assert not Attachment.objects.exists()


def test_a_picture_that_would_wait_for_too_many_others_is_asked_for_again(
    client: Client, case: Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support.files._WAIT", 0.01)
    with _one_at_a_time:
        answer = write(client, case, files.sent("a.png", files.png()))
    assert answer.status_code == 422
    assert "잠시 뒤에 다시 보내 주세요" in answer.content.decode()


def test_more_than_five_files_at_once_are_refused(client: Client, case: Ticket) -> None:
    answer = write(client, case, *(files.sent(f"{n}.png", files.png()) for n in range(6)))
    assert answer.status_code == 422
    assert "한 번에 5개까지" in answer.content.decode()
    assert not Attachment.objects.exists()


def test_one_bad_file_keeps_all_of_them_out_and_names_who_to_choose_again(
    client: Client, case: Ticket
) -> None:
    good, bad = files.sent("good.png", files.png()), files.sent("bad.exe", b"MZ")
    page = write(client, case, good, bad).content.decode()
    assert "bad.exe: JPEG·PNG" in page
    assert "다시 골라 주세요: good.png</p>" in page
    assert not Attachment.objects.exists()


def test_another_wrong_field_says_that_files_must_be_chosen_again(
    client: Client, case: Ticket
) -> None:
    answer = write(client, case, files.sent("a.png", files.png()), text="")
    assert answer.status_code == 422
    assert "다시 골라 주세요: a.png" in answer.content.decode()


def test_a_body_beyond_measure_is_not_even_read_and_its_sender_told_why(
    client: Client, case: Ticket
) -> None:
    url = reverse("support:write", args=[case.token])
    answer = client.post(
        url,
        b"--b\r\n\r\n--b--",
        content_type="multipart/form-data; boundary=b",
        headers={"Content-Length": str(201 * MB)},
    )
    assert answer.status_code == 400
    assert "한 번에 보내기에는 너무 커요" in answer.content.decode()


def test_a_customer_sends_ten_files_an_hour_and_thirty_in_all(case: Ticket) -> None:
    now = timezone.now()

    def send(at: Any) -> None:
        tickets.customer_wrote(ticket_id=case.pk, text="보세요", now=at, files=[PDF] * 5)

    for hours in (0, 0, 1, 1, 2, 2):
        send(now + timedelta(hours=hours, seconds=hours))
    with pytest.raises(attachments.TooMany):
        send(now + timedelta(hours=9))
    assert Attachment.objects.count() == 30


def test_too_many_in_an_hour_are_refused_beside_the_field(client: Client, case: Ticket) -> None:
    five = [files.sent(f"{n}.png", files.png()) for n in range(5)]
    for _ in range(2):
        write(client, case, *five)
        for upload in five:
            upload.seek(0)
    answer = write(client, case, five[0], text="하나 더")
    assert answer.status_code == 422
    assert "보낼 수 있는 파일 수를 넘었어요" in answer.content.decode()
    assert not case.messages.filter(text="하나 더").exists()


# At rest


@pytest.mark.django_db(transaction=True)
def test_name_and_bytes_are_encrypted_and_follow_a_change_of_keys(
    case: Ticket, settings: Any
) -> None:
    row = keep(case)
    body = bytes(AttachmentBody.objects.get(pk=row.pk).content)
    assert b"%PDF" not in body

    settings.FIELD_KEYS = {"new": b"2" * 32, **settings.FIELD_KEYS}
    assert {step.column.name for step in rotation.rotate() if step.column.model is Attachment} == {
        "name_sealed",
        "key_sealed",
    }
    settings.FIELD_KEYS = {"new": b"2" * 32}

    row.refresh_from_db()
    assert (row.name, row.content()) == (PDF.name, PDF.content)
    assert bytes(AttachmentBody.objects.get(pk=row.pk).content) == body


# Who may open it


def test_a_file_leaves_as_something_to_save_and_never_to_show(client: Client, case: Ticket) -> None:
    keep(case)
    [link] = links(client, case)

    answer = client.get(link)

    assert answer.content == PDF.content
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''")
    assert answer["Content-Type"] == "application/pdf"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["Cache-Control"] == "private, no-store"


def test_a_link_opens_nothing_with_another_requests_token(
    client: Client, case: Ticket, pay: Callable[..., Payment]
) -> None:
    keep(case)
    other = open_ticket(pay())
    [link] = links(client, case)
    assert client.get(link.replace(case.token, other.token)).status_code == 404


def test_a_link_signed_for_another_file_number_opens_nothing_of_a_stranger(
    client: Client, case: Ticket, pay: Callable[..., Payment]
) -> None:
    theirs = keep(open_ticket(pay()))
    now = timezone.now()
    signed = attachments.link(theirs, holder=case.token, now=now)
    assert client.get(reverse("support:file", args=[case.token, signed])).status_code == 404


@pytest.mark.parametrize(
    "spoil",
    [
        lambda link: link[:-3] + "xx/",
        lambda link: link.replace("/file/", "/file/x"),
        lambda link: re.sub(r"/file/[^/]+/", "/file/1/", link),
        lambda link: re.sub(r"/file/[^/]+/", "/file/" + signing.dumps([1, 9]) + "/", link),
        lambda link: re.sub(r"/file/[^/]+/", "/file/%00/", link),
        lambda link: re.sub(r"/file/[^/]+/", "/file/" + "a" * 9000 + "/", link),
    ],
)
def test_an_altered_link_opens_nothing(
    client: Client, case: Ticket, spoil: Callable[[str], str]
) -> None:
    keep(case)
    [link] = links(client, case)
    assert client.get(spoil(link)).status_code in (400, 404)


def test_a_link_that_is_over_leads_to_a_fresh_one_in_one_click(
    client: Client, case: Ticket
) -> None:
    keep(case)
    [link] = links(client, case)
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        over = client.get(link)
        fresh = re.findall(r'href="(/support/track/[^"]+/file/[^"]+)"', over.content.decode())
        assert over.status_code == 410
        assert PDF.content not in over.content
        assert client.get(fresh[0]).content == PDF.content


def test_the_shopper_never_gets_what_the_merchant_sent(client: Client, case: Ticket) -> None:
    theirs = keep(case, author=tickets.MERCHANT, party="M")
    signed = attachments.link(theirs, holder=case.token, now=timezone.now())
    assert links(client, case) == []
    assert client.get(reverse("support:file", args=[case.token, signed])).status_code == 404


# Replies of the desk


def reply_with_a_file(ticket: Ticket) -> tuple[Any, Attachment]:
    [row] = attachments.draft(ticket_id=ticket.pk, files=[PDF], by="staff:1", now=NOW)
    reply = replies.write(
        ticket_id=ticket.pk, text="보세요", waits=False, by="staff:1", now=NOW, drafts=[row.pk]
    )
    return reply, row


def test_a_file_of_a_reply_is_seen_when_the_reply_has_left(client: Client, ticket: Ticket) -> None:
    _, row = reply_with_a_file(ticket)
    signed = attachments.link(row, holder=ticket.token, now=timezone.now())
    url = reverse("support:file", args=[ticket.token, signed])
    assert links(client, ticket) == []
    assert client.get(url).status_code == 404

    replies.send_due(now=NOW + replies.HOLD)

    assert len(links(client, ticket)) == 1
    assert client.get(url).content == PDF.content
    text = Message.objects.get(kind="ticket_reply").text
    assert "함께 보낸 파일은 아래 주소에서 받으세요." in text


def test_a_reply_taken_back_takes_its_files_along(ticket: Ticket) -> None:
    reply, _ = reply_with_a_file(ticket)
    replies.withdraw(reply_id=reply.pk, by="staff:1", now=NOW)
    assert not Attachment.objects.exists()
    assert not AttachmentBody.objects.exists()


def test_a_reply_takes_only_drafts_of_its_writer(ticket: Ticket) -> None:
    [mine] = attachments.draft(ticket_id=ticket.pk, files=[PDF], by="staff:1", now=NOW)
    [theirs] = attachments.draft(ticket_id=ticket.pk, files=[PDF], by="staff:2", now=NOW)
    sent = keep(ticket)
    facts: dict[str, Any] = {"ticket_id": ticket.pk, "text": "보세요", "waits": False, "now": NOW}
    for foreign in (theirs, sent):
        with pytest.raises(attachments.Gone):
            replies.write(by="staff:1", drafts=[mine.pk, foreign.pk], **facts)
    reply = replies.write(by="staff:1", drafts=[mine.pk], **facts)
    assert list(reply.attachments.all()) == [mine]
    with pytest.raises(attachments.Gone):
        replies.write(by="staff:1", drafts=[mine.pk], **facts)


def test_drafts_nobody_came_back_to_are_swept(ticket: Ticket) -> None:
    attachments.draft(ticket_id=ticket.pk, files=[PDF], by="staff:1", now=NOW)
    keep(ticket)
    _, held = reply_with_a_file(open_ticket_again(ticket))
    assert attachments.sweep(now=NOW + timedelta(hours=11)) == 0
    assert attachments.sweep(now=NOW + timedelta(hours=12)) == 1
    assert held in Attachment.objects.all()
    assert Attachment.objects.count() == 2


def open_ticket_again(ticket: Ticket) -> Ticket:
    """Another case of the same payment."""
    reject(ticket)
    assert ticket.payment is not None
    return open_ticket(ticket.payment)


# Scanning


def scan_clean(content: bytes) -> str:
    assert content.startswith(b"%PDF")
    return "clean"


def scan_infected(_: bytes) -> str:
    return "infected"


def scan_unknown(_: bytes) -> str:
    return "unknown"


def scan_raises(_: bytes) -> str:
    raise OSError("the scanner is away")


@pytest.fixture
def waiting(case: Ticket, settings: Any) -> Attachment:
    """A file that waits for the scanner."""
    settings.ATTACHMENT_SCANNER = f"{__name__}.scan_clean"
    return keep(case)


def scanned(settings: Any, how: str, *, at: Any = None) -> int:
    settings.ATTACHMENT_SCANNER = f"{__name__}.{how}"
    return scanning.scan_due(now=at or timezone.now())


@pytest.mark.django_db(transaction=True)
def test_a_file_is_shown_to_nobody_before_it_was_looked_at(
    client: Client, case: Ticket, waiting: Attachment, settings: Any
) -> None:
    signed = attachments.link(waiting, holder=case.token, now=timezone.now())
    url = reverse("support:file", args=[case.token, signed])
    page = client.get(reverse("support:track", args=[case.token])).content.decode()
    assert "안전한지 확인하고 있어요" in page
    assert links(client, case) == []
    assert client.get(url).status_code == 404

    assert scanned(settings, "scan_clean") == 1

    assert client.get(url).content == PDF.content
    assert scanned(settings, "scan_clean") == 0


@pytest.mark.django_db(transaction=True)
def test_an_infected_file_is_destroyed_and_its_line_says_so(
    client: Client, case: Ticket, waiting: Attachment, settings: Any
) -> None:
    scanned(settings, "scan_infected")
    page = client.get(reverse("support:track", args=[case.token])).content.decode()
    assert "바이러스가 있어 지웠어요" in page
    assert links(client, case) == []
    assert not AttachmentBody.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["scan_unknown", "scan_raises"])
def test_what_stays_unknown_is_tried_again_and_never_shown(
    client: Client, case: Ticket, waiting: Attachment, settings: Any, how: str
) -> None:
    now, tries = timezone.now(), 0
    for day in range(10):
        tries += scanned(settings, how, at=now + timedelta(days=day))
    waiting.refresh_from_db()
    assert tries == 6
    assert waiting.dead_at is not None
    assert links(client, case) == []


@pytest.mark.django_db(transaction=True)
def test_a_missing_key_destroys_no_file(waiting: Attachment, settings: Any) -> None:
    keys, settings.FIELD_KEYS = settings.FIELD_KEYS, {"other": bytes(32)}
    scanned(settings, "scan_clean")
    assert AttachmentBody.objects.exists()

    settings.FIELD_KEYS = keys
    scanned(settings, "scan_clean", at=timezone.now() + timedelta(minutes=1))
    waiting.refresh_from_db()
    assert waiting.is_open


def test_a_scanner_that_is_not_there_stops_the_start(settings: Any) -> None:
    settings.ATTACHMENT_SCANNER = "nobody.scan"
    with pytest.raises(ImproperlyConfigured, match="ATTACHMENT_SCANNER"):
        scanning.check_settings()


# What is internal stays internal


def test_no_internal_note_stands_where_files_are_fetched(client: Client, case: Ticket) -> None:
    tickets.add_note(ticket_id=case.pk, text="단골 사기꾼", by="staff:1", now=timezone.now())
    keep(case)
    [link] = links(client, case)
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        assert "사기꾼" not in client.get(link).content.decode()
    assert InternalNote.objects.exists()
