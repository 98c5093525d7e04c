"""JUnit's XML, as test reports are read by Jenkins, GitLab and others: a suite a module, a case a layer.

The elements and attributes are those that Jenkins's schema for it (`junit-10.xsd`) and GitLab's reader both know.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.escaping import one_line, plain
from gradcheck_cli.report.marked_source import marked_text
from gradcheck_cli.report.model import LayerReport, Report, Status
from gradcheck_cli.report.numbers import brief, counted
from gradcheck_cli.report.places import module_name, relative_path
from gradcheck_cli.report.problem import Problem
from gradcheck_cli.report.wrongs import Wrong, wrongs

_LOADING = "import"
"""The case that stands for loading the module: a keyword, so that no layer has this name."""


def render_junit(report: Report, ending: Ending) -> str:
    """One document, also for a run that never began: then its only case is an error.

    An inconclusive layer is `skipped`, with the reason; under `--strict` it is a failure.
    """
    root = Element("testsuites", name="gradcheck", time=_time(report.seconds))
    suites = {path: _suite(root, path, ending) for path in _paths(report)}
    for error in report.errors:
        case = _case(suites[error.path], error.path, _LOADING, 0.0, ending)
        _explain(case, "error", wrongs(Report(report.version, report.seed, report.device, errors=(error,))), ending)
    for one in report.suppressed:
        case = _case(suites[one.finding.path], one.finding.path, _LOADING, 0.0, ending)
        found = wrongs(Report(report.version, report.seed, report.device, suppressed=(one,)))
        _explain(case, "failure" if ending.strict else "skipped", found, ending)
    for layer in report.layers:
        _layer(suites[layer.path], layer, report, ending)
    if ending.problem is not None:
        _problem(root, ending.problem, ending)
    for suite in suites.values():
        _add_properties(suite, report)
    for suite in root:
        _count(suite)
    _count_all(root)
    indent(root)
    # the library escapes; what no escape can carry was spelled out before, by `plain` and `one_line`
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _paths(report: Report) -> list[str]:
    unread = (*report.errors, *(one.finding for one in report.suppressed))
    return list(dict.fromkeys([*(error.path for error in unread), *(layer.path for layer in report.layers)]))


def _suite(root: Element, path: str, ending: Ending) -> Element:
    shown = one_line(relative_path(path, ending.folder))
    return SubElement(root, "testsuite", name=shown, file=shown)


def _case(suite: Element, path: str, name: str, seconds: float, ending: Ending) -> Element:
    module = one_line(module_name(path, ending.folder))
    return SubElement(suite, "testcase", classname=module, name=one_line(name), time=_time(seconds))


def _layer(suite: Element, layer: LayerReport, report: Report, ending: Ending) -> None:
    case = _case(suite, layer.path, layer.name, layer.seconds, ending)
    if layer.status is Status.PASS:
        return
    found = wrongs(Report(report.version, report.seed, report.device, layers=(layer,)))
    kind = {Status.ERROR: "error", Status.FAIL: "failure"}.get(layer.status)
    _explain(case, kind or ("failure" if ending.strict else "skipped"), found, ending, layer.reproduce)


def _explain(case: Element, kind: str, found: list[Wrong], ending: Ending, reproduce: str = "") -> None:
    """One element a case, since several are read by few: its message is the first finding, its text are all of them."""
    first = found[0]
    more = f" (and {counted(len(found) - 1, 'more finding')})" if len(found) > 1 else ""
    message = f"{first.code} {first.rule}: {first.message}" if first.code != first.rule else first.message
    element = SubElement(case, kind, type=first.code, message=one_line(message) + more)
    paragraphs = [_paragraph(entry, ending) for entry in found]
    if reproduce:
        paragraphs.append(f"run it again: {one_line(reproduce)}")
    element.text = "\n" + "\n\n".join(paragraphs) + "\n"


def _paragraph(entry: Wrong, ending: Ending) -> str:
    head = f"{one_line(relative_path(entry.path, ending.folder))}:{entry.line}: {entry.code}"
    lines = [f"{head} {one_line(entry.subject)}".rstrip(), plain(entry.message)]
    if entry.mend:
        lines.append(f"mend: {plain(entry.mend)}")
    if entry.blame is not None:
        place = f"{one_line(relative_path(entry.blame.path, ending.folder))}:{entry.blame.line}"
        lines.append(f"{entry.blame.what}: {place}")
        lines.append(marked_text(entry.blame))
    numbers = entry.numbers
    if numbers is not None and numbers.wrong:
        size = f", worst relative error {brief(numbers.max_rel_error)}" if numbers.max_rel_error is not None else ""
        lines.append(f"{numbers.wrong:,} of {counted(numbers.total, 'element')} wrong{size}")
        for element in numbers.worst[:5]:
            lines.append(
                f"  {list(element.index)}: yours {brief(element.yours, 6)}, autodiff {brief(element.autodiff, 6)}, "
                f"finite diff {brief(element.finite_difference, 6)}"
            )
    return "\n".join(lines)


def _problem(root: Element, problem: Problem, ending: Ending) -> None:
    suite = SubElement(root, "testsuite", name="gradcheck")
    case = SubElement(suite, "testcase", classname="gradcheck", name="run", time=_time(0.0))
    element = SubElement(case, "error", type=problem.kind, message=one_line(problem.message))
    lines = [plain(problem.message)]
    if problem.path is not None:
        line = "" if problem.line is None else f":{problem.line}"
        lines.append(f"at: {one_line(relative_path(problem.path, ending.folder))}{line}")
    if problem.mend:
        lines.append(f"mend: {plain(problem.mend)}")
    element.text = "\n" + "\n".join(lines) + "\n"


def _add_properties(suite: Element, report: Report) -> None:
    properties = Element("properties")
    for name, value in (("version", report.version), ("seed", str(report.seed)), ("device", report.device)):
        SubElement(properties, "property", name=name, value=one_line(value))
    suite.insert(0, properties)


def _count(suite: Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(kind) is not None for case in cases)))
    suite.set("time", _time(sum(float(case.get("time", "0")) for case in cases)))


def _count_all(root: Element) -> None:
    for attribute in ("tests", "failures", "errors"):
        root.set(attribute, str(sum(int(suite.get(attribute, "0")) for suite in root)))


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"
