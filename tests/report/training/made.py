"""Trainings made by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gradcheck_cli.report.model import Finding, Status
from gradcheck_cli.report.training.model import (
    LayerNorms,
    OverfitReport,
    OverfitTry,
    RunEnd,
    TrainedParameter,
    Training,
    TrainingCause,
    UpdateRule,
)

W = np.array([[1.0, 2.0]])

AGREES = Training(
    version="0.1.0",
    name="net",
    path="nn.py",
    line=7,
    seed=0,
    steps=3,
    asked=3,
    rate=0.1,
    batch=8,
    examples=8,
    rule=UpdateRule(),
    losses_yours=(2.0, 1.0, 0.5, 0.25),
    losses_autodiff=(2.0, 1.0, 0.5, 0.25),
    parameters=(TrainedParameter("fc.w", "fc", (1, 2), None, None, None, 1e-16, 3e-16, W, W, W),),
    layers=(LayerNorms("fc", (2.0, 1.5, 1.0), (2.0, 1.5, 1.0)),),
    cause=None,
    ends=(),
    overfit=OverfitReport(4, 2.0, 0.01, OverfitTry(0.1, 0.009, 12), OverfitTry(0.1, 0.009, 12), True, True),
    flow="",
    status=Status.PASS,
    verdict="the runs agree over 3 steps",
    seconds=1.5,
)

PARTS = replace(
    AGREES,
    rule=UpdateRule("sgd", 3, "f(w, dw, config) -> w, config", 1, "fc.w", -1.0),
    losses_yours=(2.0, 3.0, math.inf),
    losses_autodiff=(2.0, 1.0, 0.5, 0.25),
    parameters=(
        TrainedParameter("fc.w", "fc", (1, 2), 1, 2.0, 1, 0.5, 3e-16, W, W * math.nan, W),
        TrainedParameter("fc.b", "fc", (2,), None, None, 2, 0.5, 3e-16, W, W, W),
    ),
    layers=(LayerNorms("fc", (2.0, 9.0), (2.0, 1.5, 1.0)),),
    cause=TrainingCause(1, "fc", "fc.w", "nn.py", 12, (Finding("GC201", "`dw` is wrong", "nn.py", 12),)),
    ends=(RunEnd("yours", 3, "fc", "its output"),),
    overfit=OverfitReport(4, 2.0, 0.01, OverfitTry(0.1, 1.0, 0), OverfitTry(0.2, 0.009, 12), False, True),
    flow="gradients vanish on their way back",
    status=Status.FAIL,
    verdict="the runs part after step 1, at `fc.w`",
    notes=("a <b>note</b> & more",),
)

HOSTILE = replace(
    PARTS,
    name="net\x1b[31m<script>",
    notes=("\u202e\ud800<script>alert(1)</script>",),
    verdict="`a` & `<b>`",
    losses_yours=(math.nan, math.inf),
    losses_autodiff=(math.nan,),
    layers=(LayerNorms("<i>", (), (math.nan,)),),
)
