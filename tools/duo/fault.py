"""
`duo fault`: the named faults, from their catalogue port/fault.def; and a guest with one armed from its first instruction on.

    duo fault list
    duo fault arm SERVICE NAME [--after N] [what `duo run` takes]

Arrivals are counted from the boot on, those of the boot itself included. In a guest the program `fault` arms and disarms
at any time.
"""

import os
import re

from duo import oneshot, paths, run

FIELDS = ("service", "name", "class", "trigger", "mono", "micro")
ROW = "{service:8} {name:12} {class:5} {mono:13} {micro:13} {trigger}"


def add_arguments(parser):
    verbs = parser.add_subparsers(dest="verb", metavar="list|arm|disarm", required=True)
    listing = verbs.add_parser("list", help="all faults with the outcome expected on each kernel")
    listing.add_argument("--json", action="store_true", help="one object on stdout instead of the table")
    arm = verbs.add_parser("arm", help="start a guest with this fault armed; takes what `duo run` takes")
    arm.add_argument("service", metavar="SERVICE")
    arm.add_argument("name", metavar="NAME")
    arm.add_argument("--after", metavar="N", type=int, default=0, help="let so many arrivals pass first (default: 0)")
    run.add_arguments(arm)
    verbs.add_parser("disarm", help="says where that is done")


def main(options):
    if options.verb == "disarm":
        raise paths.Problem(paths.EXIT_USAGE, "fault disarm: a guest of `duo fault arm` takes its fault with it; inside a "
                                              "guest the program `fault disarm` does it")
    if options.verb == "list":
        show(catalogue(), options.json)
        return paths.EXIT_OK
    if (options.service, options.name) not in {(fault["service"], fault["name"]) for fault in catalogue()}:
        raise paths.Problem(paths.EXIT_USAGE, f"fault: there is no fault {options.name} of a service {options.service}; "
                                              "`duo fault list` has them")
    if options.after < 0:
        raise paths.Problem(paths.EXIT_USAGE, f"--after {options.after}: a number of arrivals is not negative")
    options.append = options.append + [f"fault={options.service}:{options.name}@{options.after + 1}"]
    return run.main(options)


def show(faults, as_json):
    if as_json:
        oneshot.dump({"schema": "duo.fault/1", "faults": faults})
        return
    for fault in [{field: field.upper() for field in FIELDS}, *faults]:
        print(ROW.format(**fault))


def catalogue():
    """The faults in the catalogue's order, each as an object of FIELDS."""
    with open(os.path.join(paths.ROOT, "port", "fault.def"), encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    found = re.findall(r'^FAULT\((\w+), *\w+, *' + ", *".join([r'"([^"]*)"'] * 5) + r"\)$", text, re.M)
    return [dict(zip(FIELDS, (service.lower(), name, kind, trigger, mono, micro)))
            for service, name, kind, trigger, mono, micro in found]
