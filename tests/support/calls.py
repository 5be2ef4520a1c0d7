"""Calls any action by its name, as the hook's ``call`` does, but without the hook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_dataworks.client.actions import Envelope, Method, Repeat, unlisted_action
from airflow_provider_dataworks.client.client import ConfirmEffect, DataWorksClient

VERSION = "2020-05-18"

Check = Callable[[Mapping[str, Any]], "str | None"]


@dataclass(frozen=True)
class _Checked(Envelope):
    check: Check = lambda _: None

    def missing(self, action: str, answer: Mapping[str, Any]) -> str | None:
        return self.check(answer)


def call(
    client: DataWorksClient,
    name: str,
    *,
    query: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    version: str = VERSION,
    method: Method = "POST",
    repeat: Repeat | None = None,
    confirm_effect: ConfirmEffect | None = None,
    check: Check | None = None,
) -> dict[str, Any]:
    """
    Call an action.

    :param name: its name; unless ``repeat`` is given, it also decides whether an unknown outcome is sent again.
    :param check: what is missing in an answer; None accepts all.
    """
    action = unlisted_action(name, version, method=method, query=query or (), body=body or ())
    if repeat is not None:
        action = replace(action, repeat=repeat)
    if check is not None:
        action = replace(action, envelope=_Checked(check=check))
    return client.call(action, {**(query or {}), **(body or {})}, confirm_effect=confirm_effect)
