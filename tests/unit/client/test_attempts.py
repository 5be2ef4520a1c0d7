"""A call is sent again when that can do no harm, after a pause that grows or that the server names, within bounds."""

from __future__ import annotations

import email.utils
import json
import logging
import random
import time
from collections.abc import Mapping
from typing import Any

import pytest

from airflow_provider_dataworks.client.actions import Repeat
from airflow_provider_dataworks.client.client import DataWorksClient
from airflow_provider_dataworks.client.clock import installed
from airflow_provider_dataworks.client.credentials import Credentials
from airflow_provider_dataworks.client.errors import ApiError, CredentialsError, Outcome
from airflow_provider_dataworks.client.retry import backoff
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.settings import (
    STS_ACCESS_KEY_ID,
    STS_ACCESS_KEY_SECRET,
    STS_SECURITY_TOKEN,
)
from tests.support.calls import call
from tests.support.clock import FakeClock
from tests.support.scripted_server import ScriptedServer

from .conftest import ClientFactory

THROTTLED = json.dumps({"Code": "Throttling.User", "Message": "too fast"}).encode()
UNAVAILABLE = json.dumps({"Code": "ServiceUnavailable", "Message": "closed"}).encode()


def list_jobs(client: DataWorksClient) -> dict[str, Any]:
    return call(client, "ListDIJobs", body={"ProjectId": 10000})


def refused(client: DataWorksClient, action: str = "ListDIJobs", **how: Any) -> ApiError:
    with pytest.raises(ApiError) as raised:
        call(client, action, body={"ProjectId": 10000}, **how)
    return raised.value


def test_pauses_grow_with_jitter_and_end_at_thirty_seconds(
    server: ScriptedServer, make_client: ClientFactory, sleeps: list[float]
) -> None:
    for _ in range(9):
        server.answer(503, UNAVAILABLE)

    error = refused(make_client(server.url, max_attempts=9))

    assert error.attempts == len(server.received) == 9
    bounds = (1, 2, 4, 8, 16, 30, 30, 30)
    assert [0.1 <= pause <= bound for pause, bound in zip(sleeps, bounds, strict=True)] == [True] * 8
    assert len(set(sleeps)) == 8


def test_the_line_of_a_failed_attempt_begins_with_the_action(
    server: ScriptedServer, make_client: ClientFactory, sleeps: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    server.answer(429, THROTTLED)
    server.answer(200, b'{"DIJobPaging": {"DIJobs": []}}')

    list_jobs(make_client(server.url, max_attempts=2))

    (line,) = [one.getMessage() for one in caplog.records if one.name.endswith("client.retry")]
    assert line.startswith(f"ListDIJobs: attempt 1 failed, the next in {sleeps[0]:.1f} s: too fast ["), line


def test_pauses_double_up_to_thirty_seconds(
    server: ScriptedServer, make_client: ClientFactory, sleeps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda shortest, longest: longest)
    for _ in range(8):
        server.answer(503, UNAVAILABLE)

    refused(make_client(server.url, max_attempts=8))

    assert sleeps == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize(("attempt", "bound"), [(1, 1), (3, 4), (6, 30), (5000, 30)])
def test_jitter_is_full(attempt: int, bound: float) -> None:
    pauses = [backoff(attempt) for _ in range(500)]

    assert min(pauses) >= 0.1
    assert max(pauses) <= bound
    # Those that failed together come back all over the time, not at its end.
    assert 0.4 * bound < sum(pauses) / len(pauses) < 0.65 * bound


def test_five_attempts_are_the_default(client: DataWorksClient, emulator: EmulatorControl) -> None:
    emulator.add_fault("error", status=503, code="ServiceUnavailable", count=-1)

    error = refused(client)

    assert (error.outcome, error.attempts) == (Outcome.NOT_EXECUTED, 5)
    assert len(emulator.requests("ListDIJobs")) == 5


@pytest.mark.parametrize("attempts", [1, 3])
def test_max_attempts_is_obeyed(server: ScriptedServer, make_client: ClientFactory, attempts: int) -> None:
    for _ in range(5):
        server.answer(503, b'{"Code": "ServiceUnavailable"}')

    assert refused(make_client(server.url, max_attempts=attempts)).attempts == attempts
    assert len(server.received) == attempts


def test_good_answer_after_bad_ones_is_the_result(client: DataWorksClient, emulator: EmulatorControl) -> None:
    for kind in ("throttle", "reset", "wrong_json", "cut"):
        emulator.add_fault(kind)

    assert list_jobs(client)["DIJobPaging"]["TotalCount"] == 6
    assert len(emulator.requests("ListDIJobs")) == 5


def test_refusal_is_not_sent_again(client: DataWorksClient, emulator: EmulatorControl, sleeps: list[float]) -> None:
    emulator.add_fault("error", status=403, code="Forbidden.Access", count=-1)

    assert refused(client).outcome is Outcome.REFUSED
    assert (len(emulator.requests()), sleeps) == (1, [])


def test_refusal_after_a_failed_attempt_is_not_sent_again(
    server: ScriptedServer, make_client: ClientFactory, sleeps: list[float]
) -> None:
    server.answer(503, UNAVAILABLE)
    server.answer(403, b'{"Code": "Forbidden.Access", "Message": "no"}')

    error = refused(make_client(server.url))

    assert (error.outcome, error.attempts) == (Outcome.REFUSED, 2)
    assert (len(server.received), len(sleeps)) == (2, 1)


def test_throttled_attempts_are_counted_by_their_action(server: ScriptedServer, make_client: ClientFactory) -> None:
    counted: list[str] = []
    server.answer(429, THROTTLED)
    server.answer(503, UNAVAILABLE)

    list_jobs(make_client(server.url, on_throttled=counted.append))

    assert (counted, len(server.received)) == (["ListDIJobs"], 3)


def test_pauses_end_at_max_backoff(server: ScriptedServer, make_client: ClientFactory, sleeps: list[float]) -> None:
    for _ in range(20):
        server.answer(503, UNAVAILABLE)

    refused(make_client(server.url, max_attempts=20, max_backoff=0.5))

    assert len(sleeps) == 19
    assert max(sleeps) <= 0.5


def test_unknown_outcome_of_a_writing_action_is_not_sent_again(
    client: DataWorksClient, emulator: EmulatorControl
) -> None:
    emulator.add_fault("reset", effect="after")

    with pytest.raises(ApiError) as raised:
        call(client, "StopDIJob", body={"DIJobId": 1001})

    assert raised.value.outcome is Outcome.UNKNOWN
    assert len(emulator.requests("StopDIJob")) == 1


@pytest.mark.parametrize(("repeat", "sent"), [(Repeat.ALWAYS, 5), (Repeat.AFTER_CONFIRMATION, 1)])
def test_action_says_whether_an_unknown_outcome_is_sent_again(
    client: DataWorksClient, emulator: EmulatorControl, repeat: Repeat, sent: int
) -> None:
    emulator.add_fault("reset", count=-1)

    with pytest.raises(ApiError):
        call(client, "StopDIJob", body={"DIJobId": 1001}, repeat=repeat)

    assert len(emulator.requests("StopDIJob")) == sent


# The server says how long


def http_date(seconds_ahead: float) -> str:
    return email.utils.formatdate(time.time() + seconds_ahead, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x_acs_retry_after": "2500"}, 2.5),
        ({"x_ratelimit_user_api": "Limit:1,Remain:0,TimeLeft:3000,Reset:1234"}, 3.0),
        ({"x_ratelimit_user": "Limit:1,Remain:0,TimeLeft:4000,Reset:1234"}, 4.0),
        ({"retry_after": "7"}, 7.0),
        ({"x_acs_retry_after": "1000", "retry_after": "6"}, 6.0),
        # No wait at all would be a server hammered.
        ({"x_acs_retry_after": "0"}, 0.1),
        ({"retry_after": http_date(-60)}, 0.1),
    ],
)
def test_waiting_time_of_the_server_is_obeyed(
    server: ScriptedServer, make_client: ClientFactory, sleeps: list[float], headers: dict[str, str], seconds: float
) -> None:
    server.answer(429, THROTTLED, **headers)

    list_jobs(make_client(server.url))

    (pause,) = sleeps
    assert seconds <= pause <= seconds * 1.1


def test_date_as_a_waiting_time_is_obeyed(
    server: ScriptedServer, make_client: ClientFactory, sleeps: list[float]
) -> None:
    server.answer(503, b'{"Code": "ServiceUnavailable"}', retry_after=http_date(20))

    list_jobs(make_client(server.url))

    assert 17 <= sleeps[0] <= 22


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_acs_retry_after": "soon"},
        {"x_acs_retry_after": "²"},
        {"x_acs_retry_after": "-1"},
        {"retry_after": "soon"},
        {"x_ratelimit_user": "Limit:1,Remain:0"},
        {"retry_after": "1e20"},
        {"retry_after": "-5"},
        {"retry_after": "²"},
        {"retry_after": "1.5"},
        {"retry_after": "9" * 5000},
        {"x_acs_retry_after": "9" * 5000},
        {"x_ratelimit_user": f"TimeLeft:{'9' * 5000},"},
        {"x_ratelimit_user": "TimeLeft:²,"},
        {"retry_after": "Mon, 99 Foo 99999999999 99:99:99 GMT"},
        {"retry_after": "Fri, 01 Jan 999999999999999999999 00:00:00 GMT"},
        {"retry_after": ","},
    ],
)
def test_waiting_time_that_cannot_be_read_is_passed_over(
    server: ScriptedServer, make_client: ClientFactory, sleeps: list[float], headers: dict[str, str]
) -> None:
    server.answer(429, THROTTLED, **headers)

    list_jobs(make_client(server.url))

    assert 0.1 <= sleeps[0] <= 1


@pytest.mark.parametrize(
    "headers",
    [
        {"retry_after": "86400"},
        {"x_acs_retry_after": "86400000"},
        {"x_ratelimit_user": "Limit:1,Remain:0,TimeLeft:86400000,Reset:1"},
        {"retry_after": "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"retry_after": "999999999999999"},
    ],
)
def test_no_server_imposes_more_than_five_minutes(
    server: ScriptedServer, make_client: ClientFactory, sleeps: list[float], headers: dict[str, str]
) -> None:
    server.answer(429, THROTTLED, **headers)

    list_jobs(make_client(server.url))

    (pause,) = sleeps
    assert 300 <= pause <= 330


def test_waiting_time_beyond_the_overall_bound_ends_the_call_at_once(
    server: ScriptedServer, make_client: ClientFactory, sleeps: list[float]
) -> None:
    server.answer(503, UNAVAILABLE, x_acs_retry_after="200000")

    error = refused(make_client(server.url))

    assert (len(server.received), sleeps) == (1, [])
    assert error.retry_after == 200


def test_waiting_time_beyond_a_given_bound_ends_the_call_at_once(
    server: ScriptedServer, make_client: ClientFactory, sleeps: list[float]
) -> None:
    server.answer(503, UNAVAILABLE, x_acs_retry_after="20000")

    refused(make_client(server.url, max_elapsed=10))

    assert (len(server.received), sleeps) == (1, [])


@pytest.mark.waits
def test_overall_bound_ends_the_attempts(emulator: EmulatorControl, make_client: ClientFactory) -> None:
    key = Credentials(emulator.access_key_id, emulator.access_key_secret)
    client = make_client(emulator.url, _Fixed(key), max_attempts=50, max_elapsed=1.5, sleep=lambda _: time.sleep(0.3))
    emulator.add_fault("throttle", count=-1, headers={"x-acs-retry-after": "100"})

    began = time.monotonic()
    error = refused(client)

    assert time.monotonic() - began < 8
    assert 2 <= error.attempts <= 6


def test_pause_that_took_too_long_is_followed_by_no_attempt(server: ScriptedServer, make_client: ClientFactory) -> None:
    for _ in range(2):
        server.answer(503, UNAVAILABLE, x_acs_retry_after="1000")
    clock = FakeClock()

    with installed(clock):
        # As on a busy machine.
        error = refused(make_client(server.url, max_elapsed=5, sleep=lambda seconds: clock.sleep(seconds + 3.95)))

    assert (len(server.received), error.attempts, len(clock.sleeps)) == (1, 1, 1)
    assert "closed" in error.message


@pytest.mark.parametrize(("max_elapsed", "attempts"), [(1.0, 1), (1.05, 1), (1.3, 2)])
def test_attempt_that_would_have_no_time_is_not_waited_for(
    server: ScriptedServer,
    make_client: ClientFactory,
    monkeypatch: pytest.MonkeyPatch,
    max_elapsed: float,
    attempts: int,
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: low)
    for _ in range(2):
        server.answer(503, UNAVAILABLE, x_acs_retry_after="1000")
    clock = FakeClock()

    with installed(clock):
        error = refused(make_client(server.url, max_elapsed=max_elapsed, max_attempts=2, sleep=clock.sleep))

    assert (len(server.received), error.attempts, len(clock.sleeps)) == (attempts, attempts, attempts - 1)


# Throttling


def test_throttled_call_goes_on_for_ten_minutes(
    client: DataWorksClient, emulator: EmulatorControl, sleeps: list[float]
) -> None:
    emulator.add_fault("throttle", count=-1)

    error = refused(client)

    assert (error.outcome, error.throttled, error.outcome_unknown) == (Outcome.NOT_EXECUTED, True, False)
    assert 600 <= sum(sleeps) <= 930
    assert error.attempts == len(emulator.requests("ListDIJobs")) == len(sleeps) + 1


def test_throttled_call_has_time_for_its_answer_also_after_three_minutes(
    server: ScriptedServer, make_client: ClientFactory
) -> None:
    for _ in range(3):
        server.answer(429, THROTTLED, x_acs_retry_after="100000")
    clock = FakeClock()

    with installed(clock):
        assert list_jobs(make_client(server.url, sleep=clock.sleep)) == {"RequestId": "R-1"}

    assert sum(clock.sleeps) >= 300


def test_throttled_attempts_do_not_count(client: DataWorksClient, emulator: EmulatorControl) -> None:
    emulator.add_fault("throttle", count=12)
    emulator.add_fault("error", status=503, code="ServiceUnavailable", count=4)

    assert list_jobs(client)["DIJobPaging"]["TotalCount"] == 6
    assert len(emulator.requests("ListDIJobs")) == 17


def test_one_attempt_is_one_also_when_it_is_throttled(server: ScriptedServer, make_client: ClientFactory) -> None:
    server.answer(429, THROTTLED)

    assert refused(make_client(server.url, max_attempts=1)).attempts == 1
    assert len(server.received) == 1


class _Fixed:
    def __init__(self, *keys: Credentials) -> None:
        self.keys = list(keys)
        self.renewals = 0

    def get(self) -> Credentials:
        return self.keys[0]

    def renew(self) -> bool:
        self.renewals += 1
        if len(self.keys) > 1:
            self.keys.pop(0)
        return True


# Tokens


@pytest.mark.parametrize("code", ["InvalidSecurityToken.Expired", "InvalidSecurityToken.Malformed"])
def test_refused_token_is_renewed_once_and_the_call_sent_again(
    emulator: EmulatorControl, make_client: ClientFactory, sleeps: list[float], code: str
) -> None:
    good = Credentials(STS_ACCESS_KEY_ID, STS_ACCESS_KEY_SECRET, STS_SECURITY_TOKEN)
    old = Credentials("STS.old", "old", "old-token")
    emulator.add_fault("expired_token", code=code)
    provider = _Fixed(good if code.endswith("Expired") else old, good)

    if code.endswith("Malformed"):
        emulator.clear_faults()  # the emulator itself does not know the old token
    client = make_client(emulator.url, provider)

    assert list_jobs(client)["DIJobPaging"]["TotalCount"] == 6
    assert (len(emulator.requests("ListDIJobs")), provider.renewals, sleeps) == (2, 1, [])


def test_call_outlives_a_second_token_that_ends(
    emulator: EmulatorControl, make_client: ClientFactory, sleeps: list[float]
) -> None:
    good = Credentials(STS_ACCESS_KEY_ID, STS_ACCESS_KEY_SECRET, STS_SECURITY_TOKEN)
    first, second = (Credentials(f"STS.{name}", name, f"{name}-token") for name in ("first", "second"))
    provider = _Fixed(first, second, good)

    assert list_jobs(make_client(emulator.url, provider))["DIJobPaging"]["TotalCount"] == 6
    assert (len(emulator.requests("ListDIJobs")), provider.renewals) == (3, 2)


def test_token_that_stays_refused_is_renewed_only_once(emulator: EmulatorControl, make_client: ClientFactory) -> None:
    provider = _Fixed(Credentials("STS.old", "old", "old-token"))

    error = refused(make_client(emulator.url, provider))

    assert error.code == "InvalidSecurityToken.Malformed"
    assert (len(emulator.requests("ListDIJobs")), provider.renewals) == (2, 1)


def test_token_is_renewed_no_more_often_than_the_call_may_be_sent(
    server: ScriptedServer, make_client: ClientFactory
) -> None:
    for _ in range(5):
        server.answer(400, b'{"Code": "InvalidSecurityToken.Expired", "Message": "expired"}')
    provider = _Fixed(*(Credentials(f"STS.{number}", "secret", f"token-{number}") for number in range(5)))

    assert refused(make_client(server.url, provider, max_attempts=1)).code == "InvalidSecurityToken.Expired"
    assert [request.headers["x-acs-accesskey-id"] for request in server.received] == ["STS.0", "STS.1"]


def test_source_that_gives_an_ended_token_for_a_while_is_waited_for(
    emulator: EmulatorControl, make_client: ClientFactory, sleeps: list[float]
) -> None:
    good = Credentials(STS_ACCESS_KEY_ID, STS_ACCESS_KEY_SECRET, STS_SECURITY_TOKEN)
    emulator.add_fault("expired_token", count=3)

    assert list_jobs(make_client(emulator.url, _Fixed(good)))["DIJobPaging"]["TotalCount"] == 6
    assert (len(emulator.requests("ListDIJobs")), len(sleeps)) == (4, 2)


def test_source_that_gives_an_ended_token_only_may_give_another_later(
    emulator: EmulatorControl, make_client: ClientFactory
) -> None:
    good = Credentials(STS_ACCESS_KEY_ID, STS_ACCESS_KEY_SECRET, STS_SECURITY_TOKEN)
    emulator.add_fault("expired_token", count=-1)

    error = refused(make_client(emulator.url, _Fixed(good), max_attempts=3))

    assert (error.code, error.outcome) == ("InvalidSecurityToken.Expired", Outcome.NOT_EXECUTED)


def test_static_token_is_not_sent_again(emulator: EmulatorControl, client: DataWorksClient) -> None:
    emulator.add_fault("expired_token", count=-1)

    assert refused(client).code == "InvalidSecurityToken.Expired"
    assert len(emulator.requests("ListDIJobs")) == 1


def test_missing_credentials_are_no_matter_of_attempts(server: ScriptedServer, make_client: ClientFactory) -> None:
    class Nothing(_Fixed):
        def get(self) -> Credentials:
            raise CredentialsError("no keys")

    with pytest.raises(CredentialsError, match="no keys"):
        list_jobs(make_client(server.url, Nothing()))
    assert server.received == []


# Whether the call arrived


def test_confirmed_call_is_not_sent_again(
    client: DataWorksClient, emulator: EmulatorControl, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "airflow_provider_dataworks.client.client")
    emulator.add_fault("reset", effect="after")

    answer = call(client, "StopDIJob", body={"DIJobId": 1001}, confirm_effect=lambda error: {"confirmed": error.action})

    assert answer == {"confirmed": "StopDIJob"}
    assert len(emulator.requests("StopDIJob")) == 1
    (line,) = [one.getMessage() for one in caplog.records if one.name.endswith("client.client")]
    assert line.startswith("StopDIJob: the answer was lost, but the call arrived (no complete answer (")


def test_call_that_did_not_arrive_is_sent_again(client: DataWorksClient, emulator: EmulatorControl) -> None:
    looks: list[ApiError] = []
    emulator.add_fault("reset", effect="before")

    call(client, "StopDIJob", body={"DIJobId": 1001}, confirm_effect=looks.append)

    assert len(emulator.requests("StopDIJob")) == 2
    assert [error.outcome for error in looks] == [Outcome.UNKNOWN]


def test_throttled_call_needs_no_look(client: DataWorksClient, emulator: EmulatorControl) -> None:
    looks: list[ApiError] = []
    emulator.add_fault("throttle")

    call(client, "StopDIJob", body={"DIJobId": 1001}, confirm_effect=looks.append)

    assert (len(emulator.requests("StopDIJob")), looks) == (2, [])


def test_refusal_after_an_unknown_outcome_is_looked_into(client: DataWorksClient, emulator: EmulatorControl) -> None:
    looks: list[Outcome] = []

    def confirm(error: ApiError) -> dict[str, Any] | None:
        looks.append(error.outcome)
        return {"confirmed": True} if error.outcome is Outcome.REFUSED else None

    emulator.add_fault("reset", effect="after", action="StartDIJob")

    answer = call(client, "StartDIJob", body={"DIJobId": 1001}, confirm_effect=confirm)

    assert answer == {"confirmed": True}
    assert looks == [Outcome.UNKNOWN, Outcome.REFUSED]
    assert emulator.job(1001)["starts"] == 1


def test_incomplete_answer_is_an_unknown_outcome(client: DataWorksClient, emulator: EmulatorControl) -> None:
    def check(answer: Mapping[str, Any]) -> str | None:
        return "DIJobPaging is missing" if "Other" in answer else None

    emulator.add_fault("body", body={"Other": 1}, action="ListDIJobs")
    answer = call(client, "ListDIJobs", body={"ProjectId": 10000}, check=check)
    assert answer["DIJobPaging"]["TotalCount"] == 6
    assert len(emulator.requests("ListDIJobs")) == 2

    emulator.add_fault("body", body={"Other": 1}, action="StopDIJob")
    with pytest.raises(ApiError, match="the answer is incomplete: DIJobPaging is missing") as raised:
        call(client, "StopDIJob", body={"DIJobId": 1001}, check=check)
    assert (raised.value.action, raised.value.outcome) == ("StopDIJob", Outcome.UNKNOWN)
    assert len(emulator.requests("StopDIJob")) == 1
