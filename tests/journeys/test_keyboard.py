"""Paying, cancelling, following the refund and blocking with the keyboard alone, by names.

Nothing here knows a class or an id: what the keyboard reaches and how it is called is all a
screen reader has.
"""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys import people
from tests.journeys.keyboard import go_to, press, write
from tests.journeys.people import DONE, Phone
from tests.stack import Stack

pytestmark = pytest.mark.browser
SOON = 25_000


def pay_by_keyboard(page: Page, phone: Phone) -> None:
    """From the shelf to the receipt."""
    page.goto("/shop/melody/")
    press(page, page.get_by_role("link", name="밤 산책"))
    press(page, page.get_by_role("button", name="휴대폰 소액결제"))
    expect(page.get_by_role("heading", level=1)).to_have_text("휴대폰 정보를 입력해 주세요")
    expect(page.get_by_role("list", name="결제 단계").locator("[aria-current=step]")).to_have_text(
        "정보 입력"
    )
    expect(page.get_by_role("region", name="결제 내용")).to_contain_text("2,200원")
    go_to(page, page.get_by_role("group", name="통신사").get_by_role("radio", name="SKT").first)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", name="SKT", exact=True)).to_be_checked()
    consents = page.get_by_role("group", name=re.compile("^동의"))
    for box in consents.get_by_role("checkbox").all():
        expect(box).not_to_be_checked()
    press(page, consents.get_by_role("checkbox", name="아래 세 가지에 모두 동의해요"), "Space")
    expect(consents.get_by_role("checkbox", checked=True)).to_have_count(4)
    write(page, "휴대전화번호", phone.number)
    write(page, "생년월일", "900131")
    press(page, page.get_by_role("button", name="결제하기"))
    expect(page.get_by_role("textbox", name="인증번호 6자리")).to_be_focused()
    page.keyboard.type(phone.code)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=DONE, level=1)).to_be_focused()


def test_pay_with_the_keyboard_and_use_the_song(page: Page, stack: Stack) -> None:
    pay_by_keyboard(page, Phone(stack, "2701"))

    press(page, page.get_by_role("link", name="지금 듣기"))

    expect(page.get_by_role("heading", name=re.compile("밤 산책"))).to_be_visible()


def test_the_consents_are_each_their_own_and_can_be_read(page: Page, stack: Stack) -> None:
    people.open_window(page)
    consents = page.get_by_role("group", name=re.compile("^동의"))
    every = consents.get_by_role("checkbox", name="아래 세 가지에 모두 동의해요")

    press(page, consents.get_by_role("checkbox", name="개인정보 제3자 제공에 동의해요"), "Space")
    expect(consents.get_by_role("checkbox", checked=True)).to_have_count(1)
    assert every.evaluate("box => box.indeterminate && !box.checked")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_text("번호와 생년월일은 주지 않아요", exact=False)).to_be_visible()


def test_a_small_operator_is_chosen_from_the_second_list(page: Page, stack: Stack) -> None:
    people.open_window(page)

    press(page, page.get_by_text("알뜰폰", exact=True))
    expect(page.get_by_role("group", name="알뜰폰").get_by_role("radio").first).to_be_focused()
    page.keyboard.press("Space")

    expect(page.get_by_role("radio", name="알뜰폰 (SKT망)")).to_be_checked()
    expect(page.get_by_role("radio", name="SKT", exact=True)).not_to_be_checked()


def test_cancel_and_track_with_the_keyboard(page: Page, stack: Stack, browser: Browser) -> None:
    pay_by_keyboard(page, Phone(stack, "2702"))
    press(page, page.get_by_role("main").get_by_role("link", name="결제 취소 요청"))
    expect(page.get_by_role("heading", level=1)).to_have_text("왜 취소하시나요?")
    go_to(page, page.get_by_role("group", name="이유").get_by_role("radio").first)
    page.keyboard.press("Space")
    press(page, page.get_by_role("button", name="취소 요청하기"))
    page.wait_for_url("**/support/track/**")

    steps = page.get_by_role("list", name="진행 단계")
    expect(steps.get_by_role("listitem")).to_have_count(4)
    expect(steps.locator("[aria-current=step]")).to_contain_text("상담원이 확인하고 있어요")
    number = re.search(r"C-\d+", page.locator("body").inner_text())
    assert number
    agent = people.desktop(browser, stack, "agent@demo.test")
    people.open_case(agent, number.group())
    agent.get_by_role("button", name=re.compile("^승인")).first.click()

    expect(page.get_by_role("heading", name="2,200원을 돌려드렸어요")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("status").filter(has_text="돌려드렸어요").first).to_be_attached()
    agent.context.close()


def test_a_request_is_taken_back_with_the_keyboard(page: Page, stack: Stack) -> None:
    people.pay(page, Phone(stack, "2703"))
    people.ask_to_cancel(page)

    press(page, page.get_by_role("button", name="요청 거두기"))

    expect(page.get_by_role("heading", name="요청을 거두셨어요")).to_be_visible()


def test_block_the_line_with_the_keyboard_and_be_refused(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2704")
    people.pay(page, phone)
    page.goto("/my/")
    write(page, "휴대전화번호", phone.number)
    write(page, "생년월일", "900131")
    press(page, page.get_by_role("button", name="인증번호 받기"))
    page.wait_for_url("**/my/code/")
    write(page, "인증번호 6자리", phone.newest(r"(?<=본인 확인 번호 )[0-9]{6}"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/my/")

    press(page, page.get_by_role("link", name="차단·한도", exact=True))
    expect(page.get_by_role("region", name="결제 차단")).to_contain_text("누르는 즉시")
    press(page, page.get_by_role("button", name="이 번호의 결제 막기"))
    expect(page.get_by_role("heading", level=1)).to_have_text("이 번호의 결제를 막아 두었어요")
    expect(page.get_by_role("status").filter(has_text="막았어요")).to_be_visible()

    people.open_window(page)
    people.submit_line(page, phone)
    expect(page.get_by_role("heading", name="결제할 수 없었어요")).to_be_focused()
    press(page, page.get_by_role("link", name="내 결제에서 차단·한도 보기"))
    press(page, page.get_by_role("button", name="차단 풀기"))
    expect(page.get_by_role("region", name="결제 차단")).to_contain_text("에 풀려요")


def test_pay_again_from_where_it_ended_with_the_keyboard(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2705")
    people.to_code(page, phone)
    former = people.token(page)
    press(page, page.get_by_role("button", name="결제 그만두기"))
    expect(page.get_by_role("heading", name="결제를 그만두었어요")).to_be_focused()
    expect(page.get_by_role("region", name="결제 내용")).to_contain_text("청구되지 않아요")

    press(page, page.get_by_role("button", name="다시 결제하기"))

    expect(page.get_by_role("heading", level=1)).to_have_text("휴대폰 정보를 입력해 주세요")
    assert people.token(page) != former
    people.submit_line(page, phone)
    page.wait_for_selector("[name=code]")
    people.type_code(page, phone.code)
    expect(page.get_by_role("heading", name=DONE)).to_be_focused()
    assert people.books(stack, people.reference(page)) == [2_200]
