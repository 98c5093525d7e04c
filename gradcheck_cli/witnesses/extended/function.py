"""Any function of JAX values, computed in extended precision: traced, and its program evaluated step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.witnesses.extended.arithmetic import EXTENDED, Arithmetic
from gradcheck_cli.witnesses.extended.interpreter import BeyondEvaluation, evaluate


def in_extended(function: Callable[..., Any], own: float, *arguments: Sequence[Any]) -> list[NDArray[Any]]:
    """The outputs of `function(*arguments)`, whose arguments are sequences of arrays, flattened.

    Casts to dtypes that are coarser than `own`, the epsilon of the layer's own dtype, are part of the function.

    Raises:
        UserError: what the user's code raises on tracers.
        BeyondEvaluation: where it does not run on tracers, or a step of it has no rule.
    """
    import jax

    try:
        program = jax.make_jaxpr(lambda *given: function(*given))(*arguments)
    except UserError:
        raise
    except Exception as error:  # JAX's own
        raise BeyondEvaluation(str(error)) from error
    flat = [np.asarray(value) for values in arguments for value in values]
    with np.errstate(all="ignore"):
        return evaluate(program.jaxpr, program.consts, flat, Arithmetic(EXTENDED, narrow=True, own=own))
