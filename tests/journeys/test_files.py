"""A shopper shows what is wrong, an agent looks at it and sends a file back."""

import io

import pytest
from PIL import Image
from playwright.sync_api import Browser, Download, FilePayload, Page, expect

from tests.conftest import wait_until
from tests.journeys import people
from tests.journeys.people import Phone
from tests.stack import Stack
from tests.support import files

pytestmark = pytest.mark.browser


def chosen(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": content}


def saved(page: Page, name: str) -> Download:
    """What the browser saves when the file's name is pressed."""
    with page.expect_download() as waiting:
        page.get_by_role("link", name=name).click()
    return waiting.value


def test_a_shopper_sends_a_picture_and_an_agent_opens_it(
    page: Page, stack: Stack, browser: Browser
) -> None:
    people.pay(page, Phone(stack, "2723"))
    shopper = page
    shopper.locator("#step").get_by_role("link", name="결제 취소 요청").click()
    shopper.get_by_label("상품이 설명과 달라요").check()
    shopper.get_by_text("사진이나 이메일 더하기").click()
    shopper.get_by_label("더 하실 말씀").fill("소리가 안 나요")
    field = shopper.get_by_label("사진이나 PDF")
    field.set_input_files([chosen("화면.jpg", files.photo()), chosen("a.exe", b"MZ")])
    shopper.get_by_role("button", name="취소 요청하기").click()
    expect(shopper.locator("#id_files_error")).to_contain_text("a.exe: JPEG·PNG 사진이나 PDF만")
    expect(shopper.locator("#id_files_again")).to_contain_text("화면.jpg")
    expect(shopper.get_by_label("더 하실 말씀")).to_have_value("소리가 안 나요")
    field.set_input_files([chosen("화면.jpg", files.photo())])
    shopper.get_by_role("button", name="취소 요청하기").click()
    shopper.wait_for_url("**/support/track/**")
    expect(shopper.get_by_role("link", name="화면.jpg")).to_be_visible()

    agent = people.desktop(browser, stack, "agent@demo.test")
    people.open_case(agent, shopper.locator("dt:has-text('요청 번호') + dd").inner_text())
    with Image.open(io.BytesIO(saved(agent, "화면.jpg").path().read_bytes())) as picture:
        assert (picture.format, dict(picture.getexif())) == ("JPEG", {})

    agent.locator("#reply summary").click()
    agent.fill("#reply-reason", "이렇게 들어 보세요.")
    agent.set_input_files("#reply-files", [chosen("안내.pdf", files.pdf())])
    agent.get_by_role("button", name="보낼 글 확인하기").first.click()
    expect(agent.get_by_text("안내.pdf")).to_be_visible()
    agent.get_by_role("button", name="답장 보내기").click()

    def has_arrived() -> bool:
        shopper.reload()
        return shopper.get_by_role("link", name="안내.pdf").count() > 0

    wait_until(has_arrived, what="the reply")
    assert saved(shopper, "안내.pdf").path().read_bytes().startswith(b"%PDF-")
    agent.context.close()
