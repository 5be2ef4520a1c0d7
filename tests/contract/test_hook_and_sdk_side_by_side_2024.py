"""In API version 2024-05-18 too, our hook and the official SDK make the same requests, but for the same table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from alibabacloud_dataworks_public20240518 import models
from alibabacloud_dataworks_public20240518.client import Client

from airflow_provider_dataworks.client.catalog import v2024_05_18
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.versions import IN_2024

from .test_deployment_calls_side_by_side import CALLS_2024 as CALLS_OF_DEPLOYMENTS
from .test_deployment_calls_side_by_side import RUN_CALLS
from .test_hook_and_sdk_side_by_side import ALWAYS, differences, request_of
from .test_node_calls_side_by_side import CALLS_2024 as CALLS_OF_NODES

#: A GET has no body, so that its hash stays the same.
WITH_A_BOOLEAN = ALWAYS | {"spelling of booleans"}
NAME = "job ü+&=~*中"
RESOURCES = {"OfflineResourceSettings": {"RequestedCu": 2.0, "ResourceGroupIdentifier": "S_res_group_demo_1"}}
MAPPINGS = [
    {
        "SourceObjectSelectionRules": [
            {"Action": "Include", "Expression": "orders", "ExpressionType": "Exact", "ObjectType": "Table"}
        ],
        "TransformationRules": [{"RuleActionType": "Rename", "RuleName": "r", "RuleTargetType": "Table"}],
    }
]
SOURCES = [{"DataSourceName": "mysql", "DataSourceProperties": {"Encoding": "utf8", "Timezone": "GMT+8"}}]
TARGETS = [{"DataSourceName": "holo"}]


@dataclass(frozen=True)
class Same:
    """The same call, made by both, and where the requests differ."""

    action: str
    by_hook: Callable[[DataWorksHook], Any]
    by_sdk: Callable[[Client], Any]
    differences: frozenset[str] = ALWAYS


def create_request() -> models.CreateDIJobRequest:
    return models.CreateDIJobRequest().from_map(
        {
            "ProjectId": 10000,
            "Name": NAME,
            "JobType": "DatabaseOfflineMigration",
            "MigrationType": "Full",
            "SourceDataSourceType": "MySQL",
            "DestinationDataSourceType": "Hologres",
            "Owner": "1",
            "Description": "d 中",
            "SourceDataSourceSettings": SOURCES,
            "DestinationDataSourceSettings": TARGETS,
            "ResourceSettings": RESOURCES,
            "TableMappings": MAPPINGS,
        }
    )


def start_settings() -> Any:
    request = models.StartDIJobRequest().from_map({"RealtimeStartSettings": {"StartTime": 1671516776}})
    return request.realtime_start_settings


CALLS = {
    "create": Same(
        "CreateDIJob",
        lambda hook: hook.create_di_job(
            job_name=NAME,
            job_type="DatabaseOfflineMigration",
            migration_type="Full",
            source_data_source_type="MySQL",
            destination_data_source_type="Hologres",
            owner="1",
            description="d 中",
            source_data_source_settings=SOURCES,
            destination_data_source_settings=TARGETS,
            resource_settings=RESOURCES,
            table_mappings=MAPPINGS,
            transformation_rules=[],
        ),
        lambda sdk: sdk.create_dijob(create_request()),
    ),
    "create with the least": Same(
        "CreateDIJob",
        lambda hook: hook.create_di_job(
            job_name="j",
            migration_type="Full",
            source_data_source_type="MySQL",
            destination_data_source_type="Hologres",
        ),
        lambda sdk: sdk.create_dijob(
            models.CreateDIJobRequest(
                project_id=10000,
                name="j",
                migration_type="Full",
                source_data_source_type="MySQL",
                destination_data_source_type="Hologres",
            )
        ),
    ),
    "update": Same(
        "UpdateDIJob",
        lambda hook: hook.update_di_job(di_job_id=1001, description="new", resource_settings=RESOURCES),
        lambda sdk: sdk.update_dijob(
            models.UpdateDIJobRequest(id=1001, description="new", resource_settings=resources())
        ),
    ),
    "delete": Same(
        "DeleteDIJob",
        lambda hook: hook.delete_di_job(di_job_id=1001),
        lambda sdk: sdk.delete_dijob(models.DeleteDIJobRequest(id=1001)),
    ),
    "start": Same(
        "StartDIJob",
        lambda hook: hook.start_di_job(di_job_id=1001),
        lambda sdk: sdk.start_dijob(models.StartDIJobRequest(id=1001)),
    ),
    "start anew with settings": Same(
        "StartDIJob",
        lambda hook: hook.start_di_job(
            di_job_id=1002, realtime_start_settings={"StartTime": 1671516776}, force_to_rerun=True
        ),
        lambda sdk: sdk.start_dijob(
            models.StartDIJobRequest(id=1002, realtime_start_settings=start_settings(), force_to_rerun=True)
        ),
        WITH_A_BOOLEAN,
    ),
    "stop": Same(
        "StopDIJob",
        lambda hook: hook.stop_di_job(di_job_id=1001),
        lambda sdk: sdk.stop_dijob(models.StopDIJobRequest(id=1001)),
    ),
    "read": Same(
        "GetDIJob",
        lambda hook: hook.get_di_job(di_job_id=1001),
        lambda sdk: sdk.get_dijob(models.GetDIJobRequest(id=1001, with_details=False)),
        WITH_A_BOOLEAN,
    ),
    "read with details": Same(
        "GetDIJob",
        lambda hook: hook.get_di_job(di_job_id=1001, with_details=True),
        lambda sdk: sdk.get_dijob(models.GetDIJobRequest(id=1001, with_details=True)),
        WITH_A_BOOLEAN,
    ),
    "list by all filters": Same(
        "ListDIJobs",
        lambda hook: list(
            hook.list_di_jobs(
                job_name="mysql 中+&=",
                source_data_source_type="MySQL",
                destination_data_source_type="Hologres",
                page_size=7,
            )
        ),
        lambda sdk: sdk.list_dijobs(
            models.ListDIJobsRequest(
                project_id=10000,
                name="mysql 中+&=",
                source_data_source_type="MySQL",
                destination_data_source_type="Hologres",
                spec_type="ALL",
                page_number=1,
                page_size=7,
            )
        ),
    ),
    "list by type of migration": Same(
        "ListDIJobs",
        lambda hook: list(hook.list_di_jobs(migration_type="Full")),
        lambda sdk: sdk.list_dijobs(
            models.ListDIJobsRequest(
                project_id=10000, migration_type="Full", spec_type="ALL", page_number=1, page_size=100
            )
        ),
    ),
    "tables of a run": Same(
        "ListDIJobRunDetails",
        lambda hook: list(hook.list_di_job_run_details(di_job_id=1001)),
        lambda sdk: sdk.list_dijob_run_details(
            models.ListDIJobRunDetailsRequest(dijob_id=1001, page_number=1, page_size=100)
        ),
    ),
    "events": Same(
        "ListDIJobEvents",
        lambda hook: list(hook.list_di_job_events(di_job_id=1001, start_time=1671516776, end_time=1671520000)),
        lambda sdk: sdk.list_dijob_events(
            models.ListDIJobEventsRequest(
                dijob_id=1001,
                event_type="Failover",
                start_time=1671516776,
                end_time=1671520000,
                page_number=1,
                page_size=100,
            )
        ),
    ),
    "log": Same(
        "GetDIJobLog",
        lambda hook: hook.get_di_job_log(di_job_id=1001, node_type="MASTER"),
        lambda sdk: sdk.get_dijob_log(models.GetDIJobLogRequest(id=1001, node_type="MASTER", page_number=1)),
    ),
    "list data sources": Same(
        "ListDataSources",
        lambda hook: list(hook.list_data_sources(name="demo 中", environment="Prod")),
        lambda sdk: sdk.list_data_sources(
            models.ListDataSourcesRequest(
                project_id=10000, name="demo 中", env_type="Prod", page_number=1, page_size=100
            )
        ),
    ),
    "any other": Same(
        "GetProject",
        lambda hook: hook.call("GetProject", query={"Id": 10000}),
        lambda sdk: sdk.get_project(models.GetProjectRequest(id=10000)),
    ),
}


def resources() -> Any:
    return models.UpdateDIJobRequest().from_map({"ResourceSettings": RESOURCES}).resource_settings


@IN_2024
@pytest.mark.parametrize("name", CALLS)
def test_same_call_is_the_same_request_but_for_the_table(
    hook: DataWorksHook, sdk_2024: Client, dataworks_emulator: EmulatorControl, name: str
) -> None:
    same = CALLS[name]

    theirs = request_of(dataworks_emulator, same.action, lambda: same.by_sdk(sdk_2024))
    ours = request_of(dataworks_emulator, same.action, lambda: same.by_hook(hook))

    assert differences(theirs, ours) == same.differences


def test_every_action_of_the_catalogue_is_compared() -> None:
    names = {action.name for action in v2024_05_18.ACTIONS}
    elsewhere = {same.action for same in CALLS_OF_NODES.values()} | {"GetCreateWorkflowInstancesResult"}
    elsewhere |= {same.action for same in CALLS_OF_DEPLOYMENTS.values()} | set(RUN_CALLS)
    # ListNodes is sent before each creation of a node.
    elsewhere |= {"ListNodes"}

    # ListProjects is asked for by test_connection alone.
    assert {same.action for same in CALLS.values()} == names - {"ListProjects"} - elsewhere


@IN_2024
def test_both_read_the_same_answer(hook: DataWorksHook, sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_job(1006, JobStatus="Stopped")

    theirs = sdk_2024.get_dijob(models.GetDIJobRequest(id=1006, with_details=True)).body.paging_info.to_map()
    ours: dict[str, Any] = dict(hook.get_di_job(di_job_id=1006, with_details=True))
    # What we give in the terms of 2020-05-18: the id as an integer, and one word for a job that was stopped.
    assert (theirs["DIJobId"], theirs["JobStatus"]) == ("1006", "Stop")
    assert (ours["DIJobId"], ours["JobStatus"]) == (1006, "Stopped")
    same = {"DIJobId": 1006, "JobStatus": "Stopped"}
    assert {name: value for name, value in {**theirs, **same}.items() if value} == {n: v for n, v in ours.items() if v}

    listed = sdk_2024.list_dijobs(models.ListDIJobsRequest(project_id=10000, spec_type="ALL", page_size=100))
    assert [job.to_map() for job in listed.body.paging_info.dijobs] == list(hook.list_di_jobs())
