"""The HTML of a mail: the same words as its text, in the colours of the pages, and nothing else."""

import html
import re
from pathlib import Path

from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from payments.messengers import mails

OWN = "https://pay.example.kr"
TRACK = f"{OWN}/support/track/{'a' * 43}/"
RECEIPT = """결제가 완료됐어요.

결제 일시: 11월 23일 14:05
판매자: 멜로디 뮤직 (1600-0200)

11월 30일까지 취소할 수 있어요.
고객센터: 1600-0100로 말해 주세요."""
COLOUR = re.compile(r"#[0-9a-f]{6}\b")


def document(text: str, *, subject: str = "영수증", language: str = "ko") -> str:
    return mails.html_of(text, subject=subject, language=language, own=OWN)


def words_of(page: str) -> list[str]:
    body = page.partition("<h1>")[2].partition("</h1>")[2]
    return html.unescape(re.sub(r"<[^>]*>", " ", body)).split()


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1).map(
            lambda word: word.replace(":", "").replace("：", "") or "말"
        ),
        min_size=1,
    ),
    st.sampled_from([" ", "\n", "\n\n", ": "]),
)
def test_the_mail_says_every_word_of_its_text_in_order(words: list[str], between: str) -> None:
    text = between.join(words)

    said = words_of(document(text))

    assert [word.strip(":") for word in said] == [word.strip(":") for word in text.split()]


def test_lines_of_name_and_value_become_rows() -> None:
    page = document(RECEIPT)

    rows = re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', page)
    assert rows == [("결제 일시", "11월 23일 14:05"), ("판매자", "멜로디 뮤직 (1600-0200)")]


def test_our_signed_address_becomes_a_button_that_also_shows_where_it_leads() -> None:
    page = document(f"여쭤볼 것이 있어요.\n답하기: {TRACK}")

    assert f'<a class="button" href="{TRACK}">답하기</a>' in page
    assert f'<p class="address">{TRACK}</p>' in page


def test_another_address_is_never_a_link() -> None:
    for address in ("https://pay.example.kr.trap.test/a/", "javascript:alert(1)", "http://x.test"):
        assert "<a " not in document(f"여기: {address}")


def test_the_name_of_a_shop_is_words_and_not_markup() -> None:
    page = document("<b>멜로디</b> & 친구들", subject="<script>alert(1)</script>")

    assert "&lt;b&gt;멜로디&lt;/b&gt; &amp; 친구들" in page
    assert "<script" not in page


def test_the_mail_names_its_language() -> None:
    assert '<html lang="en">' in document("Your payment is complete.", language="en")


def test_every_colour_of_a_mail_is_a_token_of_the_pages() -> None:
    mail = (Path(settings.BASE_DIR) / "templates" / "mail.html").read_text()
    tokens = (Path(settings.BASE_DIR) / "static" / "css" / "phonebill.css").read_text()
    declared = re.findall(r"--[\w-]+: (#[0-9a-f]{6});", tokens)

    assert set(COLOUR.findall(mail)) <= set(declared)


def test_a_mail_fetches_nothing() -> None:
    page = document(RECEIPT + f"\n\n보기: {TRACK}")

    assert not re.search(r"<(img|link|script|iframe)|url\(|@import", page)
