"""`duo ps`: the processes of a fresh guest as its own program `ps` shows them."""

from duo import oneshot, paths

COLUMNS = ["PID", "PARENT", "STATE", "WAITS-FOR", "MEMORY", "NAME"]


def add_arguments(parser):
    oneshot.add_arguments(parser)


def main(options):
    results = [(kernel, oneshot.outputs(options, kernel, ["ps"])[0]) for kernel in oneshot.kernels_of(options)]
    if options.json:
        oneshot.dump({"schema": "duo.ps/1", "kernels": [{"kernel": kernel, "processes": processes(text)}
                                                        for kernel, text in results]})
    else:
        oneshot.show(options, results)
    return paths.EXIT_OK


def processes(text):
    return [{"pid": int(pid), "parent": int(parent) or None, "state": state, "waits_for": None if waits == "-" else waits,
             "memory_bytes": int(memory) * 1024, "name": name}
            for pid, parent, state, waits, memory, name in oneshot.table(text, COLUMNS)]
