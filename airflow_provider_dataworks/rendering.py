"""Renders template fields without changing what is no template, and reads the ``.json`` files that JSON fields name."""

from __future__ import annotations

import codecs
import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from airflow_provider_dataworks.exceptions import DataWorksParameterError

if TYPE_CHECKING:
    import jinja2
    import jinja2.nodes
    from airflow.providers.common.compat.sdk import BaseOperator, Context

    _Base = BaseOperator
else:
    _Base = object

#: What begins a template in Jinja's default configuration.
JINJA_MARKS = ("{{", "{%", "{#")
# Jinja's options that say what begins a template in a DAG's own configuration.
_MARK_OPTIONS = ("variable_start_string", "block_start_string", "comment_start_string")
_LINE_MARK_OPTIONS = ("line_statement_prefix", "line_comment_prefix")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class TemplateRendering(_Base):
    """Mixed into operators and sensors before Airflow's base class.

    - A string without Jinja marks stays as it is, with and without ``render_template_as_native_obj``.
    - A string with marks keeps its line breaks, the last one too.
    - With ``render_template_as_native_obj``, a string that is one ``{{ expression }}`` becomes the expression's value,
      of whatever type; any other string stays a string.
    - Only the whole value of a JSON field (one with the renderer ``json``) is the path of a file with one of the
      extensions in ``template_ext``. The file's content is rendered like a string.
    """

    if TYPE_CHECKING:
        template_fields_renderers: ClassVar[dict[str, str]]

    def _json_file_fields(self) -> tuple[str, ...]:
        """The fields whose value may be the path of a file."""
        if not self.template_ext:
            return ()
        renderers = self.template_fields_renderers
        return tuple(name for name in self.template_fields if renderers.get(name) == "json")

    def _is_json_file(self, name: str, value: Any) -> bool:
        """Whether a field's value is the path of a file that is read when the task is rendered."""
        return (
            name in self._json_file_fields()
            and isinstance(value, str)
            and value.endswith(tuple(self.template_ext))
            and not has_marks(value, dag_marks(self))
        )

    def resolve_template_files(self) -> None:
        """Read the files that JSON fields name, when the DAG is parsed; Airflow calls it."""
        for name in self._json_file_fields():
            path: Any = getattr(self, name, None)
            if not self._is_json_file(name, path):
                continue
            try:
                content = read_template_file(name, path, self.get_template_env())
            except DataWorksParameterError as error:
                # It may be there when the task runs.
                self.log.warning("%s", error)
            else:
                self._replace_by_content(name, path, content)
        self.prepare_template()

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Render a value, and what dicts, lists, tuples and sets hold; Airflow calls it for each template field.

        :param content: the value.
        :param context: the task instance's, from Airflow.
        :param jinja_env: Jinja's environment; default the DAG's.
        :param seen_oids: ids of values that are not rendered; default none.
        :return: the rendered value.
        """
        environment = jinja_env or self.get_template_env()
        seen = set() if seen_oids is None else seen_oids
        renderer = _Renderer(
            environment,
            context,
            seen,
            native=_renders_native(self, environment),
            other=partial(super().render_template, context=context, jinja_env=environment, seen_oids=seen),
        )
        return renderer.render(content)

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        """Read what files are left before rendering: those of mapped tasks, and of DAGs that no DagBag loaded."""
        if parent is self:
            for name in self._json_file_fields():
                path = getattr(self, name)
                # What an upstream task gave is not rendered, and no path either.
                if id(path) not in seen_oids and self._is_json_file(name, path):
                    self._replace_by_content(name, path, read_template_file(name, path, jinja_env))
        super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)

    def _json_file_of(self, name: str) -> str | None:
        """The path of the file that a field's value came from; None if it came from none."""
        return cast("dict[str, str]", getattr(self, "_json_files", {})).get(name)

    def _replace_by_content(self, name: str, path: str, content: str) -> None:
        self._json_files = {**getattr(self, "_json_files", {}), name: path}
        setattr(self, name, content)


def has_marks(value: str, marks: Sequence[str] = JINJA_MARKS) -> bool:
    """Whether a string is a template.

    :param value: the string.
    :param marks: what begins a template; default Jinja's default configuration.
    """
    return any(mark in value for mark in marks)


def dag_marks(task: Any) -> tuple[str, ...]:
    """What begins a template in a task's DAG.

    :param task: an operator, with a DAG or without.
    """
    get_dag = getattr(task, "get_dag", None)
    options = getattr(get_dag() if get_dag else None, "jinja_environment_kwargs", None)
    return _marks(options) if options else JINJA_MARKS


def read_template_file(name: str, path: str, environment: jinja2.Environment) -> str:
    """Read a file as Airflow finds it: in the DAG's folder or its template_searchpath, or else by an absolute path.

    :param name: the field that names it.
    :param path: the path.
    :param environment: Jinja's, with the DAG's loader.
    :return: the content, without a byte order mark.
    :raises DataWorksParameterError: it cannot be found or read.
    """
    from jinja2 import TemplateNotFound

    loader = environment.loader
    try:
        try:
            if loader is None:
                raise TemplateNotFound(path)
            content = loader.get_source(environment, path)[0]
        except TemplateNotFound:
            if not Path(path).is_absolute():
                raise
            content = Path(path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            content = _read_utf_16(path, getattr(loader, "searchpath", ()))
    except (TemplateNotFound, FileNotFoundError):
        folders = ", ".join(map(str, getattr(loader, "searchpath", ()))) or "no folder: the task is in no DAG"
        raise DataWorksParameterError(
            name, f"the file {path!r} cannot be found; looked in {folders}. Paths are relative to the DAG file's folder"
        ) from None
    except (OSError, ValueError) as error:
        raise DataWorksParameterError(name, f"the file {path!r} cannot be read: {error!s:.200}") from None
    return content.removeprefix("\ufeff")


def _read_utf_16(path: str, folders: Iterable[Any]) -> str:
    """Read a file that has UTF-16's byte order mark, which some editors and shells of Windows write."""
    for place in [Path(folder, path.lstrip("/")) for folder in folders]:
        if place.is_file() and place.read_bytes()[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return place.read_text(encoding="utf-16")
    raise ValueError("it is not UTF-8")


class _Renderer:
    """Renders one value, and all that it holds."""

    def __init__(
        self, environment: jinja2.Environment, context: Context, seen_oids: set[int], *, native: bool, other: Any
    ) -> None:
        self._environment = environment
        self._context = context
        self._seen = seen_oids
        self._native = native
        self._other = other
        self._marks = _marks({name: getattr(environment, name, None) for name in _MARK_OPTIONS + _LINE_MARK_OPTIONS})

    def render(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._string(value) if has_marks(value, self._marks) and id(value) not in self._seen else value
        if value is None or isinstance(value, (int, float)) or id(value) in self._seen:
            return value
        if isinstance(value, dict):
            return {key: self.render(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.render(item) for item in value]
        if isinstance(value, tuple):
            items = (self.render(item) for item in value)
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if isinstance(value, set):
            return {self.render(item) for item in value}
        return self._other(value)

    def _string(self, source: str) -> Any:
        tree = self._parse(source)
        expression = _only_expression(tree) if self._native else None
        if expression is None:
            return "".join(map(str, self._run(tree)))
        return self._value_of(expression)

    def _parse(self, source: str) -> jinja2.nodes.Template:
        from jinja2 import nodes

        breaks = _LINE_BREAK.findall(source)
        text = "\n".join(_LINE_BREAK.split(source))
        if text.endswith("\n") and not self._environment.keep_trailing_newline:
            # Jinja takes one away.
            text += "\n"
        tree = self._environment.parse(text)
        if "\r" in source:
            # Jinja makes one kind of all line breaks; the line that a node begins on shows which ones it has.
            for node in tree.find_all(nodes.TemplateData):
                following = iter(breaks[node.lineno - 1 :])
                node.data = _LINE_BREAK.sub(lambda found, ones=following: next(ones, found[0]), node.data)  # type: ignore[misc]
        return tree

    def _value_of(self, expression: jinja2.nodes.Expr) -> Any:
        from jinja2 import Undefined, nodes

        # As an assignment, for what is printed becomes text where it is constant.
        target = nodes.Name("dataworks_value", "store", lineno=1)
        tree = nodes.Template([nodes.Assign(target, expression, lineno=1)], lineno=1)
        tree.set_environment(self._environment)
        value = self._run(tree, variable="dataworks_value")
        return str(value) if isinstance(value, Undefined) else value

    def _run(self, tree: jinja2.nodes.Template, variable: str | None = None) -> Any:
        """Run a template; give its pieces, or the value of a variable that it sets."""
        environment = self._environment
        template = environment.from_string(tree)
        # As Airflow does it: Jinja's own way would evaluate the whole context.
        names = copy.copy(cast("dict[str, Any]", self._context))
        names.update((name, value) for name, value in template.globals.items() if name not in names)
        scope = environment.context_class(environment, names, template.name, template.blocks)
        try:
            pieces = list(template.root_render_func(scope))
            return scope.vars[variable] if variable else [str(piece) for piece in pieces]
        except Exception:  # noqa: BLE001 - Jinja raises it again, with the template's lines in the traceback
            environment.handle_exception()


def _renders_native(task: Any, environment: jinja2.Environment) -> bool:
    """Whether a task renders to native types: by its own setting (Airflow 3.3+), or else by its DAG's."""
    from jinja2.nativetypes import NativeEnvironment

    own = getattr(task, "render_template_as_native_obj", None)
    return isinstance(environment, NativeEnvironment) if own is None else bool(own)


def _only_expression(tree: jinja2.nodes.Template) -> jinja2.nodes.Expr | None:
    """The expression of a template that holds one, and nothing else."""
    from jinja2 import nodes

    outputs = [node for output in tree.body if isinstance(output, nodes.Output) for node in output.nodes]
    if len(tree.body) == 1 and len(outputs) == 1 and not isinstance(outputs[0], nodes.TemplateData):
        return outputs[0]
    return None


def _marks(options: Mapping[str, Any]) -> tuple[str, ...]:
    given = (options.get(name, default) for name, default in zip(_MARK_OPTIONS, JINJA_MARKS, strict=True))
    return tuple(mark for mark in (*given, *_line_marks(options)) if mark)


def _line_marks(options: Mapping[str, Any]) -> Iterator[str]:
    for name in _LINE_MARK_OPTIONS:
        if options.get(name):
            yield str(options[name])
