"""Names datasets by OpenLineage's rules: by their physical address where it is known, else by data source."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from airflow_provider_dataworks.client.models import DataSource
from airflow_provider_dataworks.lineage.content import kind_of
from airflow_provider_dataworks.lineage.models import DatasetReference


@dataclass(frozen=True)
class DatasetName:
    """A dataset's name in OpenLineage.

    :param namespace: where it is, such as ``mysql://10.0.0.1:3306``.
    :param name: its name there, such as ``shop.orders``.
    """

    namespace: str
    name: str


@dataclass(frozen=True)
class Workspace:
    """The workspace whose data sources are named.

    :param region_id: its region; None if it is not known.
    :param project_id: its id.
    """

    region_id: str | None
    project_id: int

    @property
    def namespace(self) -> str:
        """The namespace of datasets whose physical address is not known."""
        return f"dataworks://{self.region_id or 'unknown'}/{self.project_id}"


@dataclass(frozen=True)
class _System:
    """How the datasets of a system are named.

    :param scheme: that of the namespace.
    :param parts: ``database`` (database.table), ``schema`` (database.schema.table), ``name`` (the name alone), ``dot``
        (project.name), ``slash`` (project/name), or ``bucket`` and ``path`` for files.
    :param port: of an address that names none; default none.
    :param schema: of a table that names none; default none.
    """

    scheme: str
    parts: Literal["database", "schema", "name", "dot", "slash", "bucket", "path"]
    port: int | None = None
    schema: str | None = None


_MYSQL = _System("mysql", "database", 3306)
_POSTGRES = _System("postgres", "schema", 5432, "public")
_HOLOGRES = _System("postgres", "schema", 80, "public")
_OSS = _System("oss", "bucket")
_HBASE = _System("hbase", "name", 2181)

#: By the type of a step or a data source.
_SYSTEMS: dict[str, _System] = {
    **dict.fromkeys(("mysql", "mariadb", "rds", "polardb", "polardbx", "drds", "ads", "analyticdb_for_mysql"), _MYSQL),
    **dict.fromkeys(("postgresql", "opengauss", "gaussdb", "greenplum"), _POSTGRES),
    **dict.fromkeys(("adbpg", "analyticdb_for_postgresql", "hybriddb_for_postgresql"), _POSTGRES),
    **dict.fromkeys(("hologres", "holo"), _HOLOGRES),
    "kingbasees": _System("kingbasees", "schema", 54321, "public"),
    "redshift": _System("redshift", "schema", 5439, "public"),
    "vertica": _System("vertica", "schema", 5433, "public"),
    "sqlserver": _System("sqlserver", "schema", 1433, "dbo"),
    "oracle": _System("oracle", "schema", 1521),
    "db2": _System("db2", "schema", 50000),
    "dm": _System("dm", "schema", 5236),
    "saphana": _System("saphana", "schema", 30015),
    "oceanbase": _System("oceanbase", "database", 2883),
    "tidb": _System("tidb", "database", 4000),
    "doris": _System("doris", "database", 9030),
    "selectdb": _System("selectdb", "database", 9030),
    "starrocks": _System("starrocks", "database", 9030),
    "clickhouse": _System("clickhouse", "database", 8123),
    "hive": _System("hive", "database", 10000),
    "impala": _System("impala", "database", 21050),
    "cassandra": _System("cassandra", "database", 9042),
    "mongodb": _System("mongodb", "database", 27017),
    "kafka": _System("kafka", "name", 9092),
    "elasticsearch": _System("elasticsearch", "name", 9200),
    "opensearch": _System("opensearch", "name", 9200),
    "redis": _System("redis", "name", 6379),
    **dict.fromkeys(("hbase", "hbase11x", "hbase20x", "hbase11xsql", "hbase20xsql"), _HBASE),
    **dict.fromkeys(("ots", "otsstream", "tablestore"), _System("tablestore", "name")),
    **dict.fromkeys(("loghub", "sls"), _System("sls", "slash")),
    "datahub": _System("datahub", "dot"),
    **dict.fromkeys(("odps", "maxcompute"), _System("maxcompute", "dot")),
    **dict.fromkeys(("oss", "oss_hdfs"), _OSS),
    "s3": _System("s3", "bucket"),
    "cos": _System("cos", "bucket"),
    "obs": _System("obs", "bucket"),
    "hdfs": _System("hdfs", "path", 8020),
    "ftp": _System("ftp", "path", 21),
    "sftp": _System("sftp", "path", 22),
}
#: Of a data source in instance mode: what names the instance, in place of a host.
_INSTANCES = ("instanceId", "instanceName", "clusterId", "dbInstanceId")
_HOSTS = ("host", "address", "jdbcUrl", "url", "endpoint", "endpoints", "server", "servers", "brokers")
_MORE_HOSTS = ("bootstrapServers", "bootstrap.servers", "brokerList", "loadUrl", "defaultFS", "metastoreUris")

_JDBC = re.compile(r"jdbc:(?P<kind>[a-z0-9]+)[a-z0-9:]*://(?P<hosts>[^/;?]*)(?:/(?P<database>[^;?]*))?", re.IGNORECASE)
_ORACLE = re.compile(
    r"jdbc:oracle:\w+:[^@]*@(?://)?(?P<host>[\w.-]+):(?P<port>\d+)[:/](?P<database>[\w.$-]+)", re.IGNORECASE
)
_DESCRIPTOR = re.compile(r"\(\s*(?P<name>HOST|PORT|SERVICE_NAME|SID)\s*=\s*(?P<value>[^)\s]+)\s*\)", re.IGNORECASE)
_JDBC_PROPERTY = re.compile(r"[;?&](?:database|databaseName)=(?P<database>[^;&]+)", re.IGNORECASE)
_ADDRESS = re.compile(r"^(?:[\w+.-]+://)?(?:[^@/\s]*@)?(?P<host>\[[^\]]+\]|[^:/?#\s]+)(?::(?P<port>\d+))?")
_WEB_ADDRESS = re.compile(r"(?P<scheme>https?)://(?:[^@/]*@)?(?P<host>[^/?#]+)(?P<path>[^?#]*)", re.IGNORECASE)
_MAXCOMPUTE_REGION = re.compile(r"service\.([a-z0-9-]+?)(?:-intranet|-vpc)?\.maxcompute\.")
_MOST_PARTS = {"database": 2, "schema": 3, "dot": 3}


def dataset_name(reference: DatasetReference, workspace: Workspace, source: DataSource | None = None) -> DatasetName:
    """Name a dataset.

    :param reference: the dataset as the task names it.
    :param workspace: the workspace.
    :param source: its data source with the connection settings; None (default) where they are not known.
    :return: the physical name if the step or the data source says where it is, else one of data source and name.
    """
    return _physical(reference, workspace, source) or _by_data_source(reference, workspace)


def _by_data_source(reference: DatasetReference, workspace: Workspace) -> DatasetName:
    name = reference.name.lstrip("/")
    if name and not _has_parts(reference):
        name = ".".join(part for part in (reference.database, reference.schema, name) if part)
    return DatasetName(
        workspace.namespace, "/".join(part for part in (reference.datasource or reference.kind, name) if part)
    )


def _has_parts(reference: DatasetReference) -> bool:
    """Whether the name says by itself which database or schema it is in, or is in none."""
    system = _SYSTEMS.get(reference.kind)
    return "." in reference.name or (system is not None and system.parts in ("bucket", "path"))


def _physical(reference: DatasetReference, workspace: Workspace, source: DataSource | None) -> DatasetName | None:
    places = [dict(reference.settings)] + ([dict(source.properties)] if source else [])
    kind = _system_kind(reference.kind, source, places)
    if kind == "ftp" and _first(places, ("protocol",)) == "sftp":
        kind = "sftp"
    system = _SYSTEMS.get(kind) or _System(kind, "name")
    database = reference.database or _first(places, ("database", "db", "dbName", "project", "keyspace", "serviceName"))
    if not reference.name:
        return _whole_database(system, database, places)
    if kind in ("txtfile", "localfile"):
        return DatasetName("file", reference.name)
    if kind == "restapi":
        return _web_address(reference.name)
    if system.scheme == "maxcompute":
        return _maxcompute(reference, workspace, places)
    if system.parts == "bucket":
        bucket = _first(places, ("bucket", "bucketName"))
        if bucket is None and kind == "oss_hdfs":
            bucket = (_host_and_port(places, None)[0] or "").partition(".")[0]
        return DatasetName(f"{system.scheme}://{bucket}", reference.name.lstrip("/")) if bucket else None
    host, port, in_address = _address(places, system.port)
    if host is None:
        return None
    namespace = f"{system.scheme}://{host}" + (f":{port}" if port else "")
    database = database or in_address
    if system.parts == "path":
        return DatasetName(namespace, "/" + reference.name.lstrip("/"))
    if system.parts == "slash":
        return DatasetName(namespace, "/".join(part for part in (database, reference.name) if part))
    if system.parts == "name":
        return DatasetName(namespace, reference.name)
    parts = _split(reference.name)
    missing = _MOST_PARTS[system.parts] - len(parts)
    if system.parts == "schema" and missing >= 2:
        schema = reference.schema or system.schema or (_user_schema(places) if kind == "oracle" else None)
        parts = ([schema] if schema else []) + parts
        missing = 1
    if missing >= 1:
        if not database:
            return None
        parts = [database, *parts]
    return DatasetName(namespace, ".".join(parts))


def _whole_database(system: _System, database: str | None, places: list[dict[str, Any]]) -> DatasetName | None:
    """Name the database itself, for what reads it by a query or in a way that names no table."""
    host, port, in_address = _address(places, system.port)
    database = database or in_address
    if host is None or not database or system.parts not in ("database", "schema"):
        return None
    return DatasetName(f"{system.scheme}://{host}" + (f":{port}" if port else ""), database)


def _web_address(url: str) -> DatasetName | None:
    found = _WEB_ADDRESS.match(url)
    return DatasetName(f"{found['scheme'].lower()}://{found['host']}", found["path"] or "/") if found else None


def _system_kind(kind: str, source: DataSource | None, places: Iterable[Mapping[str, Any]]) -> str:
    """The system's type; generic steps have that of their data source or of their JDBC URL."""
    if kind not in ("rds", "rdbms", "polardb", "jdbc") and kind in _SYSTEMS:
        return kind
    jdbc = next((found["kind"].lower() for place in places for found in _jdbc(place.get("jdbcUrl"))), None)
    if jdbc in _SYSTEMS:
        return jdbc
    of_source = kind_of(source.type) if source else ""
    subtype = kind_of(source.fields.get("SubType")) if source else ""
    return next((each for each in (subtype, of_source, kind) if each in _SYSTEMS), kind)


def _maxcompute(reference: DatasetReference, workspace: Workspace, places: list[dict[str, Any]]) -> DatasetName | None:
    """Give project.table, or project.schema.table, in the region; projects have one name in all of it."""
    project = reference.database or _first(places, ("project", "projectName", "database"))
    parts = _split(reference.name)
    if len(parts) == 1 or (len(parts) == 2 and reference.schema):
        if not project:
            return None
        parts = [project, *([reference.schema] if reference.schema and len(parts) == 1 else []), *parts]
    endpoint = _first(places, ("endpoint", "odpsServer", "pubEndpoint")) or ""
    in_endpoint = _MAXCOMPUTE_REGION.search(endpoint)
    region = _first(places, ("regionId", "region")) or (in_endpoint[1] if in_endpoint else None)
    region = region or workspace.region_id
    return DatasetName(f"maxcompute://{region}", ".".join(parts)) if region else None


def _address(places: Iterable[Mapping[str, Any]], port: int | None) -> tuple[str | None, int | None, str | None]:
    """Host, port and database of the first address among settings."""
    places = list(places)
    for place in places:
        for found in _jdbc(place.get("jdbcUrl")):
            host, found_port = _split_host(found["hosts"].split(",")[0])
            if host:
                return host, found_port or port, found["database"] or None
    host, found_port = _host_and_port(places, port)
    return host, found_port, None


def _jdbc(value: Any) -> list[dict[str, str]]:
    """Read JDBC URLs: kind, hosts (host:port, separated by commas) and database of each."""
    found = []
    for url in _flat(value):
        descriptor = {each["name"].upper(): each["value"] for each in _DESCRIPTOR.finditer(url)}
        if "HOST" in descriptor:
            database = descriptor.get("SERVICE_NAME") or descriptor.get("SID") or ""
            hosts = f"{descriptor['HOST']}:{descriptor.get('PORT', '')}".rstrip(":")
            found.append({"kind": "oracle", "hosts": hosts, "database": database})
        elif oracle := _ORACLE.search(url):
            hosts = f"{oracle['host']}:{oracle['port']}"
            found.append({"kind": "oracle", "hosts": hosts, "database": oracle["database"]})
        elif plain := _JDBC.search(url):
            property_ = _JDBC_PROPERTY.search(url)
            database = (plain["database"] or "").strip("/") or (property_["database"] if property_ else "")
            kind = {"hive2": "hive", "sap": "saphana"}.get(plain["kind"].lower(), plain["kind"].lower())
            found.append({"kind": kind, "hosts": plain["hosts"], "database": database})
    return found


def _host_and_port(places: Iterable[Mapping[str, Any]], port: int | None) -> tuple[str | None, int | None]:
    for place in places:
        if isinstance(place.get("hbaseConfig"), dict):
            quorum = str(place["hbaseConfig"].get("hbase.zookeeper.quorum") or "")
            if quorum:
                host, found = _split_host(quorum.split(",")[0])
                return host, found or port
        for key in (*_HOSTS, *_MORE_HOSTS):
            for value in _flat(place.get(key)):
                host, found = _split_host(value.split(",")[0])
                if host:
                    return host, found or _number(place.get("port")) or port
        for key in _INSTANCES:
            if isinstance(place.get(key), str) and place[key].strip():
                return place[key].strip(), _number(place.get("port")) or port
    return None, None


def _flat(value: Any) -> list[str]:
    """Give addresses as strings, of whatever shape: a string, host and port, or a list of these or its JSON."""
    if isinstance(value, str):
        if value.lstrip().startswith(("[", "{")) and not value.lstrip().startswith("[::"):
            try:
                return _flat(json.loads(value))
            except ValueError:
                return []
        return [value.strip()] if value.strip() else []
    if isinstance(value, dict):
        host = value.get("host")
        return [f"{host}:{value['port']}" if value.get("port") else str(host)] if host else []
    return [item for each in value for item in _flat(each)] if isinstance(value, list) else []


def _split_host(address: str) -> tuple[str | None, int | None]:
    """Take host and port from an address; user and password, where it has them, are left out."""
    found = _ADDRESS.match(address.strip())
    return (found["host"], int(found["port"]) if found["port"] else None) if found else (None, None)


def _number(value: Any) -> int | None:
    return int(value) if str(value or "").isdigit() else None


def _user_schema(places: Iterable[Mapping[str, Any]]) -> str | None:
    """The schema of an Oracle user has the user's name."""
    user = _first(places, ("username",))
    return user.upper() if user and "*" not in user else None


def _split(name: str) -> list[str]:
    return [part for part in name.split(".") if part]


def _first(places: Iterable[Mapping[str, Any]], keys: Iterable[str]) -> str | None:
    keys = tuple(keys)
    for place in places:
        for key in keys:
            if isinstance(place.get(key), str) and place[key].strip():
                return str(place[key]).strip()
    return None
