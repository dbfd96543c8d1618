"""Facts about the machine, and how busy others keep it while we measure."""

import os
import platform
import time
from pathlib import Path

from ..facts import cpu_model, memory_gib

STAT = Path("/proc/stat")
STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
LOADED = 0.2  # cores busy with other work above which a timing is called disturbed


def cores():
    """Cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def facts():
    """What a reader needs to judge a timing."""
    return {
        "processor": cpu_model() or platform.machine(),
        "cores": cores(),
        "memory_gb": memory_gib(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",  # without the name of a build
        "python": platform.python_version(),
        "load_average": load_average(),
    }


def load_average():
    """One-minute load average, or None where there is none."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def short(machine):
    """One line for a result row."""
    memory = f", {machine['memory_gb']:g} GB" if machine.get("memory_gb") else ""
    return f"{machine['processor']}, {machine['cores']} cores{memory}, {machine['system']}"


class OtherLoad:
    """Cores kept busy by other processes between construction and `read`.

    The load average includes ourselves; this is the busy time of all cores minus the CPU time of
    this process and its finished children.
    """

    def __init__(self):
        self.wall = time.monotonic()
        self.busy = self._busy()
        self.own = self._own()

    @staticmethod
    def _busy():
        try:
            fields = [int(f) for f in STAT.read_text().split("\n", 1)[0].split()[1:]]
        except (OSError, ValueError):
            return None
        idle = fields[3] + fields[4]
        return (sum(fields[:8]) - idle) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def _own():
        times = os.times()
        return times.user + times.system + times.children_user + times.children_system

    def read(self):
        """Mean number of cores, or None where the system does not tell."""
        elapsed = time.monotonic() - self.wall
        busy = self._busy()
        if busy is None or self.busy is None or elapsed <= 0:
            return None
        others = (busy - self.busy - (self._own() - self.own)) / elapsed
        return round(max(others, 0.0), 3)


def reset_peak_memory():
    """Start a new measurement of `peak_memory`; True where the system can."""
    try:
        CLEAR_REFS.write_text("5")
    except OSError:
        return False
    return True


def peak_memory(field="VmHWM"):
    """Peak (``VmHWM``) or present (``VmRSS``) resident memory of this process in MB, or None."""
    try:
        for line in STATUS.read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None
