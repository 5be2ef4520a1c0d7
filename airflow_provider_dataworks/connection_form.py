"""The connection form as data: the provider info gives it to Airflow 3.2+, the hook to earlier versions."""

from __future__ import annotations

from typing import Any

AUTH_TYPES = (
    "access_key",
    "sts",
    "ram_role_arn",
    "oidc_role_arn",
    "ecs_ram_role",
    "credentials_uri",
    "default",
)
NETWORKS = ("public", "vpc")
CONSOLES = ("new", "legacy")

DEFAULT_CONNECT_TIMEOUT = 5.0
DEFAULT_READ_TIMEOUT = 20.0
DEFAULT_MAX_ATTEMPTS = 5
DEFAULT_MAX_QPS = 4.0

# Named here rather than taken from the client: every Airflow process reads this module.
_COMMON_REGIONS = (
    "cn-hangzhou", "cn-shanghai", "cn-beijing", "cn-zhangjiakou", "cn-wulanchabu", "cn-shenzhen", "cn-chengdu",
    "cn-hongkong", "ap-southeast-1", "ap-southeast-3", "ap-southeast-5", "ap-southeast-7", "ap-northeast-1",
    "ap-northeast-2", "us-east-1", "us-west-1", "eu-central-1", "eu-west-1", "me-east-1", "me-central-1", "na-south-1",
)  # fmt: skip


def _field(label: str, description: str, kind: str = "string", **schema: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": [kind, "null"], **schema}}


#: The extra fields, in the order of the form.
CONNECTION_FIELDS: dict[str, dict[str, Any]] = {
    "region_id": _field(
        "Region",
        "Region of the workspace, such as cn-shanghai. Needed unless Endpoint is set.",
        examples=list(_COMMON_REGIONS),
    ),
    "project_id": _field(
        "Workspace ID",
        "DataWorks workspace (ProjectId) that tasks use when they name none.",
        "integer",
        minimum=1,
        maximum=10_000_000_000,
    ),
    "auth_type": _field(
        "Authentication",
        "access_key and sts use the fields of this form; the others fetch and renew keys and need "
        "pip install 'airflow-provider-dataworks[credentials]'.",
        enum=[*AUTH_TYPES, None],
    ),
    "security_token": _field(
        "STS security token", "For sts: the token that belongs to the AccessKey.", format="password"
    ),
    "role_arn": _field(
        "RAM role ARN",
        "For ram_role_arn and oidc_role_arn: the role to assume, such as acs:ram::123456789012:role/airflow.",
    ),
    "role_session_name": _field(
        "Role session name",
        "For the role kinds: the name that shows in ActionTrail. Default: airflow-dataworks.",
    ),
    "oidc_provider_arn": _field(
        "OIDC provider ARN", "For oidc_role_arn. Default: ALIBABA_CLOUD_OIDC_PROVIDER_ARN (set by RRSA)."
    ),
    "oidc_token_file": _field(
        "OIDC token file",
        "For oidc_role_arn: path on the workers and triggerers. Default: ALIBABA_CLOUD_OIDC_TOKEN_FILE (set by RRSA).",
    ),
    "ecs_role_name": _field(
        "ECS role name", "For ecs_ram_role: the instance's role. Default: asked from the instance."
    ),
    "credentials_uri": _field("Credentials URI", "For credentials_uri: the address that answers with keys as JSON."),
    "network": _field("Network", "vpc uses the region's VPC endpoint. Default: public.", enum=[*NETWORKS, None]),
    "console": _field("Console", "Which console the task's link opens. Default: new.", enum=[*CONSOLES, None]),
    "connect_timeout": _field(
        "Connect timeout (s)",
        f"Seconds to wait for a connection. Default: {DEFAULT_CONNECT_TIMEOUT:g}.",
        "number",
        minimum=0.1,
    ),
    "read_timeout": _field(
        "Read timeout (s)",
        f"Seconds to wait for an answer. Default: {DEFAULT_READ_TIMEOUT:g}.",
        "number",
        minimum=0.1,
    ),
    "max_attempts": _field(
        "Attempts per call",
        f"How often one call is sent at most. Default: {DEFAULT_MAX_ATTEMPTS}.",
        "integer",
        minimum=1,
        maximum=20,
    ),
    "max_qps": _field(
        "Requests per second",
        f"Ceiling of each Airflow process for this account; 0 means none. Default: {DEFAULT_MAX_QPS:g}.",
        "number",
        minimum=0,
    ),
}

HIDDEN_FIELDS = ("port", "schema")

RELABELING = {
    "login": "AccessKey ID",
    "password": "AccessKey Secret",
    "host": "Endpoint",
}

PLACEHOLDERS = {
    "login": "LTAI... (for access_key, sts, ram_role_arn)",
    "password": "the AccessKey's secret",
    "host": "empty: chosen by region and network",
}


def field_behaviour() -> dict[str, Any]:
    """The standard fields' behaviour, in the spelling of the provider info."""
    return {
        "hidden-fields": list(HIDDEN_FIELDS),
        "relabeling": dict(RELABELING),
        "placeholders": dict(PLACEHOLDERS),
    }
