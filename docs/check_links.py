"""Checks that every local link of the built pages leads somewhere: ``python docs/check_links.py DIRECTORY``."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, and the places in it that can be linked to.

    :param path: the HTML file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places = {"", "top"}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a link or of a place.

        :param tag: the element.
        :param attrs: its attributes.
        """
        for name, value in attrs:
            if value and name in ("href", "src"):
                self.links.append(value)
            elif value and name == "id":
                self.places.add(value)


def dead_links(directory: Path) -> list[str]:
    """Find the local links that lead nowhere.

    :param directory: where the HTML files are.
    :return: page and link, sorted.
    """
    pages = {path.resolve(): Page(path) for path in directory.rglob("*.html")}
    dead = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            found = target in pages or target.is_file()
            if not found or (target in pages and unquote(parts.fragment) not in pages[target].places):
                dead.append(f"{path.relative_to(directory.resolve())}: {link}")
    return sorted(dead)


if __name__ == "__main__":
    found = dead_links(Path(sys.argv[1]))
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(1 if found else 0)
