"""A network's backward pass, read back from the JSON report."""

from __future__ import annotations

from gradcheck_cli.report.json_part import Part
from gradcheck_cli.report.network.model import Flow, NetworkReport, Stage


def network_of(part: Part) -> NetworkReport:
    """The network's part of a layer's report.

    Raises:
        Malformed: where it does not follow the schema.
    """
    along = part.part("directional", None)
    slope, difference, bar = (
        None if along.value is None else along.part(key).maybe(Part.real)
        for key in ("autodiff", "finite_difference", "error_bar")
    )
    return NetworkReport(
        stages=part.part("stages").each(_stage),
        first_wrong=part.part("first_wrong").maybe(Part.text) or "",
        slope=slope,
        difference=difference,
        bar=bar,
    )


def _stage(part: Part) -> Stage:
    return Stage(
        name=part.part("name").text(),
        layer=part.part("layer").text(),
        path=part.part("path").text(),
        line=part.part("line").size(),
        used_at=part.part("used_at").size(),
        upstream_shapes=part.part("upstream").part("shapes").each(Part.shape),
        upstream_size=part.part("upstream").part("size").real(),
        flows=part.part("downstream").each(_flow),
        status=part.part("status").status(),
        why=part.part("why").text(),
    )


def _flow(part: Part) -> Flow:
    return Flow(
        argument=part.part("argument").text(),
        to=part.part("to").maybe(Part.text) or "",
        shape=part.part("shape").shape(),
        size=part.part("size").maybe(Part.real),
        received_shape=part.part("received_shape").maybe(Part.shape),
        error=part.part("error").maybe(Part.real),
        through=part.part("error_so_far").maybe(Part.real),
        fan_out=part.part("fan_out").size(),
    )
