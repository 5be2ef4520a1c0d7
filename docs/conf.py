"""Sphinx's settings: ``make docs``."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from docutils import nodes

# Importing Airflow makes its folder; not the one of whoever builds the documentation.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-docs-")
atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "WARNING"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from airflow_provider_dataworks import __version__  # noqa: E402

project = "airflow-provider-dataworks"
author = "The airflow-provider-dataworks authors"
project_copyright = author
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx_copybutton"]
exclude_patterns = ["_build"]
root_doc = "index"
html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = f"airflow-provider-dataworks {__version__}"
html_show_sphinx = False
html_static_path = ["_static"]
html_favicon = "_static/icon.svg"
html_css_files = ["site.css"]
html_js_files = ["site.js"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
copybutton_exclude = ".linenos, .gp"

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
# An argument a line, where not all are on the first; each section of the reference names its module.
maximum_signature_line_length = 68
add_module_names = False

# A reference that leads nowhere is an error, but for what other packages document elsewhere (no network is needed to
# build) and for names without a page here.
nitpicky = True
_ELSEWHERE = """
    AirflowException AirflowFailException BaseHook BaseOperator BaseOperatorLink BaseSensorOperator BaseTrigger Context
    PokeReturnValue TriggerEvent TypedDict Enum Asset AuthBase PreparedRequest Protocol ValueError LookupError OSError
    ModuleNotFoundError TimeoutError Exception Any Callable Iterable Iterator AsyncIterator Mapping Sequence ClassVar
    Literal Settle T XComArg str int float bool None dict list tuple type frozenset property optional date datetime
"""
# Internal names that signatures of public ones have.
_INTERNAL = "Action CredentialsProvider DIJob Outcome RateLimiter"
nitpick_ignore_regex = [
    (r"py:.*", "|".join(_ELSEWHERE.split())),
    (r"py:.*", rf"([\w.]+\.)?({'|'.join(_INTERNAL.split())})"),
    (r"py:.*", r"(airflow|requests|collections|typing|datetime|pytest|pathlib|os)\..*"),
    (r"py:.*", r".*\._[A-Za-z]\w*|_[A-Za-z]\w*"),
]


def _without_the_return_type_of_init(app: Any, domain: str, kind: str, content: Any) -> None:
    """A class's docstring says what its task returns; the None that autodoc adds is that of ``__init__``."""
    if domain == "py" and kind == "class":
        for field in list(content.findall(nodes.field)):
            if field[0].astext() == "rtype":
                field.parent.remove(field)


# Files of the repository's root that CONTRIBUTING.md and SECURITY.md link to, and the pages that include them.
_PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
    "SECURITY.md": "security.md#report-a-vulnerability",
}


def _link_to_pages(app: Any, path: Path, docname: str, content: list[str]) -> None:
    """A link from one file of the repository's root to another leads to the page that includes that."""
    for file, page in _PAGES.items():
        content[0] = content[0].replace(f"]({file})", f"]({page})")


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("include-read", _link_to_pages)
    # After autodoc has added the types, which it does at priority 500.
    app.connect("object-description-transform", _without_the_return_type_of_init, priority=900)
