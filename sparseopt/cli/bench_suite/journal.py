"""What is done, on disk, so that an interrupted run can be continued."""

import json

FORMAT = 2  # of the journal and of results.json


class Journal:
    """Finished problems on disk, one JSON object a line, so that a run can be continued."""

    def __init__(self, path, identity):
        self.path = path
        self.done = {}
        self.resumed = self._read(identity)
        if not self.resumed:
            self.done = {}
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
                self.done[entry["topic"], entry["key"], entry["threads"]] = entry
        except (OSError, ValueError, KeyError):
            pass  # no journal, or its last line was cut off by whatever ended the run
        return bool(self.done)

    def add(self, entry):
        """Write one finished problem."""
        self.done[entry["topic"], entry["key"], entry["threads"]] = entry
        self._write(entry)

    def finish(self):
        """A finished journal is not continued: the next run measures again."""
        self._write({"finished": True})

    def _write(self, entry):
        with self.path.open("a") as out:
            out.write(json.dumps(entry) + "\n")
