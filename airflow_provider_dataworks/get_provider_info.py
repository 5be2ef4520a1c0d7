"""What Airflow learns of this package: connection form, operators, sensors, triggers, links, assets, configuration."""

from __future__ import annotations

from typing import Any

from airflow_provider_dataworks import __version__
from airflow_provider_dataworks.config import SECTION, section
from airflow_provider_dataworks.connection.form import CONNECTION_FIELDS, field_behaviour

_INTEGRATION = "Alibaba Cloud DataWorks"
_PACKAGE = "airflow_provider_dataworks"
_ASSET_URIS = [
    {
        "schemes": ["dataworks"],
        "handler": f"{_PACKAGE}.assets.sanitize_uri",
        "factory": f"{_PACKAGE}.assets.create_asset",
        "to_openlineage_converter": f"{_PACKAGE}.assets.convert_asset_to_openlineage",
    }
]


def get_provider_info() -> dict[str, Any]:
    """Return the provider info; Airflow calls this through the ``apache_airflow_provider`` entry point.

    :return: a dict that keeps to Airflow's provider_info.schema.json.
    """
    return {
        "package-name": "airflow-provider-dataworks",
        "name": _INTEGRATION,
        "description": "`Alibaba Cloud DataWorks <https://www.alibabacloud.com/product/ide>`__ Data Integration.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://www.alibabacloud.com/help/en/dataworks/",
                "tags": ["service"],
            }
        ],
        "operators": _modules("operators"),
        "sensors": _modules("sensors"),
        "triggers": _modules("triggers"),
        "hooks": [{"integration-name": _INTEGRATION, "python-modules": [f"{_PACKAGE}.hooks.dataworks"]}],
        "connection-types": [
            {
                "connection-type": "dataworks",
                "hook-class-name": f"{_PACKAGE}.hooks.dataworks.DataWorksHook",
                "hook-name": _INTEGRATION,
                "ui-field-behaviour": field_behaviour(),
                "conn-fields": CONNECTION_FIELDS,
            }
        ],
        "extra-links": [f"{_PACKAGE}.links.dataworks.DataWorksConsoleLink"],
        "cli": [f"{_PACKAGE}.cli.definition.get_cli_commands"],
        "config": {SECTION: section()},
        "asset-uris": _ASSET_URIS,
        # What Airflow 2.11 calls them.
        "dataset-uris": _ASSET_URIS,
    }


def _modules(kind: str) -> list[dict[str, Any]]:
    names = [f"{_PACKAGE}.{kind}.{module}" for module in ("data_integration", "node")]
    return [{"integration-name": _INTEGRATION, "python-modules": names}]
