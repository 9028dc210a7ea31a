"""Golden fingerprints of the example.

`python -m tests.control.graph.golden` compares them with those that this platform makes, with exit status 1 where one
differs; `--write` writes them anew, after a deliberate change.
"""

import argparse
import json
import platform
import sys
from pathlib import Path

from control.storyboard import text
from tests.control.graph.conftest import LIGHTHOUSE, finish

GOLDEN = Path(__file__).with_name("fingerprints.json")


def made() -> dict[str, str | None]:
    """The fingerprint of each step of the example, by its path."""
    plan, _ = finish(text.read(LIGHTHOUSE.read_bytes()).board)
    return {step.path: step.fingerprint for step in plan.steps}


def main() -> int:
    """Compare or write; the exit status."""
    parser = argparse.ArgumentParser(description="Golden fingerprints of the example.")
    parser.add_argument("--write", action="store_true", help="write them anew")
    if parser.parse_args().write:
        GOLDEN.write_text(json.dumps(made(), indent=1, sort_keys=True) + "\n")
        return 0
    found, golden = made(), json.loads(GOLDEN.read_text())
    here = f"{platform.machine()}, {sys.byteorder}-endian, Python {platform.python_version()}"
    differ = sorted(path for path in found.keys() | golden.keys() if found.get(path) != golden.get(path))
    print(f"{here}: {len(found)} fingerprints, {', '.join(differ) + ' differ' if differ else 'all equal'}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
