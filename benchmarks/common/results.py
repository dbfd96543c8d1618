"""Reading kept results. Writing them: `keep` in `figures.py`, or `sparseopt bench --keep`."""

import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "results"


class ResultsError(ValueError):
    """Kept results that are missing or no results; the message says what to do."""


def load(name, folder=FOLDER):
    """The document of ``folder/name.json``; what is not a finite number is None."""
    path = Path(folder) / f"{name}.json"
    topic = name.partition(".")[0]
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except FileNotFoundError:
        raise ResultsError(
            f"no results {path.name}: `sparseopt bench {topic} --keep benchmarks/results` makes them"
        ) from None
    except ValueError as error:
        raise ResultsError(f"{path}: not JSON ({error})") from None
    missing = {"rows", "command", "machine", "finished"}.difference(document if isinstance(document, dict) else ())
    if missing:
        raise ResultsError(f"{path}: not kept results, it lacks {', '.join(sorted(missing))}")
    return document | {"file": name}


def load_all(folder=FOLDER):
    """All kept documents, by name."""
    return [load(path.stem, folder) for path in sorted(Path(folder).glob("*.json"))]


def place(document):
    """When, with what version and where: date, version, machine."""
    facts = document["machine"]
    memory = f", {facts['memory_gb']:g} GB" if facts.get("memory_gb") else ""
    version = document.get("versions", {}).get("sparseopt")
    version = version or next((row["version"] for row in document["rows"] if row.get("ours")), None)
    machine = f"{facts['processor']}, {facts['cores']} cores{memory}, {facts['system']}"
    if document.get("loaded") and document.get("other_load") is not None:
        machine += f"; other work kept up to {document['other_load']:.1f} cores busy, times in parentheses suffer"
    return document["finished"][:10], version, machine


def source(document):
    """The line below a table that says where its numbers come from."""
    date, version, machine = place(document)
    return f"*`{document['command']}`, {date}, sparseopt {version or '(version not kept)'}, on {machine}.*"
