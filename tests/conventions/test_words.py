"""Korean and English are both complete: no string without its translation, none left over."""

import ast
import re

from tests.conventions import sources
from tests.conventions.sources import ROOT

CATALOGUE = ROOT / "locale/en/LC_MESSAGES/django.po"


def entries(text: str) -> list[tuple[str, str]]:
    """Every (msgid, msgstr) of a catalogue, one for each plural form, header left out."""
    found = []
    for block in text.split("\n\n"):
        # Not `#| msgid`, the former text that gettext leaves as a comment.
        start = re.search(r"^msgid ", block, re.MULTILINE)
        if start is None:
            continue
        msgid, *forms = re.split(r"\nmsgstr(?:\[[0-9]\])? ", block[start.start() :])
        key = _joined(msgid.removeprefix("msgid ").partition("\nmsgid_plural ")[0])
        found += [(key, _joined(form)) for form in forms]
    return [pair for pair in found if pair[0]]


def _joined(quoted: str) -> str:
    return "".join(ast.literal_eval(line) for line in quoted.splitlines() if line.startswith('"'))


def test_every_string_has_its_english() -> None:
    missing = [msgid for msgid, msgstr in entries(CATALOGUE.read_text()) if not msgstr]

    assert missing == []
    assert "#, fuzzy" not in CATALOGUE.read_text()


def test_the_compiled_catalogue_belongs_to_the_text() -> None:
    compiled = (CATALOGUE.parent / "django.mo").read_bytes()
    absent = [
        msgstr for _, msgstr in entries(CATALOGUE.read_text()) if msgstr.encode() not in compiled
    ]

    assert absent == []


def test_every_string_of_the_source_is_in_the_catalogue() -> None:
    known = {msgid for msgid, _ in entries(CATALOGUE.read_text())}

    assert {msgid: at for msgid, at in sources.strings().items() if msgid not in known} == {}


def test_no_string_of_the_catalogue_is_left_over() -> None:
    used = sources.strings()

    assert [msgid for msgid, _ in entries(CATALOGUE.read_text()) if msgid not in used] == []


def test_a_string_is_found_however_it_is_written() -> None:
    template = """{% trans "가" %}{% translate '나"' as x %}{{ _("다") }}{# {% trans "빼" %} #}
        {% blocktrans trimmed with n=1 %}
          라 {{ n }}
          100%
        {% endblocktrans %}{% blocktrans count n=2 %}하나{% plural %}여럿{% endblocktrans %}"""
    module = """_("가" "나"); gettext_lazy("다"); ngettext("하나", "여럿", n); f("빼"); _(name)"""

    assert set(sources.in_template(template)) == {
        "가", '나"', "다", "라 %(n)s 100%%", "하나", "여럿",
    }  # fmt: skip
    assert set(sources.in_python(module)) == {"가나", "다", "하나", "여럿"}


def test_the_check_sees_a_missing_translation() -> None:
    assert entries('msgid "가"\nmsgstr ""\n\nmsgid "나"\nmsgstr "b"') == [("가", ""), ("나", "b")]


# One name for each thing (domain §14), and words that only the trade or a program would use.
AVOIDED = {
    "결제 창": "결제창",
    "인증 번호": "인증번호",
    "결제번호": "결제 번호",
    "주문번호": "주문 번호",
    "알려 드": "알려드",
    "보여 드": "보여드",
    "보내 드": "보내드",
    "고객 센터": "고객센터",
    "핸드폰": "휴대폰",
    "당월": "결제한 달",
    "익월": "다음 달",
    "망취소": "되돌림",
    "쇼핑몰": "상점",
    "클릭": "누르기",
    "어플": "앱",
    "에러": "오류",
    "유효하지": "what is wrong, and what to do",
    "정상적으로": "nothing at all",
    "하십시오": "해 주세요",
    "바랍니다": "해 주세요",
}


def avoided(words: str) -> list[str]:
    """What a string says that has another name here."""
    return [f"{word}: say {better}" for word, better in AVOIDED.items() if word in words]


def test_each_thing_has_one_name_and_no_jargon() -> None:
    found = {msgid: bad for msgid in sources.strings() if (bad := avoided(msgid))}

    assert found == {}


def test_the_check_sees_an_avoided_word() -> None:
    assert avoided("결제 창을 여세요") == ["결제 창: say 결제창"]


# Where Korean is meant to stay Korean: the name of the language itself.
UNMARKED = {"templates/base.html: 한국어"}
MARKED = re.compile(
    r"{#.*?#}|{% comment.*?endcomment %}|{% blocktrans.*?endblocktrans(?:late)? %}"
    r"|{% (?:trans|translate) .*?%}|_\(\".*?\"\)",
    re.DOTALL,
)


def test_no_korean_is_left_unmarked_in_a_template() -> None:
    found = {
        f"{path.relative_to(ROOT).as_posix()}: {word}"
        for path in (ROOT / "templates").rglob("*.html")
        for word in re.findall(r"[가-힣]+", MARKED.sub("", path.read_text()))
    }

    assert found - UNMARKED == set()
