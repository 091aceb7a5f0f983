"""Paying, in a browser, on the whole portal."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import wait_until
from tests.journeys import people
from tests.journeys.people import DONE, Phone
from tests.stack import Stack

pytestmark = pytest.mark.browser


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
    people.open_window(page)
    people.submit_line(page, phone)
    page.wait_for_selector("[name=code]")

    handset = browser.new_page()
    handset.goto(phone.link)
    expect(handset.locator("main")).to_contain_text("2,200원")
    expect(page.locator("[name=code]")).to_be_visible()  # Looking confirms nothing.
    handset.get_by_role("button").first.click()

    # Sooner than the 15 s look-up of unanswered confirmations: the operator's event rang.
    expect(page.get_by_role("heading", name=DONE)).to_be_visible(timeout=10_000)
    handset.close()


def test_four_wrong_codes_and_then_the_right_one(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2003")
    people.open_window(page)
    people.submit_line(page, phone)
    page.wait_for_selector("[name=code]")
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
    people.open_window(page)
    people.submit_line(page, phone)
    page.wait_for_selector("[name=code]")
    wrong = f"{(int(phone.code) + 1) % 1_000_000:06d}"

    for left in (4, 3, 2, 1):
        people.type_code(page, wrong)
        expect(page.locator("#step")).to_contain_text(f"{left}번 더 입력할 수 있어요")
    people.type_code(page, wrong)

    expect(page.locator("main")).to_contain_text("번호를 5번 잘못 입력해 결제를 멈췄어요")
    expect(page.locator("main")).to_contain_text("돈이 빠져나가지 않았어요")
    assert people.books(stack, people.reference(page)) == []


def test_an_expired_code_says_so_and_a_new_one_can_be_had(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "0043")
    people.open_window(page)
    people.submit_line(page, phone)
    page.wait_for_selector("[name=code]")

    people.type_code(page, phone.code)

    expect(page.locator("#step")).to_contain_text("입력 시간이 지났어요. 새 번호를 받아 주세요")


def test_a_new_code_replaces_the_old_one(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2005")
    people.open_window(page)
    people.submit_line(page, phone)
    page.wait_for_selector("[name=code]")
    old = phone.code
    page.wait_for_timeout(2_500)
    page.reload()

    page.locator('form[action$="/resend/"] button').click()
    page.wait_for_selector("[name=code]")

    def has_new() -> bool:
        return phone.code != old

    wait_until(has_new, what="a new code")
    people.type_code(page, phone.code)
    expect(page.get_by_role("heading", name=DONE)).to_be_visible()


DECLINES = [
    ("0013", "분실 또는 정지된 회선이에요"),
    ("0016", "통신요금이 미납되어 쓸 수 없어요"),
    ("0017", "선불 요금제는 쓸 수 없어요"),
    ("0031", "이번 달 이용 한도를 넘었어요"),
    ("0035", "소액결제 이용 동의가 되어 있지 않아요"),
    ("0036", "명의자가 소액결제를 막아 둔 번호예요"),
    ("0054", "최근에 유심이 바뀐 회선"),
    ("0103", "통신사가 점검 중이에요"),
]


@pytest.mark.parametrize(("last4", "words"), DECLINES)
def test_a_decline_says_why_and_that_nothing_was_charged(
    page: Page, stack: Stack, last4: str, words: str
) -> None:
    people.open_window(page)

    people.submit_line(page, Phone(stack, last4))

    expect(page.locator("main")).to_contain_text(words)
    expect(page.locator("main")).to_contain_text("돈이 빠져나가지 않았어요")
    assert people.books(stack, people.reference(page)) == []


def test_a_minor_is_declined(page: Page, stack: Stack) -> None:
    people.open_window(page)

    people.submit_line(page, Phone(stack, "0032"), birthdate="20120131")

    expect(page.locator("main")).to_contain_text("만 19세부터")
    expect(page.locator("main")).to_contain_text("돈이 빠져나가지 않았어요")


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
    people.open_window(page)
    people.submit_line(page, phone)
    page.wait_for_selector("[name=code]")

    people.type_code(page, phone.code)

    expect(page.locator("main")).to_contain_text("다시 결제하지 마세요", timeout=15_000)
    expect(page.get_by_role("heading", name=DONE)).to_be_visible(timeout=30_000)
    assert people.books(stack, people.reference(page)) == [2_200]


def test_a_lost_confirm_that_charged_nothing_ends_as_not_paid(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "0099")
    people.open_window(page)
    people.submit_line(page, phone)
    page.wait_for_selector("[name=code]")

    people.type_code(page, phone.code)

    expect(page.locator("main")).to_contain_text("돈이 빠져나가지 않았어요", timeout=40_000)
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
    assert people.books(stack, people.reference(page)) == [2_200]


def test_a_double_click_on_each_button_charges_once(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2007")
    people.open_window(page)
    people.fill_line(page, phone)
    page.get_by_role("button", name="결제하기").dblclick()
    page.wait_for_selector("[name=code]", timeout=15_000)
    page.fill("[name=code]", phone.code)
    page.get_by_role("button", name=re.compile("결제 확정")).dblclick()

    expect(page.get_by_role("heading", name=DONE)).to_be_visible(timeout=15_000)
    assert people.books(stack, people.reference(page)) == [2_200]


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


def test_leaving_ends_the_payment_and_says_nothing_was_charged(page: Page, stack: Stack) -> None:
    people.open_window(page)
    people.submit_line(page, Phone(stack, "2009"))
    page.wait_for_selector("[name=code]")

    page.get_by_role("button", name="결제 그만두기").click()

    expect(page.locator("main")).to_contain_text("결제를 그만두었어요")
    expect(page.locator("main")).to_contain_text("돈이 빠져나가지 않았어요")


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
    context = browser.new_context(
        base_url=stack.portal,
        java_script_enabled=False,
        locale="ko-KR",
        viewport={"width": 360, "height": 780},
    )
    page = context.new_page()
    people.open_window(page)
    people.submit_line(page, phone, birthdate="19900231")
    expect(page.locator("main")).to_contain_text("없는 날짜예요")
    people.submit_line(page, phone)
    people.type_code(page, "000000" if phone.code != "000000" else "000001")
    expect(page.locator("main")).to_contain_text("4번 더 입력할 수 있어요")
    people.type_code(page, phone.code)

    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    context.close()
