"""A program that imports Airflow's own classes first, and then one thing of ours; both are measured in CPU seconds.

Run it as ``python import_on_top.py operators|sensors|provider_info``; it prints one JSON object.
"""

import json
import sys
import time


def airflow_classes() -> None:
    """What a DAG file with operators and sensors of any kind has loaded anyway; touched, because Airflow is lazy."""
    from airflow.providers.common.compat.sdk import (  # noqa: F401
        AirflowException,
        AirflowFailException,
        AirflowSensorTimeout,
        AirflowSkipException,
        BaseOperator,
        BaseOperatorLink,
        BaseSensorOperator,
        PokeReturnValue,
        XCom,
        conf,
    )


def operators() -> None:
    from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator  # noqa: F401


def sensors() -> None:
    from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor  # noqa: F401


def provider_info() -> None:
    from airflow_provider_dataworks.get_provider_info import get_provider_info

    get_provider_info()


if __name__ == "__main__":
    start = time.process_time()
    airflow_classes()
    bare, loaded = time.process_time(), set(sys.modules)
    globals()[sys.argv[1]]()
    end, new = time.process_time(), set(sys.modules) - loaded
    others = sorted(name for name in new if not name.startswith("airflow_provider_dataworks"))
    print(json.dumps({"airflow": bare - start, "ours": end - bare, "other_modules": others}))
