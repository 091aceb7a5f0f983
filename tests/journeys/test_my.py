"""Finding one's payments again, cancelling, blocking and reporting: by roles and names."""

import re

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.conftest import wait_until
from tests.journeys import people
from tests.journeys.people import Phone
from tests.stack import Stack

pytestmark = pytest.mark.browser
SOON = 25_000
PHONE = ViewportSize(width=360, height=780)


def knock(page: Page, phone: Phone) -> None:
    """Number and birthdate, typed and sent with the keyboard alone."""
    page.goto("/")
    page.get_by_role("contentinfo").get_by_role("link", name="내 결제").click()
    page.get_by_role("textbox", name="휴대전화번호").focus()
    page.keyboard.type(phone.number)
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="생년월일")).to_be_focused()
    page.keyboard.type("900131")
    page.keyboard.press("Enter")
    page.wait_for_url("**/my/code/")


def enter(page: Page, phone: Phone) -> None:
    """From the front page to one's own payments."""
    knock(page, phone)
    code = phone.newest(r"(?<=본인 확인 번호 )[0-9]{6}")
    page.get_by_role("textbox", name="인증번호 6자리").focus()
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    page.wait_for_url("**/my/")


def press(page: Page, name: str) -> None:
    """Reach a button and press it as the keyboard does."""
    button = page.get_by_role("button", name=name, exact=True)
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_load_state()


def declined(page: Page, phone: Phone) -> None:
    """Try to pay; the window ends without a charge."""
    people.open_window(page)
    people.submit_line(page, phone)
    expect(page.get_by_text("돈이 빠져나가지 않았어요")).to_be_visible(timeout=SOON)


def test_pay_find_again_block_be_declined_unblock_and_pay(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2201")
    reference = people.pay(page, phone)
    page.context.clear_cookies()

    enter(page, phone)
    expect(page.get_by_role("heading", level=1)).to_contain_text("2,200원을 결제했어요")
    page.get_by_role("link", name="밤 산책 (음원 1곡)").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/my/{reference}/")
    expect(page.get_by_role("region", name="결제 내용")).to_contain_text("결제됨")

    page.get_by_role("link", name="차단·한도", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/my/rules/")
    press(page, "이 번호의 결제 막기")
    expect(page.get_by_role("status").first).to_contain_text("막았어요")
    expect(page.get_by_role("heading", level=1)).to_have_text("이 번호의 결제를 막아 두었어요")
    phone.newest("휴대폰 결제를 막았어요")

    declined(page, phone)
    page.get_by_role("link", name="내 결제에서 차단·한도 보기").click()
    press(page, "차단 풀기")
    expect(page.get_by_role("region", name="결제 차단")).to_contain_text("에 풀려요")
    declined(page, phone)

    page.goto("/my/rules/")
    wait_until(
        lambda: page.reload() and page.get_by_role("button", name="이 번호의 결제 막기").count(),
        what="the end of the block",
    )
    people.pay(page, phone)
    assert people.books(stack, reference) == [2_200]


def test_cancel_at_once_and_follow_the_money_home(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2202")
    reference = people.pay(page, phone)
    enter(page, phone)
    page.goto(f"/my/{reference}/")

    page.get_by_role("link", name="바로 취소하기").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/cancel/")
    press(page, "2,200원 취소하기")
    page.wait_for_url("**/support/track/**")
    page.goto(f"/my/{reference}/")

    expect(page.get_by_role("heading", level=1)).to_have_text(
        "2,200원을 돌려드렸어요", timeout=SOON
    )
    expect(page.get_by_role("list", name="진행 단계")).to_contain_text("휴대폰 요금에서 빠졌어요")
    phone.newest("승인")
    assert people.books(stack, reference) == [2_200]


def test_not_mine_blocks_and_comes_first_on_the_desk(
    page: Page, stack: Stack, browser: Browser
) -> None:
    phone = Phone(stack, "2203")
    reference = people.pay(page, phone)
    enter(page, phone)
    page.goto(f"/my/{reference}/")

    page.get_by_role("link", name="내가 결제하지 않았어요").click()
    press(page, "결제를 막고 알리기")
    for name in ("통신사 114", "경찰 112", "중재센터 1644-2367"):
        expect(page.get_by_role("link", name=name)).to_be_visible()
    number = re.search(r"O-\d+", page.locator("main").inner_text())
    declined(page, phone)

    agent = people.desktop(browser, stack, "agent@demo.test")
    agent.goto("/admin/support/ticket/")
    assert number
    cases = agent.locator("#result_list tbody tr")
    expect(cases.filter(has_text=number.group())).to_be_visible()
    # Older urgent cases may stand above it, and nothing else.
    listed = cases.all_inner_texts()
    at = next(place for place, case in enumerate(listed) if number.group() in case)
    assert all("긴급" in case for case in listed[: at + 1])
    agent.context.close()


def test_files_arrive_as_what_they_say(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2204")
    reference = people.pay(page, phone)
    enter(page, phone)

    for name, beginning in (("엑셀용 CSV로 받기", "\ufeff".encode()), ("PDF로 받기", b"%PDF-")):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        assert download.value.path().read_bytes().startswith(beginning)
    page.goto(f"/my/{reference}/receipt/")
    expect(page.get_by_role("button", name="인쇄하기")).to_be_visible()


def test_all_of_it_works_without_javascript(stack: Stack, browser: Browser) -> None:
    context = browser.new_context(
        base_url=stack.portal, viewport=PHONE, locale="ko-KR", java_script_enabled=False
    )
    page, phone = context.new_page(), Phone(stack, "2213")
    reference = people.pay(page, phone)
    enter(page, phone)
    page.get_by_role("link", name="밤 산책 (음원 1곡)").click()
    page.get_by_role("link", name="바로 취소하기").click()
    page.get_by_role("button", name="2,200원 취소하기").click()
    page.wait_for_url("**/support/track/**")
    page.goto("/my/rules/")
    page.get_by_role("button", name="이 번호의 결제 막기").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("이 번호의 결제를 막아 두었어요")
    page.get_by_role("button", name="나가기").click()
    page.goto(f"/my/{reference}/")

    expect(page.get_by_role("button", name="인증번호 받기")).to_be_visible()
    context.close()
