"""A network of 100 layers, one of them wrong: is it named, and at what cost beside one forward and backward in JAX?

    pip install -e '.[test]'
    python benchmarks/networks.py

For each size the same network is written twice: for NumPy, with hand-written backwards, as a `Sequential` of 100 layers
(affine and tanh in turn, with one affine layer in the middle whose `dx` forgets the factor that its forward has); and
for JAX, as one function. Timed in one process, in turn, the median of the ratios of neighbouring runs:

- cold: the first time, with all that JAX compiles, in a fresh process each. What a person waits for.
- warm: once more, compiled programs at hand on both sides.

Ours is the time until the wrong layer is known: inputs and weights drawn, every layer run and traced, the way back, all
layers compared. The time of the whole check is shown beside it: then that layer alone is looked at closely, by all
three witnesses, for the numbers and the mend in its finding. JAX's is `jax.value_and_grad` of the jitted network in
float64, all gradients waited for. Exit code 1 where a wrong layer is not named first, or a cold ratio is 4 or more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gradcheck_cli.checking.options import Silent

BOUND = 4.0
SIZES = ((16, 32), (64, 256), (128, 512))
LAYERS = 100

MODULE = '''
import numpy as np

from gradcheck_cli import Sequential


def affine_forward(x, w, b):
    """
    - x: shape (N, D)
    - w: shape (D, M)
    - b: shape (M,)
    """
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def tanh_forward(x):
    """
    - x: shape (N, D)
    """
    y = np.tanh(x)
    return y, y


def tanh_backward(dout, y):
    return dout * (1 - y**2)


def scaled_forward(x, w, b):
    """
    - x: shape (N, D)
    - w: shape (D, M)
    - b: shape (M,)
    """
    return 1.01 * (x @ w) + b, (x, w)


def scaled_backward(dout, cache):
    x, w = cache
    return dout @ w.T, 1.01 * (x.T @ dout), dout.sum(axis=0)


layers = [affine_forward, tanh_forward] * {half}
layers[{wrong}] = ("wrong", scaled_forward)
names = [f"affine_{{k}}.w" for k in range(1, {half})] + ["wrong.w"]
net = Sequential(layers, inputs={{"x": "{batch},{width}", **{{name: "{width},{width}" for name in names}}}})
'''


def jax_network(batch: int, width: int) -> tuple[Any, Any]:
    """The network as one jitted function with its gradient, and arguments for it."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    rng = np.random.default_rng(0)
    parameters = [
        (rng.standard_normal((width, width)) / width**0.5, rng.standard_normal(width)) for _ in range(LAYERS // 2)
    ]
    x = rng.standard_normal((batch, width))

    def cost(x: Any, parameters: Any) -> Any:
        for w, b in parameters:
            x = jnp.tanh(x @ w + b)
        return (x * x).sum()

    return jax.jit(jax.value_and_grad(cost, argnums=(0, 1))), (x, parameters)


class Watch(Silent):
    """Notes when the first layer was found wrong."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.known = float("inf")

    def step(self, name: str, what: str) -> None:
        """The check says that it looks at a layer closely."""
        del name
        if "closely" in what:
            self.known = min(self.known, time.perf_counter())


def once(path: Path, batch: int, width: int, repeats: int) -> dict[str, Any]:
    """Cold and warm times of both, in this process."""
    from gradcheck_cli.checking.layer import Checker
    from gradcheck_cli.judge.settings import Settings
    from gradcheck_cli.layers.discovery import find
    from gradcheck_cli.layers.loading import load
    from gradcheck_cli.layers.options import InputOptions
    from gradcheck_cli.layers.selection import select

    checker = Checker("cpu")
    module = load(path, None)
    layer = select(find(module).layers, "net")[0]
    ours, theirs, whole = [], [], []
    named = []
    function = arguments = None
    for repeat in range(repeats + 1):
        watch = Watch()
        report = checker.check(module, layer, InputOptions(seed=repeat), Settings(), watch)
        whole.append(time.perf_counter() - watch.start)
        ours.append(watch.known - watch.start)
        named.append("" if report.network is None else report.network.first_wrong)
        import jax

        if function is None:
            start = time.perf_counter()
            function, arguments = jax_network(batch, width)
        else:
            start = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        theirs.append(time.perf_counter() - start)
    return {"ours": ours, "whole": whole, "theirs": theirs, "named": named}


def main() -> int:
    """Run it; see the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cold", type=int, default=5, help="fresh processes for each size")
    parser.add_argument("--warm", type=int, default=5, help="repetitions in each process")
    parser.add_argument("--once", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        path, batch, width, repeats = arguments.once
        print(json.dumps(once(Path(path), int(batch), int(width), int(repeats))))
        return 0
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for batch, width in SIZES:
            path = Path(folder) / f"net_{batch}_{width}.py"
            path.write_text(MODULE.format(half=LAYERS // 2, wrong=LAYERS // 2, batch=batch, width=width))
            runs = []
            for _ in range(arguments.cold):
                command = [sys.executable, __file__, "--once", path, batch, width, arguments.warm]
                done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
                runs.append(json.loads(done.stdout.splitlines()[-1]))
            cold = statistics.median(run["ours"][0] / run["theirs"][0] for run in runs)
            pairs = [pair for run in runs for pair in zip(run["ours"][1:], run["theirs"][1:])]
            warm = statistics.median(a / b for a, b in pairs)
            seconds = statistics.median(run["ours"][0] for run in runs), statistics.median(a for a, _ in pairs)
            all_of_it = statistics.median(run["whole"][0] / run["theirs"][0] for run in runs)
            named = all(name == "wrong" for run in runs for name in run["named"])
            failed |= not named or cold >= BOUND
            print(
                f"{LAYERS} layers, {batch:>4} x {width:<4} {'named' if named else 'NOT NAMED':>9}   "
                f"cold {cold:5.2f} x ({seconds[0]:.2f} s; with all of the check {all_of_it:.2f} x)   "
                f"warm {warm:6.1f} x ({seconds[1]:.3f} s)",
                flush=True,
            )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
