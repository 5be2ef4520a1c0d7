"""Nothing that Airflow has deprecated is used: what our modules cause is an error in an interpreter of its own."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import airflow

import airflow_provider_dataworks

#: What warns of its own calls: the vendor's package for signatures, which the emulator uses; with Airflow 3.0 and 3.1
#: the web framework, and common.compat, which tries the older of two places first.
NOT_OURS = ("/alibabacloud_tea", *(("/starlette/", "/_compat_utils.py") if airflow.__version__ < "3.2" else ()))

# Warnings that Airflow and its dependencies cause among themselves are not ours: only what happens after them counts.
CODE = """
import importlib, warnings
from airflow.models.connection import Connection
from airflow.providers.common.compat.sdk import DAG, BaseHook, BaseOperator, BaseOperatorLink, BaseSensorOperator, XCom
from airflow.triggers.base import BaseTrigger

found = []

def note(message, category, filename, lineno, file=None, line=None):
    if issubclass(category, (DeprecationWarning, PendingDeprecationWarning, FutureWarning)):
        found.append(f"{category.__name__}: {message} ({filename}:{lineno})")

warnings.simplefilter("always")
warnings.showwarning = note
for name in NAMES:
    importlib.import_module(name)

from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators import data_integration as operators
from airflow_provider_dataworks.operators import node as nodes
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.sensors.node import NodeInstanceSensor
from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger

with DAG(dag_id="dag", schedule=None):
    operators.CreateDISyncTaskOperator(task_id="create", task_name="name", task_content={})
    operators.StartDISyncInstanceOperator(task_id="instance", file_id=1, wait_for_completion=True, deferrable=True)
    operators.StartDIJobOperator(task_id="job", di_job_id=1, wait_for_completion=True, deferrable=True)
    DIJobStatusSensor(task_id="sensor", di_job_id=1, deferrable=True)
    DIJobStatusSensor.partial(task_id="mapped").expand(di_job_id=[1, 2])
    NodeInstanceSensor(task_id="node", node_id=1, deferrable=True)
    NodeInstanceSensor.partial(task_id="nodes").expand(node_id=[1, 2])
    nodes.TriggerNodeOperator(task_id="fire", node_id=1)
    nodes.RunNodeOperator(task_id="run", node_id=1, deferrable=True)
    nodes.RunNodeOperator.partial(task_id="runs").expand(node_id=[1, 2])
DIJobStatusTrigger(dataworks_conn_id="dataworks_default", project_id=1, di_job_id=1).serialize()
DataWorksHook()
print(*found, sep="\\n")
"""


def test_importing_and_using_every_module_warns_of_nothing() -> None:
    modules = pkgutil.walk_packages(airflow_provider_dataworks.__path__, f"{airflow_provider_dataworks.__name__}.")
    names = sorted(one.name for one in modules if not one.name.endswith("__main__"))
    assert f"{airflow_provider_dataworks.__name__}.hooks.dataworks" in names
    code = CODE.replace("NAMES", repr(names))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if "Warning:" in line]
    assert [line for line in lines if not any(place in line for place in NOT_OURS)] == []
