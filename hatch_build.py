"""Hatchling's hook: the README of the package index, whose links have to be absolute."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


def absolute_links(readme: str, repository: str, tag: str) -> str:
    """Point the relative links of a README at the files of a tag.

    :param readme: the README, in Markdown.
    :param repository: the repository's address on GitHub.
    :param tag: the tag of the version that the README belongs to.
    :return: the README with absolute links: images as raw files, everything else as pages.
    """
    raw = repository.replace("https://github.com/", "https://raw.githubusercontent.com/")

    def absolute(link: re.Match[str]) -> str:
        bang, label, target = link.groups()
        if re.match(r"[a-z]+:|#", target):
            return link[0]
        return f"{bang}[{label}]({f'{raw}/{tag}' if bang else f'{repository}/blob/{tag}'}/{target})"

    # Twice: the label of a link may be an image, and that is the match of the first pass.
    parts = re.split(r"(^```.*?^```)", readme, flags=re.DOTALL | re.MULTILINE)
    for number in range(0, len(parts), 2):
        parts[number] = re.sub(r"(!)\[([^\]]*)\]\(([^)\s]+)\)", absolute, parts[number])
        parts[number] = re.sub(r"(?<!!)()\[((?:!\[[^\]]*\]\([^)]*\)|[^\[\]])*)\]\(([^)\s]+)\)", absolute, parts[number])
    return "".join(parts)


class ReadmeHook(MetadataHookInterface):
    """Sets the field ``readme``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Called by Hatchling.

        :param metadata: the ``[project]`` table, which this changes.
        """
        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = absolute_links(readme, metadata["urls"]["Repository"], f"v{metadata['version']}")
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
