"""Which way a forward is traced, and the dual copies of modules that this needs, each made once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.inputs.randomness import repeatable
from gradcheck_cli.layers.layer import BoundLayer, ForwardResult
from gradcheck_cli.layers.module import Module
from gradcheck_cli.tracing.agreement import disagreement
from gradcheck_cli.tracing.forward import trace
from gradcheck_cli.tracing.importing import dual_project
from gradcheck_cli.tracing.jax_setup import start
from gradcheck_cli.tracing.recorder import TraceError
from gradcheck_cli.tracing.trace import Trace, Untraceable


@dataclass(frozen=True)
class Dual:
    """The dual copy of a module; `files` gives the user's source files that it runs code from, as known by now."""

    namespace: ModuleType
    files: Callable[[], frozenset[str]]


@dataclass(frozen=True)
class _Way:
    """How a layer is traced: bound to which namespace, on JAX tracers or on dual arrays."""

    bound: BoundLayer
    files: frozenset[str]
    on_jax: bool

    @property
    def draws_numbers(self) -> bool:
        """Whether its forward has drawn random numbers; looking for them takes longer than a small forward."""
        return bool(getattr(self.bound, "draws_numbers", True))


class Traces:
    """Traces the layers of one run."""

    def __init__(self, device: str) -> None:
        self.device = device
        self._duals: dict[Path, Dual | Untraceable] = {}
        self._still: set[Any] = set()

    def use_dual(self, module: Module, dual: Dual) -> None:
        """Trace the layers of `module` on this dual namespace instead of running the module's source again."""
        self._duals[module.path] = dual

    def trace(self, module: Module, case: Case, result: ForwardResult, *, follow: bool = False) -> Trace | Untraceable:
        """The forward's trace by the way that suits how it is written; by the other way where that one fails.

        `follow`: with the calls that its steps were made in.

        `result` is what the user's own forward gave. Whether the trace's values are those is not known before its
        program has run: ask `disagreement`.
        """
        first: Untraceable | None = None
        for on_jax in _ways(module, case):
            way = self._way(module, case, on_jax)
            found = (
                way
                if isinstance(way, Untraceable)
                else trace(way.bound, case, result.outputs, way.files, on_jax, follow=follow)
            )
            if isinstance(found, Trace):
                if isinstance(way, _Way) and not way.draws_numbers:
                    self._still.add((case.layer.bind, on_jax))
                return found
            first = first or found
        assert first is not None
        return first

    def disagreement(
        self,
        traced: Trace,
        module: Module,
        case: Case,
        values: tuple[Any, ...],
        nearby: Callable[[], Sequence[Sequence[Any]]],
        terms: Callable[[], Sequence[Any] | None],
    ) -> Untraceable | None:
        """Why the trace's outputs, `values`, are not the forward's own, and the line; None where they are.

        `nearby` gives them at inputs that are off by roundings, `terms` the sizes of what they are made of.
        """
        way = self._way(module, case, traced.on_jax)
        assert not isinstance(way, Untraceable)
        return disagreement(traced, values, way.bound, case, way.files, nearby, terms)

    def _way(self, module: Module, case: Case, on_jax: bool) -> _Way | Untraceable:
        if on_jax:
            namespace, files = module.namespace, frozenset({str(module.path)})
        else:
            dual = self._dual(module)
            if isinstance(dual, Untraceable):
                return dual
            namespace, files = dual.namespace, dual.files()
        try:
            bound = case.layer.bind(namespace)
            if (case.layer.bind, on_jax) not in self._still:
                bound = repeatable(bound, namespace, case.seed)
            return _Way(bound, files, on_jax)
        except UserError as error:
            return Untraceable(error.message, error.path, error.line)

    def _dual(self, module: Module) -> Dual | Untraceable:
        if module.path not in self._duals:
            try:
                namespace, project = dual_project(module)
                start(self.device)  # again: the module may have configured JAX otherwise, once more
                self._duals[module.path] = Dual(namespace, lambda: frozenset(project.files))
            except TraceError as error:
                self._duals[module.path] = Untraceable(error.reason, error.path, error.line)
        return self._duals[module.path]


def _ways(module: Module, case: Case) -> list[bool]:
    if case.layer.uses_jax:
        return [True, False]
    return [False, True] if module.uses_jax else [False]
