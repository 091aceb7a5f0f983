"""What is read out of a mail, whoever wrote it and however badly: a table of nasty ones."""

import base64
import io
import quopri
import time
import zipfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.letters import LONGEST_SUBJECT, LONGEST_TEXT, Letter, read
from tests.support.mails import SENDER, bounce, mail, part, parts

SAID = "환불은 언제 되나요?"
QUOTE = "\n> 안녕하세요\n> 고객센터입니다"


def encoded(text: str, charset: str, how: str = "B") -> str:
    raw = text.encode(charset)
    if how == "Q":
        shown = quopri.encodestring(raw, quotetabs=True, header=True).decode()
        return f"=?{charset}?Q?{shown}?="
    return f"=?{charset}?B?{base64.b64encode(raw).decode()}?="


def zipped() -> bytes:
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w") as archive:
        archive.writestr("a.txt", "a" * 100_000)
    return base64.b64encode(box.getvalue())


def nested(depth: int) -> bytes:
    inner = part("맨 안쪽")
    for number in range(depth):
        box = f"b{number}"
        inner = (
            f'Content-Type: multipart/mixed; boundary="{box}"\r\n\r\n--{box}\r\n'.encode()
            + inner
            + f"\r\n--{box}--\r\n".encode()
        )
    return f"From: {SENDER}\r\nSubject: x\r\n".encode() + inner


# Korean as programs write it: what is declared, and the bytes that really follow.
CHARSETS: dict[str, tuple[bytes, str]] = {
    "utf-8": (mail(SAID), SAID),
    "euc-kr": (mail(SAID, charset="euc-kr"), SAID),
    "cp949": (mail("똠방각하 펲시콜라", charset="cp949"), "똠방각하 펲시콜라"),
    "euc-kr with what only cp949 has": (
        mail("똠방각하".encode("cp949"), charset="euc-kr"),
        "똠방각하",
    ),
    "ks_c_5601-1987": (mail(SAID.encode("cp949"), charset="ks_c_5601-1987"), SAID),
    "iso-2022-kr": (mail(SAID, charset="iso-2022-kr"), SAID),
    "johab": (mail(SAID, charset="johab"), SAID),
    "utf-16": (mail(SAID, charset="utf-16"), SAID),
    "none said, utf-8": (mail(SAID.encode(), charset=""), SAID),
    "none said, cp949": (mail(SAID.encode("cp949"), charset=""), SAID),
    "a wrong one said": (mail(SAID.encode("cp949"), charset="utf-8"), SAID),
    "one nobody knows": (mail(SAID.encode(), charset="x-klingon"), SAID),
    "one that is no text encoding": (mail(SAID.encode(), charset="zip"), SAID),
    "one that takes for ever": (mail(SAID.encode(), charset="punycode"), SAID),
}


@pytest.mark.parametrize("name", CHARSETS)
def test_korean_is_read_in_whatever_it_is_written(name: str) -> None:
    raw, expected = CHARSETS[name]

    assert read(raw).text == expected


SUBJECTS: dict[str, tuple[str | bytes, str]] = {
    "base64": (encoded("환불 문의", "utf-8"), "환불 문의"),
    "quoted": (encoded("환불 문의", "euc-kr", "Q"), "환불 문의"),
    "cp949 under an older name": (
        encoded("똠방각하", "cp949").replace("cp949", "ks_c_5601-1987"),
        "똠방각하",
    ),
    "in pieces": (f"{encoded('환불 ', 'utf-8')}\r\n {encoded('문의', 'utf-8')}", "환불 문의"),
    "raw bytes": ("환불 문의".encode("cp949"), "환불 문의"),
    "half encoded": (f"Re: {encoded('환불', 'utf-8')} C-20417", "Re: 환불 C-20417"),
    "with lines smuggled in": (
        encoded("환불\r\nBcc: all@mail.test\r\n\r\n문의", "utf-8"),
        "환불 Bcc: all@mail.test 문의",
    ),
    "emoji": (encoded("😀 환불", "utf-8"), "😀 환불"),
    "right to left": (encoded("שלום \u202egnp.exe", "utf-8"), "שלום gnp.exe"),
    "NUL": (encoded("환\0불", "utf-8"), "환불"),
    "broken base64": ("=?utf-8?B?!!!!?= 환불", "환불"),
    "a resident number": (encoded("900131-1234567 환불", "utf-8"), "●●●●●●-●●●●●●● 환불"),
    "endless": ("가" * 5_000, "가" * LONGEST_SUBJECT),
    "none": ("", ""),
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_subject_is_one_plain_line(name: str) -> None:
    written, expected = SUBJECTS[name]

    assert read(mail(subject=written)).subject == expected


SENDERS: dict[str, tuple[str | bytes | None, str]] = {
    "name and address": (f"김민지 <{SENDER}>", SENDER),
    "address only": (SENDER, SENDER),
    "capitals": ("MinJi@Mail.Test", SENDER),
    "none": (None, ""),
    "empty": ("", ""),
    "no address": ("김민지", ""),
    "two in one line": (f"{SENDER}, other@mail.test", ""),
    "two lines": (f"{SENDER}\r\nFrom: other@mail.test", ""),
    "the same twice": (f"{SENDER}\r\nFrom: <{SENDER}>", SENDER),
    "an address in the name": (f"{encoded('<boss@mail.test>', 'utf-8')} <{SENDER}>", SENDER),
    "lines smuggled in": (encoded(f"{SENDER}\r\nBcc: all@mail.test", "utf-8"), ""),
    "too long": (f"{'a' * 300}@mail.test", ""),
    "raw bytes": ("김민지".encode("cp949") + f" <{SENDER}>".encode(), SENDER),
}


@pytest.mark.parametrize("name", SENDERS)
def test_a_sender_is_exactly_one_address(name: str) -> None:
    written, expected = SENDERS[name]

    assert read(mail(sender=written)).sender == expected


HTML = f"<html><head><style>p{{}}</style><title>t</title></head><body><p>{SAID}</p>"
TEXTS: dict[str, tuple[bytes, str]] = {
    "plain before html": (
        parts(part(SAID), part("<p>다른 글</p>", "text/html"), kind="multipart/alternative"),
        SAID,
    ),
    "html alone": (mail(f"{HTML}<script>x()</script></body>", kind="text/html"), SAID),
    "html with a quote": (
        mail(f"{HTML}<blockquote>안녕하세요<br>고객센터</blockquote>", kind="text/html"),
        SAID,
    ),
    "html that never ends": (mail(f"{HTML}<div><p <", kind="text/html"), f"{SAID}\n\n<p <"),
    "an answer above a quote": (mail(SAID + QUOTE), SAID),
    "an answer below a quote": (mail(f"> 안녕하세요\n{SAID}"), f"> 안녕하세요\n{SAID}"),
    "nothing but a quote": (mail(QUOTE.strip()), QUOTE.strip()),
    "Korean history": (
        mail(f"{SAID}\n\n2026년 11월 23일 (월) 오후 2:12, 고객센터 <a@x.test>님이 작성:\n> 안녕"),
        SAID,
    ),
    "English history": (mail(f"{SAID}\n\nOn Mon, 23 Nov 2026, Desk <a@b.c> wrote:\n> hi"), SAID),
    "Outlook history": (mail(f"{SAID}\n\n-----Original Message-----\nFrom: a@b.c\nhi"), SAID),
    "a signature": (mail(f"{SAID}\n-- \n김민지\n010-9000-0000"), SAID),
    "NUL and bells": (mail("환\0불\a은 \x1b[31m언제"), "환불은 [31m언제"),
    "turned writing": (mail("파일 \u202egnp.exe\u202c"), "파일 gnp.exe"),
    "emoji": (mail("😀👩‍💻 고마워요"), "😀👩‍💻 고마워요"),
    "right to left": (mail("שלום، 안녕"), "שלום، 안녕"),
    "a resident number": (mail("제 번호는 900131-1234567이에요"), "제 번호는 ●●●●●●-●●●●●●●이에요"),
    "no body": (mail(""), ""),
    "a part that never ends": (
        parts(part(SAID)).replace(b"--seam--", b""),
        SAID,
    ),
    "a box without a seam": (
        mail(SAID, kind="multipart/mixed"),
        "",
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_writers_own_words_are_kept(name: str) -> None:
    raw, expected = TEXTS[name]

    assert read(raw).text == expected


MACHINES: dict[str, tuple[bytes, str]] = {
    "a person": (mail(), ""),
    "a person who says so": (mail(extra="Auto-Submitted: no"), ""),
    "an answering machine": (mail(extra="Auto-Submitted: auto-replied"), "Auto-Submitted"),
    "with a comment": (mail(extra="auto-submitted: auto-generated; x=y"), "Auto-Submitted"),
    "bulk": (mail(extra="Precedence: bulk"), "Precedence"),
    "junk": (mail(extra="Precedence: JUNK"), "Precedence"),
    "a list": (mail(extra="List-Id: <news.mail.test>"), "List-Id"),
    "Exchange": (mail(extra="X-Auto-Response-Suppress: All"), "X-Auto-Response-Suppress"),
    "Exchange on behalf of a person": (mail(extra="X-Auto-Response-Suppress: None"), ""),
    "an old answering machine": (mail(extra="X-Autoreply: yes"), "X-Autoreply"),
    "nobody to answer": (mail(extra="Return-Path: <>"), "Return-Path"),
    "the mail server": (mail(sender="MAILER-DAEMON@mx.test"), "From"),
    "the postmaster": (mail(sender="Postmaster <postmaster@mx.test>"), "From"),
    "a receipt of reading": (
        parts(part("읽었음"), kind="multipart/report; report-type=disposition-notification"),
        "multipart/report",
    ),
}


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_is_told_from_a_person(name: str) -> None:
    raw, expected = MACHINES[name]

    assert read(raw).machine == expected


@pytest.mark.parametrize(
    ("action", "expected"), [("failed", True), ("delayed", False), ("relayed", False)]
)
def test_only_a_report_of_failure_is_a_bounce(action: str, expected: object) -> None:
    seal = "0123456789abcdef0123"
    letter = read(bounce(f"Message-ID: <1-2.417.{seal}@phonebill.test>\r\n", action=action))

    assert letter.is_bounce is expected
    assert letter.machine == "Auto-Submitted"
    assert letter.threads == (((417, seal),) if expected else ())


@pytest.mark.parametrize(
    ("extra", "subject", "expected"),
    [
        ("Cc: help+417.{seal}@phonebill.test", "x", "thread"),
        ("In-Reply-To: <uuid-1.417.{seal}@phonebill.test>", "x", "thread"),
        ("References: <a@b>\r\n <uuid-1.417.{seal}@phonebill.test>", "x", "thread"),
        ("X-Other: help+417.{seal}@phonebill.test", "x", ""),
        ("", "Re: [Phonebill] 취소 요청을 받았어요 (C-20417)", "C-20417"),
        ("", "re: c-20417", "C-20417"),
        ("", "ABC-20417", ""),
        ("", "C-20417x", ""),
        ("", "C-1", ""),
    ],
)
def test_a_mail_names_its_case_by_a_sealed_address_or_in_its_subject(
    extra: str, subject: str, expected: str
) -> None:
    seal = "0123456789abcdef0123"

    letter = read(mail(extra=extra.format(seal=seal), subject=subject))

    assert letter.threads == (((417, seal),) if expected == "thread" else ())
    assert letter.number == (expected if expected != "thread" else "")


FILES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "none": (mail(), ()),
    "a picture": (parts(part(SAID), part("x", "image/png", "영수증.png")), ("영수증.png",)),
    "a zip": (parts(part(SAID), part(zipped(), "application/zip", "a.zip")), ("a.zip",)),
    "a path": (parts(part(SAID), part("x", "image/png", "../../etc/passwd")), ("passwd",)),
    "a path of Windows": (parts(part(SAID), part("x", "image/png", r"C:\a\b.png")), ("b.png",)),
    "a turned ending": (parts(part("x"), part("x", "a/b", "cod\u202egnp.exe")), ("codgnp.exe",)),
    "a long name": (parts(part("x"), part("x", "a/b", f"{'a' * 300}.pdf")), ("a" * 55 + "….pdf",)),
    "no name": (parts(part(SAID), part("x", "image/png")), ("",)),
    "a mail": (parts(part(SAID), part(mail("속"), "message/rfc822")), ("",)),
    "text as a file": (parts(part(SAID), part("x", "text/plain", "a.txt")), ("a.txt",)),
    "a name in an encoding": (
        parts(part("x"), part("x", "a/b", encoded("영수증.png", "euc-kr"))),
        ("영수증.png",),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_attachments_are_named_and_never_text(name: str) -> None:
    raw, expected = FILES[name]

    letter = read(raw)

    assert tuple(attachment.name for attachment in letter.attachments) == expected
    assert letter.text in (SAID, "x")


def test_a_very_long_text_is_cut() -> None:
    letter = read(mail("가" * 100_000))

    assert letter.text == "가" * LONGEST_TEXT
    assert letter.is_cut


def test_ten_megabytes_are_read_for_their_words() -> None:
    raw = parts(part(SAID), part(b"A" * 12_000_000, "image/png", "big.png"))

    letter = read(raw)

    assert letter.text == SAID
    assert letter.attachments[0].name == "big.png"


@pytest.mark.parametrize(
    "raw",
    [b"", b"\0", b"\xff" * 1000, b"From: ", b"\r\n\r\n", nested(15), nested(3_000)],
    ids=[
        "nothing",
        "NUL",
        "noise",
        "half a header",
        "no header",
        "a deep mail",
        "a bottomless one",
    ],
)
def test_what_is_no_mail_is_read_all_the_same(raw: bytes) -> None:
    assert isinstance(read(raw), Letter)


def test_a_thousand_parts_are_not_all_kept() -> None:
    letter = read(parts(*[part("x", "image/png", f"{number}.png") for number in range(1_000)]))

    assert len(letter.attachments) == 100


# Each took the library's parsers, or our own patterns, minutes to hours, and stopped the desk.
SLOW = {
    "tags in tags": mail("<a " * 130_000, kind="text/html"),
    "tags with half a value": mail("<a b='" * 60_000, kind="text/html"),
    "comments that never end": mail("<!--" * 100_000, kind="text/html"),
    "half a resident number": mail(f"123456{' ' * 300_000}x"),
    "half a resident number in the subject": mail(subject=f"123456{' ' * 300_000}x"),
    "a header of nothing but semicolons": mail(kind=f"text/plain{';' * 1_000_000}"),
    "lines in boxes in boxes": nested(100) + b"\n" * 5_000_000,
}


@pytest.mark.parametrize("name", SLOW)
def test_no_mail_takes_long_to_read(name: str) -> None:
    begun = time.process_time()

    read(SLOW[name])

    assert time.process_time() - begun < 6


def test_a_comment_says_nothing_and_half_a_tag_is_text() -> None:
    html = f"<!--[if mso]><style>p{{}}</style><![endif]--><p>{SAID}</p> 1 < 2"

    assert read(mail(html, kind="text/html")).text == f"{SAID}\n1 < 2"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["Content-Type", "From", "Subject", "X"]))
def test_no_bytes_anywhere_stop_the_reading(noise: bytes, header: str) -> None:
    raw = f"{header}: ".encode() + noise + b"\r\n" + mail(noise, subject=noise, sender=noise)

    letter: Any = read(raw)

    assert "\0" not in letter.text + letter.subject + letter.sender
    assert "\n" not in letter.subject + letter.sender
    (letter.text + letter.subject + letter.sender).encode()
