"""What a browser calls itself, in words that its owner recognises.

No more than a hint: anybody can send anything as a User-Agent.
"""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

# The first that fits: most browsers also claim to be another one.
_BROWSERS = (
    ("KAKAOTALK", gettext_noop("카카오톡")),
    ("NAVER(", gettext_noop("네이버 앱")),
    ("Whale/", gettext_noop("웨일")),
    ("SamsungBrowser/", gettext_noop("삼성 인터넷")),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_DEVICES = (
    ("iPhone", gettext_noop("아이폰")),
    ("iPad", gettext_noop("아이패드")),
    ("Android", gettext_noop("안드로이드")),
    ("Windows", gettext_noop("윈도우")),
    ("Macintosh", gettext_noop("맥")),
    ("CrOS", gettext_noop("크롬북")),
    ("Linux", gettext_noop("리눅스")),
)


def in_words(user_agent: str) -> str:
    """`Chrome · 윈도우`; what is unknown is left out, `알 수 없는 브라우저` when all is."""
    found = [
        next((name for mark, name in known if mark in user_agent), "")
        for known in (_BROWSERS, _DEVICES)
    ]
    return " · ".join(_(name) for name in found if name) or _("알 수 없는 브라우저")
