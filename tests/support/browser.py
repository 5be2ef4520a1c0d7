"""A headless Chromium for the tests, and the pictures of the documentation that they take."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, expect, sync_playwright

#: Names a folder, in which a test run then makes the documentation's pictures anew.
PICTURES = "SCREENSHOTS"

# Without these it asks the maker's servers for this and that.
_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # Its sandbox does not start for root, or in a container.
    "--no-sandbox",
)


def find_chromium() -> str | None:
    """The machine's own Chromium, None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


@contextlib.contextmanager
def open_page(chromium: str, width: int = 1000, height: int = 1300) -> Iterator[Page]:
    """
    Open a page in a browser of its own.

    :param chromium: the program.
    :param width: of the window, pixels.
    :param height: of the window, pixels.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_QUIET))
        try:
            page = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
            # A machine that runs a whole Airflow beside the browser is not quick.
            page.set_default_timeout(60_000)
            expect.set_options(timeout=30_000)
            yield page
        finally:
            browser.close()


def take_picture(what: Page | Locator, name: str) -> None:
    """
    Make a picture for the documentation, if this run is to make them.

    :param what: the whole window, or the part of it that the picture shows.
    :param name: of the file, without its ending.
    """
    if not (folder := os.environ.get(PICTURES)):
        return
    page = what.page if isinstance(what, Locator) else what
    # Whatever fades in or out has to be where it stays.
    page.wait_for_timeout(800)
    with Image.open(io.BytesIO(what.screenshot(animations="disabled", caret="hide"))) as picture:
        # This way of choosing colours keeps those that only a few pixels have, such as a red star.
        few_colours = picture.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few_colours.save(Path(folder) / f"{name}.png", optimize=True)
