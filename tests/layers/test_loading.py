from __future__ import annotations

import random
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.discovery import find
from gradcheck_cli.layers.importing import users_modules
from gradcheck_cli.layers.loading import load, read_source
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Place, run
from gradcheck_cli.tracing.importing import dual_project


def put(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def failure(path: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        load(path)
    assert caught.value.code == "GC501"
    return caught.value


def test_a_module_is_imported_as_a_script_is_but_not_as_main(tmp_path: Path) -> None:
    put(tmp_path, mylayer="import sys, helper\nname, arguments, answer = __name__, sys.argv[1:], helper.answer")
    put(tmp_path, helper="answer = 42")
    before = list(sys.argv)
    module = load(tmp_path / "mylayer.py")
    assert (module.namespace.name, module.namespace.arguments, module.namespace.answer) == ("mylayer", [], 42)
    assert (module.name, module.project, module.path) == ("mylayer", tmp_path, tmp_path / "mylayer.py")
    assert sys.argv == before


def test_a_file_in_a_package_uses_relative_and_absolute_and_sibling_imports(tmp_path: Path) -> None:
    package = tmp_path / "pack"
    (package / "sub").mkdir(parents=True)
    (package / "__init__.py").write_text("base = 1")
    (package / "sub" / "__init__.py").write_text("from ..tools import two")
    (package / "tools.py").write_text("two = 2")
    (package / "sub" / "near.py").write_text("three = 3")
    (package / "sub" / "layer.py").write_text(
        "from ..tools import two\nfrom pack import base\nfrom . import near\nimport near as sibling\n"
    )
    module = load(package / "sub" / "layer.py")
    assert module.name == "pack.sub.layer"
    assert module.project == tmp_path
    assert (module.namespace.two, module.namespace.base, module.namespace.near.three) == (2, 1, 3)
    assert sys.modules["pack.sub.layer"] is module.namespace


def test_files_of_the_same_name_do_not_stand_in_for_each_other(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        put(tmp_path / folder, layers="import helper\nwhere = helper.where", helper=f"where = {folder!r}")
    assert load(tmp_path / "one" / "layers.py").namespace.where == "one"
    assert load(tmp_path / "two" / "layers.py").namespace.where == "two"
    assert load(tmp_path / "one" / "layers.py").namespace.where == "one"


def test_packages_of_the_same_name_do_not_stand_in_for_each_other(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        package = tmp_path / folder / "common"
        put(package, __init__="", functions=f"where = {folder!r}", layers="from common.functions import where")
        assert load(package / "layers.py").namespace.where == folder


def test_an_edited_file_is_run_anew(tmp_path: Path) -> None:
    put(tmp_path, mylayer="value = 1")
    assert load(tmp_path / "mylayer.py").namespace.value == 1
    put(tmp_path, mylayer="value = 1000")
    assert load(tmp_path / "mylayer.py").namespace.value == 1000


@pytest.mark.parametrize("name", ["numpy", "random", "jax", "json", "rich", "secrets", "xml"])
def test_a_file_named_like_a_library_loads_and_shadows_nothing(tmp_path: Path, name: str) -> None:
    put(tmp_path, **{name: "mine = True", "mylayer": "import numpy as np\nimport random\nimport json\nx = np.zeros(3)"})
    assert load(tmp_path / f"{name}.py").namespace.mine
    module = load(tmp_path / "mylayer.py")
    assert module.namespace.np is np
    assert module.namespace.random is random
    assert sys.modules["numpy"] is np
    __import__(name)
    assert not hasattr(sys.modules[name], "mine")


def test_a_sibling_named_like_an_installed_package_is_the_users_for_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "catalogue", raising=False)
    put(tmp_path, mylayer="import catalogue\nmine = catalogue.mine", catalogue="mine = True")
    assert load(tmp_path / "mylayer.py").namespace.mine


def test_a_folder_that_hides_an_installed_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "catalogue", raising=False)
    put(tmp_path, mylayer="from catalogue.config import Config")
    (tmp_path / "catalogue").mkdir()
    with pytest.raises(UserError, match=r"No module named 'catalogue\.config'") as caught:
        load(tmp_path / "mylayer.py")
    taken = f"`catalogue` is taken from `{tmp_path / 'catalogue'}`, which has no `config`"
    assert caught.value.mend == f"{taken}: where another `catalogue` is meant, that folder hides it"


def test_a_file_of_an_installed_library_is_that_librarys_module() -> None:
    import optax

    path = Path(optax.__file__).parent / "losses" / "_classification.py"
    module = load(path)
    assert module.name == "optax.losses._classification"
    assert module.uses_jax


@pytest.mark.parametrize(
    ("text", "says", "line", "mends"),
    [
        ("x = 1\ndef f(:\n    pass\n", "SyntaxError", 2, "line 2"),
        (
            "x = 1\nimport torch_is_not_here\n",
            "No module named 'torch_is_not_here'",
            2,
            "pip install torch_is_not_here",
        ),
        ("x = 1\n\n1 / 0\n", "ZeroDivisionError: division by zero", 3, "if no layer needs it, put it under"),
        ("get_ipython().run_line_magic('matplotlib', 'inline')\n", "NameError", 1, "in a notebook only"),
        ("\nopen('data.npz')\n", "No such file", 2, "in the folder that `data.npz` is in"),
        ("def f(): return g()\nx = [f() for _ in 'a']\n", "NameError", 1, "correct that line"),
        ("import sys\nsys.exit('usage: ...')\n", "sys.exit('usage: ...')", 2, "__main__"),
        ("import sys\nsys.exit()\n", "sys.exit()", 2, "__main__"),
        ("raise BaseException('odd')\n", "BaseException: odd", 1, ""),
        ("def f(): f()\nf()\n", "RecursionError", 1, ""),
        ("from . import x\n", "relative import", 1, "__init__.py"),
        ("class E(Exception):\n    def __str__(self): return 1/0\nraise E\n", "raised E", 3, ""),
        ("raise GeneratorExit\n", "GeneratorExit", 1, ""),
    ],
)
def test_whatever_a_module_raises_is_its_own_error_with_place_and_mend(
    tmp_path: Path, text: str, says: str, line: int, mends: str
) -> None:
    put(tmp_path, mylayer=text)
    error = failure(tmp_path / "mylayer.py")
    assert says in error.message
    assert (error.path, error.line) == (tmp_path / "mylayer.py", line)
    assert mends in (error.mend or "")
    assert "mylayer" not in sys.modules


@pytest.mark.parametrize(
    "text",
    ["class Layer:\n    open('data.npz')\n", "@nothing\ndef forward(x): return x\n", "import helper\n", "x = (\n"],
)
def test_what_layers_cannot_do_without_is_not_to_be_put_elsewhere(tmp_path: Path, text: str) -> None:
    put(tmp_path, mylayer=text, helper="1 / 0\n")
    assert "__main__" not in (failure(tmp_path / "mylayer.py").mend or "")


def test_the_deepest_line_of_the_users_own_files_is_named(tmp_path: Path) -> None:
    put(tmp_path, mylayer="import helper\nhelper.work()", helper="import numpy as np\ndef work():\n    np.zeros(-1)\n")
    error = failure(tmp_path / "mylayer.py")
    assert (error.path, error.line) == (tmp_path / "helper.py", 3)


def test_a_syntax_error_in_a_sibling_is_named_there(tmp_path: Path) -> None:
    put(tmp_path, mylayer="import helper", helper="\n\nx = = 1\n")
    error = failure(tmp_path / "mylayer.py")
    assert (error.path, error.line) == (tmp_path / "helper.py", 3)


def test_a_circular_import_is_the_users_error(tmp_path: Path) -> None:
    put(tmp_path, mylayer="from other import y\nx = 1", other="from mylayer import x\ny = 2")
    error = failure(tmp_path / "mylayer.py")
    assert "mylayer" in error.message and error.line == 1


@pytest.mark.parametrize(
    ("raw", "says"),
    [(b"x = '\xff'\n", "not UTF-8"), (b"x = 1\n\0\n", "NUL"), (b"# -*- coding: klingon -*-\n", "decoded")],
)
def test_what_is_no_text_is_an_error(tmp_path: Path, raw: bytes, says: str) -> None:
    (tmp_path / "mylayer.py").write_bytes(raw)
    error = failure(tmp_path / "mylayer.py")
    assert says in error.message
    assert error.mend


def test_a_declared_encoding_is_followed(tmp_path: Path) -> None:
    (tmp_path / "mylayer.py").write_bytes("# -*- coding: latin-1 -*-\nname = 'Müller'\n".encode("latin-1"))
    assert "Müller" in read_source(tmp_path / "mylayer.py")
    assert load(tmp_path / "mylayer.py").namespace.name == "Müller"


def test_a_keyboard_interrupt_is_the_persons_own(tmp_path: Path) -> None:
    put(tmp_path, mylayer="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load(tmp_path / "mylayer.py")


def test_a_module_leaves_nothing_changed_behind_it(tmp_path: Path) -> None:
    put(
        tmp_path,
        mylayer="import os, sys\nimport numpy as np\n"
        "os.chdir('/')\nsys.stdout = None\nnp.seterr(all='raise')\nsys.argv = 3\n",
    )
    before = Path.cwd(), sys.stdout, np.geterr(), sys.argv
    load(tmp_path / "mylayer.py")
    assert (Path.cwd(), sys.stdout, np.geterr(), sys.argv) == before


def test_jax_is_seen_through_the_projects_own_modules_and_nowhere_else(tmp_path: Path) -> None:
    put(tmp_path, plain="import numpy", direct="import jax.numpy as jnp", through="import direct")
    assert not load(tmp_path / "plain.py").uses_jax
    assert load(tmp_path / "direct.py").uses_jax
    assert load(tmp_path / "through.py").uses_jax


def test_loading_a_numpy_module_does_not_import_jax(tmp_path: Path) -> None:
    import subprocess

    put(tmp_path, mylayer="import numpy as np\ndef f_forward(x): return x\ndef f_backward(dout, x): return dout\n")
    program = (
        "import sys, pathlib\nfrom gradcheck_cli.layers.loading import load\n"
        "from gradcheck_cli.layers.discovery import find\n"
        f"assert find(load(pathlib.Path({str(tmp_path / 'mylayer.py')!r}))).layers\n"
        "assert 'jax' not in sys.modules, 'jax was imported'"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_late_import_in_a_function_sees_its_own_project(tmp_path: Path) -> None:
    from gradcheck_cli.layers.discovery import find

    text = (
        "def f_forward(x):\n    import helper\n    return helper.factor * x, 0\n"
        "def f_backward(dout, cache): return dout\n"
    )
    modules = []
    for folder, factor in (("one", 1.0), ("two", 2.0)):
        put(tmp_path / folder, mylayer=text, helper=f"factor = {factor}")
        modules.append(load(tmp_path / folder / "mylayer.py"))
    for _ in range(2):
        for module, factor in zip(modules, (1.0, 2.0)):
            bound = find(module).layers[0].bind(module.namespace)
            assert bound.evaluate({"x": np.ones(1)})[0][0] == factor


def test_running_code_of_no_loaded_project_sets_no_modules_aside(tmp_path: Path) -> None:
    from gradcheck_cli.layers.users_code import Place, run

    put(tmp_path, mylayer="import helper", helper="")
    load(tmp_path / "mylayer.py")
    run(len, ([],), {}, what="f", place=Place(Path("/nowhere/x.py"), Path("/nowhere")), line=1, inputs={})
    assert "helper" in sys.modules


@pytest.mark.parametrize(
    ("start", "encoding"), [("\ufeff", "utf-8"), ("# -*- coding: latin-1 -*-\n# caf\xe9\n", "latin-1")]
)
def test_what_needs_the_text_of_a_definition_finds_it_in_every_encoding(
    tmp_path: Path, start: str, encoding: str
) -> None:
    text = start + "def twice(x):\n    def back(dy):\n        return 2 * dy\n    return 2 * x, back\n"
    (tmp_path / "closure.py").write_bytes(text.encode(encoding))
    (layer,) = find(load(tmp_path / "closure.py")).layers
    assert (layer.name, layer.convention.value) == ("twice", "closure")
    assert text.splitlines()[layer.forward_line - 1].endswith("def twice(x):")


@pytest.mark.parametrize(("asked", "raises"), [(80, False), (80, True), (5000, False)])
def test_a_module_cannot_lower_the_recursion_limit_of_what_checks_it(tmp_path: Path, asked: int, raises: bool) -> None:
    before = sys.getrecursionlimit()
    put(tmp_path, mylayer=f"import sys\nsys.setrecursionlimit({asked})\n" + ("1 / 0\n" if raises else ""))
    try:
        if raises:
            failure(tmp_path / "mylayer.py")
        else:
            load(tmp_path / "mylayer.py")
        assert sys.getrecursionlimit() == max(before, asked)
    finally:
        sys.setrecursionlimit(before)


def test_nor_can_its_dual_copy(tmp_path: Path) -> None:
    before = sys.getrecursionlimit()
    module = load(put(tmp_path, mylayer=f"import sys\nsys.setrecursionlimit({before - 1})\n") / "mylayer.py")
    try:
        dual_project(module)
        assert sys.getrecursionlimit() == before
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize("where", ["path", "meta_path"])
@pytest.mark.parametrize("deed", ["sys.{}.clear()", "sys.{} = None", "sys.{} = []", "sys.{}.append('mine')"])
def test_what_checks_a_module_can_import_after_it(tmp_path: Path, where: str, deed: str) -> None:
    before, held = list(getattr(sys, where)), getattr(sys, where)
    source = f"import sys\n{deed.format(where)}\n"
    module = put(tmp_path, mylayer=source) / "mylayer.py"
    place = Place(module, tmp_path)
    try:
        for do in (
            lambda: load(module),
            lambda: dual_project(Module(module, "mylayer", ModuleType("mylayer"), source, tmp_path, False)),
            lambda: run(exec, (source,), {}, what="f", place=place, line=1, inputs={}),
        ):
            do()
            assert PathFinder in sys.meta_path and PathFinder.find_spec("scipy") is not None
            assert ("mine" in getattr(sys, where)) is ("mine" in deed)
    finally:
        setattr(sys, where, held)
        held[:] = before


def test_a_namespace_package_without_its_parent_is_no_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the import of `parent` fails, `parent.part` stays, and asking it for its folders raises."""

    class Lost:
        def __iter__(self) -> NoReturn:
            raise KeyError("parent")

    part = ModuleType("parent.part")
    part.__path__ = Lost()  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "parent.part", part)
    assert "parent.part" not in users_modules()
