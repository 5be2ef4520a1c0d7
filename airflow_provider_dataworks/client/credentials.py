"""Where AccessKey, secret and security token come from."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from airflow_provider_dataworks.client.errors import CredentialsError, printable

# Not by the extra's name: `airflow connections test` takes what is in brackets for markup and swallows it.
INSTALL_COMMAND = "pip install alibabacloud-credentials"

#: Seconds to wait for another thread's fetch, where keys were had before and where not.
_WAIT_WITH_LAST_KEYS, _WAIT_WITHOUT = 1.0, 60.0


@dataclass(frozen=True)
class Credentials:
    """What one request is signed with; its repr shows no secret.

    :param access_key_id: the AccessKey ID.
    :param access_key_secret: the AccessKey secret.
    :param security_token: the STS token, None for a long-lived AccessKey.
    """

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)


def is_key_text(text: Any) -> bool:
    """Whether a text may be a key, secret or token: they travel in headers, whose errors would quote them."""
    return isinstance(text, str) and text.isascii() and text.isprintable() and " " not in text


class CredentialsProvider(Protocol):
    """Gives the credentials that are valid now."""

    def get(self) -> Credentials:
        """Find credentials for the next request.

        :return: credentials that are valid now.
        :raises CredentialsError: they can't be had.
        """

    def renew(self) -> bool:
        """Forget what is cached after the service called a token expired.

        :return: whether the next :meth:`get` may give other credentials.
        """


class StaticCredentials:
    """An AccessKey pair, with an STS token or without; never changes.

    :param credentials: what to give.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def get(self) -> Credentials:
        """Give the pair.

        :return: always the same.
        """
        return self._credentials

    def renew(self) -> bool:
        """Say that there is no other pair.

        :return: False.
        """
        return False


class FetchedCredentials:
    """Credentials that alibabacloud-credentials fetches and refreshes: roles, OIDC, ECS, URI, default chain.

    The package is imported at the first :meth:`get`, because it brings a dozen others.

    :param kind: the credential type of alibabacloud-credentials, or ``default`` for its provider chain.
    :param settings: the fields of its ``Config`` for that type.
    :param described_by: what to name in an error, such as the connection's fields.
    """

    def __init__(self, kind: str, settings: dict[str, Any], described_by: str) -> None:
        self._kind = kind
        self._settings = settings
        self._described_by = described_by
        # A signal handler may ask while its own thread is in here, so the lock lets that thread in again.
        self._lock = threading.RLock()
        self._busy = False
        self._source: Any = None
        self._last: Credentials | None = None

    def get(self) -> Credentials:
        """Fetch, or take what was fetched and still holds.

        While another thread fetches, or the thread that this call interrupted, the last keys are given: they are
        renewed well before their end.

        :return: credentials that are valid now.
        :raises CredentialsError: alibabacloud-credentials is not installed, or gives none.
        """
        last = self._last
        if not self._lock.acquire(timeout=_WAIT_WITH_LAST_KEYS if last else _WAIT_WITHOUT):
            if last is not None:
                return last
            raise CredentialsError(
                f"auth_type {self._kind}: no credentials could be fetched (their source has not answered for "
                f"{_WAIT_WITHOUT:g} s). Check {self._described_by}.",
                may_pass=True,
            )
        try:
            if self._busy:
                # This very thread is in the middle of it, further down the stack.
                return last or self._fetch(anew=True)
            self._busy = True
            try:
                return self._fetch()
            finally:
                self._busy = False
        finally:
            self._lock.release()

    def renew(self) -> bool:
        """Forget what was fetched.

        :return: True: the next :meth:`get` fetches anew.
        """
        # Without the lock, which somebody may hold who waits for the source.
        self._source = self._last = None
        return True

    def _fetch(self, *, anew: bool = False) -> Credentials:
        asked = False
        try:
            # One thread at a time: the first use fetches, the others then find it cached.
            with _logged_without_secrets():
                source = None if anew else self._source
                if source is None:
                    source = self._open_source()
                    if not anew:
                        self._source = source
                asked = True
                model = source.get_credential()
        except CredentialsError:
            raise
        except Exception as error:  # noqa: BLE001 - the library raises its own, requests' and plain ones alike
            # What cannot even be asked is a wrong setting; whether a refusal to answer is temporary, nobody can know.
            raise CredentialsError(
                f"auth_type {self._kind}: no credentials could be fetched. Check {self._described_by}. "
                f"{type(error).__name__}: {self._without_secrets(str(error))}",
                may_pass=asked,
            ) from None
        if not model.access_key_id or not model.access_key_secret:
            raise CredentialsError(f"auth_type {self._kind}: the answer held no AccessKey. Check {self._described_by}.")
        keys = Credentials(model.access_key_id, model.access_key_secret, model.security_token or None)
        if not all(map(is_key_text, (keys.access_key_id, keys.access_key_secret, keys.security_token or "-"))):
            raise CredentialsError(
                f"auth_type {self._kind}: the answer held keys with blanks or control characters. "
                f"Check {self._described_by}."
            )
        if source is self._source:
            # Otherwise they were renewed meanwhile, because the service had refused them.
            self._last = keys
        return keys

    def _open_source(self) -> Any:
        try:
            from alibabacloud_credentials.client import Client
            from alibabacloud_credentials.models import Config
        except ImportError as error:
            raise CredentialsError(
                f"auth_type {self._kind} needs the package alibabacloud-credentials: {INSTALL_COMMAND}"
            ) from error
        if self._kind == "default":
            return Client()
        if self._kind == "ecs_ram_role":
            from alibabacloud_credentials.provider import EcsRamRoleCredentialsProvider

            # Otherwise each source would have a thread for its renewal that never ends; a call renews as well.
            return Client(provider=EcsRamRoleCredentialsProvider(**self._settings, async_update_enabled=False))
        return Client(Config(type=self._kind, **self._settings))

    def _without_secrets(self, text: str) -> str:
        for name, value in self._settings.items():
            if name in ("access_key_secret", "security_token") and value:
                text = text.replace(str(value), "***")
        return " ".join(printable(_redacted(text)).split())[:300]


# The library's errors quote addresses, with all that is in their query, and answers, with the keys that are in them.
_SECRET_PARTS = (
    (re.compile(r"""(["'](?:AccessKeySecret|SecurityToken|OIDCToken)["']\s*:\s*["'])[^"']*"""), r"\1***"),
    (re.compile(r"//[^/\s@]+@"), "//***@"),
    (re.compile(r"\?[^\s'\"()]+"), "?..."),
)

# Since some version it logs all to "credentials"; 1.0.2 logs to its modules' own.
_LOGGERS_OF_THE_LIBRARY = (
    "credentials",
    "alibabacloud_credentials.provider.refreshable",
    "alibabacloud_credentials.provider.ecs_ram_role",
)


def _redacted(text: str) -> str:
    for pattern, instead in _SECRET_PARTS:
        text = pattern.sub(instead, text)
    return text


@contextmanager
def _logged_without_secrets() -> Iterator[None]:
    """While this thread asks for keys, no token is logged: STS takes it in the query of an address.

    urllib3 logs addresses at DEBUG. The library logs its errors, which quote them, before it raises them.
    """
    thread = threading.get_ident()

    def drop(record: logging.LogRecord) -> bool:
        return record.thread != thread

    def redact(record: logging.LogRecord) -> bool:
        if record.thread == thread and isinstance(record.args, tuple):
            record.args = tuple(_redacted(value) if isinstance(value, str) else value for value in record.args)
        return True

    connections = logging.getLogger("urllib3.connectionpool")
    library = [logging.getLogger(name) for name in _LOGGERS_OF_THE_LIBRARY]
    connections.addFilter(redact)
    for logger in library:
        logger.addFilter(drop)
    try:
        yield
    finally:
        connections.removeFilter(redact)
        for logger in library:
            logger.removeFilter(drop)
