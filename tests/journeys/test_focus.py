"""Where the keyboard stands after each answer: at the error, the field, the heading; never nowhere.

Titles and the live region too: what somebody hears who does not see the page change.
"""

import re

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys import people
from tests.journeys.people import DONE, Phone
from tests.stack import Stack
from tests.survival import witness

pytestmark = pytest.mark.browser
SOON = 25_000


def to_code(page: Page, phone: Phone) -> None:
    """From the shop to the second step."""
    people.open_window(page)
    people.submit_line(page, phone)
    page.wait_for_selector("[name=code]")


def update(stack: Stack, sql: str, *values: object) -> None:
    """Change one row as time would have."""
    with psycopg.connect(stack.environment["DATABASE_URL"]) as database:
        assert database.execute(sql, values).rowcount == 1


def token(page: Page) -> str:
    return page.url.split("/pay/")[1].split("/")[0]


def test_focus_is_on_the_summary_when_several_fields_are_wrong(page: Page, stack: Stack) -> None:
    people.open_window(page)
    people.fill_line(page, Phone(stack, "2601"))
    page.fill("[name=phone]", "02-123-4567")
    page.fill("[name=birthdate]", "19901301")

    page.get_by_role("button", name="결제하기").click()

    expect(page.get_by_role("alert", name="문제가 있어요")).to_be_focused()
    expect(page).to_have_title(re.compile("^오류: 휴대폰 정보 입력"))
    page.get_by_role("link", name="없는 날짜예요. 월(13)을 확인해 주세요").press("Enter")
    expect(page.get_by_label("생년월일")).to_be_focused()


def test_focus_is_on_the_field_when_it_alone_is_wrong(page: Page, stack: Stack) -> None:
    people.open_window(page)
    people.fill_line(page, Phone(stack, "2602"), birthdate="19900231")

    page.get_by_role("button", name="결제하기").click()

    field = page.get_by_label("생년월일")
    expect(field).to_be_focused()
    expect(field).to_have_value("19900231")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile(r"오류: 없는 날짜예요. 일\(31\)"))
    expect(page).to_have_title(re.compile("^오류: "))


def test_six_digits_come_back_in_full_beside_another_error(page: Page, stack: Stack) -> None:
    people.open_window(page)
    people.fill_line(page, Phone(stack, "2603"), birthdate="９００１３１")
    page.fill("[name=phone]", "")

    page.get_by_role("button", name="결제하기").click()

    expect(page.get_by_label("휴대전화번호")).to_be_focused()
    expect(page.get_by_label("생년월일")).to_have_value("19900131")
    expect(page.locator("#step")).to_contain_text("1990년 1월 31일로 읽었어요")


def test_focus_follows_every_step_to_the_receipt(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2604")
    to_code(page, phone)
    expect(page.locator("#id_code")).to_be_focused()
    expect(page).to_have_title(re.compile("^인증번호 입력"))
    expect(page.locator("#live")).to_contain_text("문자로 온 번호를 입력해 주세요")
    expect(page.locator("#live")).to_contain_text("010-****-2604")

    right = phone.code
    people.type_code(page, f"{(int(right) + 1) % 1_000_000:06d}")
    expect(page).to_have_title(re.compile("^오류: 인증번호 입력"))
    expect(page.locator("#id_code")).to_be_focused()

    people.type_code(page, right)
    expect(page.get_by_role("heading", name=DONE)).to_be_focused()
    expect(page).to_have_title(re.compile("^결제가 완료됐어요"))


def test_focus_is_on_the_words_when_a_new_text_was_sent_or_asked_for_too_soon(
    page: Page, stack: Stack
) -> None:
    to_code(page, Phone(stack, "2605"))
    again = page.get_by_role("button", name="문자 다시 받기")

    again.click()
    expect(page.get_by_role("alert").filter(has_text="초 뒤에 다시 받을 수 있어요")).to_be_focused()
    expect(page.locator("#step").get_by_text("이제 문자를 다시 받을 수 있어요")).to_be_visible(
        timeout=5_000
    )
    again.click()

    expect(page.get_by_role("status").filter(has_text="새 문자를 보냈어요")).to_be_focused()
    expect(page.get_by_text("2번 더 받을 수 있어요")).to_be_visible()


@pytest.mark.parametrize(
    ("button", "heading"),
    [("번호 고치기", "휴대폰 정보를 입력해 주세요"), ("결제 그만두기", "결제를 그만두었어요")],
)
def test_focus_is_on_the_heading_when_a_press_leads_elsewhere(
    page: Page, stack: Stack, button: str, heading: str
) -> None:
    to_code(page, Phone(stack, "2606"))

    page.get_by_role("button", name=button).click()

    expect(page.get_by_role("heading", name=heading)).to_be_focused()


def test_focus_is_on_the_heading_when_the_carrier_declines(page: Page, stack: Stack) -> None:
    people.open_window(page)

    people.submit_line(page, Phone(stack, "0016"))

    expect(page.get_by_role("heading", name="결제할 수 없었어요")).to_be_focused()
    expect(page.get_by_role("link", name="통신사 고객센터 114")).to_be_visible()


def test_more_time_keeps_what_was_typed_and_the_keyboard(page: Page, stack: Stack) -> None:
    people.open_window(page)
    people.fill_line(page, Phone(stack, "2607"))
    update(
        stack,
        "UPDATE payments_payment SET expires_at = now() + interval '65 seconds' WHERE token = %s",
        token(page),
    )
    page.reload()
    people.fill_line(page, Phone(stack, "2607"))
    expect(page.locator("#more-time")).to_be_in_viewport()
    expect(page.locator("#live")).to_contain_text("결제 시간이 1분 남았어요", timeout=15_000)

    page.get_by_role("button", name="시간 연장").click()

    expect(page.locator("#more-time")).to_be_focused()
    expect(page.locator("#more-time")).to_contain_text("5분 늘렸어요")
    expect(page.locator(".timeleft")).to_contain_text(re.compile("0[56]:"))
    expect(page.locator("[name=phone]")).to_have_value("010-9000-2607")
    expect(page.locator("[name=agree_billing]")).to_be_checked()


def test_more_time_keeps_what_was_typed_without_javascript(browser: Browser, stack: Stack) -> None:
    context = browser.new_context(base_url=stack.portal, java_script_enabled=False, locale="ko-KR")
    page = context.new_page()
    people.open_window(page)
    people.fill_line(page, Phone(stack, "2608"))

    page.get_by_role("button", name="시간 연장").click()

    expect(page.locator("#more-time")).to_contain_text("5분 늘렸어요")
    expect(page.locator("[name=phone]")).to_have_value("010-9000-2608")
    expect(page.locator("[name=carrier][value=SKT]")).to_be_checked()
    expect(page.locator("[name=agree_privacy]")).to_be_checked()
    expect(page.locator("[data-errors]")).to_have_count(0)
    page.locator("[name=birthdate]").press("Enter")
    page.wait_for_selector("[name=code]")
    context.close()


def test_asking_whether_it_moved_on_leaves_the_keyboard_alone(page: Page, stack: Stack) -> None:
    to_code(page, Phone(stack, "2609"))
    page.fill("[name=code]", "123")

    with page.expect_response(lambda answer: "/status/" in answer.url, timeout=10_000) as asked:
        pass

    assert asked.value.status == 204
    expect(page.locator("#id_code")).to_be_focused()
    expect(page.locator("#id_code")).to_have_value("123")


def test_focus_is_on_the_receipt_when_the_phone_confirmed(
    page: Page, stack: Stack, browser: Browser
) -> None:
    phone = Phone(stack, "2610")
    to_code(page, phone)
    expect(page.locator("#id_code")).to_be_focused()

    handset = browser.new_page()
    handset.goto(phone.link)
    handset.get_by_role("button").first.click()

    expect(page.get_by_role("heading", name=DONE)).to_be_focused(timeout=15_000)
    expect(page.locator("[data-poll]")).to_have_count(0)
    handset.close()


def test_the_wait_says_so_when_it_is_long_and_ends_by_itself(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "0097")
    to_code(page, phone)
    people.type_code(page, phone.code)
    expect(page.get_by_role("heading", name="결제 결과를 확인하고 있어요")).to_be_focused(
        timeout=SOON
    )
    expect(page.get_by_text("보통 몇 초면 끝나요")).to_be_visible()

    witness.behave(stack)

    expect(page.get_by_role("heading", name=DONE)).to_be_focused(timeout=60_000)


def test_the_wait_says_that_it_may_be_left_when_it_is_long(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "0097")
    page.clock.install()
    to_code(page, phone)
    people.type_code(page, phone.code)
    words = page.get_by_role("status").get_by_text("아직 확인하고 있어요. 창을 닫아도")
    expect(page.get_by_text("보통 몇 초면 끝나요")).to_be_visible(timeout=SOON)
    expect(words).to_be_hidden()

    page.clock.fast_forward(31_000)

    expect(words).to_be_visible()
    expect(page.get_by_text("보통 몇 초면 끝나요")).to_be_hidden()
    expect(page.get_by_role("heading", name="결제 결과를 확인하고 있어요")).to_be_focused()


def test_a_tracked_request_moves_the_keyboard_only_from_what_is_gone(
    page: Page, stack: Stack, browser: Browser
) -> None:
    people.pay(page, Phone(stack, "2611"))
    number = people.ask_to_cancel(page)
    help_link = page.get_by_role("contentinfo").get_by_role("link", name="도움말")
    help_link.focus()
    agent = people.desktop(browser, stack, "agent@demo.test")
    people.open_case(agent, number)
    agent.get_by_role("button", name=re.compile("^승인")).first.click()

    expect(page.locator(".steps li:nth-child(2).is-done")).to_be_visible(timeout=SOON)
    expect(help_link).to_be_focused()
    agent.context.close()


def test_a_step_begins_with_amount_and_seller_wherever_the_press_was(
    page: Page, stack: Stack
) -> None:
    people.open_window(page)
    page.set_viewport_size({"width": 360, "height": 780})
    people.fill_line(page, Phone(stack, "2611"))
    page.get_by_role("button", name="결제하기").scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")

    page.get_by_role("button", name="결제하기").press("Enter")

    expect(page.locator("#id_code")).to_be_focused()
    for name in ("멜로디 뮤직", "2,200원"):
        expect(page.locator(".slip").get_by_text(name)).to_be_in_viewport()
    expect(page.get_by_role("button", name="결제 확정")).to_be_in_viewport()


def test_the_one_wrong_field_is_seen_with_its_error_on_a_small_screen(
    page: Page, stack: Stack
) -> None:
    people.open_window(page)
    page.set_viewport_size({"width": 360, "height": 640})
    people.fill_line(page, Phone(stack, "2612"), birthdate="19900231")

    page.get_by_role("button", name="결제하기").click()

    expect(page.get_by_label("생년월일")).to_be_focused()
    expect(page.get_by_label("생년월일")).to_be_in_viewport(ratio=1)
    expect(page.locator("#id_birthdate_error")).to_be_in_viewport(ratio=1)
    expect(page.locator("#agree_all")).to_be_checked()


def test_everything_a_payment_asks_stands_on_one_small_screen(page: Page, stack: Stack) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    people.open_window(page)

    first = page.get_by_role("group", name="통신사").bounding_box()
    last = page.get_by_role("button", name="결제하기").bounding_box()

    assert first
    assert last
    assert last["y"] + last["height"] - first["y"] < 640
