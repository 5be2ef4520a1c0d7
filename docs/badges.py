"""Draws the badges of the README from what the project declares: ``python docs/badges.py``."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
# The width of a character of 11 px Verdana or DejaVu Sans, on average, and the space beside a label.
CHARACTER = 6.6
PADDING = 12

SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{left}: {right}">
<title>{left}: {right}</title>
<rect width="{split}" height="20" fill="#4b5563"/>
<rect x="{split}" width="{rest}" height="20" fill="#1d4ed8"/>
<g fill="#ffffff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="{left_middle}" y="14">{left}</text>
<text x="{right_middle}" y="14">{right}</text>
</g>
</svg>
"""


def facts() -> dict[str, tuple[str, str]]:
    """Read what the badges say.

    :return: by file name: the label on the left and the one on the right.
    """
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    pythons = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    lines = re.findall(r'^    Line\("(\d\.\d+)"', (ROOT / "scripts" / "matrix.py").read_text(), re.MULTILINE)
    (license_,) = re.findall(r'^license = "(.*)"$', project, re.MULTILINE)
    return {
        "badge-python": ("Python", f"{pythons[0]} - {pythons[-1]}"),
        "badge-airflow": ("Airflow", f"{lines[0]} - {lines[-1]}"),
        "badge-license": ("license", license_),
    }


def draw(left: str, right: str) -> str:
    """Draw one badge.

    :param left: what it is about.
    :param right: what it says.
    :return: an SVG file.
    """
    split, rest = (round(len(label) * CHARACTER) + PADDING for label in (left, right))
    return SVG.format(
        left=left,
        right=right,
        split=split,
        rest=rest,
        width=split + rest,
        left_middle=split / 2,
        right_middle=split + rest / 2,
    )


if __name__ == "__main__":
    for name, labels in facts().items():
        (IMAGES / f"{name}.svg").write_text(draw(*labels), encoding="utf-8")
