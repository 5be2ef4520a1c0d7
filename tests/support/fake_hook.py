"""A hook without a service: its methods give what a test says, and what they were called with is kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

#: The workspace 10000 in the console, as an error links to it.
WORKSPACE_URL = "https://dataworks.data.aliyun.com/cn-shanghai/sc?defaultProjectId=10000"


class FakeHook:
    """Answers each method with one value, or with those of a list in turn, the last for good; an exception is raised.

    :param api_version: that of the connection.
    :param answers: the value of each method that is called, by its name.
    """

    def __init__(self, api_version: str = "2020-05-18", **answers: Any) -> None:
        self.settings = SimpleNamespace(
            api_version=api_version, project_id=10000, region_id="cn-shanghai", console=None, console_site=None
        )
        self.answers = answers
        #: The name and the arguments of each call.
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        if name not in self.answers:
            raise AttributeError(name)

        def call(**given: Any) -> Any:
            self.calls.append((name, given))
            answer = self.answers[name]
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def hook(api_version: str = "2020-05-18", **answers: Any) -> Any:
    """A hook that answers in this way; of no type, because tests pass it where a real one is expected.

    :param api_version: that of the connection.
    :param answers: the value of each method that is called, by its name.
    """
    return FakeHook(api_version, **answers)
