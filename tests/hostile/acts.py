"""What a user's module may do to the process that it runs in: seventy acts, each in a module of its own.

Each module also holds a right layer and a wrong one (`BESIDE`), whose verdicts nothing that it does may change.
"""

from __future__ import annotations

from dataclasses import dataclass

BESIDE = '''

def good_forward(x):
    """x: (N, D)"""
    return x * x, x


def good_backward(dout, cache):
    return 2 * cache * dout


def bad_forward(x):
    """x: (N, D)"""
    return x * x * x, x


def bad_backward(dout, cache):
    return cache * cache * dout
'''


@dataclass(frozen=True)
class Act:
    """One module.

    Attributes:
        code: its source, before `BESIDE`; a layer named `odd` in it does its deed when it is run.
        cannot_load: codes of which one must be reported for the module; it has no layers then.
        odd: codes of which one must be found for the layer `odd`; "pass" for none; or its status.
        files: others beside it.
        encoding: of the file.
    """

    code: str
    cannot_load: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    encoding: str = "utf-8"


def _forward(*lines: str) -> str:
    """A module whose layer `odd` runs these lines in its forward."""
    body = "\n".join(f"    {line}" for line in lines)
    return (
        "import ctypes, gc, itertools, os, random, signal, sys, threading, time\nimport numpy as np\n\n\n"
        f'def odd_forward(x):\n    """x: (N, D)"""\n{body}\n    return x * x, x\n\n\n'
        "def odd_backward(dout, cache):\n    return 2 * cache * dout\n"
    )


def _backward(*lines: str) -> str:
    """A module whose layer `odd` runs these lines in its backward."""
    body = "\n".join(f"    {line}" for line in lines)
    return (
        "import ctypes, gc, itertools, os, random, signal, sys, threading, time\nimport numpy as np\n\n\n"
        'def odd_forward(x):\n    """x: (N, D)"""\n    return x * x, x\n\n\n'
        f"def odd_backward(dout, cache):\n{body}\n    return 2 * cache * dout\n"
    )


_FORKS = "import os, time\n"

ACTS: dict[str, Act] = {
    # it ends, when it is imported
    "exits_at_import": Act("import os\nos._exit(3)\n", cannot_load=("GC505",)),
    "says_exit_at_import": Act("import sys\nsys.exit(0)\n", cannot_load=("GC501",)),
    "aborts_at_import": Act("import os\nos.abort()\n", cannot_load=("GC505",)),
    "segfaults_at_import": Act("import ctypes\nctypes.string_at(0)\n", cannot_load=("GC505",)),
    "kills_itself_at_import": Act("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", cannot_load=("GC505",)),
    "loops_at_import": Act("while True:\n    pass\n", cannot_load=("GC504",)),
    "sleeps_at_import": Act("import time\ntime.sleep(1e6)\n", cannot_load=("GC504",)),
    "raises_base_exception": Act(
        "class Odd(BaseException):\n    pass\n\n\nraise Odd('[red]no[/red]')\n", cannot_load=("GC501",)
    ),
    "raises_without_a_message": Act(
        "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\n\n\nraise Odd\n",
        cannot_load=("GC501",),
    ),
    "does_not_parse": Act("def odd_backward(:\n", cannot_load=("GC501",)),
    "is_not_utf_8": Act("name = 'caf\xe9'\n", cannot_load=("GC501",), encoding="latin-1"),
    "holds_nul": Act("name = '\x00'\n", cannot_load=("GC501",)),
    "imports_in_a_circle": Act(
        "from circle_two import two\none = 1\n",
        cannot_load=("GC501",),
        files=(("circle_two.py", "from imports_in_a_circle import one\ntwo = 2\n"),),
    ),
    "asks_for_input": Act("input()\n", cannot_load=("GC501",)),
    "nests_deeply": Act("value = " + "(" * 5000 + "1" + ")" * 5000 + "\n", cannot_load=("GC501",)),
    # it changes what others use
    "replaces_numpy_sum": Act("import numpy\nnumpy.sum = lambda *a, **k: 0.0\n"),
    "replaces_much_of_numpy": Act(
        "import numpy\nfor name in ('abs', 'max', 'isfinite', 'asarray', 'array', 'zeros', 'all'):\n"
        "    setattr(numpy, name, lambda *a, **k: None)\n"
    ),
    "replaces_jax_vjp": Act("import jax\njax.vjp = lambda *a, **k: None\njax.grad = jax.jit = None\n"),
    "replaces_jax_numpy": Act("import jax.numpy\njax.numpy.asarray = lambda *a, **k: 1 / 0\n"),
    "replaces_builtins": Act(
        "import builtins\nbuiltins.abs = builtins.print = builtins.sorted = builtins.any = lambda *a, **k: 7\n"
    ),
    "replaces_time": Act("import time\ntime.perf_counter = lambda: 0.0\ntime.sleep = lambda s: None\n"),
    "deletes_from_numpy": Act("import numpy\ndel numpy.zeros_like\n"),
    "replaces_modules": Act("import sys, types\nsys.modules['numpy'] = types.ModuleType('numpy')\n"),
    "adds_old_names_to_numpy": Act(
        "import numpy as np\nnp.float = float\n\n\n" + _forward("x = x.astype(np.float)").partition("\n\n\n")[2],
        odd=("pass",),
    ),
    "raises_floating_errors": Act("import numpy as np\nnp.seterr(all='raise')\n"),
    "makes_warnings_errors": Act("import warnings\nwarnings.simplefilter('error')\n"),
    "changes_folder": Act("import os\nos.chdir('/')\n"),
    "empties_sys_path": Act("import sys\nsys.path.clear()\nsys.meta_path[:] = sys.meta_path[:]\n"),
    "empties_environment": Act("import os\nos.environ.clear()\n"),
    "seeds": Act("import random\nimport numpy as np\nnp.random.seed(0)\nrandom.seed(0)\n"),
    "disables_garbage_collection": Act("import gc\ngc.disable()\ngc.freeze()\n"),
    "handles_signals": Act(
        "import signal\nfor name in ('SIGTERM', 'SIGINT', 'SIGALRM', 'SIGUSR1', 'SIGCHLD'):\n"
        "    signal.signal(getattr(signal, name), signal.SIG_IGN)\nsignal.alarm(1)\n"
    ),
    "traces": Act("import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: 1)\n"),
    "sets_hooks": Act("import sys\nsys.excepthook = sys.displayhook = sys.unraisablehook = None\n"),
    "limits_recursion": Act("import sys\nsys.setrecursionlimit(80)\n"),
    "limits_files": Act("import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))\n"),
    "disables_the_fault_handler": Act("import faulthandler\nfaulthandler.disable()\n"),
    "leaves_its_group": Act("import os\ntry:\n    os.setpgid(0, os.getppid())\nexcept OSError:\n    pass\n"),
    "configures_jax": Act(
        "import jax\njax.config.update('jax_enable_x64', False)\njax.config.update('jax_debug_nans', True)\n"
    ),
    # it starts what goes on
    "leaves_a_thread": Act(
        "import threading\n\n\ndef work():\n    while True:\n        sum(range(1000))\n\n\n"
        "threading.Thread(target=work).start()\n"
    ),
    "leaves_a_thread_that_exits": Act("import sys, threading\nthreading.Thread(target=sys.exit).start()\n"),
    "forks": Act(_FORKS + "os.fork()\n"),
    "leaves_a_fork": Act(_FORKS + "if os.fork() == 0:\n    time.sleep(1e6)\n"),
    "leaves_a_daemon": Act(
        _FORKS
        + "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(1e6)\n    os._exit(0)\n"
    ),
    "leaves_a_command": Act("import subprocess\nsubprocess.Popen(['sleep', '1000'])\n"),
    "leaves_a_process": Act(
        "import multiprocessing, time\nif __name__ != '__mp_main__':\n"
        "    multiprocessing.get_context('fork').Process(target=time.sleep, args=(1e6,)).start()\n"
    ),
    "registers_for_the_end": Act(
        "import atexit, os, time\natexit.register(time.sleep, 1e6)\natexit.register(os.abort)\n"
    ),
    "exits_in_a_destructor": Act(
        "import sys\n\n\nclass Odd:\n    def __del__(self):\n        sys.exit(5)\n\n\n"
        "kept, dropped = Odd(), Odd()\ndel dropped\n"
    ),
    # it writes where it should not
    "prints_megabytes": Act("for _ in range(50_000):\n    print('x' * 100)\n"),
    "prints_escapes": Act("print('\\x1b[2J\\x1b]0;title\\x07[bold red]markup[/nothing]\\u202e', flush=True)\n"),
    "prints_bytes": Act("import sys\nsys.stdout.buffer.write(bytes(range(256)))\nsys.stderr.buffer.write(b'\\xff')\n"),
    "closes_its_output": Act("import os\nos.close(1)\nos.close(2)\n"),
    "has_no_streams": Act("import sys\nsys.stdout = sys.stderr = sys.stdin = None\n"),
    "closes_everything": Act("import os\nos.closerange(3, 256)\n", cannot_load=("GC505", "GC501", "GC500")),
    "writes_to_every_file": Act(
        "import os\nfor number in range(3, 20):\n    try:\n        os.write(number, b'garbage')\n"
        "    except OSError:\n        pass\n",
        cannot_load=("GC505",),
    ),
    "deletes_itself": Act("import os\nif os.path.exists(__file__):\n    os.remove(__file__)\n"),
    "empties_itself": Act("open(__file__, 'w').close()\n"),
    # it is not what it seems
    "has_a_numpy_beside": Act(
        "import numpy as np\nvalue = np.zeros(3)\n", files=(("numpy.py", "raise RuntimeError('not the real one')\n"),)
    ),
    "has_libraries_beside": Act(
        "import json, random\n",
        files=tuple((f"{name}.py", "raise RuntimeError\n") for name in ("json", "random", "jax", "typing", "psutil")),
    ),
    "is_marked_up": Act(
        "from gradcheck_cli import layer\n\n\ndef forward(x):\n    return x * x, x\n\n\n"
        "def backward(dout, cache):\n    return 2 * cache * dout\n\n\n"
        "told = dict(forward=forward, backward=backward, inputs={'x': 'N,D'})\n"
        "odd, other = layer(**told, name='odd'), layer(**told, name='[red]\\x1b[31m\\u202eodd[/x]')\n",
        odd=("pass",),
    ),
    "answers_to_every_name": Act("def __getattr__(name):\n    raise RuntimeError(name)\n"),
    "has_an_evil_class": Act(
        "class Meta(type):\n    def __getattribute__(cls, name):\n        raise RuntimeError(name)\n\n\n"
        "class Evil(metaclass=Meta):\n    def forward(self, x): return x\n    def backward(self, dout): return dout\n"
    ),
    # one of its layers does it, when it runs
    "forward_exits": Act(_forward("os._exit(0)"), odd=("GC505",)),
    "forward_segfaults": Act(_forward("ctypes.string_at(0)"), odd=("GC505",)),
    "backward_aborts": Act(_backward("os.abort()"), odd=("GC505",)),
    "backward_exits": Act(_backward("sys.exit(0)"), odd=("GC502",)),
    "forward_interrupts": Act(_forward("raise KeyboardInterrupt"), odd=("GC502",)),
    "forward_sleeps": Act(_forward("time.sleep(1e6)"), odd=("GC504",)),
    "backward_loops": Act(_backward("while True: pass"), odd=("GC504",)),
    "forward_sleeps_in_c": Act(_forward("ctypes.PyDLL(None).sleep(1000)"), odd=("GC504",)),
    "forward_takes_memory": Act(_forward("kept = [np.ones(10**7) for _ in itertools.count()]"), odd=("GC505", "GC502")),
    "forward_recurses": Act(_forward("odd_forward(x)"), odd=("GC502",)),
    "forward_recurses_without_bound": Act(
        _forward("sys.setrecursionlimit(10**9)", "def deep(f): return deep(lambda: f)", "deep(None)"),
        odd=("GC505", "GC502", "GC504"),
    ),
    "forward_replaces_numpy": Act(_forward("np.sum = np.max = np.abs = None"), odd=("GC502",)),
    "forward_gives_nan": Act(_forward("x = x * np.nan"), odd=("inconclusive",)),
    "backward_gives_nan": Act(_backward("return cache * np.nan"), odd=("GC401", "GC201")),
    "forward_changes_all": Act(
        _forward("np.random.seed(1)", "random.seed(1)", "np.seterr(all='raise')", "os.chdir('/')", "gc.disable()"),
        odd=("pass",),
    ),
    "forward_forks": Act(_forward("os.fork()"), odd=("pass",)),
    "forward_leaves_a_thread": Act(_forward("threading.Thread(target=time.sleep, args=(1e6,)).start()"), odd=("pass",)),
    "forward_prints": Act(_forward("print('\\x1b[31m[red]' * 1000)"), odd=("pass",)),
    "destructor_exits": Act(_forward("class Odd:", "    def __del__(self): os._exit(4)", "Odd()"), odd=("GC505",)),
    "backward_returns_no_end": Act(_backward("return itertools.count()"), odd=("GC1", "GC2", "GC502")),
    "backward_returns_a_giant": Act(_backward("return np.broadcast_to(1.0, (10**6, 10**6))"), odd=("GC101",)),
    "backward_returns_evil": Act(
        _backward(
            "class Evil:",
            "    def __getattribute__(self, name): raise RuntimeError(name)",
            "    def __repr__(self): raise RuntimeError",
            "return Evil()",
        ),
        odd=("GC1", "GC2", "GC502"),
    ),
}
