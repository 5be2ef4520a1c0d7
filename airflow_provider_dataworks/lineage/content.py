"""Reads a sync task's content: which tables, objects or topics it copies to which, column by column."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflow_provider_dataworks.lineage.models import Column, Copy, DatasetReference, Step

#: Where a step's parameter names what it reads or writes, the first that is there. The topic of loghub is no dataset.
_NAMES = (
    "table", "tableName", "tables", "selectedTables", "collectionName", "collection", "logstore", "topic", "topics",
    "index", "measurement", "object", "path", "keyPattern", "url",
)  # fmt: skip
_DATABASES = ("selectedDatabase", "database", "dbName", "project", "keyspace")
_SCHEMAS = ("schema", "schemaName", "selectedSchema")
#: What a step itself says of the address. Nothing secret is among them.
_SETTINGS = (
    "jdbcUrl", "host", "port", "address", "endpoint", "server", "servers", "brokers", "bootstrapServers", "bucket",
    "defaultFS", "url", "loadUrl", "odpsServer", "project", "protocol", "hbaseConfig", "database", "region", "regionId",
)  # fmt: skip
#: Steps that make records up, or throw them away.
_NO_SYSTEM = {"stream", "streamreader", "streamwriter", "mock", "print"}
#: Files, whose folders may be partitions, and whose names may have wildcards.
_FILES = {
    "oss",
    "s3",
    "cos",
    "obs",
    "hdfs",
    "oss_hdfs",
    "ftp",
    "sftp",
    "txtfile",
    "httpfile",
    "nas",
    "localfile",
    "hive",
}
#: Their columns are names of fields, never SQL.
_NOT_SQL = _FILES | {
    "kafka", "loghub", "datahub", "mongodb", "elasticsearch", "opensearch", "hbase", "hbase11x", "hbase20x", "ots",
    "otsstream", "restapi", "redis",
}  # fmt: skip
#: In their SQL, double quotation marks are for strings.
_MYSQL = {
    "mysql", "mariadb", "rds", "polardb", "polardbx", "drds", "oceanbase", "tidb", "doris", "starrocks", "ads",
    "analyticdb_for_mysql",
}  # fmt: skip
#: A sharded table names more tables than these only by its pattern.
_MOST_SHARDS = 256

_SHARDS = re.compile(r"\[(\d+)-(\d+)\]")
_IDENTIFIER = re.compile(r"[^\W\d]\w*[\w$#]*(?:\.[^\W\d]\w*[\w$#]*)*")
_QUOTED = re.compile(r'"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]')
_CAST = re.compile(r"(?P<column>[^\W\d]\w*)::[\w ()]+")
_KEYWORDS = {"null", "true", "false", "sysdate", "current_timestamp", "current_date"}
_PARTITION_FOLDER = re.compile(r"[^\W\d]\w*=[^/]+")


def read_content(content: Mapping[str, Any] | str) -> tuple[Copy, ...]:
    """Read the content of a sync task in script mode, or a job of DataX.

    :param content: the content, a dict or its JSON; of a real-time task or a solution, what the service generated.
    :return: one copy for each writer; none where the content has no steps that are known.
    """
    job = _parsed(content)
    if isinstance(inner := job.get("job"), dict):
        return tuple(_datax_copies(inner))
    return tuple(_script_copies(job))


def kind_of(step_type: Any) -> str:
    """Give the type of the system that a step, a plugin or a data source is of.

    :param step_type: such as ``mysql``, ``mysqlreader`` or ``OSS-HDFS``.
    :return: in lower case, without ``reader`` and ``writer``.
    """
    return re.sub(r"(reader|writer)$", "", str(step_type or "").lower()).replace("-", "_")


def unquoted(name: str) -> str:
    """Give a name without SQL's quotation marks.

    :param name: such as ``"public"."Orders"`` or ``[dbo].[Order Lines]``.
    :return: such as ``public.Orders``.
    """
    return _QUOTED.sub(lambda found: found[0][1:-1].replace('""', '"'), name.strip())


def _parsed(content: Mapping[str, Any] | str) -> Mapping[str, Any]:
    if isinstance(content, str):
        try:
            content = json.loads(content)
        except (ValueError, RecursionError):
            return {}
    return content if isinstance(content, Mapping) else {}


def _datax_copies(job: Mapping[str, Any]) -> Iterator[Copy]:
    for entry in _dicts(job.get("content")):
        reader, writer = entry.get("reader"), entry.get("writer")
        if not isinstance(reader, dict) or not isinstance(writer, dict):
            continue
        source = _step(kind_of(reader.get("name")), reader.get("parameter"), writes=False)
        target = _step(kind_of(writer.get("name")), writer.get("parameter"), writes=True)
        yield Copy((source,), target, _changed(_dicts(entry.get("transformer"))))


def _script_copies(job: Mapping[str, Any]) -> Iterator[Copy]:
    steps = {str(step.get("name") or number): step for number, step in enumerate(_dicts(job.get("steps")))}
    hops = _dicts(job.get("order", {}).get("hops") if isinstance(job.get("order"), dict) else None)
    before: dict[str, set[str]] = {name: set() for name in steps}
    for hop in hops:
        if hop.get("from") in steps and hop.get("to") in steps:
            before[hop["to"]].add(hop["from"])
    kinds = {name: _category(step, name, number) for number, (name, step) in enumerate(steps.items())}
    readers = {
        name: _step(kind_of(step.get("stepType")), step.get("parameter"), writes=False)
        for name, step in steps.items()
        if kinds[name] == "reader"
    }
    for name, step in steps.items():
        if kinds[name] != "writer":
            continue
        upstream = _upstream(name, before)
        sources = tuple(reader for each, reader in readers.items() if each in upstream) or tuple(readers.values())
        others = any(kinds[each] not in ("reader", "writer") for each in upstream)
        target = _step(kind_of(step.get("stepType")), step.get("parameter"), writes=True)
        yield Copy(sources, target, None if others else frozenset())


def _category(step: Mapping[str, Any], name: str, number: int) -> str:
    """Say what a step is; old contents have no category, and name their steps for it."""
    given = str(step.get("category") or "").lower()
    if given:
        return given
    named = f"{name} {step.get('stepType')}".lower()
    return next((word for word in ("reader", "writer") if word in named), ("reader", "writer")[min(number, 1)])


def _upstream(name: str, before: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(before[name])
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += before[each]
    return found


def _changed(transformers: Iterable[Mapping[str, Any]]) -> frozenset[int] | None:
    """Which fields transformers change; None if that cannot be said."""
    changed: set[int] = set()
    for transformer in transformers:
        name, parameter = str(transformer.get("name")), transformer.get("parameter")
        if name == "dx_filter":
            continue
        index = parameter.get("columnIndex") if isinstance(parameter, dict) else None
        if name not in ("dx_replace", "dx_substr", "dx_pad", "dx_digest") or not isinstance(index, int):
            return None
        changed.add(index)
    return frozenset(changed)


def _step(kind: str, parameter: Any, *, writes: bool) -> Step:
    given = parameter if isinstance(parameter, dict) else {}
    connections = _dicts(given.get("connection")) or [{}]
    datasets: list[DatasetReference] = []
    queries: list[str] = []
    for connection in connections:
        whole = {**given, **{name: value for name, value in connection.items() if value not in (None, "", [])}}
        asked = [query for query in _strings(whole.get("querySql")) if query.strip()]
        queries += asked
        for dataset in _datasets(kind, whole, by_query=bool(asked), writes=writes):
            if dataset not in datasets:
                datasets.append(dataset)
    columns = _written_columns(kind, given) if writes else _read_columns(kind, given.get("column"))
    return Step(tuple(datasets), None if queries else columns, tuple(queries))


def _datasets(kind: str, parameter: Mapping[str, Any], *, by_query: bool, writes: bool) -> Iterator[DatasetReference]:
    if kind in _NO_SYSTEM:
        return
    datasource = _first(parameter, ("datasource", "dataSource", "datasourceName"))
    database, schema = _first(parameter, _DATABASES), _first(parameter, _SCHEMAS)
    settings = {name: parameter[name] for name in _SETTINGS if parameter.get(name) not in (None, "", [], {})}
    partitions = tuple(
        part.strip().replace(" ", "").replace("/", ",") for part in _strings(parameter.get("partition")) if part.strip()
    )
    names = [] if by_query else list(_names(kind, parameter, writes=writes))
    for name in names:
        folder_partitions: tuple[str, ...] = ()
        if kind in _FILES:
            name, folder_partitions = _file_name(name)
        yield DatasetReference(kind, name, datasource, database, schema, partitions or folder_partitions, settings)
    if not names and (datasource or by_query):
        yield DatasetReference(kind, "", datasource, database, schema, (), settings)


def _names(kind: str, parameter: Mapping[str, Any], *, writes: bool) -> Iterator[str]:
    keys = ("logstore",) if kind == "loghub" else _NAMES
    key = next((key for key in keys if any(name.strip() for name in _strings(parameter.get(key)))), None)
    if key is None:
        return
    for name in _strings(parameter[key]):
        if not name.strip():
            continue
        if key == "url":
            yield re.sub(r"[?#].*", "", name.strip(), flags=re.DOTALL)
        elif key == "path" and writes and kind in ("ftp", "sftp", "txtfile") and parameter.get("fileName"):
            yield f"{name.rstrip('/')}/{parameter['fileName']}"
        elif kind in _NOT_SQL:
            yield name.strip()
        else:
            yield from _shards(unquoted(name) if not _SHARDS.search(name) else name.strip())


def _shards(name: str) -> Iterator[str]:
    """Expand a sharded table's name, such as ``orders_[0-31]`` or ``orders_[00-31]``."""
    found = _SHARDS.search(name)
    if not found or int(found[2]) < int(found[1]) or int(found[2]) - int(found[1]) >= _MOST_SHARDS:
        yield name
        return
    width = len(found[1]) if found[1].startswith("0") else 0
    for number in range(int(found[1]), int(found[2]) + 1):
        yield from _shards(f"{name[: found.start()]}{number:0{width}d}{name[found.end() :]}")


def _file_name(path: str) -> tuple[str, tuple[str, ...]]:
    """Give a path without asterisks at its end and without folders that are partitions, and these."""
    parts = path.strip().rstrip("*").rstrip("/").split("/")
    kept = len(parts)
    while kept > 1 and _PARTITION_FOLDER.fullmatch(parts[kept - 1]):
        kept -= 1
    partition = ",".join(parts[kept:])
    return "/".join(parts[:kept]) or "/", (partition,) if partition else ()


def _read_columns(kind: str, given: Any) -> tuple[Column, ...] | None:
    items = _column_items(given)
    if not items or "*" in items:
        return None
    columns = []
    for item in items:
        if isinstance(item, dict):
            constant = "value" in item and not item.get("name")
            columns.append(Column(None if constant else _text(item.get("name")), _text(item.get("type"))))
        else:
            columns.append(_column(kind, str(item).strip()))
    return tuple(columns)


def _written_columns(kind: str, parameter: Mapping[str, Any]) -> tuple[Column, ...] | None:
    items = [*_column_items(parameter.get("primaryKey")), *_column_items(parameter.get("column"))]
    if not items:
        items = _column_items(parameter.get("header"))
    if not items or "*" in items:
        return None
    columns = []
    for item in items:
        if isinstance(item, dict):
            index = item.get("index")
            columns.append(
                Column(_text(item.get("name")), _text(item.get("type")), index if isinstance(index, int) else None)
            )
        else:
            name = str(item).strip()
            columns.append(Column((name if kind in _NOT_SQL else unquoted(name)) or None))
    for item in _dicts(parameter.get("rowkeyColumn")):
        if isinstance(item.get("index"), int) and item["index"] >= 0:
            columns.append(Column("rowkey", _text(item.get("type")), item["index"]))
    return tuple(columns)


def _column(kind: str, item: str) -> Column:
    if not item or item.lower() in _KEYWORDS or re.fullmatch(r"[-+]?[\d.]+", item):
        return Column(None)
    if kind in _NOT_SQL:
        return Column(None if re.search(r"['\"()\s]", item) else item)
    if _QUOTED.fullmatch(item):
        return Column(None if item[0] == '"' and kind in _MYSQL else unquoted(item))
    if _IDENTIFIER.fullmatch(item):
        return Column(item)
    cast = _CAST.fullmatch(item)
    return Column(cast["column"], plain=False) if cast else Column(None)


def _column_items(given: Any) -> list[Any]:
    if isinstance(given, str):
        return [part.strip() for part in given.split(",") if part.strip()]
    return [item for item in given if isinstance(item, (str, dict, int))] if isinstance(given, list) else []


def _first(parameter: Mapping[str, Any], keys: Iterable[str]) -> str | None:
    return next((text for key in keys if (text := _text(parameter.get(key)))), None)


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _dicts(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
