"""`duo svc`: the services of a fresh guest as its own program `svc` shows them, or after doing something to one."""

import re

from duo import oneshot, paths

COLUMNS = ["NAME", "GEN", "RESTARTS", "STATE", "LAST-FAULT", "POLICY"]
VERBS = ("hold", "release", "restart")


def add_arguments(parser):
    parser.add_argument("verb", nargs="?", default="list", choices=["list", *VERBS], help="default: list")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of the service, for all but list")
    parser.add_argument("--for", dest="seconds", metavar="SECONDS", type=int, help="hold: for so long (default: 10)")
    oneshot.add_arguments(parser)


def main(options):
    line = line_of(options)
    results, refused = [], False
    for kernel in oneshot.kernels_of(options):
        texts = oneshot.outputs(options, kernel, [line, "svc"] if line else ["svc"])
        refused |= any(re.search(r"^svc: ", text, re.M) for text in texts)
        results.append((kernel, texts))
    if options.json:
        oneshot.dump({"schema": "duo.svc/1", "kernels": [
            {"kernel": kernel, "said": texts[0] if line else "", "services": services(texts[-1])}
            for kernel, texts in results]})
    else:
        oneshot.show(options, [(kernel, "".join(texts)) for kernel, texts in results])
    return paths.EXIT_WRONG if refused else paths.EXIT_OK


def line_of(options):
    """What is typed before the list is asked for; None for the list alone."""
    if options.seconds is not None and options.verb != "hold":
        raise paths.Problem(paths.EXIT_USAGE, "svc: --for belongs to hold")
    if options.verb == "list":
        if options.name:
            raise paths.Problem(paths.EXIT_USAGE, "svc list takes no name")
        return None
    if not options.name or not re.fullmatch(r"[\w-]+", options.name):
        raise paths.Problem(paths.EXIT_USAGE, f"svc {options.verb} takes the name of a service")
    return f"svc {options.verb} {options.name}" + (f" --for {options.seconds}" if options.seconds is not None else "")


def services(text):
    """The rows as objects; what means nothing in a kernel is null."""
    found = []
    for name, generation, restarts, state, last_fault, policy in oneshot.table(text, COLUMNS):
        in_kernel = generation == "-"
        found.append({"name": name, "generation": None if in_kernel else int(generation),
                      "restarts": None if in_kernel else int(restarts), "state": "in kernel" if in_kernel else state,
                      "last_fault": None if in_kernel or last_fault == "-" else last_fault,
                      "policy": "no restart" if in_kernel else policy})
    return found
