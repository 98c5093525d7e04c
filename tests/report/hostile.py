"""What a stranger's module can put into a report, as examples and as a strategy; and reports that hold it."""

from __future__ import annotations

from hypothesis import strategies as st

from gradcheck_cli.report.model import Finding, Report, Status
from tests.report import reports

EXAMPLES = (
    "line\nbreak\r\nand\rmore",
    "]]> <![CDATA[ x ]]>",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)> &amp; &#60; \"quoted\" 'too'",
    "100%25 %0A::error::x",
    "::error file=a.py,line=1::gotcha",
    "a,b:c=d",
    "nul \x00 bell \x07 escape \x1b[31mred\x1b[0m",
    "lone \ud800 and \udcff",
    "[bold red]markup[/] :smile:",
    "`one` tick ` and ``` three",
    "| a | b |\n|---|---|",
    "# heading\n- item\n1. one\n> quote\n***",
    "1. one",
    "- item",
    "=====",
    "[text](http://e.vil) ![image](http://e.vil/x.png) <http://e.vil>",
    "{0} {{1}} \\ back\\slash \\`",
    "\u202eright to left\u2066 \u2028 line separator \u2029 \x85 next line",
    "no characters \ufffe \uffff \U0001ffff",
    "@everyone #1 $x$ ~~gone~~ __init__ *a* _b_",
    " leading and trailing ",
    "",
    "x" * 3000,
)

texts = st.one_of(
    st.sampled_from(EXAMPLES),
    st.text(max_size=40),
    st.text(alphabet="`*_[]()<>|~&$#!\\-+=.:,%{}\n\r\t \x00\x1b\ud800\udc80a1'\"@/", max_size=25),
    st.text(alphabet=st.characters(), max_size=15),
)


def holding(text: str) -> Report:
    """A report with the text wherever a module's own words can stand."""
    wrong = reports.np.array([True, False])
    argument = reports.failing_argument(text, wrong, (text,), gradient_name=text, why=text)
    finding = Finding("GC201", text, f"{text}.py", 3, text, (0,), 2.0, 1.0, 1.0, 0.0, mend=text)
    unknown = reports.argument(text, (2,), (text,), gradient_name=text, status=Status.INCONCLUSIVE, why=text)
    return reports.report(
        reports.layer(
            text,
            path=f"{text}.py",
            status=Status.FAIL,
            arguments=(argument,),
            findings=(finding,),
            notes=(text,),
            reproduce=text,
            script=text,
            checked=(text,),
        ),
        reports.layer(text, path=f"{text}.py", status=Status.INCONCLUSIVE, arguments=(unknown,), notes=(text,)),
        reports.layer(text, path=f"{text}.py"),
        errors=(Finding("GC501", text, f"{text}/x.py", None, mend=text),),
        notes=(text,),
    )
