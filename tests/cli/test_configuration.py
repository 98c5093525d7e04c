from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.cli.configuration import read_configuration
from gradcheck_cli.cli.destinations import Destination, Destinations
from gradcheck_cli.cli.given import OPTIONS, RunOptions, from_command_line, run_options
from gradcheck_cli.errors import UserError
from tests.cli.command import gradcheck


def options(folder: Path, content: str, **command_line: object) -> RunOptions:
    (folder / "pyproject.toml").write_text(content)
    return run_options(from_command_line(command_line), read_configuration([folder / "mylayer.py"], OPTIONS))


def test_the_same_keys_with_dashes_or_underscores(tmp_path: Path) -> None:
    told = options(
        tmp_path,
        """
[tool.gradcheck]
full = true
draws = 5
seed = 7
shape = { w = "D,M", x = [4, "D"] }
dim = ["N=4"]
arg = { conv_param = { stride = 2 }, mode = "train" }
atol = 1e-3
rtol = 0
dtype = "float32"
device = "gpu"
fail-fast = true
max_evals = 99
format = "json"
output = ["a.sarif"]
quiet = true
strict = true
require_layers = true
""",
    )
    assert told.check.settings.full
    assert (told.check.inputs.draws, told.check.inputs.seed) == (5, 7)
    assert told.check.inputs.shapes == {"w": ("D", "M"), "x": (4, "D")}
    assert told.check.inputs.dimensions == {"N": 4}
    assert told.check.inputs.arguments == {"conv_param": {"stride": 2}, "mode": "train"}
    assert (told.check.settings.atol, told.check.settings.rtol) == (1e-3, 0.0)
    assert (told.check.inputs.dtype, told.check.device) == ("float32", "gpu")
    assert told.check.fail_fast
    assert told.check.settings.max_evals == 99
    assert (told.quiet, told.strict, told.require_layers) == (True, True, True)
    assert told.destinations == Destinations("json", (Destination("sarif", Path.cwd() / "a.sarif"),))


def test_the_command_line_wins_and_name_by_name(tmp_path: Path) -> None:
    content = "[tool.gradcheck]\ndraws = 5\nfull = true\nquiet = true\ndim = { N = 4, D = 5 }\n"
    told = options(tmp_path, content, draws=2, full=False, verbose=True, dim=["N=9"])
    assert told.check.inputs.draws == 2
    assert not told.check.settings.full
    assert (told.verbose, told.quiet) == (True, False)
    assert told.check.inputs.dimensions == {"N": 9, "D": 5}


@pytest.mark.parametrize(
    ("content", "message", "line", "mend"),
    [
        ("[tool.gradcheck]\n\nmax_eval = 3\n", "has no option `max_eval`", 3, "did you mean `max-evals`?"),
        ("[tool.gradcheck]\nzzz = 3\n", "has no option `zzz`", 2, "it knows"),
        ('[tool.gradcheck]\ndraws = "3"\n', "`draws` is '3', not a whole number", 2, "draws = 3"),
        ("[tool.gradcheck]\ndraws = true\n", "`draws` is True, not a whole number", 2, "draws = 1"),
        ("[tool.gradcheck]\nfull = 1\n", "`full` is 1, not true or false", 2, "full = true"),
        ("[tool.gradcheck]\natol = inf\n", "must be a finite number", 2, "atol = 1e-6"),
        ('[tool.gradcheck]\ndevice = "tpu"\n', "must be one of cpu, gpu", 2, 'device = "gpu"'),
        ("[tool.gradcheck.dim]\nN = 0\n", "gives N the size 0", 1, "N"),
        ("[tool.gradcheck]\nshape = 3\n", "not NAME=VALUE", 2, "w=D,M"),
        ("[tool.gradcheck]\nmax-evals = 1\nmax_evals = 2\n", "given twice", 3, "keep one"),
        ("[tool]\ngradcheck = 3\n", "not a table", None, "[tool.gradcheck]"),
        ("[tool.gradcheck\n", "is not TOML", 1, "mend the line"),
    ],
)
def test_a_mistake_is_said_with_its_place_and_mend(
    tmp_path: Path, content: str, message: str, line: int | None, mend: str
) -> None:
    with pytest.raises(UserError) as caught:
        options(tmp_path, content)
    assert message in caught.value.message
    assert caught.value.path == tmp_path / "pyproject.toml"
    assert caught.value.line == line
    assert mend in (caught.value.mend or "")


def test_the_nearest_file_with_the_table_is_read(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.gradcheck]\ndraws = 5\n")
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]\n")
    assert read_configuration([inner / "x.py"], OPTIONS)["draws"].value == 5
    (inner / "pyproject.toml").write_text("[tool.gradcheck]\ndraws = 6\n")
    assert read_configuration([inner / "x.py"], OPTIONS)["draws"].value == 6
    assert read_configuration([inner / "x.py", tmp_path / "y.py"], OPTIONS)["draws"].value == 5


def test_the_command_reads_it_and_says_where_it_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text('[tool.gradcheck]\nformat = "json"\ndraws = 9\n')
    ended = gradcheck("run", str(tmp_path / "x.py"), engine="echo")
    assert "draws=9" in " ".join(ended.json["notes"])
    file.write_text("[tool.gradcheck]\ndrws = 9\n")
    ended = gradcheck("run", str(tmp_path / "x.py"), "--format", "json", engine="echo")
    assert ended.code == 2
    assert f"at    {file}:2" in ended.err
    (error,) = ended.json["errors"]
    assert (error["path"], error["line"], error["mend"]) == (str(file), 2, "did you mean `draws`?")


def test_the_options_of_further_examinations(tmp_path: Path) -> None:
    told = options(
        tmp_path,
        """
[tool.gradcheck]
order = 2
vmap = true
stress = true
diagnose = false
shrink = false
magnitude = 1e3
dtype = "bfloat16"
""",
    )
    settings = told.check.settings
    assert (settings.order, settings.vmap, settings.stress) == (2, True, True)
    assert not settings.diagnose and not settings.shrink
    assert (told.check.inputs.magnitude, told.check.inputs.dtype) == (1e3, "bfloat16")
    assert options(tmp_path, "[tool.gradcheck]\nshrink = false\n", shrink=True).check.settings.shrink
    assert options(tmp_path, "[tool.gradcheck]\ndiagnose = false\n", diagnose=True).check.settings.diagnose
