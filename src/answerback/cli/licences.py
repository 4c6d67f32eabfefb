"""What the licences of the installed packages allow.

Policy: Answerback is AGPL-3.0-or-later, so a package that it imports must come under terms that may be combined with
that. A licence that is not on the list is a question for a person, who adds it here or drops the package.
"""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path

RUNTIME_LOCK = Path("requirements/runtime.txt")
NPM_LOCK = Path("package-lock.json")
FRONT_END_ALLOWED = {"0BSD", "MIT", "OFL-1.1", "BSD-3-Clause", "Apache-2.0", "MPL-2.0", "(MPL-2.0 OR Apache-2.0)"}

# Words of SPDX expressions, of the `License` field and of the classifiers that packages still use instead.
ALLOWED = re.compile(
    r"\b(MIT|BSD|0BSD|ISC|Apache|PSF|Python Software Foundation|Python-2\.0|MPL|Mozilla|LGPL|Lesser General Public"
    r"|Unlicense|CC0|ZPL|Zope|AFL|AGPL-3\.0-or-later)",
    re.IGNORECASE,
)
REFUSED = re.compile(
    r"(?<!L)(?<!A)GPL(?:-2\.0-only|-3\.0-only|v2 only)|SSPL|BUSL|Commons Clause|Elastic|Proprietary|NonCommercial",
    re.IGNORECASE,
)
# Packages whose metadata says nothing: what their LICENSE file says.
READ_BY_HAND = {"imapclient": "BSD-3-Clause", "pysqlite3": "Zlib"}


def problems(root: Path) -> list[str]:
    """One line for each package whose licence is unknown or does not fit."""
    python = [line for name in locked_packages(root) if (line := _fault(name)) is not None]
    return python + _front_end_faults(root)


def locked_packages(root: Path) -> list[str]:
    """Names of the packages in the runtime lock."""
    return re.findall(r"^([A-Za-z0-9._-]+)==", (root / RUNTIME_LOCK).read_text("utf-8"), re.MULTILINE)


def _fault(name: str) -> str | None:
    try:
        licence = _licence(metadata.metadata(name))
    except metadata.PackageNotFoundError:
        return None  # locked for another platform
    if REFUSED.search(licence):
        return f"{name}: {licence} cannot be combined with AGPL-3.0-or-later"
    if ALLOWED.search(licence) or name in READ_BY_HAND:
        return None
    return f"{name}: licence not known to be compatible: {licence or 'none stated'}"


def _licence(package: metadata.PackageMetadata) -> str:
    """What the package says of its licence. Some put the whole text into the field: its first line is enough."""
    expression = package["License-Expression"] or (package["License"] or "").strip().split("\n")[0]
    classifiers = [line for line in package.get_all("Classifier") or [] if line.startswith("License ::")]
    return "; ".join(filter(None, [expression, *classifiers]))


def _front_end_faults(root: Path) -> list[str]:
    packages = json.loads((root / NPM_LOCK).read_text("utf-8"))["packages"]
    stated = {path.removeprefix("node_modules/"): entry.get("license") for path, entry in packages.items() if path}
    return [
        f"{name}: licence not known to be compatible: {licence or 'none stated'}"
        for name, licence in stated.items()
        if licence not in FRONT_END_ALLOWED and name not in READ_BY_HAND
    ]
