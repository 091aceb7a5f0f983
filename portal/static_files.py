"""Static files as a phone gets them: named by their content, and compressed once, here.

Only static files are compressed. A page that shows a secret beside something typed must not be
(BREACH), and pages are small.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage

_COMPRESSIBLE = (".css", ".js", ".svg")
_TOO_SMALL = 256


class CompressedStatic(ManifestStaticFilesStorage):
    """Puts `name.gz` beside each text file; WhiteNoise sends it to whoever accepts it."""

    def post_process(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Name the files by their content, then compress what they ended up as."""
        for original, hashed, processed in super().post_process(*args, **kwargs):
            yield original, hashed, processed
            if hashed is not None and hashed.endswith(_COMPRESSIBLE):
                _compress(Path(self.path(hashed)))


def _compress(path: Path) -> None:
    plain = path.read_bytes()
    if len(plain) >= _TOO_SMALL:
        # A fixed time makes equal files equal, whoever collects them.
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(plain, 9, mtime=0))
