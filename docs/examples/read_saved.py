"""Reads a saved run with NumPy alone, as any program could: the wrong elements of one gradient."""

import json
import sys

import numpy as np

with np.load(sys.argv[1], allow_pickle=False) as saved:
    run = json.loads(saved["run.json"])
    layer = next(layer for layer in run["layers"] if layer["name"] == "layernorm")
    gradient = next(leaf for leaf in layer["leaves"] if leaf["name"] == "x")
    yours, autodiff = (saved[gradient["arrays"][name]["member"]] for name in ("yours", "autodiff"))
    marks = saved[layer["draws"][layer["shown"]]["marks"][0]["member"]]
print(gradient["gradient_name"], gradient["dimensions"], "wrong in", np.count_nonzero(marks == 1), "elements")
print(np.round(yours - autodiff, 3))
