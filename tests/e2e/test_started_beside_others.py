"""A job is started and a sensor waits for it, while others of the workspace wait: only the new run ends the wait."""

from __future__ import annotations

import time

import pytest

from tests.e2e.runs import LONG, Begin, ended_at, eventually, job_id, last_seq
from tests.support.emulator_process import EmulatorProcess

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.parametrize("airflow_python", ["airflow3"], indirect=True),
]

WORKSPACE = 10000
OTHERS = [job_id(WORKSPACE, number) for number in range(1, 21)]
PAIRS = [job_id(WORKSPACE, number) for number in range(101, 151)]
FINISHED_TASK = ("success", "failed", "skipped", "upstream_failed")
#: A run that ends only when the test says so.
ENDLESS = 3600
LAST_YEAR = 1_700_000_000


def test_the_last_runs_end_ends_no_wait(begin: Begin, emulator: EmulatorProcess) -> None:
    control = emulator.control
    control.add_jobs({"DIJobId": one, "ProjectId": WORKSPACE, "JobStatus": "Running"} for one in OTHERS)
    control.add_jobs(
        {
            "DIJobId": one,
            "ProjectId": WORKSPACE,
            # Half of the last runs went well, half did not: neither says anything about the next.
            "JobStatus": "Finished" if one % 2 else "Failed",
            "StartedTime": LAST_YEAR,
            "run_seconds": ENDLESS,
        }
        for one in PAIRS
    )
    others = begin("e2e_others", "wait", [{"di_job_id": one} for one in OTHERS])
    others.wait_for_all("deferred")
    polled = last_seq(control)
    eventually(lambda: len(control.requests("ListDIJobs", polled)) >= 1, "the poller of the others polls")

    pairs = begin("e2e_pairs", "pair.sense", [{"di_job_id": one} for one in PAIRS])
    eventually(
        lambda: sum(pairs.states()[state] for state in ("deferred", *FINISHED_TASK)) == len(PAIRS),
        f"each sensor waits, or has ended\n{pairs.states()}",
        timeout=2 * LONG,
    )
    polled = last_seq(control)
    eventually(lambda: len(control.requests("ListDIJobs", polled)) >= 2, "the poller has asked for all")
    assert pairs.states() == {"deferred": len(PAIRS)}, pairs.story()

    over = time.time()
    for one in PAIRS:
        control.set_job(one, JobStatus="Finished")
    ends = [ended_at(one) for one in pairs.wait_until_ended().values()]
    assert pairs.states() == {"success": len(PAIRS)}, pairs.story()
    assert [control.job(one)["starts"] for one in PAIRS] == [1] * len(PAIRS)
    assert min(ends) > over
    assert others.states() == {"deferred": len(OTHERS)}
