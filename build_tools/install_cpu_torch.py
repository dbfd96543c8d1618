"""Install a build of torch for the CPU, when the package index offers one.

The usual build of torch for Linux brings gigabytes of GPU libraries, which no test needs. So pip is first asked
what it would install; when that holds GPU libraries, nothing is installed and the tests of the torch adapter are
left out, which they say. Give a requirement for which the index at hand has a build for the CPU:

    python build_tools/install_cpu_torch.py torch==2.13.0
    python build_tools/install_cpu_torch.py torch --index-url ADDRESS
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

FOR_GPU = ("nvidia-", "cuda-", "triton", "rocm")


def planned(requirement: list[str]) -> tuple[list[str], str]:
    """Return the names of the packages that pip would install, and what it said when it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["--quiet", "--dry-run", "--report", str(report)]
        command = [sys.executable, "-m", "pip", "install", *options, *requirement]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return [], done.stderr.strip().rpartition("\n")[2] or "pip failed"
        return [entry["metadata"]["name"].lower() for entry in json.loads(report.read_text())["install"]], ""


def main(requirement: list[str]) -> int:
    """Install what was asked for unless it needs a GPU; return pip's exit status."""
    names, failure = planned(requirement)
    if failure:
        print(f"no torch, so the tests that need it are left out: {failure}")
        return 0
    unwanted = [name for name in names if name.startswith(FOR_GPU)]
    if unwanted:
        print(f"no torch, so the tests that need it are left out: this build brings {len(unwanted)} GPU packages")
        return 0
    return subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *requirement]).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["torch"]))
