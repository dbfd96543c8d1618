"""What is done, on disk, so that an interrupted run can be continued."""

import json

FORMAT = 2  # of the journal and of results.json


class Journal:
    """Finished problems on disk, one JSON object a line, so that a run can be continued.

    Attributes
    ----------
    done : dict
        Finished jobs by topic, key and number of threads.
    parts : dict
        Of jobs that are not finished: what each solver did, by its label.
    spent : float
        Seconds that all this took.
    """

    def __init__(self, path, identity):
        self.path = path
        self.done, self.parts, self.spent = {}, {}, 0.0
        self.resumed = self._read(identity)
        if not self.resumed:
            self.done, self.parts, self.spent = {}, {}, 0.0
            path.write_text(json.dumps({"journal": FORMAT, "identity": identity}) + "\n")

    def _read(self, identity):
        try:
            head, *lines = self.path.read_text().splitlines()
            if json.loads(head) != {"journal": FORMAT, "identity": identity}:
                return False
            for line in lines:
                entry = json.loads(line)
                if entry.get("finished"):
                    return False
                self._take(entry)
        except (OSError, ValueError, KeyError):
            pass  # no journal, or its last line was cut off by whatever ended the run
        return bool(self.done or self.parts)

    def _take(self, entry):
        name = entry["topic"], entry["key"], entry["threads"]
        self.spent += entry.get("spent", 0.0)
        if "part" in entry:
            self.parts.setdefault(name, {})[entry["part"]] = entry["record"]
        else:
            self.done[name] = entry
            self.parts.pop(name, None)

    def add(self, entry):
        """Write one finished problem, or a part of one: the record of one solver."""
        self._take(entry)
        self._write(entry)

    def finish(self):
        """A finished journal is not continued: the next run measures again."""
        self._write({"finished": True})

    def _write(self, entry):
        with self.path.open("a") as out:
            out.write(json.dumps(entry) + "\n")
