"""Compute a figure topic in pieces that can be interrupted: `python benchmarks/pieces.py TOPIC FILE`.

The `figure.py` of such a topic has `pieces(quick, seed)`, which yields (name, function without arguments that returns
rows). FILE gets one line a piece; those that it has are not computed again. One process, one piece at a time.
"""

import argparse
import importlib.util
import json
import re
import sys
import time
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # for common
sys.path.append(str(HERE.parent))  # for a package that is built in place


def load(topic):
    """The module of benchmarks/TOPIC/figure.py."""
    path = HERE / topic / "figure.py"
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(f"figure_of_{topic}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def done(path):
    """Names of the pieces in a file, and all their rows."""
    names, rows = set(), []
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                piece = json.loads(line)
            except ValueError:  # cut off in the middle
                continue
            names.add(piece["piece"])
            rows += piece["rows"]
    return names, rows


def compute(pieces, path, match="", seconds=float("inf")):
    """Append pieces whose names contain `match` and that the file does not have; return how many are still missing."""
    known, missing, start = done(path)[0], 0, time.monotonic()
    if path.is_file() and not path.read_bytes().endswith(b"\n"):  # cut off in the middle of a line
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")
    for name, run in pieces:
        if name in known or not re.search(match, name):
            continue
        if time.monotonic() - start > seconds:
            missing += 1
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = list(run())
        line = json.dumps(dict(piece=name, rows=rows), default=lambda value: value.tolist())
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(f"{time.monotonic() - start:8.1f} s  {name}", flush=True)
    return missing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("topic")
    parser.add_argument("file", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--match", default="", help="only pieces whose names match this expression")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no piece after this time")
    parser.add_argument("--list", action="store_true", help="only say which pieces are missing")
    parser.add_argument("--keep", action="store_true", help="keep the rows of the file in benchmarks/results")
    parser.add_argument("--run", help="with --keep: the name of this part of the topic")
    options = parser.parse_args()
    module = load(options.topic)
    if options.list:
        known = done(options.file)[0]
        names = [name for name, _ in module.pieces(options.quick, options.seed) if name not in known]
        print("\n".join(name for name in names if re.search(options.match, name)))
        return
    if options.keep:
        from common.figures import keep

        command = f"python benchmarks/pieces.py {options.topic} rows.jsonl"
        command += f" --match '{options.match}'" if options.match else ""
        rows = done(options.file)[1]
        print("kept:", keep(options.topic, rows, command, run=options.run, seed=options.seed))
        return
    print("missing:", compute(module.pieces(options.quick, options.seed), options.file, options.match, options.seconds))


if __name__ == "__main__":
    main()
