"""Customers of the sandbox write to the customer centre, and answer what it wrote to them."""

import os
import re
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from support import inbox
from support.letters import Letter, read
from tests.sandbox.carrier import Carrier
from tests.sandbox.test_pages import look, small_phone

__all__ = ["small_phone"]


def arrived(sender: str) -> list[Letter]:
    """What waits in the customer centre's inbox from this address."""
    with inbox.opened() as box:
        assert box is not None
        letters = [read(mail.raw) for mail in box.waiting()]
    return [letter for letter in letters if letter.sender == sender]


def post(carrier: Carrier, page: str, **form: str) -> int:
    shown = carrier.get(page)
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', shown.text)
    assert token is not None
    answer = carrier.http.post(
        page,
        data={**form, "csrfmiddlewaretoken": token[1]},
        headers={"Referer": f"{carrier.base_url}{page}"},
    )
    return int(answer.status_code)


def test_a_customer_writes_to_the_customer_centre(carrier: Carrier) -> None:
    page = "/sandbox/mail/writes@mail.test/"

    assert post(carrier, page, subject="환불\r\nBcc: all@mail.test", text="언제 되나요?") == 302
    assert post(carrier, page, subject="빈 메일", text=" ") == 404

    (letter,) = arrived("writes@mail.test")
    assert (letter.subject, letter.text) == ("환불 Bcc: all@mail.test", "언제 되나요?")
    assert letter.message_id


def test_an_answer_goes_where_the_mail_said(carrier: Carrier) -> None:
    address = f"help+7.{'a' * 20}@phonebill.test"
    mail = {
        "id": uuid.uuid4().hex,
        "channel": "email",
        "to": "answers@mail.test",
        "subject": "여쭤볼 것이 있어요",
        "text": "언제 결제하셨나요?",
        "html": "<p>언제 결제하셨나요?</p>",
        "reply_to": address,
    }
    assert carrier.post("/gateway/messages", mail).status_code == 202

    page = f"/sandbox/mail/answers@mail.test/?answer={mail['id']}"
    assert post(carrier, page, subject="Re: 여쭤볼 것이 있어요", text="어제요.") == 302

    (letter,) = arrived("answers@mail.test")
    assert letter.threads == ((7, "a" * 20),)


def test_what_is_no_address_cannot_write(carrier: Carrier) -> None:
    assert "csrfmiddlewaretoken" not in carrier.get("/sandbox/mail/nobody/").text


def test_the_inbox_is_where_the_portal_looks() -> None:
    assert Path(os.environ["SANDBOX_INBOX"]) == Path(os.environ["DATA_DIR"]) / "inbox"


@pytest.mark.browser
def test_from_the_list_of_phones_to_a_mail_that_was_sent(
    carrier: Carrier, small_phone: Page
) -> None:
    page = small_phone
    page.goto(f"{carrier.base_url}/sandbox/phones/")
    look(page)
    page.get_by_label("메일함 열기").fill("look@mail.test")
    page.get_by_role("button", name="열기").click()
    page.get_by_text("고객센터에 메일 쓰기").click()
    look(page)
    page.get_by_label("제목").fill("문의")
    page.get_by_label("내용").fill("환불은 언제 되나요?")
    page.get_by_role("button", name="보내기").click()
    expect(page.get_by_text("메일을 보냈습니다.")).to_be_visible()
    look(page)
    assert len(arrived("look@mail.test")) == 1
