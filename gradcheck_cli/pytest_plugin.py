"""`pytest --gradcheck`: each hand-written layer is a test. Without the option, nothing but this file is imported."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gradcheck_cli.cli.given import RunOptions
    from gradcheck_cli.isolation.apart import Apart
    from gradcheck_cli.isolation.remembering import Memory
    from gradcheck_cli.report.model import LayerReport

_NOT_COLLECTED = ("conftest.py", "setup.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--gradcheck` and `--gradcheck-args`."""
    group = parser.getgroup("gradcheck", "gradients of hand-written layers")
    group.addoption("--gradcheck", action="store_true", help="Collect each hand-written layer as a test.")
    group.addoption(
        "--gradcheck-args",
        default="",
        metavar="OPTIONS",
        help="Options of `gradcheck run`, such as '--draws 5 --stress'. Those in [tool.gradcheck] hold too.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """The workers are started when the first layer needs them."""
    config.addinivalue_line("markers", "gradcheck: a hand-written layer, collected by --gradcheck")
    if config.getoption("--gradcheck"):
        config.stash[_CHECKS] = Checks(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """No process is left."""
    checks = config.stash.get(_CHECKS, None)
    if checks is not None:
        checks.close()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Any Python file that may hold a layer, whatever it is called."""
    checks = parent.config.stash.get(_CHECKS, None)
    if checks is None or file_path.suffix != ".py" or file_path.name in _NOT_COLLECTED:
        return None
    return LayerFile.from_parent(parent, path=file_path) if checks.may_hold_layers(file_path) else None


@pytest.fixture
def gradcheck() -> Callable[..., Any]:
    """`gradcheck(forward, backward, inputs, ...)`: `gradcheck_cli.assert_gradients`."""
    from gradcheck_cli.assertion import assert_gradients

    return assert_gradients


class Checks:
    """What all layers of a session share: options, workers, verdicts of earlier runs.

    Raises:
        pytest.UsageError: for options that `gradcheck run` would refuse.
    """

    def __init__(self, config: pytest.Config) -> None:
        from gradcheck_cli.cli.memory import memory_for
        from gradcheck_cli.errors import UserError
        from gradcheck_cli.isolation.apart import Apart

        try:
            self.told = _told(config)
        except UserError as error:
            mend = f" ({error.mend})" if error.mend else ""
            raise pytest.UsageError(f"--gradcheck: {error.message}{mend}") from None
        self.apart: Apart = Apart(self.told.workers)
        self.memory: Memory | None = memory_for(self.told)[0]

    def may_hold_layers(self, path: Path) -> bool:
        """Whether a file is worth importing; one that cannot be read is left to others."""
        from gradcheck_cli.errors import UserError
        from gradcheck_cli.layers.loading import may_hold_layers, read_source

        try:
            return may_hold_layers(read_source(path))
        except UserError:
            return False

    def close(self) -> None:
        """End the workers."""
        self.apart.__exit__(None, None, None)


_CHECKS: pytest.StashKey[Checks] = pytest.StashKey()


class LayerFile(pytest.File):
    """A module with hand-written layers."""

    def collect(self) -> Iterable[pytest.Item]:
        """Its layers, in the order of the source."""
        from gradcheck_cli.checking import Target
        from gradcheck_cli.errors import UserError

        checks = self.config.stash[_CHECKS]
        try:
            picked = checks.apart.find([Target(self.path)], checks.memory)
        except UserError as error:
            raise self.CollectError(error.message) from None
        if picked.errors and not picked.layers:
            raise self.CollectError("\n".join(map(_problem, picked.errors)))
        for _, layer in picked.layers:
            yield LayerItem.from_parent(self, name=layer.name, line=layer.line)
        for problem in picked.errors:
            yield ProblemItem.from_parent(self, name=problem.code, text=_problem(problem), line=problem.line or 1)


class Wrong(Exception):
    """A layer that did not pass; the message is its report."""


class _Item(pytest.Item):
    """A test whose failure is a text, without a traceback of ours."""

    def __init__(self, *, line: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._line = line
        self.add_marker("gradcheck")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The report alone."""
        if isinstance(excinfo.value, Wrong):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the layer is."""
        return self.path, self._line - 1, f"gradcheck {self.name}"


class LayerItem(_Item):
    """One layer."""

    def runtest(self) -> None:
        """Check it."""
        from gradcheck_cli.checking import Target
        from gradcheck_cli.checking.options import Silent
        from gradcheck_cli.cli.suppressing import without_suppressed
        from gradcheck_cli.errors import UserError
        from gradcheck_cli.report.model import Status

        checks = self.config.stash[_CHECKS]
        try:
            report = checks.apart.check([Target(self.path, self.name)], checks.told.check, Silent(), checks.memory)
        except UserError as error:
            raise Wrong(f"{error.message}" + (f"\n  mend  {error.mend}" if error.mend else "")) from None
        report, _ = without_suppressed(report, None, [Target(self.path, self.name)], checks.told)
        (layer,) = report.layers
        if layer.status is Status.INCONCLUSIVE and not checks.told.strict:
            pytest.skip(f"inconclusive: {_why(layer)}")
        if layer.status is not Status.PASS:
            from gradcheck_cli.assertion import as_text

            raise Wrong(as_text(report))


class ProblemItem(_Item):
    """A layer that is declared in a way that cannot be checked."""

    def __init__(self, *, text: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._text = text

    def runtest(self) -> None:
        """Fail with what is wrong."""
        raise Wrong(self._text)


def _told(config: pytest.Config) -> RunOptions:
    """The options of `[tool.gradcheck]` and of `--gradcheck-args`, which wins."""
    from gradcheck_cli.cli.configuration import read_configuration
    from gradcheck_cli.cli.given import CONFIGURABLE, from_command_line, run_options
    from gradcheck_cli.cli.parsing import parsed
    from gradcheck_cli.cli.suppressing import with_baseline

    given = parsed(shlex.split(config.getoption("--gradcheck-args")))
    configured = read_configuration([Path(config.rootpath)], CONFIGURABLE)
    return with_baseline(run_options(from_command_line(given), configured))


def _why(layer: LayerReport) -> str:
    reasons = [argument.why for argument in layer.arguments if argument.why] or list(layer.notes)
    return reasons[0] if reasons else "noise above the signal"


def _problem(finding: Any) -> str:
    place = f"{finding.path}:{finding.line or 1}"
    return f"{finding.code} {finding.rule}: {finding.message}\n  at    {place}" + (
        f"\n  mend  {finding.mend}" if finding.mend else ""
    )
