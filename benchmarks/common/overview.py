"""What all kept results say in one table."""

from common.markdown import table


def overview(documents):
    """A line for what each topic is about: ours beside the best other method."""
    from sparseopt.cli.bench_suite import tables

    lines = []
    for document in documents:
        lines += [line for line in tables.overview_rows(document) if line[5] != "-"]
    return table(tables.OVERVIEW_HEADER, lines) if lines else "No results are kept."


def commands(documents):
    """What made each file, when, and where."""
    from common.results import place

    return table(["results", "command", "finished", "sparseopt", "machine"], [
        [document["file"], f"`{document['command']}`", *place(document)] for document in documents
    ])  # fmt: skip


TABLES = {"overview": overview, "commands": commands}
