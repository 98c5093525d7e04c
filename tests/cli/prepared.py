"""The command in processes of its own that need not import it first, with a stand-in engine or with the real one.

A process that has imported all of it, JAX too, waits for command lines and forks for each: the child is the command,
with its own folder, streams and exit code, and lives as long. Its worker is forked from it in turn. Who needs other
variables of the environment than those that are read late starts a fresh Python.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import select
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

_BY_TEST = ("PYTEST_CURRENT_TEST",)
"""Variables that are others in each test and that no command reads."""

_LATE = ("COLUMNS", "GRADCHECK_")
"""How variables begin that nothing reads as it is imported."""


class Prepared:
    """The waiting process, which begins with the environment that all its commands will have."""

    def __init__(self, env: Mapping[str, str], root: Path) -> None:
        self._env = _lasting(env)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], cwd=root, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        atexit.register(self.close)

    def serves(self, env: Mapping[str, str]) -> bool:
        """Whether a command in this environment is one of its."""
        return _lasting(env) == self._env and self._process.poll() is None

    def run(
        self, engine: str, arguments: Sequence[str], cwd: Path, env: Mapping[str, str], seconds: float
    ) -> tuple[int, bytes, bytes]:
        """Exit code, standard output and standard error; `TimeoutExpired` as `subprocess.run` raises it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            streams = [f"/proc/{os.getpid()}/fd/{stream.fileno()}" for stream in (out, err)]
            request = {
                "engine": engine,
                "arguments": list(arguments),
                "cwd": str(cwd),
                "streams": streams,
                "env": {name: value for name, value in env.items() if name.startswith(_LATE)},
            }
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            ready, _, _ = select.select([self._process.stdout], [], [], seconds)
            if not ready:
                self.close()
                raise subprocess.TimeoutExpired(list(arguments), seconds)
            code = int(self._process.stdout.readline())
            return code, *(os.pread(stream.fileno(), os.fstat(stream.fileno()).st_size, 0) for stream in (out, err))

    def close(self) -> None:
        """End it, and the command that it runs."""
        self._process.kill()
        self._process.communicate()
        atexit.unregister(self.close)


def _lasting(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name not in _BY_TEST and not name.startswith(_LATE)}


def _command(engine: str, arguments: list[str], cwd: str, streams: list[str], env: dict[str, str]) -> int:
    """In the child: what `python -m tests.cli.engines ENGINE ARGUMENTS` does in a process of its own.

    Without an engine, what `python -m gradcheck_cli ARGUMENTS` does.
    """
    from gradcheck_cli.cli.application import main
    from tests.cli import engines
    from tests.cli.forked import fork_workers

    for number, stream in enumerate((os.devnull, *streams)):
        opened = os.open(stream, os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(cwd)
    for name in [name for name in os.environ if name.startswith(_LATE)]:
        del os.environ[name]
    os.environ.update(env)
    sys.argv = [engines.__file__, *arguments]
    code: object = 0
    try:
        if engine:
            engines.run(engine)
        fork_workers()
        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


def _serve() -> None:
    import gradcheck_cli
    from gradcheck_cli.isolation.worker import _import_jax
    from gradcheck_cli.report.formats import RENDERERS, TABLE, renderer
    from tests.cli import engines, forked  # noqa: F401

    for name in RENDERERS:
        if name != TABLE:
            renderer(name)
    _import_jax()
    for module in pkgutil.walk_packages(gradcheck_cli.__path__, "gradcheck_cli."):
        importlib.import_module(module.name)
    # `-m` has put the folder of this process there, which is neither the command's nor its worker's.
    del sys.path[0]
    for line in sys.stdin.buffer:
        child = os.fork()
        if child == 0:
            os._exit(_command(**json.loads(line)))
        _, status = os.waitpid(child, 0)
        os.write(1, b"%d\n" % os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    _serve()
