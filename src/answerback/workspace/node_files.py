"""Static files from `node_modules`, each listed by name: nothing else of those packages is served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

# where it is served -> where npm put it
FILES: dict[str, str] = {
    "vendor/htmx.js": "htmx.org/dist/htmx.min.js",
    "vendor/squire.js": "squire-rte/dist/squire.mjs",
    "vendor/purify.js": "dompurify/dist/purify.es.mjs",
    "vendor/inter-latin.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "vendor/inter-latin-ext.woff2": "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
    "vendor/inter-cyrillic.woff2": "@fontsource-variable/inter/files/inter-cyrillic-wght-normal.woff2",
}
# an installed wheel carries the files inside the package; a checkout has them beside it
ROOTS = (settings.PACKAGE_DIR / "node_modules", settings.PACKAGE_DIR.parent.parent / "node_modules")


class NodeFilesFinder(BaseFinder):
    def __init__(self, app_names: Iterable[str] | None = None, *args: Any, **kwargs: Any) -> None:
        self.root = next((root for root in ROOTS if root.is_dir()), ROOTS[-1])

    def find(self, path: str, **kwargs: Any) -> str | list[str]:  # type: ignore[override]  # Django calls it both ways
        source = FILES.get(path)
        if source is None or not (self.root / source).is_file():
            return []
        return str(self.root / source)

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        for path, source in FILES.items():
            if (self.root / source).is_file():
                yield path, _Renamed(self.root, path, source)


class _Renamed(FileSystemStorage):
    """One file of `root` under the name it is served as."""

    def __init__(self, root: Path, served: str, source: str) -> None:
        super().__init__(location=str(root))
        self._served, self._source = served, source

    def path(self, name: str) -> str:
        return super().path(self._source if name == self._served else name)
