"""Reads gradcheck's JSON Lines, a line at a time."""

import json
import subprocess

command = ["gradcheck", "run", "docs/examples/rules/gc101.py", "docs/examples/rules/gc501.py", "--format", "jsonl"]
with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
    for line in process.stdout:
        entry = json.loads(line)
        if entry["kind"] == "layer":
            print(entry["status"], entry["name"], [finding["code"] for finding in entry["findings"]])
        elif entry["kind"] == "summary":
            print(entry["summary"], "exit code", entry["exit_code"])
