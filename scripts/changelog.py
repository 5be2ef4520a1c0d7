"""Print what CHANGELOG.md has about one version: ``python scripts/changelog.py 0.1.0``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parents[1] / "CHANGELOG.md"


def entry(version: str, changelog: str) -> tuple[str, str] | None:
    """Find the entry of a version.

    :param version: such as ``0.1.0``, or ``Unreleased``.
    :param changelog: the changelog, in Markdown.
    :return: its date (empty for Unreleased) and its content; None if there is no such entry.
    """
    found = re.search(rf"^## {re.escape(version)}(?: - (\S+))?\n(.*?)(?=^## |\Z)", changelog, re.DOTALL | re.MULTILINE)
    return (found[1] or "", found[2].strip()) if found else None


if __name__ == "__main__":
    about = entry(sys.argv[1], CHANGELOG.read_text(encoding="utf-8"))
    if about is None:
        sys.exit(f"CHANGELOG.md has no entry for {sys.argv[1]}: add '## {sys.argv[1]} - <date>'.")
    print(about[1])
