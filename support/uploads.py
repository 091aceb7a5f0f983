"""Files on their way in: how they are received, and the field that takes or refuses them."""

import tempfile
from collections.abc import Sequence
from typing import IO, Any, cast

from django import forms
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from support import files
from support import forms as typed
from support.files import Accepted, Fault, Refused

# A form larger than that is not even read: so many times what one file may have.
_READ_MAX = 20
_IN_MEMORY = 1_000_000
WORDS = {
    Fault.EMPTY: gettext_lazy("{name}: 내용이 없는 파일이에요"),
    Fault.TOO_LARGE: gettext_lazy("{name}: 파일 하나는 {most}까지 보낼 수 있어요"),
    Fault.WRONG_KIND: gettext_lazy("{name}: JPEG·PNG 사진이나 PDF만 보낼 수 있어요"),
    Fault.BROKEN: gettext_lazy("{name}: 파일이 깨져 있어 열 수 없어요"),
    Fault.TOO_MANY_PIXELS: gettext_lazy("{name}: 사진이 너무 커요. 5천만 화소까지 보낼 수 있어요"),
    Fault.ACTIVE: gettext_lazy(
        "{name}: 프로그램이나 다른 파일이 든 PDF는 받지 않아요. 화면을 찍어 사진으로 보내 주세요"
    ),
    Fault.LOCKED: gettext_lazy("{name}: 암호가 걸린 PDF예요. 암호를 풀고 보내 주세요"),
    Fault.OPAQUE: gettext_lazy(
        "{name}: 안을 확인할 수 없는 PDF예요. 화면을 찍어 사진으로 보내 주세요"
    ),
    Fault.BUSY: gettext_lazy(
        "{name}: 지금 사진이 몰려 확인하지 못했어요. 잠시 뒤에 다시 보내 주세요"
    ),
}


class Bounded(FileUploadHandler):
    """Keeps of each file no more than may be taken, and never under a name on the disk.

    What a process that dies leaves behind is gone with it. Of a file that is too large only the
    size is kept, so that its sender can be told.
    """

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *_: Any) -> None:  # noqa: N803 (Django's)
        """Turn away what nobody would send by mistake."""
        if content_length > _READ_MAX * settings.ATTACHMENT_MAX_BYTES:
            raise RequestDataTooBig
        self.count = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """The next file begins."""
        super().new_file(*args, **kwargs)
        self.count += 1
        self.file: IO[bytes] = cast(
            "IO[bytes]",
            tempfile.SpooledTemporaryFile(_IN_MEMORY),  # noqa: SIM115 (the request closes it)
        )
        # Those above the number are counted and not kept.
        is_kept = self.count <= settings.ATTACHMENTS_AT_ONCE
        self.room = settings.ATTACHMENT_MAX_BYTES if is_kept else 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep it while there is room."""
        if start + len(raw_data) <= self.room:
            self.file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile[Any]:
        """The file; its size is what was sent, also when less was kept."""
        self.file.seek(0)
        return UploadedFile(self.file, self.file_name, self.content_type, file_size, self.charset)

    def upload_interrupted(self) -> None:
        """The sender is gone."""
        if hasattr(self, "file"):
            self.file.close()


class FilesInput(forms.FileInput):
    """A field for several files."""

    allow_multiple_selected = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[UploadedFile[Any]]:
        """All of them; `files` may be a plain dictionary."""
        return list(files.getlist(name)) if hasattr(files, "getlist") else files.get(name, [])


class FilesField(forms.Field):
    """None, one or several files that may be kept; cleaned, they are `support.files.Accepted`."""

    widget = FilesInput
    # Names of those nothing is wrong with. Set anew with every look: a form's field is a copy of
    # its class's that shares whatever is in it.
    good: Sequence[str] = ()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def clean(self, value: Sequence[UploadedFile[Any]]) -> list[Accepted]:
        """Look into every file. Raises ValidationError with a sentence for each that is refused."""
        most = settings.ATTACHMENTS_AT_ONCE
        if len(value) > most:
            words = _("파일은 한 번에 {count}개까지 보낼 수 있어요").format(count=most)
            raise forms.ValidationError(words)
        accepted, refused, good = [], [], []
        for upload in value:
            name = upload.name or ""
            try:
                accepted.append(checked(name, upload.read(), size=upload.size or 0))
                good.append(short_name(name))
            except forms.ValidationError as error:
                refused.extend(error.messages)
        self.good = good
        if refused:
            raise forms.ValidationError(refused)
        return accepted


class WithFiles(forms.Form):
    """A form that may bring files along. `again` names those to choose once more, if any."""

    # Django takes declared fields off the class: `form.files` stays what was sent.
    files = FilesField()  # type: ignore[assignment]
    again = ""

    def clean(self) -> dict[str, Any] | None:
        """A browser does not send a chosen file twice: tell which ones were good."""
        cleaned = super().clean()
        field = self.fields["files"]
        if self.errors and isinstance(field, FilesField):
            self.again = ", ".join(field.good)
        return cleaned

    @property
    def most(self) -> int:
        """How many at once."""
        return int(settings.ATTACHMENTS_AT_ONCE)

    @property
    def size(self) -> str:
        """How large one may be, in words."""
        return _size()


class FilesForm(WithFiles):
    """Files alone."""


class RequestForm(WithFiles, typed.RequestForm):
    """The request, with what shows it."""


class AnswerForm(WithFiles, typed.AnswerForm):
    """Words of the customer, with what shows them."""


def short_name(name: str) -> str:
    """A file's name as its sender knows it, and nothing that could mislead."""
    ending = files.plain_name(f"{name.rpartition('.')[2]}.") if "." in name else ""
    return ".".join(filter(None, [files.plain_name(name), ending]))[:80]


def checked(name: str, content: bytes, *, size: int) -> Accepted:
    """The one door, whichever way a file comes; `size` is what was sent, also when less was kept.

    Raises ValidationError with the sentence for whoever sent it.
    """
    typed.without_resident_number(name)
    if size > settings.ATTACHMENT_MAX_BYTES:
        raise forms.ValidationError(words_of(Fault.TOO_LARGE, name))
    try:
        return files.accept(name, content, max_bytes=settings.ATTACHMENT_MAX_BYTES)
    except Refused as error:
        raise forms.ValidationError(words_of(error.fault, name)) from error


def words_of(fault: Fault, name: str) -> str:
    """Why a file is refused, for whoever sent it."""
    return str(WORDS[fault]).format(name=short_name(name), most=_size())


def _size() -> str:
    return _("{count}MB").format(count=settings.ATTACHMENT_MAX_BYTES // 1_000_000)
