"""What the command prints and writes."""

import json

import click

from . import models, page, tables


def list_topics(plan, as_json):
    """Topics, problems and solvers found here."""
    if as_json:
        click.echo(json.dumps([*plan["topics"], *plan["figures"]], indent=1))
        return
    for topic in plan["topics"]:
        click.echo(topic["topic"])
        for problem in topic["problems"]:
            click.echo(f"  {problem['label']}")
        for reason in topic["missing_data"]:
            click.echo(f"  (left out: {reason})")
        _list_solvers(topic, "solvers")
    for topic in plan["figures"]:
        click.echo(f"{topic['topic']}\n  {topic['label']}")
        _list_solvers(topic, "beside")


def _list_solvers(topic, word):
    names = [f"{s['label']} {s['version'] or ''}".strip() for s in topic["solvers"]]
    if names:
        click.echo(f"  {word}: {', '.join(names)}")
    for absent in topic["absent"]:
        click.echo(f"  not installed: {absent['name']} ({absent['install']})")


def write_results(document, out):
    """Write results.json."""
    (out / "results.json").write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def write_page(document, pictures, out, progress):
    """Write the page."""
    story = None
    if document["mode"] != "tiny":
        try:
            story = models.diabetes_path()
        except Exception as error:  # the numbers are worth a page without this picture
            progress.note(f"no coefficient picture: {type(error).__name__}: {error}")
    (out / "index.html").write_text(page.render(document, story, pictures), encoding="utf-8")


def show(document, as_json):
    """Print the results."""
    if as_json:
        click.echo(json.dumps(document, indent=1, allow_nan=False))
    else:
        click.echo(tables.terminal(document))


def failures(document):
    """Names of the topics that failed, or in which our own code raised an error."""
    failed = {e["topic"] for e in [*document.get("problems", []), *document["figures"]] if e.get("failed")}
    return sorted(failed | {r["topic"] for r in document["rows"] if r["ours"] and r.get("status") == "error"})
