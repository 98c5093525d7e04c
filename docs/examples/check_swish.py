"""One layer checked from Python, with its report as data."""

import numpy as np

from gradcheck_cli import check


def swish(x):
    gate = 1 / (1 + np.exp(-x))
    return x * gate, (x, gate)


def swish_backward(dout, cache):
    x, gate = cache
    return dout * gate  # forgets that the gate depends on x too


report = check(swish, swish_backward, {"x": "N,D"})
print(report.passed)
for finding in report.findings:
    print(finding.code, finding.rule, finding.argument, finding.index, finding.yours, finding.autodiff)
(swish_report,) = report.layers
(x,) = swish_report.arguments
print(swish_report.status, f"{x.wrong} of {x.total} wrong, decided by {x.decided_by}")
