"""Draws the connection form's fields with WTForms, for Airflow 2.11 to 3.1."""

from __future__ import annotations

from typing import Any


def connection_form_widgets(fields: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Turn the form's data into WTForms fields.

    :param fields: label, description and schema by field name.
    :return: WTForms fields by name.
    """
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget
    from flask_babel import lazy_gettext
    from wtforms import DecimalField, IntegerField, PasswordField, StringField
    from wtforms.validators import NumberRange, Optional, any_of

    kinds = {"integer": IntegerField, "number": DecimalField}

    def widget(field: dict[str, Any]) -> Any:
        schema = field["schema"]
        validators = [Optional()]
        if "minimum" in schema:
            validators.append(NumberRange(min=schema["minimum"], max=schema.get("maximum")))
        if "enum" in schema:
            accepted = [word for word in schema["enum"] if word is not None]
            validators.append(any_of(accepted, message=f"One of: {', '.join(accepted)}"))
        secret = schema.get("format") == "password"
        kind = PasswordField if secret else kinds.get(schema["type"][0], StringField)
        return kind(
            lazy_gettext(field["label"]),
            description=field["description"],
            validators=validators,
            widget=BS3PasswordFieldWidget() if secret else BS3TextFieldWidget(),
        )

    return {name: widget(field) for name, field in fields.items()}
