"""The help: which pages it has, and finding words in them.

The words live in templates/portal/help/_<slug>.html, one <section id> with an <h2> per subject; the
search reads what was rendered, so that it finds exactly what people will see, in their language.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

LONGEST_QUERY = 60
_MOST_WORDS = 6
_BEFORE, _AFTER = 40, 100
_TITLE_WEIGHT = 10


@dataclass(frozen=True)
class Topic:
    """One page of the help. `slug` names its address and its template."""

    slug: str
    title: str | Promise
    summary: str | Promise
    icon: str
    is_for_sandbox: bool = False
    is_for_desk: bool = False

    @property
    def template(self) -> str:
        """Its words, without the frame of the page."""
        return f"portal/help/_{self.slug}.html"


_TOPICS = (
    Topic("pay", _("결제하기"), _("네 걸음, 문자가 안 올 때, 요금서에 보이는 이름"), "smartphone"),
    Topic("cancel", _("취소와 환불"), _("세 걸음, 돌려받는 길과 날짜, 거절됐을 때"), "undo-2"),
    Topic("limits", _("한도와 날짜"), _("얼마까지, 언제까지. 오늘의 마감 시각"), "calendar-days"),
    Topic("safety", _("안전하게 쓰기"), _("현금화와 스미싱, 우리 문자, 결제 막기"), "shield-check"),
    Topic("questions", _("자주 묻는 질문"), _("짧은 답을 모았어요"), "message-square-text"),
    Topic("contact", _("연락처와 분쟁 해결"), _("고객센터, 상점, 이의신청, 조정 기관"), "headset"),
    Topic("accessibility", _("접근성"), _("누구나 쓸 수 있게 지키는 것"), "user"),
    Topic(
        "desk",
        _("상담원 안내"),
        _("첫 요청부터 한꺼번에 처리하기까지. 고객센터 사람에게만 보여요"),
        "info",
        is_for_desk=True,
    ),
    Topic(
        "sandbox",
        _("시험 안내"),
        _("시험 번호와 일어나는 일"),
        "flask-conical",
        is_for_sandbox=True,
    ),
)


def topics(*, is_sandbox: bool, is_desk: bool = False) -> list[Topic]:
    """Every page of the help, in the order of its index; the desk's own for its people only."""
    return [
        topic
        for topic in _TOPICS
        if (is_sandbox or not topic.is_for_sandbox) and (is_desk or not topic.is_for_desk)
    ]


@dataclass(frozen=True)
class Section:
    """One subject of a page: where it stands and its words."""

    topic: Topic
    anchor: str
    title: str
    text: str


Parts = list[tuple[str, bool]]


@dataclass(frozen=True)
class Hit:
    """A section that was found: its title and a piece of its text, cut at what was looked for."""

    section: Section
    title: Parts
    excerpt: Parts


def sections(topic: Topic, html: str) -> list[Section]:
    """The subjects of a rendered page."""
    reader = _Reader()
    reader.feed(html)
    return [
        Section(topic, anchor, _squeezed(title), _squeezed(text))
        for anchor, title, text in reader.found
    ]


def search(everything: Iterable[Section], query: str) -> list[Hit]:
    """Sections with every word of the query, best first; those with any when none has all."""
    words = list(dict.fromkeys(query[:LONGEST_QUERY].casefold().split()))[:_MOST_WORDS]
    if not words:
        return []
    scored = [(section, [_score(section, word) for word in words]) for section in everything]
    found = [(section, sum(scores)) for section, scores in scored if all(scores)]
    found = found or [(section, sum(scores)) for section, scores in scored if any(scores)]
    found.sort(key=lambda pair: -pair[1])
    return [
        Hit(section, _parts(section.title, words), _parts(_excerpt(section.text, words), words))
        for section, _score_of_all in found
    ]


def _score(section: Section, word: str) -> int:
    title, text = section.title.casefold(), section.text.casefold()
    # Korean compounds are written with a space or without one: 결제취소, 결제 취소.
    return (
        _TITLE_WEIGHT * title.count(word)
        + text.count(word)
        + int(word in f"{title}{text}".replace(" ", ""))
    )


def _excerpt(text: str, words: list[str]) -> str:
    places = [place for word in words if (place := text.casefold().find(word)) >= 0]
    at = min(places, default=0)
    start = 0 if at <= _BEFORE else text.find(" ", at - _BEFORE) + 1
    end = len(text) if len(text) <= at + _AFTER else text.rfind(" ", at, at + _AFTER)
    end = end if end > at else at + _AFTER
    return f"{'… ' if start else ''}{text[start:end]}{' …' if end < len(text) else ''}"


def _parts(text: str, words: list[str]) -> Parts:
    """The text in pieces, each with whether it was looked for."""
    pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    pieces = re.split(f"({pattern})", text, flags=re.IGNORECASE)
    return [(piece, place % 2 == 1) for place, piece in enumerate(pieces) if piece]


def _squeezed(pieces: Iterable[str]) -> str:
    return " ".join("".join(pieces).split())


class _Reader(HTMLParser):
    """Takes the sections apart: `found` is a list of anchor, words of the h2, all other words."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str], list[str]]] = []
        self._is_title = False
        self._is_decoration = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A section begins; or its title does; other tags keep words apart."""
        # The number of a step is drawn, not said.
        self._is_decoration = ("aria-hidden", "true") in attrs
        if tag == "section":
            self.found.append((dict(attrs).get("id") or "", [], []))
        self._is_title = tag == "h2" or (self._is_title and tag in {"span", "strong"})
        for words in self._open():
            words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """The title ends."""
        self._is_decoration = False
        if tag == "h2":
            self._is_title = False
        elif tag not in {"strong", "a", "span"}:
            for words in self._open():
                words.append(" ")

    def handle_data(self, data: str) -> None:
        """Words, of the title or of the text."""
        for words in self._open():
            words.append("" if self._is_decoration else data)

    def _open(self) -> Iterator[list[str]]:
        if self.found:
            _anchor, title, text = self.found[-1]
            yield title if self._is_title else text
