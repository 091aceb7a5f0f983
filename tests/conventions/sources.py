"""Every string the source asks to be translated, found without gettext being installed.

Templates go through Django's own `templatize`, as `makemessages` does; Python through `ast`.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
APPS = ("portal", "support", "payments")
# The sandbox operator is somebody else's site: it is not translated.
FOREIGN = "payments/carriers/sandbox"

_ONE = {"_", "gettext", "gettext_lazy", "gettext_noop"}
_TWO = {"ngettext", "ngettext_lazy"}
_QUOTED = r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_CALL = re.compile(rf"\b(?:n?gettext|_)\(\s*{_QUOTED}(?:\s*,\s*{_QUOTED})?", re.DOTALL)


def strings() -> dict[str, str]:
    """Every msgid with one place that uses it."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "templates").rglob("*")):
        if path.suffix in {".html", ".txt"}:
            found |= dict.fromkeys(in_template(path.read_text()), _name(path))
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if not _name(path).startswith(FOREIGN):
                found |= dict.fromkeys(in_python(path.read_text()), _name(path))
    return found


def in_template(text: str) -> Iterator[str]:
    """The msgids of one template."""
    for match in _CALL.finditer(templatize(text)):
        for quoted in match.groups():
            if quoted:
                yield ast.literal_eval(quoted)


def in_python(text: str) -> Iterator[str]:
    """The msgids of one module."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        count = 1 if name in _ONE else 2 if name in _TWO else 0
        for argument in node.args[:count]:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
