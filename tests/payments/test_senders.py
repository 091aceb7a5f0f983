"""What each provider is told, and how each of its answers is understood: contracts on loopback."""

import email
import email.policy
import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from payments.messengers import http, links, sender_of, smtp
from payments.messengers.base import Letter, NotTaken, OutcomeUnknown, Refused
from payments.messengers.gateway import Gateway
from payments.messengers.smtp import Smtp
from payments.messengers.solapi import Solapi
from tests.payments.providers import (
    Answer,
    HttpProvider,
    MailServer,
    http_provider,
    mail_server,
)

NOW = datetime(2026, 11, 23, 5, 5, tzinfo=UTC)
TEXT = Letter("11111111-1111", "+821090000000", "", "멜로디 뮤직 2,200원 휴대폰결제 완료")
MAIL = Letter(
    "22222222-2222", "lee@payer.test", "영수증", "결제가 완료됐어요.", "<p>결제가 완료됐어요.</p>"
)
TAKEN = {"statusCode": "2000", "messageId": "M4V2026", "statusMessage": "정상 접수"}


@pytest.fixture
def provider(settings: Any) -> Iterator[HttpProvider]:
    with http_provider() as server:
        settings.SOLAPI_URL = settings.MESSAGE_GATEWAY_URL = server.url
        settings.SOLAPI_API_KEY, settings.SOLAPI_API_SECRET = "a-key", "a-secret"
        settings.SOLAPI_SENDER = "16000100"
        yield server


@pytest.fixture
def mails(settings: Any) -> Iterator[MailServer]:
    with mail_server() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "SECONDS", 0.3)
    monkeypatch.setattr(smtp, "SECONDS", 0.3)


@pytest.mark.parametrize(
    ("sms", "mail", "expected"),
    [
        ("gateway", "gateway", (Gateway, Gateway)),
        ("solapi", "smtp", (Solapi, Smtp)),
    ],
)
def test_the_settings_choose_who_sends(
    settings: Any, sms: str, mail: str, expected: tuple[type, type]
) -> None:
    settings.SMS_SENDER, settings.MAIL_SENDER = sms, mail

    assert (type(sender_of("SMS")), type(sender_of("EMAIL"))) == expected


def test_solapi_is_told_number_sender_text_and_our_id(provider: HttpProvider) -> None:
    provider.answer = lambda _: Answer(body=TAKEN)

    assert Solapi().send(TEXT, now=NOW) == "M4V2026"

    asked = provider.asked[0]
    assert (asked.method, asked.path) == ("POST", "/messages/v4/send")
    assert asked.body["message"] == {
        "to": "01090000000",
        "from": "16000100",
        "text": TEXT.text,
        "country": "82",
        "autoTypeDetect": True,
        "customFields": {"id": TEXT.message_id},
    }


def test_solapi_is_asked_with_a_signature_of_date_and_salt(provider: HttpProvider) -> None:
    provider.answer = lambda _: Answer(body=TAKEN)

    Solapi().send(TEXT, now=NOW)
    Solapi().send(TEXT, now=NOW)

    words = [asked.headers["Authorization"] for asked in provider.asked]
    form = r"HMAC-SHA256 apiKey=a-key, date=(2026-11-23T05:05:00Z), salt=(\w+), signature=(\w+)"
    (date, salt, signature), second = (re.fullmatch(form, word).groups() for word in words)  # type: ignore[union-attr]
    expected = hmac.new(b"a-secret", f"{date}{salt}".encode(), hashlib.sha256).hexdigest()
    assert signature == expected
    assert 12 <= len(salt) <= 64
    assert second[1] != salt, "a signature is accepted once in 15 minutes"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(body={"statusCode": "1062"}), Refused),
        (Answer(body={"statusCode": "2060", "messageId": "M"}), Refused),
        (Answer(body={"statusCode": "1030"}), NotTaken),
        (Answer(body={"statusCode": "2000"}), OutcomeUnknown),
        (Answer(body={}), OutcomeUnknown),
        (Answer(body=[TAKEN]), OutcomeUnknown),
        (Answer(text=""), OutcomeUnknown),
        (Answer(text="<html>ok</html>"), OutcomeUnknown),
        (Answer(text='{"statusCode": "20'), OutcomeUnknown),
        (Answer(text="[" * 100_000), OutcomeUnknown),
        (Answer(text=" " * 200_000), OutcomeUnknown),
        (Answer(400, {"errorCode": "ValidationError"}), Refused),
        (Answer(401), NotTaken),
        (Answer(402, {"errorCode": "NotEnoughBalance"}), NotTaken),
        (Answer(403, {"errorCode": "SignatureDoesNotMatch"}), NotTaken),
        (Answer(408), OutcomeUnknown),
        (Answer(429), NotTaken),
        (Answer(302, headers={"Location": "/elsewhere"}), OutcomeUnknown),
        (Answer(500, {"errorCode": "InternalError"}), OutcomeUnknown),
        (Answer(502), OutcomeUnknown),
        (Answer(503), OutcomeUnknown),
        (Answer(0), OutcomeUnknown),
    ],
    ids=lambda part: getattr(part, "__name__", None) or f"{part.status} {str(part.body)[:24]}",
)
def test_an_answer_of_solapi_is_understood(
    provider: HttpProvider, answer: Answer, expected: type[Exception]
) -> None:
    provider.answer = lambda _: answer

    with pytest.raises(expected):
        Solapi().send(TEXT, now=NOW)
    assert len(provider.asked) == 1, "no second call within one try, no redirect followed"


@pytest.mark.parametrize("answer", [Answer(body=TAKEN, wait=0.6), Answer(body=TAKEN, drip=0.1)])
@pytest.mark.usefixtures("impatient")
def test_an_answer_that_comes_too_late_leaves_the_outcome_unknown(
    provider: HttpProvider, answer: Answer
) -> None:
    provider.answer = lambda _: answer

    with pytest.raises(OutcomeUnknown):
        Solapi().send(TEXT, now=NOW)


def test_nobody_listening_is_certainly_not_taken(settings: Any, provider: HttpProvider) -> None:
    settings.SOLAPI_URL = "http://127.0.0.1:9"

    with pytest.raises(NotTaken):
        Solapi().send(TEXT, now=NOW)


@pytest.mark.parametrize(
    ("asked_to_wait", "expected"), [("120", 120), ("999999", 3600), ("soon", 0), ("-1", 0)]
)
def test_a_provider_may_ask_us_to_wait(
    provider: HttpProvider, asked_to_wait: str, expected: int
) -> None:
    provider.answer = lambda _: Answer(429, headers={"Retry-After": asked_to_wait})

    with pytest.raises(NotTaken) as caught:
        Solapi().send(TEXT, now=NOW)
    assert caught.value.wait_seconds == expected


def test_what_solapi_took_is_found_by_our_id(provider: HttpProvider) -> None:
    others = {"M1": {"customFields": {"id": "another"}}, "M2": {"customFields": None}, "M3": None}
    ours = {"M4": {"customFields": {"id": TEXT.message_id}}}
    provider.answer = lambda _: Answer(body={"messageList": others | ours})

    assert Solapi().find(TEXT, since=NOW - timedelta(minutes=1), now=NOW) == "M4"

    asked = provider.asked[0]
    assert (asked.method, asked.path) == ("GET", "/messages/v4/list")
    assert asked.query["value"] == ["01090000000"]
    assert asked.query["startDate"] == ["2026-11-23T04:59:00Z"]
    provider.answer = lambda _: Answer(body={"messageList": others})
    assert Solapi().find(TEXT, since=NOW, now=NOW) is None


@pytest.mark.parametrize("answer", [Answer(500), Answer(404), Answer(body={}), Answer(0)])
def test_solapi_that_cannot_be_asked_says_nothing(provider: HttpProvider, answer: Answer) -> None:
    provider.answer = lambda _: answer

    with pytest.raises(NotTaken):
        Solapi().find(TEXT, since=NOW, now=NOW)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(202, {}), OutcomeUnknown),
        (Answer(202, {"id": None}), OutcomeUnknown),
        (Answer(400), Refused),
        (Answer(401), NotTaken),
        (Answer(429), NotTaken),
        (Answer(500), OutcomeUnknown),
    ],
)
def test_an_answer_of_the_gateway_is_understood(
    provider: HttpProvider, answer: Answer, expected: type[Exception]
) -> None:
    provider.answer = lambda _: answer

    with pytest.raises(expected):
        Gateway("sms").send(TEXT, now=NOW)


def test_a_mail_carries_our_id_subject_and_words(mails: MailServer) -> None:
    taken_as = Smtp().send(MAIL, now=NOW)
    again = Smtp().send(MAIL, now=NOW)

    assert taken_as == again, "the same mail at every try, for servers that look"
    assert f"Message-ID: {taken_as}" in mails.taken[0]
    assert "To: lee@payer.test" in mails.taken[0]
    assert "=?utf-8?b?" in mails.taken[0]
    parsed = email.message_from_bytes(mails.taken[0].encode(), policy=email.policy.default)
    assert [
        (part.get_content_type(), part.get_content().strip()) for part in parsed.iter_parts()
    ] == [
        ("text/plain", MAIL.text),
        ("text/html", MAIL.html),
    ], "readers that cannot show the second one show the first"


def test_a_mail_that_can_be_answered_says_where_and_is_known_by_it(mails: MailServer) -> None:
    letter = replace(MAIL, reply_to="help+7.abc@phonebill.test")

    taken_as = Smtp().send(letter, now=NOW)

    assert "Reply-To: help+7.abc@phonebill.test" in mails.taken[0]
    assert taken_as == "<22222222-2222.7.abc@phonebill.test>"


def test_a_mail_says_that_no_person_wrote_it_unless_one_did(mails: MailServer) -> None:
    Smtp().send(MAIL, now=NOW)
    Smtp().send(replace(MAIL, is_by_hand=True), now=NOW)

    assert ["Auto-Submitted: auto-generated" in mail for mail in mails.taken] == [True, False]


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ({"hello": "421 too busy"}, NotTaken),
        ({"hello": None}, NotTaken),
        ({"MAIL": "451 later"}, NotTaken),
        ({"MAIL": "550 not from you"}, Refused),
        ({"RCPT": "450 mailbox busy"}, NotTaken),
        ({"RCPT": "550 no such user"}, Refused),
        ({"DATA": "451 later"}, NotTaken),
        ({"DATA": "554 no"}, Refused),
        ({"end": "452 full"}, NotTaken),
        ({"end": "554 spam"}, Refused),
        ({"RCPT": None}, OutcomeUnknown),
        ({"end": None}, OutcomeUnknown),
    ],
    ids=str,
)
def test_an_answer_of_a_mail_server_is_understood(
    mails: MailServer, says: dict[str, str | None], expected: type[Exception]
) -> None:
    mails.says = says

    with pytest.raises(expected):
        Smtp().send(MAIL, now=NOW)


@pytest.mark.usefixtures("impatient")
def test_a_mail_server_that_takes_the_mail_and_falls_silent_leaves_the_outcome_unknown(
    mails: MailServer,
) -> None:
    mails.waits = {"end": 0.6}

    with pytest.raises(OutcomeUnknown):
        Smtp().send(MAIL, now=NOW)
    assert len(mails.taken) == 1


@pytest.mark.usefixtures("impatient")
def test_a_mail_is_taken_however_the_goodbye_goes(mails: MailServer) -> None:
    mails.waits = {"QUIT": 0.6}

    assert Smtp().send(MAIL, now=NOW)


def test_a_mail_address_cannot_smuggle_a_header(mails: MailServer) -> None:
    evil = Letter("1", "lee@payer.test", "영수증\r\nBcc: all@payer.test", "text")

    with pytest.raises(ValueError, match="Header"):
        Smtp().send(evil, now=NOW)
    assert mails.taken == []


OWN = "https://pay.example.kr"
TOKEN = "A" * 43


@pytest.mark.parametrize(
    "text",
    [
        "http://evil.test/x",
        "HTTPS://EVIL.TEST",
        "보러 가기: www.evil.test",
        "bit.ly/2abc",
        "무료 쿠폰 evil.co.kr 에서",
        "ftp://x",
        "market://details?id=x",
        f"{OWN}@evil.test/support/track/{TOKEN}/",
        f"{OWN}.evil.test/support/track/{TOKEN}/",
        f"http://pay.example.kr/support/track/{TOKEN}/",
        f"{OWN}/",
        f"{OWN}/support/track/short/",
        f"{OWN}/support/track/{TOKEN}/?next=//evil",
        f"{OWN}/support/track/{TOKEN}/ http://evil.test",
    ],
)
def test_a_link_that_is_not_ours_and_signed_is_forbidden(text: str) -> None:
    assert links.forbidden(text, may_link=True, own=OWN)


def test_our_signed_link_is_allowed_only_where_the_kind_may_link() -> None:
    text = f"진행 보기: {OWN}/support/track/{TOKEN}/"

    assert links.forbidden(text, may_link=True, own=OWN) == []
    assert links.forbidden(text, may_link=False, own=OWN) != []


@pytest.mark.parametrize(
    "text",
    [
        "[Phonebill] 2026. 11. 23. 14:05 멜로디 뮤직(02-555-0100) 밤 산책.mp3 2,200원",
        "문의 help@phonebill.co.kr",
        "Node.js 강의, v1.2.3, 3.5%, U.S. edition",
        "끝자리 1234 계좌로 보냈어요.늦어도 11월 30일까지",
    ],
)
def test_ordinary_words_are_no_links(text: str) -> None:
    assert links.forbidden(text, may_link=False, own=OWN) == []


def test_a_signed_link_is_cut_short_for_those_who_only_read() -> None:
    text = links.masked(f"보기: {OWN}/support/track/{TOKEN}/", own=OWN)

    assert text == f"보기: {OWN}/support/track/…/"
