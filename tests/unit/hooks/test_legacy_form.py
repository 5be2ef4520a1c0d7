"""The connection form of Airflow 2.11 to 3.1 has every field, and what it gives can be stored and read back."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from airflow_provider_dataworks.connection.form import CONNECTION_FIELDS
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

WTFORMS = find_spec("wtforms") is not None and find_spec("flask_appbuilder") is not None
FILLED = {
    "region_id": "cn-shanghai",
    "project_id": "10000",
    "api_version": "2024-05-18",
    "auth_type": "sts",
    "security_token": "token",
    "role_arn": "acs:ram::1:role/a",
    "role_session_name": "nightly",
    "sts_endpoint": "sts-vpc.cn-shanghai.aliyuncs.com",
    "oidc_provider_arn": "acs:ram::1:oidc-provider/p",
    "oidc_token_file": "/var/run/token",
    "ecs_role_name": "worker",
    "credentials_uri": "http://127.0.0.1/keys",
    "network": "vpc",
    "console": "legacy",
    "console_site": "intl",
    "connect_timeout": "1.5",
    "read_timeout": "30",
    "max_attempts": "3",
    "max_qps": "0.5",
    "time_zone": "Asia/Tokyo",
}


def form_of(**typed: str) -> Any:
    """The form as the web server builds it, with what a user typed."""
    from flask import Flask
    from flask_babel import Babel
    from werkzeug.datastructures import MultiDict
    from wtforms import Form

    app = Flask(__name__)
    Babel(app)
    form = type("ConnectionForm", (Form,), DataWorksHook.get_connection_form_widgets())
    with app.test_request_context():
        filled = form(MultiDict(typed))
        filled.validate()
        return filled


needs_wtforms = pytest.mark.skipif(not WTFORMS, reason="this Airflow draws its form from the provider info")


@needs_wtforms
def test_form_has_every_field() -> None:
    assert list(DataWorksHook.get_connection_form_widgets()) == list(CONNECTION_FIELDS)


@needs_wtforms
def test_what_was_typed_can_be_stored_and_read_back() -> None:
    from airflow.models.connection import Connection

    from airflow_provider_dataworks.connection.settings import read_connection

    assert set(FILLED) == set(CONNECTION_FIELDS)
    form = form_of(**FILLED)

    assert form.errors == {}
    # As the web server does with the form's data.
    extra = json.dumps(form.data)
    read = read_connection(Connection(conn_id="x", conn_type="dataworks", login="k", password="s", extra=extra))
    assert read.endpoint == "https://dataworks-vpc.cn-shanghai.aliyuncs.com"
    assert (read.project_id, read.console, read.console_site, read.max_attempts) == (10000, "legacy", "intl", 3)
    assert (read.connect_timeout, read.read_timeout, read.max_qps) == (1.5, 30, 0.5)
    assert (read.api_version, read.time_zone) == ("2024-05-18", "Asia/Tokyo")
    assert read.credentials.get().security_token == "token"


@needs_wtforms
def test_every_field_may_stay_empty() -> None:
    form = form_of(**dict.fromkeys(CONNECTION_FIELDS, ""))

    assert form.errors == {}
    assert not any(form.data.values())


@needs_wtforms
@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("project_id", "0"),
        ("project_id", "abc"),
        ("auth_type", "password"),
        ("api_version", "2024"),
        ("network", "lan"),
        ("max_attempts", "0"),
    ],
)
def test_what_cannot_be_used_is_refused_in_the_form(field: str, typed: str) -> None:
    assert set(form_of(**{field: typed}).errors) == {field}


@needs_wtforms
def test_token_is_masked() -> None:
    from wtforms import PasswordField

    fields = form_of()._fields

    assert [name for name, field in fields.items() if isinstance(field, PasswordField)] == ["security_token"]


@needs_wtforms
def test_airflow_takes_hook_and_fields_from_the_provider() -> None:
    from airflow.providers_manager import ProvidersManager

    untyped: Any = ProvidersManager
    manager = untyped()

    assert manager.hooks["dataworks"].hook_name == "Alibaba Cloud DataWorks"
    widgets = {name for name in manager.connection_form_widgets if name.startswith("extra__dataworks__")}
    assert widgets == {f"extra__dataworks__{name}" for name in CONNECTION_FIELDS}
    assert "token" in next(name for name in widgets if manager.connection_form_widgets[name].is_sensitive)


@pytest.mark.skipif(WTFORMS, reason="the real form is there")
def test_every_field_is_one_that_airflow_3_can_draw_without_flask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow 3.0 and 3.1 replace WTForms by stand-ins for a few kinds of fields, and drop fields of any other kind."""
    from unittest.mock import MagicMock

    service = pytest.importorskip("airflow.api_fastapi.core_api.services.ui.connections").HookMetaService
    wtforms, validators, babel = MagicMock(), MagicMock(), MagicMock()
    for kind in ("String", "Integer", "Password", "Boolean"):
        setattr(wtforms, f"{kind}Field", getattr(service, f"Mock{kind}Field"))
    validators.Optional = service.MockOptional
    # Takes one argument, as Airflow's own stand-in: with another one, Airflow drops the whole form.
    validators.any_of = service.MockEnum
    babel.lazy_gettext = str
    for name, module in {
        "wtforms": wtforms,
        "wtforms.validators": validators,
        "flask_babel": babel,
        "flask_appbuilder": MagicMock(),
        "flask_appbuilder.fieldwidgets": MagicMock(),
    }.items():
        monkeypatch.setitem(sys.modules, name, module)

    widgets = DataWorksHook.get_connection_form_widgets()

    assert list(widgets) == list(CONNECTION_FIELDS)
    assert {name for name, field in widgets.items() if not isinstance(field, service.MockBaseField)} == set()
    assert widgets["network"].param.schema["enum"] == ["public", "vpc"]
