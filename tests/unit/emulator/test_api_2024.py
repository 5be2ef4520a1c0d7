"""Requests of API version 2024-05-18, byte by byte as the official SDK sends them, and deviations from them."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl

from .conftest import FORM, Caller

NEW: dict[str, str | None] = {"x-acs-version": "2024-05-18"}
#: Requests that were captured from the SDK: action, target, and the parameters in it.
CAPTURED: list[tuple[str, str, dict[str, str]]] = [
    (
        "ListDIJobs",
        "/?MigrationType=Full&Name=mysql_to_holo+%E4%B8%AD&PageNumber=1&PageSize=100&ProjectId=10000&SpecType=ALL",
        {
            "MigrationType": "Full", "Name": "mysql_to_holo 中", "PageNumber": "1", "PageSize": "100",
            "ProjectId": "10000", "SpecType": "ALL",
        },
    ),
    (
        "GetDIJob",
        "/?Id=11588&ProjectId=10000&WithDetails=False",
        {"Id": "11588", "ProjectId": "10000", "WithDetails": "False"},
    ),
    (
        "StartDIJob",
        "/?ForceToRerun=True&Id=11588&RealtimeStartSettings=%7B%22StartTime%22%3A1663765058%7D",
        {"ForceToRerun": "True", "Id": "11588", "RealtimeStartSettings": '{"StartTime":1663765058}'},
    ),
    (
        "ListDIJobMetrics",
        "/?DIJobId=11588&EndTime=1674726801&MetricName=%5B%22delayTime%22%5D&StartTime=1663573162",
        {
            "DIJobId": "11588", "EndTime": "1674726801", "MetricName": '["delayTime"]', "StartTime": "1663573162",
        },
    ),
]  # fmt: skip

DEVIATIONS: list[dict[str, Any]] = [
    {"form": {"ForceToRerun": "True"}},
    {"body": b"{}", "signed": NEW | {"content-type": "application/json"}},
    {"signed": NEW | {"content-type": FORM}},
]


@pytest.mark.parametrize(("action", "target", "query"), CAPTURED)
def test_captured_request_is_accepted(
    call: Caller, dataworks_emulator: EmulatorControl, action: str, target: str, query: dict[str, str]
) -> None:
    dataworks_emulator.add_job(DIJobId=11588, JobName="mysql_to_holo 中")
    request = call.signed(action, method="GET", query=query, signed=NEW)
    assert request.target == target
    assert not {"content-type", "content-length"} & set(request.headers)

    reply = call.send(request)

    assert reply.status == 200, reply.body
    assert dataworks_emulator.requests()[-1]["query"] == query


def test_captured_creation_is_accepted(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    query = {
        "DestinationDataSourceType": "MaxCompute", "JobType": "DatabaseOfflineMigration", "MigrationType": "Full",
        "Name": "j 1", "Owner": "1", "ProjectId": "10000", "SourceDataSourceType": "MySQL",
    }  # fmt: skip
    form = {
        "Description": "d",
        "DestinationDataSourceSettings": '[{"DataSourceName":"odps"}]',
        "JobSettings": '{"CycleScheduleSettings":{"CycleMigrationType":"Full"},"DdlHandlingSettings":[]}',
        "ResourceSettings": '{"OfflineResourceSettings":{"ResourceGroupIdentifier":"S_1","RequestedCu":2.0}}',
        "SourceDataSourceSettings": '[{"DataSourceName":"mysql","DataSourceProperties":{"Encoding":"UTF-8"}}]',
        "TableMappings": "[]",
    }
    request = call.signed("CreateDIJob", query=query, form=form, signed=NEW)
    assert request.target == (
        "/?DestinationDataSourceType=MaxCompute&JobType=DatabaseOfflineMigration&MigrationType=Full&Name=j+1&Owner=1"
        "&ProjectId=10000&SourceDataSourceType=MySQL"
    )

    reply = call.send(request)

    assert reply.status == 200, reply.body
    assert dataworks_emulator.job(reply.json["Id"])["JobName"] == "j 1"


@pytest.mark.parametrize("deviation", DEVIATIONS)
def test_get_request_with_a_body_or_a_content_type_is_refused(
    call: Caller, dataworks_emulator: EmulatorControl, deviation: dict[str, Any]
) -> None:
    options = {"signed": NEW, **deviation}

    reply = call("StartDIJob", method="GET", query={"Id": "1001"}, **options)

    assert (reply.status, reply.code) == (400, "InvalidParameter")
    assert dataworks_emulator.job(1001)["starts"] == 0


@pytest.mark.parametrize("content_type", ["application/octet-stream", "application/json"])
@pytest.mark.parametrize("body", [b"", b"{}"])
def test_unsigned_content_type_is_accepted_where_http_libraries_add_it(
    call: Caller, dataworks_emulator: EmulatorControl, content_type: str, body: bytes
) -> None:
    request = call.signed(
        "StartDIJob",
        method="GET",
        query={"Id": "1001"},
        body=body,
        signed={**NEW, "content-type": None},
        headers={"content-type": content_type},
    )

    reply = call.send(request)

    accepted = content_type == "application/octet-stream" and not body
    assert reply.status == (200 if accepted else 400)
    assert accepted or reply.code == "IncompleteSignature"
    assert dataworks_emulator.job(1001)["starts"] == int(accepted)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_method_is_refused(call: Caller, dataworks_emulator: EmulatorControl, method: str) -> None:
    reply = call("StartDIJob", method=method, query={"Id": "1001"}, signed=NEW)

    assert (reply.status, reply.code) == (400, "UnsupportedHTTPMethod")
    assert dataworks_emulator.job(1001)["starts"] == 0


def test_fault_meets_one_version_of_an_action_by_its_parameters(
    call: Caller, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.add_fault("error", action="StartDIJob", where={"Id": "1001"})

    assert call.start().status == 200
    assert call("StartDIJob", method="GET", query={"Id": "1001"}, signed=NEW).status == 500


def test_lost_response_of_a_start_has_its_effect(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("reset", action="StartDIJob", effect="after")

    with pytest.raises(ConnectionError):
        call("StartDIJob", method="GET", query={"Id": "1001"}, signed=NEW)

    assert dataworks_emulator.job(1001)["starts"] == 1


def test_run_stats_of_2020_can_be_set(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_job(1001, RunStats={"totalRecords": "7"})

    assert call("GetDIJob", form={"DIJobId": "1001"}).json["Data"]["RunStats"] == {"totalRecords": "7"}


def test_settings_of_a_job_are_replaced_in_2020_too(call: Caller) -> None:
    mapping = '[{"SourceObjectSelectionRules":[{"ObjectType":"Table","Expression":"t9"}]}]'
    form = {"DIJobId": "1001", "Description": "new", "TableMappings": mapping}

    reply = call("UpdateDIJob", form=form)

    assert (reply.status, set(reply.json)) == (200, {"RequestId"})
    assert call("GetDIJob", form={"DIJobId": "1001"}).json["Data"]["Description"] == "new"
    assert [table["name"] for table in call.emulator.job(1001)["tables"]] == ["t9"]
    assert call("UpdateDIJob", form={"DIJobId": "5"}).status == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"tables": {}},
        {"tables": [{"records": 5}]},
        {"tables": [{"name": "a"}, {"name": "a"}]},
        {"tables": [{"name": "a", "records": -1}]},
        {"events": [{"EventType": "Heartbeat"}]},
        {"events": [{"EventType": "DDL", "Text": "x"}]},
        {"log_lines": "line"},
        {"RunStats": {"records": 7}},
        {"JobType": "Full"},
    ],
)
def test_wrong_field_of_a_job_is_refused(dataworks_emulator: EmulatorControl, fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="400"):
        dataworks_emulator.set_job(1001, **fields)
