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
    from wtforms import IntegerField, PasswordField, StringField
    from wtforms.validators import NumberRange, Optional, any_of

    def widget(field: dict[str, Any]) -> Any:
        schema = field["schema"]
        validators = [Optional()]
        # A number that need not be whole is typed as text: Airflow 2.11 cannot store what WTForms makes of it, Airflow
        # 3.0 and 3.1 know no field for it. The connection's reader checks it.
        whole = schema["type"][0] == "integer"
        if whole and "minimum" in schema:
            validators.append(NumberRange(min=schema["minimum"], max=schema.get("maximum")))
        description = field["description"]
        if "enum" in schema:
            accepted = [word for word in schema["enum"] if word is not None]
            # Airflow 3.0 and 3.1 make a drop-down of this; their stand-in takes no other argument.
            validators.append(any_of(accepted))
            description = f"One of {', '.join(accepted)}. {description}"
        secret = schema.get("format") == "password"
        kind = PasswordField if secret else IntegerField if whole else StringField
        return kind(
            lazy_gettext(field["label"]),
            description=description,
            validators=validators,
            widget=BS3PasswordFieldWidget() if secret else BS3TextFieldWidget(),
        )

    return {name: widget(field) for name, field in fields.items()}
