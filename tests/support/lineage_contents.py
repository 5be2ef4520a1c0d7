"""Job contents of many readers and writers, the workspace's data sources, and the datasets that a person would name."""

from __future__ import annotations

from typing import Any, NamedTuple

from airflow_provider_dataworks.client.models import DataSource

REGION, PROJECT_ID = "cn-shanghai", 1967
#: The namespace of datasets whose address is not known.
BY_NAME = f"dataworks://{REGION}/{PROJECT_ID}"


class Case(NamedTuple):
    """A content, and what it reads and writes: namespace and name of each dataset."""

    content: dict[str, Any]
    inputs: list[tuple[str, str]]
    outputs: list[tuple[str, str]]


def _source(name: str, kind: str, **properties: Any) -> DataSource:
    return DataSource(name, kind, properties, "Prod")


#: Settings of both API versions: jdbcUrl and instanceName of 2020-05-18, address and instanceId of 2024-05-18.
DATA_SOURCES = {
    source.name: source
    for source in (
        _source("shop", "mysql", jdbcUrl="jdbc:mysql://10.0.0.1:3306/shop?useSSL=false", password="***"),
        _source("shop_rds", "mysql", configType="1", instanceName="rm-abc", database="shop", password="***"),
        _source("shop_2024", "mysql", address=[{"host": "10.0.0.1", "port": 3306}], database="shop"),
        _source("polar", "polardb", jdbcUrl="jdbc:mysql://pc-1.mysql.polardb.rds.aliyuncs.com:3306/app"),
        _source("polar_pg", "polardb", jdbcUrl="jdbc:postgresql://pc-2.pg.polardb.rds.aliyuncs.com:5432/app"),
        _source("ledger", "postgresql", jdbcUrl="jdbc:postgresql://pg.internal:5433/ledger"),
        _source("erp", "sqlserver", jdbcUrl="jdbc:sqlserver://erp.internal:1433;DatabaseName=ERP"),
        _source("ora", "oracle", jdbcUrl="jdbc:oracle:thin:@//ora.internal:1521/ORCL", username="scott"),
        _source("ora_sid", "oracle", jdbcUrl="jdbc:oracle:thin:@ora2.internal:1522:XE", username="***"),
        _source(
            "odps_first", "odps", project="dw_prod", endpoint="http://service.cn-beijing.maxcompute.aliyun.com/api"
        ),
        _source("odps_2024", "maxcompute", project="dw_prod", regionId="cn-beijing", endpointMode="SelfAdaption"),
        _source("holo", "hologres", instanceId="hgprecn-cn-1", database="serving", regionId=REGION),
        _source("holo_url", "holo", endpoint="hg-1-cn-shanghai.hologres.aliyuncs.com:80", database="serving"),
        _source("lake", "oss", bucket="lake-bucket", endpoint="http://oss-cn-shanghai-internal.aliyuncs.com"),
        _source("aws", "s3", bucket="raw", endpoint="https://s3.amazonaws.com"),
        _source("hdp", "hdfs", defaultFS="hdfs://nn.internal:9000"),
        _source("files", "ftp", protocol="sftp", host="files.internal", port="2222", username="u", password="***"),
        _source("bus", "kafka", address=[{"host": "k1", "port": 9092}, {"host": "k2", "port": 9092}]),
        _source("mongo", "mongodb", address=[{"host": "m1.internal", "port": 3717}], database="shop"),
        _source("es", "elasticsearch", endpoint="http://es.internal:9200"),
        _source("sls", "loghub", endpoint="http://cn-shanghai-intranet.log.aliyuncs.com", project="web"),
        _source("hub", "datahub", endpoint="https://dh-cn-shanghai.aliyuncs.com", project="events"),
        _source("ots", "ots", endpoint="https://shop.cn-shanghai.ots.aliyuncs.com", instanceName="shop"),
        _source("ck", "clickhouse", jdbcUrl="jdbc:clickhouse://ck.internal:8123/olap"),
        _source("sr", "starrocks", jdbcUrl="jdbc:mysql://fe.internal:9030/marts", loadUrl=["fe.internal:8030"]),
        _source("warehouse", "hive", jdbcUrl="jdbc:hive2://hs2.internal:10000/dw"),
        _source("adb", "analyticdb_for_mysql", url="am-1.ads.aliyuncs.com:3306", database="ads"),
        _source("hb", "hbase", hbaseConfig={"hbase.zookeeper.quorum": "zk1:2181,zk2:2181"}),
        _source("cache", "redis", address=[{"host": "r.internal", "port": 6379}]),
        _source("ob", "oceanbase", jdbcUrl="jdbc:oceanbase://ob.internal:2883/core"),
        _source("dameng", "dm", jdbcUrl="jdbc:dm://dm.internal:5236/CRM"),
    )
}


def script(reader: str, read: dict[str, Any], writer: str, written: dict[str, Any]) -> dict[str, Any]:
    """Make a content in script mode."""
    return {
        "type": "job",
        "version": "2.0",
        "steps": [
            {"stepType": reader, "parameter": read, "name": "Reader", "category": "reader"},
            {"stepType": writer, "parameter": written, "name": "Writer", "category": "writer"},
        ],
        "setting": {"errorLimit": {"record": "0"}, "speed": {"throttle": False, "concurrent": 2}},
        "order": {"hops": [{"from": "Reader", "to": "Writer"}]},
    }


def datax(reader: str, read: dict[str, Any], writer: str, written: dict[str, Any]) -> dict[str, Any]:
    """Make a job of DataX."""
    content = {"reader": {"name": reader, "parameter": read}, "writer": {"name": writer, "parameter": written}}
    return {"job": {"setting": {"speed": {"channel": 1}}, "content": [content]}}


_ODPS = {"datasource": "odps_first", "table": "ods_orders", "partition": "pt=${bizdate}", "column": ["id", "amount"]}
_ORDERS = ("maxcompute://cn-beijing", "dw_prod.ods_orders")
_MYSQL = {"datasource": "shop", "column": ["id", "amount"], "connection": [{"datasource": "shop", "table": ["orders"]}]}
_SHOP = ("mysql://10.0.0.1:3306", "shop.orders")
_HOLO = ("postgres://hgprecn-cn-1:80", "serving.public.orders")
_STREAM = {"column": [{"value": "1", "type": "long"}], "sliceRecordCount": "10"}


def _read(kind: str, parameter: dict[str, Any], *expected: tuple[str, str]) -> Case:
    return Case(script(kind, parameter, "odps", _ODPS), list(expected), [_ORDERS])


def _write(kind: str, parameter: dict[str, Any], *expected: tuple[str, str]) -> Case:
    return Case(script("mysql", _MYSQL, kind, parameter), [_SHOP], list(expected))


CASES: dict[str, Case] = {
    "mysql to odps": _read("mysql", _MYSQL, _SHOP),
    "mysql named without a connection": _read("mysql", {"datasource": "shop", "table": "orders"}, _SHOP),
    "mysql of an RDS instance": _read(
        "mysql", {"datasource": "shop_rds", "table": ["orders"]}, ("mysql://rm-abc:3306", "shop.orders")
    ),
    "mysql as the newer version describes it": _read("mysql", {"datasource": "shop_2024", "table": "orders"}, _SHOP),
    "mysql, a table of another database": _read(
        "mysql", {"datasource": "shop", "table": ["`crm`.`people`"]}, ("mysql://10.0.0.1:3306", "crm.people")
    ),
    "mysql in shards over two data sources": _read(
        "mysql",
        {
            "connection": [
                {"datasource": "shop", "table": ["orders_[0-1]"]},
                {"datasource": "shop_rds", "table": ["orders_[08-09]"]},
            ]
        },
        ("mysql://10.0.0.1:3306", "shop.orders_0"),
        ("mysql://10.0.0.1:3306", "shop.orders_1"),
        ("mysql://rm-abc:3306", "shop.orders_08"),
        ("mysql://rm-abc:3306", "shop.orders_09"),
    ),
    "mysql of a data source that cannot be read": _read(
        "mysql", {"datasource": "hidden", "table": ["orders"]}, (BY_NAME, "hidden/orders")
    ),
    "polardb of MySQL": _read(
        "polardb",
        {"datasource": "polar", "table": ["orders"]},
        ("mysql://pc-1.mysql.polardb.rds.aliyuncs.com:3306", "app.orders"),
    ),
    "polardb of PostgreSQL": _read(
        "polardb",
        {"datasource": "polar_pg", "table": ["orders"]},
        ("postgres://pc-2.pg.polardb.rds.aliyuncs.com:5432", "app.public.orders"),
    ),
    "postgresql": _read(
        "postgresql",
        {"datasource": "ledger", "table": ["entries"]},
        ("postgres://pg.internal:5433", "ledger.public.entries"),
    ),
    "postgresql in a schema, in quotation marks": _read(
        "postgresql",
        {"datasource": "ledger", "table": '"audit"."Entries"'},
        ("postgres://pg.internal:5433", "ledger.audit.Entries"),
    ),
    "sqlserver": _read(
        "sqlserver",
        {"datasource": "erp", "table": "[dbo].[Order Lines]"},
        ("sqlserver://erp.internal:1433", "ERP.dbo.Order Lines"),
    ),
    "oracle of a service": _read(
        "oracle", {"datasource": "ora", "table": ["EMP"]}, ("oracle://ora.internal:1521", "ORCL.SCOTT.EMP")
    ),
    "oracle of a SID, in a schema": _read(
        "oracle", {"datasource": "ora_sid", "table": ["HR.EMP"]}, ("oracle://ora2.internal:1522", "XE.HR.EMP")
    ),
    "odps to mysql": Case(
        script("odps", {**_ODPS, "partition": ["pt=1", "pt=2"]}, "mysql", {"datasource": "shop", "table": "orders"}),
        [_ORDERS],
        [_SHOP],
    ),
    "odps as the newer version describes it": _read(
        "odps", {"datasource": "odps_2024", "table": "dim_shop"}, ("maxcompute://cn-beijing", "dw_prod.dim_shop")
    ),
    "odps of another project": _read(
        "odps", {"datasource": "odps_first", "table": "other.dim_shop"}, ("maxcompute://cn-beijing", "other.dim_shop")
    ),
    "odps in a schema": _read(
        "odps",
        {"datasource": "odps_first", "schema": "sales", "table": "orders"},
        ("maxcompute://cn-beijing", "dw_prod.sales.orders"),
    ),
    "hologres": _write("hologres", {"datasource": "holo", "table": "public.orders"}, _HOLO),
    "hologres by its short name, without a schema": _write("holo", {"datasource": "holo", "table": "orders"}, _HOLO),
    "hologres with an address": _write(
        "hologres",
        {"datasource": "holo_url", "table": "orders"},
        ("postgres://hg-1-cn-shanghai.hologres.aliyuncs.com:80", "serving.public.orders"),
    ),
    "oss of several objects": _read(
        "oss",
        {"datasource": "lake", "object": ["exports/orders.csv", "exports/2026/*"], "fileFormat": "csv"},
        ("oss://lake-bucket", "exports/orders.csv"),
        ("oss://lake-bucket", "exports/2026"),
    ),
    "oss written, in folders that are partitions": _write(
        "oss", {"datasource": "lake", "object": "dw/orders/pt=${bizdate}/"}, ("oss://lake-bucket", "dw/orders")
    ),
    "s3": _read("s3", {"datasource": "aws", "object": ["/in/orders*"]}, ("s3://raw", "in/orders")),
    "hdfs": _read(
        "hdfs",
        {"datasource": "hdp", "path": "/warehouse/orders/pt=1/hh=07/*", "fileType": "orc"},
        ("hdfs://nn.internal:9000", "/warehouse/orders"),
    ),
    "hdfs written": _write(
        "hdfs",
        {"datasource": "hdp", "path": "/warehouse/orders/pt=1", "fileName": "part", "writeMode": "append"},
        ("hdfs://nn.internal:9000", "/warehouse/orders"),
    ),
    "ftp": _read(
        "ftp",
        {"datasource": "files", "path": ["/in/a.csv", "/in/b.csv"]},
        ("sftp://files.internal:2222", "/in/a.csv"),
        ("sftp://files.internal:2222", "/in/b.csv"),
    ),
    "ftp written": _write(
        "ftp",
        {"datasource": "files", "path": "/out", "fileName": "orders.csv"},
        ("sftp://files.internal:2222", "/out/orders.csv"),
    ),
    "kafka": _read(
        "kafka", {"datasource": "bus", "topic": "orders", "column": ["__value__"]}, ("kafka://k1:9092", "orders")
    ),
    "kafka written, with its servers in the step": _write(
        "kafka", {"server": "k9:9093,k8:9093", "topic": "orders"}, ("kafka://k9:9093", "orders")
    ),
    "mongodb": _read(
        "mongodb",
        {"datasource": "mongo", "collectionName": "orders", "column": [{"name": "_id", "type": "string"}]},
        ("mongodb://m1.internal:3717", "shop.orders"),
    ),
    "mongodb written": _write(
        "mongodb", {"datasource": "mongo", "collectionName": "orders"}, ("mongodb://m1.internal:3717", "shop.orders")
    ),
    "elasticsearch": _write(
        "elasticsearch", {"datasource": "es", "index": "orders"}, ("elasticsearch://es.internal:9200", "orders")
    ),
    "loghub": _read(
        "loghub",
        {"datasource": "sls", "logstore": "access", "column": ["C_Topic"]},
        ("sls://cn-shanghai-intranet.log.aliyuncs.com", "web/access"),
    ),
    "datahub": _write(
        "datahub", {"datasource": "hub", "topic": "orders"}, ("datahub://dh-cn-shanghai.aliyuncs.com", "events.orders")
    ),
    "tablestore": _write(
        "ots",
        {"datasource": "ots", "table": "orders", "primaryKey": [{"name": "id"}], "column": [{"name": "amount"}]},
        ("tablestore://shop.cn-shanghai.ots.aliyuncs.com", "orders"),
    ),
    "clickhouse": _write(
        "clickhouse", {"datasource": "ck", "table": "orders"}, ("clickhouse://ck.internal:8123", "olap.orders")
    ),
    "starrocks": _write(
        "starrocks", {"datasource": "sr", "table": "orders"}, ("starrocks://fe.internal:9030", "marts.orders")
    ),
    "hive": _read("hive", {"datasource": "warehouse", "table": "orders"}, ("hive://hs2.internal:10000", "dw.orders")),
    "analyticdb for mysql": _write(
        "analyticdb_for_mysql",
        {"datasource": "adb", "table": "orders"},
        ("mysql://am-1.ads.aliyuncs.com:3306", "ads.orders"),
    ),
    "hbase": _write(
        "hbase11x",
        {"datasource": "hb", "table": "orders", "column": [{"index": 1, "name": "cf:a"}]},
        ("hbase://zk1:2181", "orders"),
    ),
    "redis written, which names no keys": _write(
        "redis", {"datasource": "cache", "writeMode": {"type": "string"}}, (BY_NAME, "cache")
    ),
    "oceanbase": _read(
        "oceanbase", {"datasource": "ob", "table": ["orders"]}, ("oceanbase://ob.internal:2883", "core.orders")
    ),
    "rdbms of a data source": _read(
        "rdbms", {"datasource": "dameng", "table": ["SALES.ORDERS"]}, ("dm://dm.internal:5236", "CRM.SALES.ORDERS")
    ),
    "restapi": _read(
        "restapi",
        {"datasource": "api", "url": "https://api.example.com/v1/orders?token=secret"},
        ("https://api.example.com", "/v1/orders"),
    ),
    "stream": Case(script("stream", _STREAM, "odps", _ODPS), [], [_ORDERS]),
    "a query": _read(
        "mysql",
        {"datasource": "shop", "connection": [{"datasource": "shop", "querySql": ["select 1"]}]},
        ("mysql://10.0.0.1:3306", "shop"),
    ),
    "DataX, mysql to hdfs": Case(
        datax(
            "mysqlreader",
            {
                "username": "etl",
                "password": "secret",
                "column": ["id"],
                "connection": [
                    {"jdbcUrl": ["jdbc:mysql://etl:secret@h:3307,h2/shop?password=secret"], "table": ["orders"]}
                ],
            },
            "hdfswriter",
            {"defaultFS": "hdfs://nn:8020", "path": "/w/orders", "fileName": "orders", "column": [{"name": "id"}]},
        ),
        [("mysql://h:3307", "shop.orders")],
        [("hdfs://nn:8020", "/w/orders")],
    ),
    "DataX, oracle by a descriptor to postgresql": Case(
        datax(
            "oraclereader",
            {
                "connection": [
                    {
                        "jdbcUrl": [
                            "jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(HOST=o1)(PORT=1522))(CONNECT_DATA=(SERVICE_NAME=DW)))"
                        ],
                        "table": ["HR.EMP"],
                    }
                ]
            },
            "postgresqlwriter",
            {"connection": [{"jdbcUrl": "jdbc:postgresql://p1/dw", "table": ["hr.emp"]}]},
        ),
        [("oracle://o1:1522", "DW.HR.EMP")],
        [("postgres://p1:5432", "dw.hr.emp")],
    ),
    "DataX, sqlserver to odps": Case(
        datax(
            "sqlserverreader",
            {"connection": [{"jdbcUrl": ["jdbc:sqlserver://s1:1444;databaseName=ERP;user=u"], "table": ["Lines"]}]},
            "odpswriter",
            {
                "project": "dw",
                "table": "lines",
                "odpsServer": "http://service.cn-hangzhou.maxcompute.aliyun-inc.com/api",
            },
        ),
        [("sqlserver://s1:1444", "ERP.dbo.Lines")],
        [("maxcompute://cn-hangzhou", "dw.lines")],
    ),
    "real-time, one reader and two writers": Case(
        {
            "type": "realtime",
            "version": "1.0",
            "steps": [
                {
                    "stepType": "mysql",
                    "name": "Reader",
                    "category": "reader",
                    "parameter": {
                        "connection": [
                            {
                                "datasourceType": "mysql",
                                "datasource": "shop",
                                "selectedDatabase": "shop",
                                "selectedTables": ["orders", "lines"],
                            }
                        ]
                    },
                },
                {
                    "stepType": "kafka",
                    "name": "Topic",
                    "category": "writer",
                    "parameter": {"datasource": "bus", "topic": "shop"},
                },
                {
                    "stepType": "holo",
                    "name": "Holo",
                    "category": "writer",
                    "parameter": {"datasource": "holo", "table": "orders"},
                },
            ],
            "order": {"hops": [{"from": "Reader", "to": "Topic"}, {"from": "Reader", "to": "Holo"}]},
        },
        [_SHOP, ("mysql://10.0.0.1:3306", "shop.lines")],
        [("kafka://k1:9092", "shop"), _HOLO],
    ),
}
