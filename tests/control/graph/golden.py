"""Writes the golden fingerprints of the example: `python -m tests.control.graph.golden`, after a deliberate change."""

import json
from pathlib import Path

from control.storyboard import text
from tests.control.graph.conftest import LIGHTHOUSE, finish

if __name__ == "__main__":
    plan, _ = finish(text.read(LIGHTHOUSE.read_bytes()).board)
    found = {step.path: step.fingerprint for step in plan.steps}
    Path(__file__).with_name("fingerprints.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
