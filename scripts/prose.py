"""Check the documentation's English: words that are not used here, sentences that are too long, and proselint.

Run by ``make prose``. The words are in ``words.txt``, proselint's settings in ``prose.json``. Code is not checked.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORDS = ROOT / "scripts" / "words.txt"
PROSELINT = ROOT / "scripts" / "prose.json"
LONGEST = 45
# Not prose: blocks and spans of code, comments, addresses, the targets of links, and what directives are given.
NOT_PROSE = re.compile(
    r"^(?P<fence>`{3,}).*?^(?P=fence)$|<!--.*?-->|(?<!`)(`+)(?!`).*?(?<!`)\2(?!`)|(?<=\])\([^)]*\)|https?://\S+|^:{3,}.*?$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Finding:
    """Something to change, and where it is."""

    line: int
    message: str


def pages() -> list[Path]:
    """The Markdown files that are checked."""
    found = [*ROOT.glob("*.md"), *(ROOT / ".github").rglob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(path for path in found if "_build" not in path.parts)


def prose(page: str) -> str:
    """Blank out what is not prose; lines keep their numbers."""
    return NOT_PROSE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), page)


def word_list(source: str) -> list[tuple[re.Pattern[str], str]]:
    """Read the word list: patterns, and what to write instead."""
    lines = [line.partition(" = ") for line in source.splitlines() if line and not line.startswith("#")]
    return [(re.compile(rf"(?<![\w-]){pattern}(?![\w-])", re.IGNORECASE), instead) for pattern, _, instead in lines]


def words(page: str, listed: list[tuple[re.Pattern[str], str]]) -> Iterator[Finding]:
    """Find words of the list."""
    # A phrase may go over the end of a line.
    flat = prose(page).replace("\n", " ")
    for pattern, instead in listed:
        for found in pattern.finditer(flat):
            yield Finding(page.count("\n", 0, found.start()) + 1, f'"{found[0]}": write {instead}')


def sentences(page: str, longest: int = LONGEST) -> Iterator[Finding]:
    """Find sentences that are too long."""
    # A cell, an item and a heading each are on their own.
    parts = re.finditer(r"(?:(?!\n\s*\n|\||\n\s*[-*#\d]|[.:;!?](?:\s|$)).)+", prose(page), re.DOTALL)
    for part in parts:
        count = len(re.findall(r"[A-Za-z][\w'-]*", part[0]))
        if count > longest:
            line = page.count("\n", 0, part.start() + len(part[0]) - len(part[0].lstrip())) + 1
            yield Finding(line, f"a sentence of {count} words: make two of it, {longest} at most")


def proselint(page: str) -> Iterator[Finding]:
    """Find what proselint finds, where it is installed."""
    if importlib.util.find_spec("proselint") is None:
        return
    command = [sys.executable, "-m", "proselint", "check", "--config", str(PROSELINT), "--output-format", "json"]
    answer = subprocess.run(command, input=prose(page).replace("|", ";"), capture_output=True, text=True, check=False)
    for results in json.loads(answer.stdout)["result"].values():
        for found in results.get("diagnostics", []):
            yield Finding(found["pos"][0], f"{' '.join(found['message'].split())} ({found['check_path']})")


def main() -> int:
    """Print what is found; returns the exit status: 0 if there is nothing."""
    listed = word_list(WORDS.read_text(encoding="utf-8"))
    count = 0
    for path in pages():
        page = path.read_text(encoding="utf-8")
        for finding in sorted({*words(page, listed), *sentences(page), *proselint(page)}, key=lambda one: one.line):
            print(f"{path.relative_to(ROOT)}:{finding.line}: {finding.message}")
            count += 1
    if count:
        print(f"{count} to change. A word that is needed: put it in backquotes if it is code, or change words.txt.")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
