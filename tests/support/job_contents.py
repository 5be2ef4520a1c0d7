"""Job contents of the shapes that DataX's plugins and DataWorks' script mode have, with values that are easily changed.

Among them: constants in quotation marks, digits and empty strings, names of ``.json`` files, delimiters that are line
breaks or control characters, scheduling parameters, and strings that Python or YAML would read as something else.
"""

from __future__ import annotations

from typing import Any

READERS: dict[str, dict[str, Any]] = {
    "mysql": {
        "datasource": "shop_mysql",
        "column": ["id", "'const'", "1", "''", "null", "now()", '"quoted"'],
        "where": "gmt_modified >= '${bizdate}' and state <> ''\n",
        "splitPk": "id",
        "connection": [{"datasource": "shop_mysql", "table": ["orders_[0-31]", "orders.json"]}],
        "preSql": ["set names utf8mb4;\r\n", ""],
    },
    "postgresql": {
        "username": "etl",
        "password": "0123",
        "column": ["id", "payload::text", "'{\"a\": 1}'"],
        "connection": [{"jdbcUrl": ["jdbc:postgresql://10.0.0.1:5432/app"], "querySql": ["select 1\n  from t\n"]}],
        "fetchSize": 1024,
    },
    "sqlserver": {"datasource": "erp", "table": "[dbo].[Order Lines]", "column": ["[Id]", "N'文'"], "where": "1 = 1"},
    "oracle": {
        "datasource": "ora",
        "column": ["ROWID", "TO_CHAR(D, 'YYYY-MM-DD\"T\"HH24:MI')"],
        "splitPk": "",
        "hint": "/*+ FULL(t) */",
    },
    "odps": {
        "datasource": "odps_first",
        "table": "ods_orders",
        "partition": ["pt=$[yyyymmdd-1]", "ds=20261125", "hh=07"],
        "column": ["*"],
        "emptyAsNull": False,
        "tunnelServer": "",
    },
    "oss": {
        "datasource": "lake",
        "object": ["exports/orders.json", "exports/2026/*"],
        "fileFormat": "csv",
        "fieldDelimiter": "\t",
        "nullFormat": "\\N",
        "skipHeader": "true",
        "compress": "",
        "column": [
            {"type": "string", "index": 0},
            {"type": "string", "value": "1"},
            {"type": "date", "format": "yyyy-MM-dd"},
        ],
        "csvReaderConfig": {"safetySwitch": False, "skipEmptyRecords": False, "useTextQualifier": False},
    },
    "hdfs": {
        "path": "/user/hive/warehouse/orders/pt=${bizdate}/*",
        "defaultFS": "hdfs://nn:8020",
        "fileType": "orc",
        "encoding": "UTF-8",
        "fieldDelimiter": "\u0001",
        "hadoopConfig": {"dfs.nameservices": "ns", "dfs.ha.namenodes.ns": "nn1,nn2"},
        "column": [{"index": 0, "type": "long"}, {"type": "string", "value": "None"}],
    },
    "ftp": {
        "protocol": "sftp",
        "host": "10.1.2.3",
        "port": 22,
        "path": ["/in/orders.json", "/in/#hash.csv"],
        "fieldDelimiter": ",",
        "lineDelimiter": "\r\n",
        "nullFormat": "null",
        "column": ["*"],
    },
    "mongodb": {
        "datasource": "mongo",
        "collectionName": "orders",
        "query": '{"operationTime": {"$gte": ISODate("2026-01-01T00:00:00.424+0800")}}',
        "cursorTimeoutInMs": 600000,
        "column": [{"name": "_id", "type": "string"}, {"name": "tags", "type": "Array", "splitter": ""}],
    },
    "loghub": {
        "datasource": "sls",
        "logstore": "access",
        "beginDateTime": "20261125000000",
        "endDateTime": "${endtime}",
        "column": ["C_Topic", "1", "C_HostName"],
        "batchSize": "128",
    },
    "kafka": {
        "server": "k1:9092,k2:9092",
        "topic": "orders.json",
        "column": ["__key__", "__value__", "'123'", "event_id"],
        "kafkaConfig": {"group.id": "g", "auto.offset.reset": "earliest"},
        "beginDateTime": "${begin}",
        "skipExceedRecord": "false",
        "waitTime": "10",
    },
    "hbase11x": {
        "mode": "multiVersionFixedColumn",
        "hbaseConfig": {"hbase.zookeeper.quorum": "zk1,zk2"},
        "range": {"startRowkey": "", "endRowkey": "\\x00\\xff", "isBinaryRowkey": True},
        "column": [{"name": "rowkey", "type": "string"}, {"name": "cf:q", "type": "string"}],
    },
    "hologres": {
        "endpoint": "h.hologres.aliyuncs.com:80",
        "accessId": "LTAI",
        "table": "public.orders",
        "selectedDatabase": "db",
        "partition": "pt=1",
    },
    "elasticsearch": {
        "endpoint": "http://es:9200",
        "index": "orders-*",
        "search": [{"match_all": {}}],
        "scroll": "5m",
        "headers": {},
        "column": ["col_ip", "a.b[0]"],
    },
    "ots": {
        "datasource": "ots",
        "table": "t",
        "column": [{"name": "pk"}, {"type": "STRING", "value": ""}, {"type": "INT", "value": "007"}],
        "range": {"begin": [{"type": "INF_MIN"}], "end": [{"type": "STRING", "value": "~"}], "split": []},
    },
    "restapi": {
        "url": "https://api.example.com/v1/orders?d=${bizdate}&f=%7B%7D",
        "dataMode": "oneData",
        "responseType": "json",
        "column": [{"type": "string", "name": "data.id"}],
        "dirtyData": "null",
        "method": "get",
        "customHeader": {"Accept": "application/json", "X-Empty": ""},
        "parameters": "a=1&b=",
    },
    "redis": {"mode": "list", "keyPattern": "order:{shop}:*", "valueIndexes": [0, -1], "expireTime": {"seconds": "0"}},
    "clickhouse": {
        "datasource": "ck",
        "column": ["toDateTime64(ts, 3, 'Asia/Shanghai')"],
        "where": "x = '\\''",
        "splitPk": None,
    },
    "txtfile": {
        "path": ["C:\\data\\new.json", "/tmp/ leading"],
        "encoding": "gbk",
        "fieldDelimiter": "|",
        "nullFormat": "\n",
    },
    "stream": {
        "column": [{"value": "True", "type": "string"}, {"value": 1e20, "type": "double"}, {"random": "0,10"}],
        "sliceRecordCount": 10**15,
    },
}

WRITERS: dict[str, dict[str, Any]] = {
    "odps": {
        "partition": "pt=${bizdate}",
        "truncate": True,
        "table": "ods_orders",
        "column": ["id", "\u4ef7\u683c"],
        "emptyAsNull": False,
    },
    "hologres": {
        "conflictMode": "ignore",
        "writeMode": "sdk",
        "column": ["id"],
        "truncate": False,
        "partition": "",
        "arrayDelimiter": "\u0002",
    },
    "oss": {
        "object": "out/orders.json",
        "writeMode": "truncate",
        "lineDelimiter": "\n",
        "fieldDelimiter": "\u0001",
        "nullFormat": "",
        "header": [],
        "suffix": ".json",
    },
    "mysql": {
        "preSql": ["delete from a;\r\n"],
        "postSql": ["commit;\n"],
        "writeMode": "replace",
        "batchSize": "256",
        "session": ["set sql_mode='ANSI'"],
    },
    "elasticsearch": {
        "index": "orders",
        "cleanup": True,
        "settings": {"index": {"number_of_shards": "1", "refresh_interval": "-1"}},
        "alias": None,
        "splitter": "-,-",
        "column": [{"name": "id", "type": "id"}, {"name": "at", "type": "date", "format": "yyyy-MM-dd HH:mm:ss"}],
    },
    "kafka": {
        "keyIndex": 0,
        "valueIndex": "1",
        "fieldDelimiter": "\t",
        "keyType": "ByteArray",
        "nullKeyFormat": "null",
        "nullValueFormat": "",
        "writeMode": "json",
    },
    "loghub": {"datalogConfig": "", "column": ["col0", ""], "batchSize": "1024", "topic": "{}"},
    "hbase11x": {
        "rowkeyColumn": [{"index": 0, "type": "string"}, {"index": -1, "type": "string", "value": "_"}],
        "versionColumn": {"index": -1, "value": "123456789"},
        "nullMode": "skip",
        "column": [{"index": 1, "name": "cf1:q1", "type": "string"}],
    },
    "mongodb": {
        "writeMode": {"isReplace": "true", "replaceKey": "_id"},
        "preSql": {"type": "drop"},
        "column": [{"name": "loc", "type": "Array", "splitter": " "}],
    },
    "ftp": {
        "path": "/out",
        "fileName": "orders.json",
        "singleFileOutput": "true",
        "lineDelimiter": "\r\n",
        "markDoneFileName": "done.json",
    },
    "hdfs": {
        "path": "/w/pt=1",
        "fileName": "part",
        "writeMode": "append",
        "compress": "NONE",
        "fieldDelimiter": "\u0001",
        "column": [{"name": "a", "type": "DECIMAL(18,9)"}],
    },
    "redis": {
        "expireTime": {"seconds": "1000"},
        "keyFieldDelimiter": "\u0001",
        "dateFormat": "yyyy-MM-dd HH:mm:ss",
        "writeMode": {"type": "string", "mode": "set", "valueFieldDelimiter": "\u0001"},
    },
    "postgresql": {"preSql": ['truncate table "public"."Orders"\n\n'], "conflictMode": "report", "nullMode": "[]"},
    "ots": {
        "primaryKey": [{"name": "pk", "type": "string"}],
        "column": [{"name": "v", "type": "int"}],
        "writeMode": "UpdateRow",
    },
    "clickhouse": {
        "batchSize": 65536,
        "column": ["a.b"],
        "preSql": ["ALTER TABLE t DROP PARTITION '20261125'"],
        "batchByteSize": 67108864,
    },
    "starrocks": {
        "loadProps": {"row_delimiter": "\\x02", "column_separator": "\\x01"},
        "loadUrl": ["fe:8030"],
        "maxBatchRows": "500000",
    },
    "oracle": {
        "column": ['"ID"', "SYSDATE"],
        "session": ["alter session set nls_date_format='yyyy-mm-dd'"],
        "writeMode": "insert",
    },
    "sqlserver": {"preSql": ["\r\n", "GO\r\n"], "insertMode": "{'a': 1}", "identityInsert": "false"},
    "rdbms": {"jdbcUrl": "jdbc:dm://h:5236/x?a=b#frag", "postSql": ["-- done", "# comment"], "batchSize": 1},
    "stream": {"print": False, "fieldDelimiter": ",", "path": ".json", "fileName": "[1, 2]"},
}

_SETTING: dict[str, Any] = {
    "errorLimit": {"record": "0", "percentage": 0.02},
    "speed": {"throttle": True, "concurrent": 3, "mbps": "12", "byte": -1},
    "jvmOption": "",
    "locale": "zh_CN",
}


def _script_mode(reader: str, writer: str) -> dict[str, Any]:
    return {
        "type": "job",
        "version": "2.0",
        "steps": [
            {"stepType": reader, "parameter": READERS[reader], "name": "Reader", "category": "reader"},
            {"stepType": writer, "parameter": WRITERS[writer], "name": "Writer", "category": "writer"},
        ],
        "setting": _SETTING,
        "order": {"hops": [{"from": "Reader", "to": "Writer"}]},
        "extend": {"mode": "code", "__new__": True, "resourceGroup": ""},
    }


def _datax(reader: str, writer: str) -> dict[str, Any]:
    transformer = {
        "name": "dx_groovy",
        "parameter": {"code": 'record.setColumn(0, "a\\n");\nreturn record;\n', "extraPackage": []},
    }
    content = {
        "reader": {"name": f"{reader}reader", "parameter": READERS[reader]},
        "transformer": [
            transformer,
            {"name": "dx_replace", "parameter": {"columnIndex": 1, "paras": ["3", "4", "****"]}},
        ],
        "writer": {"name": f"{writer}writer", "parameter": WRITERS[writer]},
    }
    return {
        "job": {"setting": {"speed": {"channel": "3"}, "errorLimit": {"record": 0}}, "content": [content]},
        "core": None,
    }


#: Forty contents by name.
CONTENTS: dict[str, dict[str, Any]] = {
    f"{shape}-{reader}-{writer}": build(reader, writer)
    for reader, writer in zip(READERS, WRITERS, strict=True)
    for shape, build in (("script", _script_mode), ("datax", _datax))
}
