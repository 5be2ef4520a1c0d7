"""Assets of DataWorks, by URI: ``dataworks://<region>/<workspace>/di-job/<id>`` and ``.../node/<id>``.

Airflow finds these functions by the provider info. Airflow 2.11 calls assets datasets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.exceptions import DataWorksParameterError

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset as OpenLineageDataset
    from airflow.providers.common.compat.sdk import Asset

SCHEME = "dataworks"
DI_JOB = "di-job"
NODE = "node"
KINDS = (DI_JOB, NODE)


class AssetId(NamedTuple):
    """What a URI names.

    :param region_id: the region.
    :param project_id: the workspace.
    :param kind: one of :data:`KINDS`.
    :param id: the id of the job or the node.
    """

    region_id: str
    project_id: int
    kind: str
    id: int

    @property
    def uri(self) -> str:
        """The URI, as Airflow keeps it."""
        return f"{SCHEME}://{self.region_id}/{self.project_id}/{self.kind}/{self.id}"


def di_job_uri(region_id: str, project_id: int | str, di_job_id: int | str) -> str:
    """Give the URI of a DI job.

    :param region_id: the region, such as ``cn-shanghai``.
    :param project_id: workspace id, or its digits.
    :param di_job_id: the job's id, or its digits.
    :return: such as ``dataworks://cn-shanghai/10000/di-job/1001``.
    :raises DataWorksParameterError: an argument is invalid.
    """
    return _asset_id(region_id, project_id, DI_JOB, di_job_id).uri


def node_uri(region_id: str, project_id: int | str, node_id: int | str) -> str:
    """Give the URI of a node.

    :param region_id: the region, such as ``cn-shanghai``.
    :param project_id: workspace id, or its digits.
    :param node_id: the node's id as Operation Center shows it, or its digits.
    :return: such as ``dataworks://cn-shanghai/10000/node/4001``.
    :raises DataWorksParameterError: an argument is invalid.
    """
    return _asset_id(region_id, project_id, NODE, node_id).uri


def parse(uri: str | SplitResult) -> AssetId:
    """Read a URI.

    :param uri: the URI, whole or split.
    :return: what it names.
    :raises ValueError: it is not one of those that this module makes.
    """
    parts = urlsplit(uri) if isinstance(uri, str) else uri
    path = parts.path.strip("/").split("/")
    if parts.scheme.lower() != SCHEME or parts.query or parts.fragment or len(path) != 3 or path[1] not in KINDS:
        raise ValueError(_expected(parts))
    try:
        return _asset_id(parts.netloc.lower(), path[0], path[1], path[2])
    except DataWorksParameterError as error:
        raise ValueError(f"{_expected(parts)}: {error.problem}") from None


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Check a URI and give it in the one spelling that Airflow compares.

    :param uri: the URI, split.
    :return: the region in lower case, ids without leading zeros.
    :raises ValueError: it is not one of those that this module makes.
    """
    return urlsplit(parse(uri).uri)


def create_asset(
    *,
    region_id: str,
    project_id: int | str,
    di_job_id: int | str | None = None,
    node_id: int | str | None = None,
    extra: dict[str, Any] | None = None,
) -> Asset:
    """Make the asset of a DI job or of a node.

    :param region_id: the region, such as ``cn-shanghai``.
    :param project_id: workspace id, or its digits.
    :param di_job_id: the job's id, or its digits; default None.
    :param node_id: the node's id, or its digits; default None. Exactly one of both is needed.
    :param extra: the asset's extra; default None.
    :return: an Asset; on Airflow 2.11 a Dataset.
    :raises DataWorksParameterError: an argument is invalid.
    """
    from airflow.providers.common.compat.sdk import Asset

    if (di_job_id is None) == (node_id is None):
        raise DataWorksParameterError("di_job_id", "give di_job_id or node_id, and not both")
    kind, value = (DI_JOB, di_job_id) if di_job_id is not None else (NODE, node_id)
    return Asset(uri=_asset_id(region_id, project_id, kind, value).uri, extra=extra)


def convert_asset_to_openlineage(asset: Asset, lineage_context: Any) -> OpenLineageDataset:
    """Give an asset as OpenLineage's dataset.

    :param asset: the asset.
    :param lineage_context: what uses it; not needed.
    :return: a dataset whose namespace is the workspace, such as ``dataworks://cn-shanghai/10000``, and whose name is
        the job or the node, such as ``di-job/1001``.
    :raises ValueError: its URI is not one of those that this module makes.
    """
    from airflow.providers.common.compat.openlineage.facet import Dataset as OpenLineageDataset

    known = parse(asset.uri)
    return OpenLineageDataset(
        namespace=f"{SCHEME}://{known.region_id}/{known.project_id}", name=f"{known.kind}/{known.id}"
    )


def named_by(outlet: Any) -> AssetId | None:
    """Read what a task's outlet names.

    :param outlet: an asset, a reference to one, or anything else.
    :return: None if it is nothing of DataWorks.
    """
    uri = getattr(outlet, "uri", None)
    if not isinstance(uri, str) or not uri.lower().startswith(f"{SCHEME}://"):
        return None
    try:
        return parse(uri)
    except ValueError:
        return None


def _asset_id(region_id: Any, project_id: Any, kind: str, value: Any) -> AssetId:
    name = "di_job_id" if kind == DI_JOB else "node_id"
    return AssetId(
        arguments.region_identifier(region_id),
        arguments.project_identifier(project_id),
        kind,
        arguments.identifier(name, value),
    )


def _expected(parts: SplitResult) -> str:
    kinds = " or ".join(f"{SCHEME}://<region>/<workspace id>/{kind}/<id>" for kind in KINDS)
    return f"an asset of DataWorks must be {kinds}, not {parts.geturl()!r:.200}"
