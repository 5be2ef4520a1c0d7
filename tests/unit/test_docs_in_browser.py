"""The built documentation in Chromium, on a wide and a narrow screen, in light and dark: layout, contrast, search."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

pytest.importorskip("sphinx", reason="the documentation is built with Sphinx")
pytest.importorskip("playwright.sync_api", reason="Playwright drives the browser")

from playwright.sync_api import ConsoleMessage, Error, Page, Request, Response

from tests.support.browser import find_chromium, open_page
from tests.support.docs_site import build_docs, serve

pytestmark = pytest.mark.slow

SCREENS = {"wide": (1280, 900), "narrow": (390, 844)}
#: In the order in which least has to change between two. Layout takes most of the time, and colours do not change it.
VIEWS: tuple[tuple[str, Literal["light", "dark"], bool], ...] = (
    ("wide", "light", True),
    ("wide", "dark", False),
    ("narrow", "dark", True),
    ("narrow", "light", False),
)
#: What is searched for, and pages of which one has to be among the first results.
SEARCHES = {
    "retry": ("rerunning", "errors", "howto/run-node"),
    "callback": ("alerting",),
    "upgrade": ("upgrading",),
    "throttling": ("troubleshooting", "waiting", "errors"),
    "offline": ("troubleshooting", "howto/deploy-sync-task", "howto/run-node", "choosing"),
    "batch node": ("howto/run-node",),
    "kubernetes": ("deployment",),
}
FIRST_RESULTS = 5

# What is wrong with the colours and, with the argument true, the layout of the page that is shown, as sentences.
FIND_PROBLEMS = Path(__file__).with_name("docs_page_problems.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    with open_page(chromium) as page:
        yield page


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, page: Page) -> Iterator[tuple[Path, str]]:
    """The folder of the pages, and their address."""
    built = build_docs(tmp_path_factory)
    assert built.errors == ""
    with serve(built.folder) as address:
        yield built.folder, address


@contextlib.contextmanager
def watched(page: Page, address: str) -> Iterator[list[str]]:
    """What goes wrong while pages are loaded; a request to another address than this one is a problem, too."""
    problems: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(f"console: {message.text}")

    def on_script_error(error: Error) -> None:
        problems.append(f"script: {error}")

    def on_request(request: Request) -> None:
        if not request.url.startswith((address, "data:")):
            problems.append(f"elsewhere: {request.url}")

    def on_failure(request: Request) -> None:
        # The browser drops its request for the page's icon when the next page is opened.
        if request.failure == "net::ERR_ABORTED" and request.url.endswith("icon.svg"):
            return
        problems.append(f"request failed: {request.url}")

    def on_response(response: Response) -> None:
        if response.status >= 400:
            problems.append(f"{response.status}: {response.url}")

    page.on("console", on_console)
    page.on("pageerror", on_script_error)
    page.on("request", on_request)
    page.on("requestfailed", on_failure)
    page.on("response", on_response)
    try:
        yield problems
    finally:
        page.remove_listener("console", on_console)
        page.remove_listener("pageerror", on_script_error)
        page.remove_listener("request", on_request)
        page.remove_listener("requestfailed", on_failure)
        page.remove_listener("response", on_response)


def problems_of(page: Page, address: str, path: str) -> list[str]:
    """What is wrong with a page on any screen, in any scheme; listings of source code all look the same."""
    with watched(page, address) as found:
        page.goto(f"{address}/{path}")
    # A colour that is on its way from one scheme to the other is neither's.
    page.add_style_tag(content="* { transition: none !important }")
    for screen, scheme, layout in VIEWS:
        if layout or not path.startswith("_modules"):
            width, height = SCREENS[screen]
            if page.viewport_size != {"width": width, "height": height}:
                page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme)
            found += [f"{screen}, {scheme}: {problem}" for problem in page.evaluate(FIND_PROBLEMS, layout)]
    return [f"{path}: {problem}" for problem in found]


def test_every_page_fits_and_is_readable(page: Page, site: tuple[Path, str]) -> None:
    folder, address = site
    paths = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.html") if "_static" not in path.parts)
    assert {"index.html", "choosing.html", "reference/operators.html", "genindex.html"} <= set(paths)
    assert [problem for path in paths for problem in problems_of(page, address, path)] == []


def test_search_leads_to_a_page_that_helps(page: Page, site: tuple[Path, str]) -> None:
    _, address = site
    missed = {}
    for words, helpful in SEARCHES.items():
        with watched(page, address) as problems:
            page.goto(f"{address}/search.html?q={words}")
            page.get_by_text("Search finished").wait_for()
        assert problems == []
        links = page.locator("#search-results ul.search > li > a").all()[:FIRST_RESULTS]
        found = [str(link.get_attribute("href")).partition(".html")[0] for link in links]
        if not set(helpful) & set(found):
            missed[words] = found
    assert missed == {}


PAGE = """<!doctype html><html><head><link rel="icon" href="data:,">
<style>body {{ margin: 0; background: #fff; color: #000 }} {style}</style></head>
<body><article>{body}</article></body></html>"""


@pytest.mark.parametrize(
    ("style", "body", "expected"),
    [
        ("", "<p>fine</p><pre><code>print()</code></pre>", None),
        ("", "<div style='width: 2000px'>w</div>", "the page is 2000 px wide"),
        ("body { overflow: hidden }", "<p style='margin-left: 2000px'>far</p>", "beyond the page"),
        ("p { color: #999 }", "<p>grey</p>", "contrast 2.85"),
        ("p { color: #0008 }", "<p>half transparent</p>", "contrast"),
        ("p { background: #333 }", "<p>black on dark</p>", "contrast"),
        ("@media (prefers-color-scheme: dark) { body { background: #222 } }", "<p>x</p>", "dark: contrast"),
        (
            "table { table-layout: fixed; width: 100% } td { overflow: hidden; white-space: nowrap }",
            "<table><tr><td>" + "word " * 300 + "</td></tr></table>",
            "cannot be scrolled into view",
        ),
        (
            "td { overflow-wrap: anywhere } td + td { width: 100% }",
            "<table><tr><td>narrow</td><td>" + "word " * 99 + "</td></tr></table>",
            "is only",
        ),
        (
            "div { overflow: auto; width: 20em } table { width: 40em }",
            "<div><table><tr><td>wide</td></tr></table></div>",
            "wide, light: the table",
        ),
        ("pre { overflow: hidden; width: 9em }", "<pre>" + "word " * 99 + "</pre>", "cannot be scrolled into view"),
        ("pre { overflow: auto; width: 9em }", "<pre>" + "word " * 99 + "</pre>", None),
        ("", "<script>console.error('oh')</script>", "console: oh"),
        ("", "<script>undefined.oh</script>", "script: "),
        ("", "<img src=missing.png>", "404: "),
        ("", "<img src=http://127.0.0.1:9/a.png>", "elsewhere: "),
    ],
)
def test_what_is_wrong_is_noticed(page: Page, tmp_path: Path, style: str, body: str, expected: str | None) -> None:
    (tmp_path / "page.html").write_text(PAGE.format(style=style, body=body), encoding="utf-8")
    with serve(tmp_path) as address:
        found = problems_of(page, address, "page.html")
    if expected is None:
        assert found == []
    else:
        assert [problem for problem in found if expected in problem]
