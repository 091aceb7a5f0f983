"""Files that came with a mail: in through the door of the uploads, or named with what is wrong.

Nobody can be asked again while a mail is read, so whatever a file does, it stops no words.
"""

import logging
from dataclasses import dataclass

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _

from support import uploads
from support.files import Accepted, Fault
from support.letters import Attachment, Letter, without_resident_numbers

_NAMED = 5
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Enclosed:
    """What becomes of a mail's files: those to keep, and a sentence for each of the others."""

    accepted: tuple[Accepted, ...] = ()
    refused: tuple[str, ...] = ()


def look_into(letter: Letter) -> Enclosed:
    """Check as many files as may come at once; sentences in the language in use. Never raises.

    May take seconds: pictures are drawn anew.
    """
    most = settings.ATTACHMENTS_AT_ONCE
    accepted: list[Accepted] = []
    refused: list[str] = []
    for attachment in letter.attachments[:most]:
        try:
            accepted.append(_checked(attachment))
        except forms.ValidationError as error:
            refused.extend(error.messages)
        except Exception as error:
            # Never its words: they may be the file's.
            _log.error("a file of a mail could not be checked: %s", type(error).__name__)
            refused.append(uploads.words_of(Fault.BROKEN, attachment.name))
    if further := letter.attachments[most:]:
        words = _("파일은 한 번에 {count}개까지 보낼 수 있어요").format(count=most)
        refused.append(f"{_names(further)}: {words}")
    return Enclosed(tuple(accepted), tuple(refused))


def without_room(enclosed: Enclosed) -> Enclosed:
    """The same when the case has no room for more files, which only a try tells."""
    names = ", ".join(file.name for file in enclosed.accepted)
    words = _("이 요청에 보낼 수 있는 파일 수를 넘었어요")
    return Enclosed(refused=(*enclosed.refused, f"{names}: {words}"))


def _checked(attachment: Attachment) -> Accepted:
    if attachment.is_cut:
        words = _("{name}: 메일이 너무 커서 끝까지 받지 못했어요. 진행 화면에서 보내 주세요")
        name = without_resident_numbers(attachment.name)
        raise forms.ValidationError(words.format(name=uploads.short_name(name)))
    content = attachment.content
    return uploads.checked(attachment.name, content, size=len(content))


def _names(attachments: tuple[Attachment, ...]) -> str:
    names = [uploads.short_name(attachment.name) for attachment in attachments[:_NAMED]]
    shown = without_resident_numbers(", ".join(names))
    return shown + "…" * (len(attachments) > _NAMED)
