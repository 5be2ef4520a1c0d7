"""A program that is measured from its start to its first ListDIJobs answer, once with each client.

Run the file itself, so that Python starts as for any script: ``python first_answer.py WITH URL KEY SECRET PROJECT``.
It prints the monotonic moment of the answer, and the most memory that it had, in KiB.
"""

import sys
import time


def client(url: str, key: str, secret: str, project_id: int) -> None:
    from airflow_provider_dataworks.client.catalog.v2020_05_18 import LIST_DI_JOBS
    from airflow_provider_dataworks.client.client import DataWorksClient
    from airflow_provider_dataworks.client.credentials import Credentials, StaticCredentials

    ours = DataWorksClient(url, StaticCredentials(Credentials(key, secret)))
    ours.call(LIST_DI_JOBS, {"ProjectId": project_id, "PageNumber": 1, "PageSize": 100})


def sdk(url: str, key: str, secret: str, project_id: int) -> None:
    from alibabacloud_dataworks_public20200518.client import Client
    from alibabacloud_dataworks_public20200518.models import ListDIJobsRequest
    from alibabacloud_tea_openapi.models import Config

    endpoint = url.removeprefix("http://")
    theirs = Client(Config(access_key_id=key, access_key_secret=secret, endpoint=endpoint, protocol="http"))
    theirs.list_dijobs(ListDIJobsRequest(project_id=project_id, page_number=1, page_size=100))


def interpreter(*_: object) -> None:
    """Python alone: what nothing can go below."""


def http_client(*_: object) -> None:
    """The standard library's HTTP client, imported and not used."""
    import http.client  # noqa: F401


def requests(*_: object) -> None:
    """The requests library, imported and not used."""
    import requests as _requests  # noqa: F401


def peak_kib() -> int:
    """The most memory that this process has had; read where no parent's memory counts, on Linux, importing nothing."""
    with open("/proc/self/status") as status:  # noqa: PTH123
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:5], int(sys.argv[5]))
    print(time.monotonic(), peak_kib())
