"""
What the computer has taken from a guest: how long its threads were ready to run and something else ran.

Linux counts that for each thread, in the second field of /proc/PID/task/TID/schedstat (ns), and for the computer as a whole, should
it be a guest itself, as `steal` in /proc/stat. Where the first is not counted nothing is said to have been taken.
"""

import os


class Host:
    """Of the process `pid`, from now on."""

    def __init__(self, pid, proc="/proc"):
        self._tasks = os.path.join(proc, str(pid), "task")
        self._stat = os.path.join(proc, "stat")
        self._before = self._read()

    def taken(self):
        """Seconds since the beginning, those of all its threads together. The last known if the process has ended."""
        now = self._read()
        if not now or not self._before:
            return 0.0
        return sum(max(0.0, seconds - self._before.get(thread, 0.0)) for thread, seconds in now.items())

    def _read(self):
        """{thread: seconds}, and one more entry for what others took from the computer; empty if it is not counted here."""
        waited = {}
        try:
            for thread in os.listdir(self._tasks):
                with open(os.path.join(self._tasks, thread, "schedstat"), encoding="ascii") as file:
                    waited[thread] = int(file.read().split()[1]) / 1e9
            with open(self._stat, encoding="ascii") as file:
                waited["steal"] = int(file.readline().split()[8]) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError):
            return {}  # an old kernel, or a process that ends
        return waited
