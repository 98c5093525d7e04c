"""`check(forward, backward, inputs)`: one layer given as live functions, in a notebook, a script or a test."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck_cli._version import __version__
from gradcheck_cli.checking.layer import Checker
from gradcheck_cli.checking.options import Silent
from gradcheck_cli.checking.traces import Dual
from gradcheck_cli.checking.users_error import finding_of
from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.conventions.explicit import build
from gradcheck_cli.layers.explicit import Declaration, LayerDeclarationError, check_declaration
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.network import Graph
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Report, Status
from gradcheck_cli.tracing.rebinding import Rebinder

ATTRIBUTE = "declared"


def check(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None = None,
    inputs: Mapping[str, Any] | Callable[..., Any] | None = None,
    *,
    reference: Callable[..., Any] | None = None,
    name: str = "",
    expect: str = "",
    draws: int = 3,
    seed: int = 0,
    dtype: str = "float64",
    magnitude: float = 1.0,
    dimensions: Mapping[str, int] | None = None,
    arguments: Mapping[str, Any] | None = None,
    atol: float | None = None,
    rtol: float | None = None,
    full: bool = False,
    max_evals: int = Settings.max_evals,
    order: int = 1,
    vmap: bool = False,
    stress: bool = False,
    diagnose: bool = True,
    shrink: bool = True,
    device: str = "cpu",
) -> Report:
    """Check one hand-written backward pass, and return what `gradcheck run` would report, as data.

    Args:
        forward: the forward function, or a class with `forward` and `backward`, or a `custom_vjp`/`custom_jvp` object.
        backward: the backward function, where `forward` is a function.
        inputs: by argument name: an array (checked as it is), `"N,D"` or `("N", 3)` for drawn arrays of that shape, a
            nested dict or list of these; or a function `rng -> dict`. What it leaves out is looked up in the
            docstring and the annotations, or inferred.
        reference: a plainly written forward for autodiff, where `forward` cannot be traced.
        name: what the report calls the layer; the function's name by default.
        expect: `"straight-through"`, `"custom"` or `"conjugate"`, where the gradient is deliberately another.
        draws, seed, dtype, magnitude, dimensions, arguments, atol, rtol, full, max_evals, order, vmap, stress,
            diagnose, shrink, device: as the command line's options.

    Returns:
        A report with one layer; `report.passed` is its verdict in one word.

    Raises:
        UserError: without a code, for a device that is not there.
        LayerDeclarationError: for arguments that cannot be meant.
    """
    if isinstance(forward, Graph):
        raise LayerDeclarationError(
            "`check` takes a layer; received a network; put it into a module, `net = Sequential([...])`, and write "
            "`gradcheck run FILE::net`"
        )
    check_declaration({"backward": backward, "inputs": inputs, "reference": reference, "name": name, "expect": expect})
    started = time.perf_counter()
    shown = name or getattr(forward, "__name__", type(forward).__name__)
    declaration = Declaration(forward, backward, inputs, reference, shown, expect)
    module = _module(forward, declaration)
    options = InputOptions(
        dimensions=dict(dimensions or {}),
        arguments=dict(arguments or {}),
        dtype=dtype,
        seed=seed,
        draws=draws,
        magnitude=magnitude,
    )
    checker = Checker(device)
    try:
        layer = build(module, shown, _declared)
        checker.traces.use_dual(module, _dual(declaration))
        settings = Settings(atol, rtol, full, max_evals, order, vmap, stress, diagnose, shrink)
        report = checker.check(module, layer, options, settings, Silent())
    except UserError as error:
        finding = finding_of(error, module.path, 1)
        report = LayerReport(shown, str(module.path), 1, "explicit", Status.ERROR, findings=(finding,))
    return Report(__version__, seed, device, (report,), seconds=time.perf_counter() - started)


def _declared(namespace: ModuleType) -> Any:
    return getattr(namespace, ATTRIBUTE)


def _module(forward: Any, declaration: Declaration) -> Module:
    function = getattr(forward, "fun", getattr(forward, "__wrapped__", forward))
    code = getattr(function, "__code__", None)
    file = code.co_filename if code is not None else getattr(_home(function), "__file__", None) or "<live>"
    namespace = ModuleType("live")
    namespace.__dict__.update(getattr(function, "__globals__", {}))
    setattr(namespace, ATTRIBUTE, declaration)
    uses_jax = any(str(getattr(item, "__name__", "")).split(".")[0] == "jax" for item in vars(namespace).values())
    path = Path(file)
    return Module(path, namespace.__name__, namespace, "", path.parent, uses_jax)


def _home(item: Any) -> ModuleType | None:
    return sys.modules.get(getattr(item, "__module__", ""))


def _dual(declaration: Declaration) -> Dual:
    rebinder = Rebinder()
    parts = (declaration.target, declaration.backward, declaration.reference)
    target, backward, reference = (rebinder.rebind(part) for part in parts)
    namespace = ModuleType("live")
    namespace.__dict__.update(getattr(target, "__globals__", {}))
    dual = replace(declaration, target=target, backward=backward, reference=reference)
    setattr(namespace, ATTRIBUTE, dual)
    return Dual(namespace, lambda: frozenset(rebinder.files))
