"""What people see while a benchmark runs."""

import click

from .runner import Progress


class Quiet(Progress):
    """Notes only, on stderr."""

    def __init__(self):
        super().__init__()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        return None

    def note(self, text):
        super().note(text)
        click.echo(f"sparseopt: {text}", err=True)


class Bar(Quiet):
    """A tqdm bar with the present problem and solver beside it."""

    def __init__(self):
        super().__init__()
        from tqdm import tqdm

        self.bar = tqdm(total=1, unit="problem", leave=False, dynamic_ncols=True)

    def __exit__(self, *exc_info):
        self.bar.close()

    def start(self, total, done):
        self.bar.reset(total=total)
        self.bar.update(done)

    def stage(self, text):
        self.bar.set_postfix_str(text[:70])

    def advance(self):
        self.bar.update()

    def note(self, text):
        self.notes.append(text)
        self.bar.write(f"sparseopt: {text}")
