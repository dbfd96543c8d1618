"""Monte-Carlo draws in blocks: rows with the values of some draws, put together for tables and pictures."""


def combine(rows, values):
    """One row for each problem and solver, whose lists `values` are those of all blocks; `trials` counts draws."""
    found: dict = {}
    for row in rows:
        key = (row["problem"], row["solver"])
        if key not in found:
            found[key] = {**row, **{name: list(row[name]) for name in values}}
        else:
            for name in values:
                found[key][name] += row[name]
    for row in found.values():
        row["trials"] = len(row[values[0]])
        row.pop("block", None)
    return list(found.values())


def blocks(trials, size=20):
    """Ranges of draws."""
    return [range(start, min(start + size, trials)) for start in range(0, trials, size)]
