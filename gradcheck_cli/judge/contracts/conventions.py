"""What a layer may write into: running statistics, parameters in an optimiser's step, sums of gradients.

All of it is decided from the layer's own text and names, and from what was observed.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.layers.conventions.methods import BACKWARDS, FORWARDS
from gradcheck_cli.layers.layer import Layer, Role
from gradcheck_cli.witnesses.conduct.once_more import OnceMore, Written

_STATE = re.compile(
    r"running|moving|(^|_)(ema|avg|average|state|states|buffer|cache|memory|history|velocity|momentum|counter|step|"
    r"stats|statistics|workspace|scratch|out|grad|grads|gradients)(_|$)",
    re.I,
)
_STEP = re.compile(r"learning_rate|\blr\b|\bl_rate\b|optimi[sz]er|\.update\(|\balpha\b|\beta\b|step_size", re.I)
_RESET = re.compile(r"zero_?grad|(reset|clear|flush)\w*grad|grad\w*_?(reset|clear|flush|zero)|inc_grad", re.I)
_PREVIOUS = re.compile(
    r"^(h|hx|h_?t|hidden|hidden_states?)$|^\w{0,6}(prev|previous|tm1|t_1|t_minus_1)(_|$)|^prev(ious)?_|^[hcs]prev$",
    re.I,
)
"""Names of the state that the step of time before has left."""
_EMPTIED = r"(\[[^\]]*\])*\s*(\.fill\(0|\*?=\s*(0\b|None\b|\w+\.zeros))"
"""What follows the name of a gradient that is set back: `[...] = 0`, `.fill(0)`, `= None`, `= np.zeros_like(W)`."""

_IGNORED = re.compile(r"\..*|__pycache__|venv.*|env|node_modules|site-packages|build|dist")
MOST_FILES, DEPTH = 200, 3
"""How many files of a project are read, and how deep below the folder above the module's own."""


def is_state(name: str) -> bool:
    """Whether an argument is named like something that a layer keeps from call to call, and updates on purpose."""
    return _STATE.search(name) is not None


def may_write(written: Written, once: OnceMore, verdict: DrawVerdict) -> bool:
    """Whether this change is what the layer is meant to do: a running statistic, or an optimiser's step."""
    layer = verdict.case.layer
    argument = next((item for item in layer.arguments if item.name == written.name), None)
    if argument is None or not argument.differentiated or is_state(written.name):
        return True
    if written.change.path and any(isinstance(key, str) and is_state(key) for key in written.change.path):
        return True
    return written.by == "backward" and _is_step(written, once, verdict)


def _is_step(written: Written, once: OnceMore, verdict: DrawVerdict) -> bool:
    """Whether a parameter moved along its own gradient, or the layer's text speaks of a learning rate."""
    difference = written.change.difference
    for position, leaf in enumerate(verdict.case.leaves):
        if leaf.argument != written.name or leaf.path != written.change.path or difference is None:
            continue
        for gradient in (once.pulled.gradients[position], verdict.leaves[position].reference):
            if gradient is not None and _is_multiple(difference, gradient):
                return True
    return _STEP.search(definition_text(verdict.case.layer)) is not None


def _is_multiple(difference: Any, gradient: Any) -> bool:
    if difference.shape != gradient.shape or not np.isfinite(gradient).all() or not np.any(gradient):
        return False
    factor = np.vdot(gradient, difference) / np.vdot(gradient, gradient)
    rest = np.max(np.abs(difference - factor * gradient), initial=0.0)
    return bool(factor != 0 and rest <= 1e-4 * np.max(np.abs(difference), initial=0.0))


def definition_text(layer: Layer) -> str:
    """The text of the outermost definition that the layer's backward is in, "" where it cannot be read."""
    text = _read(layer.path)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return ""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.lineno <= layer.line <= (node.end_lineno or 0):
            return ast.get_source_segment(text, node) or ""
    return ""


def resets_gradients(layer: Layer) -> bool:
    """Whether stored gradients are meant to add up: someone sets them back to zero.

    The layer's own module does, outside of the layer's constructor, forward and backward; or a file of the same
    project that speaks of this module or class. So does a gradient that is kept on its parameter (`W.grad`). Those of
    a recurrent cell, which is called once for each step of time, are a sum over these.
    """
    if any(item.role is Role.INPUT and _PREVIOUS.search(item.name) for item in layer.arguments):
        return True
    names = {re.split(r"[.\[]", item.gradient_name.removeprefix("self."))[0] for item in layer.arguments}
    if any(item.gradient_name.endswith(".grad") for item in layer.arguments):
        return True
    if _sets_back(_read(layer.path), names - {""}):
        return True
    about = re.compile(rf"\b({re.escape(layer.path.stem)}|{re.escape(layer.name)})\b")
    texts = (_read(path) for path in _beside(layer.path) if path != layer.path)
    return any(about.search(text) and _sets_back(text, names - {""}) for text in texts)


def _beside(path: Path) -> Iterator[Path]:
    """Python files in the module's folder, and in the folders beside it and below: not more than a project has."""
    yield from sorted(path.parent.glob("*.py"))[:MOST_FILES]
    files = 0
    for folders, (folder, inner, names) in enumerate(os.walk(path.parent.parent), 1):
        depth = len(Path(folder).relative_to(path.parent.parent).parts)
        inner[:] = sorted(name for name in inner if depth < DEPTH and not _IGNORED.match(name))
        for name in sorted(names):
            if name.endswith(".py") and files < MOST_FILES:
                files += 1
                yield Path(folder) / name
        if files >= MOST_FILES or folders >= MOST_FILES:
            return


def _sets_back(text: str, names: Collection[str]) -> bool:
    if _RESET.search(text):
        return True
    emptied = re.compile(rf"\.({'|'.join(map(re.escape, names))}){_EMPTIED}" if names else r"\bgrads?\w*" + _EMPTIED)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    for node in ast.walk(tree):
        other = isinstance(node, ast.FunctionDef) and node.name not in ("__init__", *FORWARDS, *BACKWARDS)
        if other and emptied.search(ast.get_source_segment(text, node) or ""):
            return True
    return False


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
