"""The connection form as data: the provider info gives it to Airflow 3.2+, the hook to earlier versions."""

from __future__ import annotations

from typing import Any

_AUTH_TYPES = {
    "access_key": "AccessKey ID and AccessKey Secret",
    "sts": "temporary AccessKey with its STS token",
    "ram_role_arn": "RAM role, assumed with the AccessKey",
    "oidc_role_arn": "RAM role, assumed through OIDC (RRSA on Kubernetes)",
    "ecs_ram_role": "RAM role of the ECS instance",
    "credentials_uri": "temporary keys from a URI",
    "default": "default credential chain of the machine",
}
AUTH_TYPES = tuple(_AUTH_TYPES)
API_VERSIONS = ("2020-05-18", "2024-05-18")
NETWORKS = ("public", "vpc")
CONSOLES = ("new", "legacy")
CONSOLE_SITES = ("cn", "intl")

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


# Airflow 3.2+ folds each section away; fields without one are under "Extra Fields". Earlier forms show all in a row.
_OTHER_KEYS = "RAM roles and credentials URI"
_FINE_TUNING = "Network, limits and console"


def _field(label: str, description: str, kind: str = "string", **schema: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": [kind, "null"], **schema}}


def _choice(label: str, description: str, empty: str, choices: dict[str, str], **schema: Any) -> dict[str, Any]:
    """A drop-down: what an empty field stands for, and each accepted word with what it means."""
    shown = {"null": f"not set: {empty}", **{word: f"{word}: {meaning}" for word, meaning in choices.items()}}
    return _field(label, description, enum=[None, *choices], values_display=shown, **schema)


#: The extra fields, in the order of the form.
CONNECTION_FIELDS: dict[str, dict[str, Any]] = {
    "region_id": _field(
        "Region (required)",
        "Region ID of the workspace, such as cn-shanghai. Required unless Endpoint is set.",
        examples=list(_COMMON_REGIONS),
    ),
    "project_id": _field(
        "Workspace ID (required)",
        "Default DataWorks workspace (ProjectId). Required unless every task sets project_id.",
        "integer",
        minimum=1,
        maximum=10_000_000_000,
    ),
    "api_version": _choice(
        "API version",
        "2020-05-18 needs DataWorks Enterprise Edition or above for DI jobs and to run nodes; 2024-05-18 serves every "
        "edition, and workspaces with the new Data Studio (the default since February 2025). Default: 2020-05-18.",
        "2020-05-18",
        {
            "2020-05-18": "Enterprise Edition or above, earlier workspaces",
            "2024-05-18": "every edition, workspaces with the new Data Studio",
        },
    ),
    "auth_type": _choice(
        "Authentication type",
        "All types except access_key and sts refresh their keys and require "
        "pip install 'airflow-provider-dataworks[credentials]'.",
        "access_key, or sts if a token is set",
        _AUTH_TYPES,
    ),
    "security_token": _field(
        "STS security token", "For sts: the security token issued with the temporary AccessKey.", format="password"
    ),
    "role_arn": _field(
        "RAM role ARN",
        "For ram_role_arn and oidc_role_arn: the role to assume, such as acs:ram::123456789012:role/airflow.",
        section=_OTHER_KEYS,
    ),
    "role_session_name": _field(
        "Role session name",
        "For RAM roles: the session name shown in ActionTrail. Default: airflow-dataworks.",
        section=_OTHER_KEYS,
    ),
    "sts_endpoint": _field(
        "STS endpoint",
        "For RAM roles: the STS host that issues the keys, such as sts-vpc.cn-shanghai.aliyuncs.com. "
        "Default: sts.aliyuncs.com.",
        section=_OTHER_KEYS,
    ),
    "oidc_provider_arn": _field(
        "OIDC provider ARN",
        "For oidc_role_arn. Default: ALIBABA_CLOUD_OIDC_PROVIDER_ARN (set by RRSA).",
        section=_OTHER_KEYS,
    ),
    "oidc_token_file": _field(
        "OIDC token file",
        "For oidc_role_arn: path on workers and triggerers. Default: ALIBABA_CLOUD_OIDC_TOKEN_FILE (set by RRSA).",
        section=_OTHER_KEYS,
    ),
    "ecs_role_name": _field(
        "ECS role name",
        "For ecs_ram_role: the role attached to the instance. Default: detected from the instance metadata.",
        section=_OTHER_KEYS,
    ),
    "credentials_uri": _field(
        "Credentials URI",
        "For credentials_uri: the URI that returns temporary keys as JSON.",
        section=_OTHER_KEYS,
    ),
    "network": _choice(
        "Network",
        "Endpoint of the region to call. Default: public.",
        "public",
        {"public": "over the internet", "vpc": "from within an Alibaba Cloud VPC"},
        section=_FINE_TUNING,
    ),
    "connect_timeout": _field(
        "Connection timeout (seconds)",
        f"Maximum time to establish a connection. Default: {DEFAULT_CONNECT_TIMEOUT:g}.",
        "number",
        minimum=0.1,
        section=_FINE_TUNING,
    ),
    "read_timeout": _field(
        "Read timeout (seconds)",
        f"Maximum time to wait for a response. Default: {DEFAULT_READ_TIMEOUT:g}.",
        "number",
        minimum=0.1,
        section=_FINE_TUNING,
    ),
    "max_attempts": _field(
        "Maximum attempts per call",
        f"Attempts for each API call, the first included. Default: {DEFAULT_MAX_ATTEMPTS}.",
        "integer",
        minimum=1,
        maximum=20,
        section=_FINE_TUNING,
    ),
    "max_qps": _field(
        "Maximum requests per second",
        f"Rate limit of each Airflow process for this account; 0 disables it. Default: {DEFAULT_MAX_QPS:g}.",
        "number",
        minimum=0,
        section=_FINE_TUNING,
    ),
    "console": _choice(
        "DataWorks console",
        "Console that the link of a task opens. Default: new.",
        "new",
        {"new": "unified console of all regions", "legacy": "earlier console, one host per region"},
        section=_FINE_TUNING,
    ),
    "console_site": _choice(
        "Console site",
        "Site where you log in to the console. Default: cn for regions in China, intl for others.",
        "follows the region",
        {"cn": "aliyun.com", "intl": "alibabacloud.com"},
        section=_FINE_TUNING,
    ),
    "time_zone": _field(
        "Time zone of business dates",
        "IANA name of the workspace's time zone, such as Asia/Shanghai. Default: the time zone of the region.",
        section=_FINE_TUNING,
    ),
}

HIDDEN_FIELDS = ("schema",)

RELABELING = {
    "login": "AccessKey ID",
    "password": "AccessKey Secret",
    "host": "Endpoint",
    "port": "Endpoint port",
}

# The Test button of Airflow 3.3.1 and 3.3.2 answers "Bad Request" for any connection without a port (apache/airflow
# pull request 73298), so that the port stays in the form although hardly anybody needs another one.
PLACEHOLDERS = {
    "login": "LTAI... (for access_key, sts, ram_role_arn)",
    "password": "AccessKey Secret",
    "host": "leave empty to use the endpoint of the region",
    "port": "443 (enter it to use Test on Airflow 3.3.1 or 3.3.2)",
}


def field_behaviour() -> dict[str, Any]:
    """The standard fields' behaviour, in the spelling of the provider info."""
    return {
        "hidden-fields": list(HIDDEN_FIELDS),
        "relabeling": dict(RELABELING),
        "placeholders": dict(PLACEHOLDERS),
    }
