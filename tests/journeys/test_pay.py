"""Paying, in a browser, on the whole portal."""

import re

import psycopg
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.conftest import wait_until
from tests.journeys import people
from tests.journeys.people import DONE, Phone
from tests.stack import Stack
from tests.survival import witness

pytestmark = pytest.mark.browser
NOT_CHARGED = "돈이 빠져나가지 않았어요"


def put_off(stack: Stack, page: Page, column: str, interval: str) -> None:
    """Move one of the payment's clocks."""
    with psycopg.connect(stack.environment["DATABASE_URL"]) as database:
        sql = f"UPDATE payments_payment SET {column} = now() + %s::interval WHERE token = %s"
        assert database.execute(sql, [interval, people.token(page)]).rowcount == 1


def test_pay_by_code_and_use_the_song_at_once(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2001")

    reference = people.pay(page, phone)

    receipt = page.locator("main")
    for item in (
        "결제 일시",
        "멜로디 뮤직",
        "02-555-0100",
        "밤 산책",
        "2,200원",
        "이의신청",
        "1600-0100",
    ):
        expect(receipt).to_contain_text(item)
    expect(receipt).to_contain_text("23:50까지 요금에서 바로 취소할 수 있어요")
    page.get_by_role("link", name="지금 듣기").click()
    assert page.locator("audio").count() == 1
    with page.expect_download() as download:
        page.locator("a[download], a[href$='/file/']").first.click()
    assert download.value.path().read_bytes()[:4] == b"RIFF"
    assert people.books(stack, reference) == [2_200]
    assert "이의신청" in phone.newest(r"(?s).*휴대폰결제 완료.*")


def test_pay_by_the_link_in_the_text_and_the_window_moves_on_by_itself(
    page: Page, stack: Stack, browser: Browser
) -> None:
    phone = Phone(stack, "2002")
    people.to_code(page, phone)
    # The look-up of unanswered confirmations stays away: only the operator's event can ring.
    put_off(stack, page, "check_at", "1 hour")

    handset = browser.new_page()
    handset.goto(phone.link)
    expect(handset.locator("main")).to_contain_text("2,200원")
    expect(page.locator("[name=code]")).to_be_visible()  # Looking confirms nothing.
    handset.get_by_role("button").first.click()

    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    assert people.books(stack, people.reference(page)) == [2_200]
    handset.close()


def test_pay_where_the_operator_texts_only_a_link(
    page: Page, stack: Stack, browser: Browser
) -> None:
    phone = Phone(stack, "0060")
    people.open_window(page)
    people.submit_line(page, phone)
    expect(page.get_by_role("heading", name="문자 속 링크를 눌러 확인해 주세요")).to_be_visible()
    page.reload()

    handset = browser.new_page()
    handset.goto(phone.link)
    handset.get_by_role("button").first.dblclick()

    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    assert people.books(stack, people.reference(page)) == [2_200]
    handset.close()


def test_four_wrong_codes_and_then_the_right_one(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2003")
    people.to_code(page, phone)
    right = phone.code
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"

    for left in (4, 3, 2, 1):
        people.type_code(page, wrong)
        expect(page.locator("#step")).to_contain_text(f"{left}번 더 입력할 수 있어요")
        expect(page.locator("[name=code]")).to_have_value(wrong)
    people.type_code(page, right)

    expect(page.get_by_role("heading", name=DONE)).to_be_visible()


def test_the_fifth_wrong_code_ends_the_payment_without_a_charge(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2004")
    people.to_code(page, phone)
    wrong = f"{(int(phone.code) + 1) % 1_000_000:06d}"

    for left in (4, 3, 2, 1):
        people.type_code(page, wrong)
        expect(page.locator("#step")).to_contain_text(f"{left}번 더 입력할 수 있어요")
    people.type_code(page, wrong)

    expect(page.locator("main")).to_contain_text("번호를 5번 잘못 입력해 결제를 멈췄어요")
    expect(page.locator("main")).to_contain_text(NOT_CHARGED)
    assert people.books(stack, people.reference(page)) == []


def test_an_expired_code_says_so_and_a_new_one_can_be_had(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "0043")
    people.to_code(page, phone)

    people.type_code(page, phone.code)

    expect(page.locator("#step")).to_contain_text("입력 시간이 지났어요. 새 번호를 받아 주세요")
    people.resend_button(page).click()
    wait_until(lambda: len(phone.codes) > 1, what="a new code")
    expect(page.locator("[name=code]")).to_have_value("")


def test_a_new_code_replaces_the_old_one(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2005")
    people.to_code(page, phone)
    old = phone.code

    people.resend_button(page).click()
    wait_until(lambda: len(phone.codes) > 1, what="a new code")
    expect(page.locator(".hint", has_text="2번 더 받을 수 있어요")).to_have_count(1)
    if phone.code != old:
        people.type_code(page, old)
        expect(page.locator("#step")).to_contain_text("4번 더 입력할 수 있어요")
    people.type_code(page, phone.code)

    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    assert people.books(stack, people.reference(page)) == [2_200]


def test_a_text_that_never_comes_is_helped_with_and_ends_without_a_charge(
    page: Page, stack: Stack
) -> None:
    phone = Phone(stack, "0058")
    people.to_code(page, phone)
    assert phone.texts == []
    help_ = page.get_by_role("region", name="문자가 오지 않나요?")
    expect(help_).to_contain_text("스팸함")
    expect(help_).to_contain_text("1600-0100")

    people.resend_button(page).click()
    expect(help_).to_contain_text("2번 더 받을 수 있어요")
    put_off(stack, page, "expires_at", "0 seconds")
    page.reload()

    expect(page.get_by_role("heading", name="결제 시간이 지났어요")).to_be_visible()
    expect(page.locator("main")).to_contain_text(NOT_CHARGED)
    assert people.books(stack, people.reference(page)) == []


DECLINES = [
    ("0013", "분실 또는 정지된 회선이에요"),
    ("0016", "통신요금이 미납되어 쓸 수 없어요"),
    ("0017", "선불 요금제는 쓸 수 없어요"),
    ("0031", "이번 달 이용 한도를 넘었어요"),
    ("0035", "소액결제 이용 동의가 되어 있지 않아요"),
    ("0036", "명의자가 소액결제를 막아 둔 번호예요"),
    ("0103", "통신사가 점검 중이에요"),
]


@pytest.mark.parametrize(("last4", "words"), DECLINES)
def test_a_decline_says_why_and_that_nothing_was_charged(
    page: Page, stack: Stack, last4: str, words: str
) -> None:
    people.open_window(page)

    people.submit_line(page, Phone(stack, last4))

    expect(page.locator("main")).to_contain_text(words)
    expect(page.locator("main")).to_contain_text(NOT_CHARGED)
    assert people.books(stack, people.reference(page)) == []


def test_a_line_with_a_new_sim_proves_itself_by_its_payment_pin_and_pays(
    page: Page, stack: Stack
) -> None:
    phone = Phone(stack, "0054")
    people.open_window(page)
    people.submit_line(page, phone)
    expect(page.get_by_role("heading", name="결제 비밀번호를 입력해 주세요")).to_be_visible()
    assert phone.codes == []

    page.fill("[name=pin]", "000000")
    page.get_by_role("button", name="확인하기").click()
    expect(page.locator(".field-error")).to_contain_text("4번 더 입력할 수 있어요")
    expect(page.locator("[name=pin]")).to_be_focused()
    expect(page.locator("[name=pin]")).to_have_value("")
    page.fill("[name=pin]", "135790")
    page.get_by_role("button", name="확인하기").click()

    page.wait_for_selector("[name=code]")
    people.type_code(page, phone.code)
    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    assert people.books(stack, people.reference(page)) == [2_200]


def test_a_minor_is_declined(page: Page, stack: Stack) -> None:
    people.open_window(page)

    people.submit_line(page, Phone(stack, "0032"), birthdate="20120131")

    expect(page.locator("main")).to_contain_text("만 19세부터")
    expect(page.locator("main")).to_contain_text(NOT_CHARGED)


@pytest.mark.parametrize(
    ("last4", "words"),
    [("0011", "통신사를 다시 골라 주세요"), ("0012", "명의자 생년월일과 맞지 않아요")],
)
def test_a_mismatch_is_told_beside_its_field_and_keeps_what_was_typed(
    page: Page, stack: Stack, last4: str, words: str
) -> None:
    phone = Phone(stack, last4)
    people.open_window(page)

    people.submit_line(page, phone)

    expect(page.locator(".field-error").first).to_contain_text(words)
    expect(page.locator("[name=phone]")).to_have_value(phone.number)
    expect(page.locator("[name=carrier][value=SKT]")).to_be_checked()


def test_bad_input_is_told_beside_each_field_and_nothing_is_lost(page: Page, stack: Stack) -> None:
    people.open_window(page)
    page.fill("[name=phone]", "02-123-4567")
    page.fill("[name=birthdate]", "19900231")

    page.get_by_role("button", name="결제하기").click()

    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("통신사를 고르세요")
    expect(summary).to_contain_text("010으로 시작하는 휴대전화번호만")
    expect(summary).to_contain_text("없는 날짜예요. 일(31)을 확인해 주세요")
    expect(page.locator("[name=phone]")).to_have_value("02-123-4567")
    expect(page.locator("[name=birthdate]")).to_have_value("19900231")
    assert page.evaluate("document.activeElement.closest('[role=alert]') !== null")


def test_an_answer_lost_after_the_charge_ends_as_paid_once(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "0098")
    people.to_code(page, phone)

    with witness.unable(stack, "retrieve", "0098"):
        people.type_code(page, phone.code)
        expect(page.locator("main")).to_contain_text("다시 결제하지 마세요")
        page.reload()
        expect(page.locator("main")).to_contain_text("다시 결제하지 마세요")

    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    assert people.books(stack, people.reference(page)) == [2_200]


def test_an_outcome_that_cannot_be_asked_is_waited_for(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "0097")
    people.to_code(page, phone)
    people.type_code(page, phone.code)
    expect(page.locator("main")).to_contain_text("다시 결제하지 마세요")
    page.go_back()
    page.go_forward()
    expect(page.locator("main")).to_contain_text("다시 결제하지 마세요")

    witness.behave(stack)

    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    assert people.books(stack, people.reference(page)) == [2_200]


def test_a_lost_confirm_that_charged_nothing_ends_as_not_paid(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "0099")
    people.to_code(page, phone)

    people.type_code(page, phone.code)

    expect(page.locator("main")).to_contain_text(NOT_CHARGED)
    assert people.books(stack, people.reference(page)) == []


def test_reload_and_back_on_each_step_keep_the_payment_and_charge_once(
    page: Page, stack: Stack
) -> None:
    phone = Phone(stack, "2006")
    people.open_window(page)
    page.reload()
    people.submit_line(page, phone)
    page.wait_for_selector("[name=code]")
    page.reload()
    page.go_back()
    page.go_forward()
    page.wait_for_selector("[name=code]")
    people.type_code(page, phone.code)
    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    page.go_back()
    page.go_forward()
    page.reload()

    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    assert len(phone.codes) == 1
    assert people.books(stack, people.reference(page)) == [2_200]


def test_reload_and_back_after_a_decline_start_nothing(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "0016")
    people.open_window(page)
    people.submit_line(page, phone)
    expect(page.locator("main")).to_contain_text(NOT_CHARGED)
    page.reload()
    page.go_back()
    page.go_forward()

    expect(page.locator("main")).to_contain_text(NOT_CHARGED)
    assert people.books(stack, people.reference(page)) == []


def test_a_double_click_on_each_button_charges_once(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2007")
    people.open_window(page)
    people.fill_line(page, phone)
    page.get_by_role("button", name="결제하기").dblclick()
    page.wait_for_selector("[name=code]")
    assert len(phone.codes) == 1
    people.resend_button(page).dblclick()
    wait_until(lambda: len(phone.codes) > 1, what="a new code")
    expect(page.locator(".hint", has_text="2번 더 받을 수 있어요")).to_have_count(1)
    page.fill("[name=code]", phone.code)
    page.get_by_role("button", name=re.compile("결제 확정")).dblclick()

    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    assert len(phone.codes) == 2
    assert people.books(stack, people.reference(page)) == [2_200]


def press_twice(button: Locator) -> None:
    """And wait for the server: a page loaded anew at once would end the press before it is sent."""
    with button.page.expect_response(lambda answer: answer.request.method == "POST"):
        button.dblclick()


def test_a_double_click_without_javascript_charges_once(browser: Browser, stack: Stack) -> None:
    """No script holds the second press back: the server must."""
    phone = Phone(stack, "2012")
    page = people.plain(browser, stack)
    people.open_window(page)
    people.fill_line(page, phone)
    press_twice(page.get_by_role("button", name="결제하기"))
    people.reload_until(page, "[name=code]")
    assert len(phone.codes) == 1
    page.fill("[name=code]", phone.code)
    press_twice(page.get_by_role("button", name=re.compile("결제 확정")))
    people.reload_until(page, f"h1:has-text('{DONE}')")

    assert people.books(stack, people.reference(page)) == [2_200]
    page.context.close()


def test_back_to_the_first_step_corrects_the_number_and_charges_the_new_one(
    page: Page, stack: Stack
) -> None:
    wrong, right = Phone(stack, "2013"), Phone(stack, "2014")
    people.to_code(page, wrong)
    late = wrong.code
    page.get_by_role("button", name="번호 고치기").click()
    people.submit_line(page, right)
    page.wait_for_selector("[name=code]")
    if late != right.code:
        people.type_code(page, late)
        expect(page.locator("#step")).to_contain_text("번 더 입력할 수 있어요")

    people.type_code(page, right.code)

    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    assert people.books(stack, people.reference(page)) == [2_200]
    right.newest("휴대폰결제 완료")
    assert not any("휴대폰결제 완료" in text for text in wrong.texts)


def test_another_browser_cannot_go_on_with_somebody_elses_payment(
    page: Page, stack: Stack, browser: Browser
) -> None:
    people.open_window(page)
    people.submit_line(page, Phone(stack, "2008"))
    page.wait_for_selector("[name=code]")

    stranger = browser.new_context(base_url=stack.portal, locale="ko-KR").new_page()
    stranger.goto(page.url)

    expect(stranger.locator("main")).to_contain_text("처음 연 브라우저에서만")
    stranger.context.close()
    page.reload()
    expect(page.locator("[name=code]")).to_be_visible()


def test_leaving_ends_the_payment_and_says_nothing_was_charged(page: Page, stack: Stack) -> None:
    people.open_window(page)
    people.submit_line(page, Phone(stack, "2009"))
    page.wait_for_selector("[name=code]")

    page.get_by_role("button", name="결제 그만두기").click()

    expect(page.locator("main")).to_contain_text("결제를 그만두었어요")
    expect(page.locator("main")).to_contain_text(NOT_CHARGED)


def test_the_amount_is_the_servers_whatever_the_form_says(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2010")
    people.open_window(page)
    people.fill_line(page, phone)
    page.evaluate(
        """() => {
            const form = document.querySelector("#step form");
            for (const name of ["amount", "amount_won"]) {
                const field = document.createElement("input");
                field.name = name; field.value = "1"; form.append(field);
            }
        }"""
    )
    page.get_by_role("button", name="결제하기").click()
    page.wait_for_selector("[name=code]")
    people.type_code(page, phone.code)

    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    assert people.books(stack, people.reference(page)) == [2_200]


def test_paying_works_without_javascript(browser: Browser, stack: Stack) -> None:
    phone = Phone(stack, "2011")
    page = people.plain(browser, stack)
    people.open_window(page)
    people.submit_line(page, phone, birthdate="19900231")
    expect(page.locator("main")).to_contain_text("없는 날짜예요")
    people.submit_line(page, phone)
    people.type_code(page, "000000" if phone.code != "000000" else "000001")
    expect(page.locator("main")).to_contain_text("4번 더 입력할 수 있어요")
    people.type_code(page, phone.code)

    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    assert people.books(stack, people.reference(page)) == [2_200]
    page.context.close()


def test_paying_goes_on_from_page_to_page_when_htmx_does_not_come(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2023")
    page.route("**/htmx-2*.js", lambda route: route.abort())
    people.to_window(page)

    people.go_through(page, phone)

    assert people.books(stack, people.reference(page)) == [2_200]


def test_the_window_moves_on_by_itself_when_htmx_does_not_come(
    page: Page, stack: Stack, browser: Browser
) -> None:
    page.route("**/htmx-2*.js", lambda route: route.abort())
    people.to_window(page)
    people.submit_line(page, phone := Phone(stack, "0098"))

    with witness.unable(stack, "retrieve", "0098"):
        page.wait_for_selector("[name=code]")
        people.type_code(page, phone.code)
        expect(page.locator("main")).to_contain_text("다시 결제하지 마세요")
    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    assert people.books(stack, people.reference(page)) == [2_200]

    people.to_window(page)
    people.submit_line(page, phone := Phone(stack, "2027"))
    page.wait_for_selector("[name=code]")
    handset = browser.new_page()
    handset.goto(phone.link)
    handset.get_by_role("button").first.click()
    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    assert re.fullmatch(r".*/pay/[^/]+/", page.url)
    handset.close()


@pytest.mark.parametrize("when", ["later", "at once"])
def test_a_poll_that_is_answered_beside_a_press_changes_nothing(
    when: str, page: Page, stack: Stack
) -> None:
    phone = Phone(stack, "2024" if when == "later" else "2025")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    people.to_code(page, phone)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/status/**", hold)
    page.locator("[data-poll]").evaluate("(poll) => poll.dispatchEvent(new Event('poll'))")
    if when == "at once":
        page.route("**/code/", hold)
    people.type_code(page, phone.code)
    if when == "later":
        expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    else:
        wait_until(lambda: page.evaluate("true") and len(held) == 2, what="press and poll")

    # The press is sent first: what is answered to the poll is another step then.
    answers = [(route, route.fetch()) for route in reversed(held)]
    for route, answer in answers:
        route.fulfill(response=answer)

    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    page.wait_for_timeout(500)
    assert page.locator("#step").count() == page.locator("#aside").count() == 1
    assert said == []


def test_a_pressed_button_stays_pressed_until_the_next_step_is_there(
    page: Page, stack: Stack
) -> None:
    people.open_window(page)
    people.fill_line(page, Phone(stack, "2026"))
    button = page.get_by_role("button", name="결제하기")
    button.evaluate(
        """(button) => new MutationObserver(() => {
            window.heard = [...(window.heard ?? []), button.getAttribute("aria-disabled")];
        }).observe(button, { attributes: true })"""
    )

    button.click()

    page.wait_for_selector("[name=code]")
    assert page.evaluate("window.heard") == ["true"]
