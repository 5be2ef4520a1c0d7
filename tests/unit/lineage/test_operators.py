"""What operators give Airflow's OpenLineage provider: datasets, facets, and never an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.openlineage.extractors.manager import ExtractorManager

# As the listener does: this names the producer of all facets that are made from then on.
from airflow.providers.openlineage.plugins import adapter  # noqa: F401
from airflow.utils.state import TaskInstanceState
from jsonschema import Draft202012Validator

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.lineage import facets as facets_module
from airflow_provider_dataworks.operators.data_integration import (
    CreateDISyncTaskOperator,
    StartDIJobOperator,
    StartDISyncInstanceOperator,
)
from airflow_provider_dataworks.operators.node import RunNodeOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from tests.support.hook import PARAM
from tests.support.lineage_contents import script
from tests.support.tasks import make_context, run_task

IN_BOTH_VERSIONS = pytest.mark.parametrize("emulator", ["2020-05-18", "2024-05-18"], indirect=True)
MYSQL, HOLOGRES = "mysql://mysql.demo.internal:3306", "postgres://hgdemo-cn-1:80"
TABLES = ("customers", "order_items", "orders")
CONTENT = script(
    "mysql",
    {"datasource": "demo_mysql", "column": ["id", "1", "amount"], "connection": [{"table": ["orders"]}]},
    "odps",
    {
        "datasource": "odps_first",
        "table": "ods_orders",
        "partition": "pt=${bizdate}",
        "column": ["id", "one", "amount"],
    },
)


def instance(result: Any = None, pushed: Mapping[str, Any] | None = None) -> Any:
    values = {"return_value": result, **(pushed or {})}
    return SimpleNamespace(map_index=-1, xcom_pull=lambda task_ids, key, map_indexes: values.get(key))


def extracted(task: Any, state: TaskInstanceState, result: Any = None, pushed: Mapping[str, Any] | None = None) -> Any:
    """Return what the provider extracts, in its own way."""
    run = SimpleNamespace(run_id="r")
    manager: Any = ExtractorManager  # its constructor has no types
    return manager().extract_metadata(run, task, state, task_instance=instance(result, pushed))


def names(datasets: Any) -> list[tuple[str, str]]:
    return [(dataset.namespace, dataset.name) for dataset in datasets]


def facet_of(lineage: Any) -> dict[str, Any]:
    facet = lineage.run_facets["dataworks_run"]
    return {name: getattr(facet, name) for name in facet.__annotations__ if hasattr(facet, name)}


def create(**changes: Any) -> CreateDISyncTaskOperator:
    arguments = {"task_name": "orders", "task_content": CONTENT, "task_param": PARAM, **changes}
    return CreateDISyncTaskOperator(task_id="create", **arguments)


@IN_BOTH_VERSIONS
def test_created_sync_task_names_its_datasets_physically(emulator: EmulatorControl) -> None:
    lineage = extracted(create(), TaskInstanceState.SUCCESS, result=1000001)

    assert names(lineage.inputs) == [(MYSQL, "demo.orders")]
    assert names(lineage.outputs) == [("maxcompute://cn-shanghai", "demo.ods_orders")]
    assert [(symlink.namespace, symlink.name) for symlink in lineage.inputs[0].facets["symlinks"].identifiers] == [
        (f"dataworks://{facet_of(lineage)['regionId']}/10000", "demo_mysql/orders")
    ]
    facet = facet_of(lineage)
    assert (facet["taskType"], facet["taskName"], facet["fileId"]) == ("DI_OFFLINE", "orders", 1000001)
    assert facet["consoleUrl"].startswith("https://")
    assert lineage.run_facets["externalQuery"].externalQueryId == "1000001"


def test_columns_have_their_sources(emulator: EmulatorControl) -> None:
    (output,) = extracted(create(), TaskInstanceState.SUCCESS).outputs

    assert [field.name for field in output.facets["schema"].fields] == ["id", "one", "amount"]
    fields = output.facets["columnLineage"].fields
    assert set(fields) == {"id", "amount"}
    (source,) = fields["amount"].inputFields
    assert (source.namespace, source.name, source.field) == (MYSQL, "demo.orders", "amount")


def test_partitions_are_a_subset_where_the_client_has_that_facet(emulator: EmulatorControl) -> None:
    (output,) = extracted(create(), TaskInstanceState.SUCCESS).outputs

    if find_spec("openlineage.client.generated.base_subset_dataset") is None:
        # Before openlineage-python 1.38.
        assert output.outputFacets == {}
    else:
        (partition,) = output.outputFacets["subset"].outputCondition.partitions
        assert partition.dimensions == {"pt": "${bizdate}"}


def test_tables_of_a_query_are_its_inputs(emulator: EmulatorControl) -> None:
    query = "select o.id from orders o join crm.people p on p.id = o.person where o.dt = ${bizdate}"
    content = script("mysql", {"datasource": "demo_mysql", "connection": [{"querySql": [query]}]}, "odps", {})

    lineage = extracted(create(task_content=content), TaskInstanceState.SUCCESS)

    assert set(names(lineage.inputs)) == {(MYSQL, "demo.orders"), (MYSQL, "crm.people")}
    assert lineage.job_facets["sql"].query == query


@IN_BOTH_VERSIONS
def test_refused_data_sources_give_names_by_data_source(emulator: EmulatorControl) -> None:
    emulator.add_fault("error", action="ListDataSources", status=403, code="403030", message="no", count=-1)

    lineage = extracted(create(), TaskInstanceState.SUCCESS)

    namespace = f"dataworks://{facet_of(lineage)['regionId']}/10000"
    assert names(lineage.inputs) == [(namespace, "demo_mysql/orders")]
    assert names(lineage.outputs) == [(namespace, "odps_first/ods_orders")]


@IN_BOTH_VERSIONS
def test_finished_job_names_its_tables_and_what_was_copied(emulator: EmulatorControl) -> None:
    task = StartDIJobOperator(task_id="t", di_job_id=1001, wait_for_completion=True, poll_interval=0.1)
    run_task(task)

    lineage = extracted(task, TaskInstanceState.SUCCESS)

    facet = facet_of(lineage)
    assert (facet["diJobId"], facet["jobName"], facet["status"]) == (1001, "mysql_to_holo_full", "Finished")
    assert lineage.run_facets["externalQuery"].externalQueryId == "1001"
    if facet["apiVersion"] == "2024-05-18":
        assert names(lineage.inputs) == [(MYSQL, f"demo.{table}") for table in TABLES]
        assert names(lineage.outputs) == [(HOLOGRES, f"demo.public.{table}") for table in TABLES]
        statistics = [output.outputFacets["outputStatistics"] for output in lineage.outputs]
        assert [(each.rowCount, each.size) for each in statistics] == [(200, 20000), (3000, 300000), (1000, 100000)]
        assert [copy["records"] for copy in facet["copies"]] == [200, 3000, 1000]


def test_job_of_the_older_version_names_the_tables_of_its_mappings(emulator: EmulatorControl) -> None:
    rename = json.dumps({"expression": "ods_${srcTableName}"})
    selected = [{"ObjectType": "Database", "Expression": "demo"}, {"ObjectType": "Table", "Expression": "orders"}]
    used = [{"RuleName": "ods", "RuleActionType": "Rename", "RuleTargetType": "Table"}]
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

    job_id = DataWorksHook().create_di_job(
        job_name="mapped",
        migration_type="Full",
        source_data_source_type="MySQL",
        destination_data_source_type="Hologres",
        source_data_source_settings=[{"DataSourceName": "demo_mysql"}],
        destination_data_source_settings=[{"DataSourceName": "demo_hologres"}],
        transformation_rules=[{**used[0], "RuleExpression": rename}],
        table_mappings=[{"SourceObjectSelectionRules": selected, "TransformationRules": used}],
    )

    lineage = extracted(StartDIJobOperator(task_id="t", di_job_id=job_id), TaskInstanceState.SUCCESS)

    assert names(lineage.inputs) == [(MYSQL, "demo.orders")]
    assert names(lineage.outputs) == [(HOLOGRES, "demo.public.ods_orders")]


def test_failed_job_says_why_by_the_services_account(emulator: EmulatorControl) -> None:
    emulator.set_job(1006, JobStatus="Failed", ErrorMessage="disk full")

    lineage = extracted(StartDIJobOperator(task_id="t", di_job_id=1006), TaskInstanceState.FAILED)

    assert lineage.run_facets["errorMessage"].message == "disk full"


@pytest.mark.parametrize("task_type", ["DI_REALTIME", "DI_SOLUTION"])
def test_started_file_has_the_datasets_of_the_task_that_created_it(emulator: EmulatorControl, task_type: str) -> None:
    emulator.settings(require_generated_content=False)
    creating = create(task_type=task_type)
    file_id = run_task(creating)
    starting = StartDISyncInstanceOperator(task_id="start", file_id=file_id, task_type=task_type)

    first = extracted(creating, TaskInstanceState.SUCCESS, result=file_id)
    then = extracted(starting, TaskInstanceState.SUCCESS)

    assert names(then.inputs) == names(first.inputs) != []
    assert names(then.outputs) == names(first.outputs) != []


@pytest.mark.waits
@IN_BOTH_VERSIONS
@pytest.mark.parametrize("named", [{"node_id": 4001}, {"node_name": "orders_batch"}])
def test_run_of_a_node_has_the_datasets_of_its_content_and_what_was_written(
    emulator: EmulatorControl, named: dict[str, Any]
) -> None:
    emulator.set_node(4001, Content=json.dumps(CONTENT), run_seconds=0.1, records=500, error_records=20)
    context = make_context()
    result = run_task(RunNodeOperator(task_id="run", bizdate="2026-11-24", poll_interval=0.1, **named), context)
    again = RunNodeOperator(task_id="run", bizdate="2026-11-24", **named)

    lineage = extracted(again, TaskInstanceState.SUCCESS, result, context["pushed"])

    assert names(lineage.inputs) == [(MYSQL, "demo.orders")]
    assert names(lineage.outputs) == [("maxcompute://cn-shanghai", "demo.ods_orders")]
    facet = facet_of(lineage)
    assert (facet["nodeId"], facet["instanceId"], facet["bizdate"]) == (4001, result, "2026-11-24")
    assert lineage.run_facets["externalQuery"].externalQueryId == str(result)
    assert lineage.outputs[0].outputFacets["outputStatistics"].rowCount == 480


def test_run_in_the_development_environment_has_its_data_sources(emulator: EmulatorControl) -> None:
    emulator.set_node(4001, Content=json.dumps(CONTENT))
    properties = {"jdbcUrl": "jdbc:mysql://dev.internal:3306/demo"}
    emulator.add_resource("data_sources", Name="demo_mysql", EnvType="Dev", Content=properties)

    task = RunNodeOperator(task_id="run", node_id=4001, bizdate="2026-11-24", project_env="DEV")
    lineage = extracted(task, TaskInstanceState.SUCCESS)

    assert names(lineage.inputs) == [("mysql://dev.internal:3306", "demo.orders")]


def test_output_of_one_task_is_the_input_of_the_next(emulator: EmulatorControl) -> None:
    onward = script(
        "odps",
        {"datasource": "odps_first", "table": "ods_orders"},
        "holo",
        {"datasource": "demo_hologres", "table": "t"},
    )

    first = extracted(create(), TaskInstanceState.SUCCESS)
    then = extracted(create(task_content=onward), TaskInstanceState.SUCCESS)

    assert names(first.outputs) == names(then.inputs)


@pytest.mark.parametrize("state", [TaskInstanceState.SUCCESS, TaskInstanceState.FAILED])
def test_new_process_emits_the_same_as_the_one_that_executed(
    emulator: EmulatorControl, state: TaskInstanceState
) -> None:
    def task() -> StartDIJobOperator:
        return StartDIJobOperator(task_id="t", di_job_id=1001, wait_for_completion=True, poll_interval=0.1)

    executed = task()
    run_task(executed)

    assert extracted(task(), state) == extracted(executed, state)


@pytest.mark.parametrize(
    "task",
    [
        lambda: create(),
        lambda: StartDIJobOperator(task_id="t", di_job_id=1001),
        lambda: StartDISyncInstanceOperator(task_id="t", file_id=2001),
        lambda: RunNodeOperator(task_id="t", node_name="orders_batch"),
    ],
)
def test_begin_of_a_task_sends_no_request(emulator: EmulatorControl, task: Any) -> None:
    lineage = extracted(task(), TaskInstanceState.RUNNING)

    assert emulator.requests() == []
    assert (lineage.inputs, lineage.outputs) == ([], [])
    assert facet_of(lineage)["projectId"] == 10000


@pytest.mark.parametrize("method", ["start", "complete", "failure"])
def test_nothing_is_raised_whatever_is_wrong(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_DATAWORKS_DEFAULT")
    task = StartDIJobOperator(task_id="t", di_job_id=1001)
    arguments = () if method == "start" else (instance(),)

    assert getattr(task, f"get_openlineage_facets_on_{method}")(*arguments) is None


def test_service_that_does_not_answer_costs_the_datasets_and_a_bounded_time(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_dataworks.lineage.reader.LONGEST_REQUEST", 0.2)
    emulator.add_fault("slow", seconds=5, count=-1)

    lineage = extracted(StartDIJobOperator(task_id="t", di_job_id=1001), TaskInstanceState.SUCCESS)

    assert (lineage.inputs, lineage.outputs) == ([], [])
    assert facet_of(lineage)["diJobId"] == 1001


def test_sensors_emit_nothing_of_their_own() -> None:
    assert not [name for name in dir(DIJobStatusSensor) if name.startswith("get_openlineage")]


def test_run_facet_keeps_to_its_schema(emulator: EmulatorControl) -> None:
    from openlineage.client.serde import Serde

    path = facets_module.__file__.replace("facets.py", "DataWorksRunFacet.json")
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - beside the module
        schema = json.load(file)
    facet = extracted(create(), TaskInstanceState.SUCCESS, result=7).run_facets["dataworks_run"]

    Draft202012Validator({"$ref": "#/$defs/DataWorksRunFacet", **schema}).validate(json.loads(Serde.to_json(facet)))
    assert schema["$id"] == facets_module.SCHEMA_URL
