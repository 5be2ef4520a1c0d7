"""Everything that the emulated DataWorks holds: workspaces, jobs, files and remembered client tokens."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.files import REALTIME, SOLUTION, File
from airflow_provider_dataworks.emulator.backend.jobs import Job
from airflow_provider_dataworks.emulator.settings import Settings

#: What a new emulator holds: DIJobId, name, MigrationType, source, destination.
FIRST_JOBS = (
    (1001, "mysql_to_holo_full", "Full", "MySQL", "Hologres"),
    (1002, "mysql_to_holo_realtime", "RealtimeIncremental", "MySQL", "Hologres"),
    (1003, "mysql_to_holo_full_and_realtime", "FullAndRealtimeIncremental", "MySQL", "Hologres"),
    (1004, "mysql_to_hive_offline", "OfflineIncremental", "MySQL", "Hive"),
    (1005, "mysql_to_hive_full_and_offline", "FullAndOfflineIncremental", "MySQL", "Hive"),
    (1006, "mysql_to_holo_full_bad", "Full", "MySQL", "Hologres"),
)
FAILING_JOB_ID = 1006
FAILING_JOB_MESSAGE = "Table orders: the destination column amount is too narrow for the source column amount."
#: FileId, TaskType, name, deployed.
FIRST_FILES = (
    (2001, REALTIME, "orders_realtime", True),
    (2002, SOLUTION, "orders_solution", False),
)
FIRST_TASK_CONTENT = '{"type":"job","version":"2.0","steps":[]}'
FIRST_NEW_JOB_ID = 10001
FIRST_NEW_FILE_ID = 1000001


class State:
    """
    The state, on one clock: monotonic time decides, Unix time is what is shown.

    :param settings: the emulator's settings; read at each use, so that changes count at once.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._jobs: dict[int, Job] = {}
        self._files: dict[int, File] = {}
        self._tokens: dict[tuple[int, str], tuple[Any, int]] = {}
        self._job_ids = itertools.count(FIRST_NEW_JOB_ID)
        self._file_ids = itertools.count(FIRST_NEW_FILE_ID)
        self._fill()

    def _fill(self) -> None:
        project_id = self.settings.project_id
        for di_job_id, name, migration_type, source, destination in FIRST_JOBS:
            job = Job(di_job_id, project_id, name, migration_type, source, destination)
            if di_job_id == FAILING_JOB_ID:
                job.outcome = "Failed"
                job.error_message = FAILING_JOB_MESSAGE
            self.add_job(job)
        for file_id, task_type, name, deployed in FIRST_FILES:
            file = File(file_id, project_id, task_type, name, deployed=deployed)
            file.task_content = FIRST_TASK_CONTENT
            self.add_file(file)

    # Workspaces

    def project_ids(self) -> list[int]:
        """Return the workspaces: the first one, and each one that a job or a file was put into."""
        held = {job.project_id for job in self._jobs.values()}
        held |= {file.project_id for file in self._files.values()}
        return sorted(held | {self.settings.project_id})

    def check_project(self, project_id: int) -> None:
        """
        Check that a workspace exists.

        :raises ApiRefusal: it does not.
        """
        if project_id not in self.project_ids():
            raise assumptions.unknown_project(project_id)

    # Jobs

    def new_job_id(self) -> int:
        """Return a DIJobId that is free."""
        return next(new for new in self._job_ids if new not in self._jobs)

    def add_job(self, job: Job) -> None:
        """Take a job in; its times of creation and change are now."""
        job.created_time = job.updated_time = int(time.time())
        self._jobs[job.di_job_id] = job

    def find_job(self, di_job_id: int) -> Job | None:
        """Return a job in its state of now."""
        job = self._jobs.get(di_job_id)
        if job is not None:
            job.advance(time.monotonic())
        return job

    def job(self, di_job_id: int) -> Job:
        """
        Return a job in its state of now.

        :raises ApiRefusal: there is none with this id.
        """
        job = self.find_job(di_job_id)
        if job is None:
            raise assumptions.unknown_job(di_job_id)
        return job

    def remove_job(self, di_job_id: int) -> None:
        """Take a job out."""
        del self._jobs[di_job_id]

    def jobs(self) -> list[Job]:
        """Return all jobs in their states of now, in the order of their ids."""
        return self._now(self._jobs[di_job_id] for di_job_id in sorted(self._jobs))

    # Files

    def new_file_id(self) -> int:
        """Return a FileId that is free."""
        return next(new for new in self._file_ids if new not in self._files)

    def add_file(self, file: File) -> None:
        """Take a file in."""
        self._files[file.file_id] = file

    def find_file(self, file_id: int) -> File | None:
        """Return a file in its state of now."""
        file = self._files.get(file_id)
        if file is not None:
            file.advance(time.monotonic())
        return file

    def remove_file(self, file_id: int) -> None:
        """Take a file out."""
        del self._files[file_id]

    def files(self) -> list[File]:
        """Return all files in their states of now, in the order of their ids."""
        return self._now(self._files[file_id] for file_id in sorted(self._files))

    # Client tokens

    def recall(self, project_id: int, client_token: str, parameters: Any) -> int | None:
        """
        Return the FileId that was created with a client token, or None when it is new.

        :raises ApiRefusal: it was used with other parameters.
        """
        remembered = self._tokens.get((project_id, client_token))
        if remembered is None:
            return None
        if remembered[0] != parameters:
            raise assumptions.other_parameters_for_token()
        return remembered[1]

    def remember(self, project_id: int, client_token: str, parameters: Any, file_id: int) -> None:
        """Remember what was created with a client token."""
        self._tokens[project_id, client_token] = (parameters, file_id)

    @staticmethod
    def _now(items: Iterable[Any]) -> list[Any]:
        now = time.monotonic()
        result = list(items)
        for item in result:
            item.advance(now)
        return result
