"""Runs gradcheck as another program would, and reads its JSON."""

import json
import subprocess

command = ["gradcheck", "run", "docs/examples/rules", "--timeout", "5", "--format", "json"]
document = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout)
print(document["summary"])
for layer in document["layers"]:
    for finding in layer["findings"]:
        print(finding["code"], finding["rule"], layer["name"], finding["argument"])
