"""The help: every page opens, tells the calendar's own dates, and can be searched."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from payments import calendar
from payments.calendar import SEOUL
from payments.carriers.sandbox import lines
from portal import help as guide
from portal.models import User
from portal.views import help as views
from tests.portal import histories

pytestmark = pytest.mark.django_db
TOPIC = guide.topics(is_sandbox=True)[0]
SLUGS = [topic.slug for topic in guide.topics(is_sandbox=True)]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the clock the pages read."""

    def set_clock(moment: datetime) -> None:
        monkeypatch.setattr(views.timezone, "now", lambda: moment)

    return set_clock


def section(title: str, text: str) -> guide.Section:
    return guide.Section(TOPIC, "here", title, text)


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("slug", SLUGS)
def test_every_page_opens_and_each_of_its_sections_can_be_linked_to(
    client: Client, slug: str, language: str
) -> None:
    client.cookies["django_language"] = language
    response = client.get(f"/help/{slug}/")

    sections = response.context["sections"]
    assert response.status_code == 200
    assert sections
    assert all(section.anchor and section.title and section.text for section in sections)
    assert len({section.anchor for section in sections}) == len(sections)


def test_a_page_we_do_not_have_is_not_found(client: Client) -> None:
    assert client.get("/help/nothing/").status_code == 404


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 23, 14, 5, tzinfo=SEOUL),
        datetime(2026, 12, 31, 23, 49, 59, tzinfo=SEOUL),
        datetime(2027, 2, 1, 0, 0, tzinfo=SEOUL),
        datetime(2028, 2, 29, 12, 0, tzinfo=SEOUL),
    ],
)
@pytest.mark.parametrize("slug", ["cancel", "limits"])
def test_the_cutoff_shown_is_the_calendars(
    client: Client, at: Any, slug: str, moment: datetime
) -> None:
    at(moment)
    cutoff = calendar.carrier_cutoff(moment, calendar.Capabilities()).astimezone(SEOUL)

    html = client.get(f"/help/{slug}/").content.decode()

    assert f"{cutoff.month}월 {cutoff.day}일 {cutoff:%H:%M}까지" in html


def test_the_last_minutes_of_a_month_promise_no_cancel_that_cannot_be_kept(
    client: Client, at: Any
) -> None:
    at(datetime(2026, 11, 30, 23, 50, tzinfo=SEOUL))

    html = client.get("/help/cancel/").content.decode()

    assert "이번 달의 통신사 취소가 마감됐어요" in html
    assert "12월 1일부터" in html
    assert "23:50까지" not in html


def test_the_last_day_of_a_refund_skips_weekends_and_holidays(client: Client, at: Any) -> None:
    # Thursday; Christmas and a weekend follow.
    at(datetime(2026, 12, 24, 12, 0, tzinfo=SEOUL))

    assert "12월 30일" in client.get("/help/cancel/").content.decode()


def test_limits_shown_are_those_in_force(client: Client, settings: Any) -> None:
    settings.PAYMENT_MAX_WON = 27_500

    assert "27,500원" in client.get("/help/limits/").content.decode()


def test_contact_names_us_the_shops_and_the_officers_role(client: Client, settings: Any) -> None:
    melody = histories.shop("melody")
    settings.PROTECTION_OFFICER = "이용자보호팀장"

    html = client.get("/help/contact/").content.decode()

    for needed in (melody.phone, melody.email, settings.DESK_PHONE, "이용자보호팀장", "1644-2367"):
        assert needed in html


def test_texts_shown_are_those_we_send(client: Client) -> None:
    html = client.get("/help/safety/").content.decode()

    assert "본인 확인 번호 123456" in html
    assert "휴대폰결제 완료" in html


def test_sandbox_guide_lists_every_line_of_the_operator(client: Client) -> None:
    html = client.get("/help/sandbox/").content.decode()

    listed = {line.suffix for line in lines.LINES if not line.suffix.startswith("70")}
    assert {suffix for suffix in listed if f'<th scope="row">{suffix}</th>' not in html} == set()


def test_sandbox_guide_exists_in_sandbox_mode_only(client: Client, settings: Any) -> None:
    settings.SANDBOX = False

    assert client.get("/help/sandbox/").status_code == 404
    assert "0098" not in client.get("/help/?q=0098").content.decode().partition("<nav")[2]


def test_the_agents_guide_is_for_people_of_the_desk(client: Client, settings: Any) -> None:
    assert client.get("/help/desk/").status_code == 404
    assert "상담원 안내" not in client.get("/help/").content.decode()
    client.force_login(User.objects.create_user("a@desk.test", is_staff=True))
    settings.DECIDED_ALONE_MAX_WON = 27_500

    html = client.get("/help/desk/").content.decode()

    for told in ("27,500원", "15초", "60초", "2일", "100건", "7일", "10개", "12시간"):
        assert told in html
    assert "/help/desk/" in client.get("/help/").content.decode()
    assert "상담원 안내" in client.get("/help/", {"q": "거두기"}).content.decode()


def test_search_finds_marks_and_links_to_the_section(client: Client) -> None:
    html = client.get("/help/", {"q": "현금화"}).content.decode()

    assert '/help/safety/#cashout"><mark>현금화</mark>는 범죄예요' in html


def test_search_for_markup_shows_it_as_text(client: Client) -> None:
    html = client.get("/help/", {"q": "<script>"}).content.decode()

    assert "&lt;script&gt;" in html
    assert "<script>" not in html


def test_search_wants_every_word_and_prefers_titles() -> None:
    both = section("취소 마감", "이번 달까지")
    text_only = section("날짜", "취소 마감은 이번 달까지")
    one = section("취소", "방법")

    hits = guide.search([one, text_only, both], "취소 마감")

    assert [hit.section for hit in hits] == [both, text_only]


def test_search_takes_any_word_when_nothing_has_all() -> None:
    one = section("취소", "방법")

    assert [hit.section for hit in guide.search([one], "취소 우주선")] == [one]
    assert guide.search([one], "우주선") == []
    assert guide.search([one], "  ") == []


def test_search_finds_a_compound_written_without_its_space() -> None:
    assert guide.search([section("결제 취소", "방법")], "결제취소")


def test_excerpt_is_cut_around_what_was_found() -> None:
    text = "가나다라 " * 60 + "스미싱 " + "마바사아 " * 60

    [hit] = guide.search([section("제목", text)], "스미싱")

    assert ("스미싱", True) in hit.excerpt
    assert sum(len(piece) for piece, _is_hit in hit.excerpt) < 200


def test_the_parts_that_can_be_given_back_are_the_operators_own(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def words_of(carriers: list[str]) -> str:
        monkeypatch.setattr(views, "_part_carriers", lambda: carriers)
        found = client.get("/help/cancel/").context["sections"]
        return next(one.text for one in found if one.anchor == "part")

    assert views._part_carriers() == ["SKT", "KT"]
    assert "SKT, KT: 결제한 달의 마감까지는 그만큼만 요금에서" in words_of(["SKT", "KT"])
    assert "마감까지는" not in words_of([])


def test_writing_mails_is_told_only_where_they_are_read(client: Client, settings: Any) -> None:
    def anchors() -> set[str]:
        return {one.anchor for one in client.get("/help/contact/").context["sections"]}

    settings.MAIL_INBOX = "folder"
    assert "mail" in anchors()
    settings.MAIL_INBOX = "none"
    assert "mail" not in anchors()
