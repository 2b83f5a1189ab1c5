"""
`duo bench`: instructions per operation, on our kernels and on those the user brings, side by side.

The guests run under `-icount shift=0` on one hart, with a plugin that counts between marker instructions; docs/benchmarks.md
says what a row is, what makes a figure repeat, and what it does not say.
"""

import json
import math
import os
import sys

from bench import machine, rows
from duo import paths

SCHEMA = "duo.bench/1"
BASELINE = os.path.join(paths.ROOT, "bench", "baseline.json")
TOLERANCE = 0.03  # a figure worse than the baseline's by more is marked
# The servers' timer goes on while they wait for the disk, so the computer has a say in when its ticks fall.
TOLERANCE_HOSTED = 0.10
TOP = 20  # functions in a profile


def add_arguments(parser):
    parser.add_argument("--kernel", metavar="K", default=",".join(rows.ROWS),
                        help="mono, hosted (the same programs on micro's servers), micro (its own operations); default: all")
    parser.add_argument("--row", metavar="NAME", action="append", default=[], help="only this row; repeatable (--list)")
    parser.add_argument("--list", action="store_true", help="print the names of the rows and end")
    parser.add_argument("--peer", metavar="WHAT", action="append", default=[],
                        help="measure also xv6:KERNEL,FS.IMG or sel4:IMAGE, with the same programs")
    parser.add_argument("--repeat", metavar="N", type=int, default=1, help="whole runs; the table shows the median of all")
    parser.add_argument("--baseline", metavar="FILE", nargs="?", const=BASELINE,
                        help="compare with an earlier --json (default file: bench/baseline.json); 1 if a row is 3 %% worse")
    parser.add_argument("--profile", metavar="ROW", help="where this row's instructions go, by function")
    parser.add_argument("--build", choices=["debug", "release"], default="release", help="micro: which build (default: release)")
    parser.add_argument("--timeout", metavar="S", type=float, default=3600, help="seconds for each guest (default: 3600)")
    parser.add_argument("--json", action="store_true", help="one object on stdout instead of the tables")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")


def main(options):
    kernels = options.kernel.split(",")
    for kernel in kernels:
        if kernel not in rows.ROWS:
            raise paths.Problem(paths.EXIT_USAGE, f"--kernel {kernel}: there are {', '.join(rows.ROWS)}")
    if options.list:
        for kernel in kernels:
            for row in rows.ROWS[kernel]:
                print(f"{kernel:6} {row.name:16} {row.text}")
        return paths.EXIT_OK
    if options.repeat < 1:
        raise paths.Problem(paths.EXIT_USAGE, "--repeat: at least 1")
    if options.profile:
        return profile(options, kernels)
    baseline = read_baseline(options.baseline) if options.baseline else None
    peers = [machine.peer_of(text) for text in options.peer]
    measured = []
    for kernel in kernels:
        chosen = chosen_rows(options, kernel, peers)
        if chosen:
            targets = [machine.target_of(kernel, options.build)] + [peer for peer in peers if peer.kernel == kernel]
            # xv6's own programs come from the user's image, so for our kernel too
            for target in targets:
                target.image = target.image or next((peer.image for peer in peers if peer.image), None)
            measured += [(target, measure(target, chosen, options)) for target in targets]
    if not measured:
        raise paths.Problem(paths.EXIT_USAGE, f"--row {', '.join(options.row)}: no such row; --list shows them")
    result = {"schema": SCHEMA, "unit": "instructions", "repeat": options.repeat,
              "targets": [{"target": target.name, "kernel": target.kernel, "rows": records} for target, records in measured]}
    worse = compare(result, baseline) if baseline else []
    if options.json:
        json.dump(result, sys.stdout, indent=1)
        print()
    else:
        print_tables(result)
    for line in worse:
        print(f"duo: worse than the baseline: {line}", file=sys.stderr)
    missing = [f"{entry['target']}: {name}" for entry in result["targets"] for name, found in entry["rows"].items()
               if found is None and not (entry["target"] == "xv6" and name.startswith("xmap_"))]
    for line in missing:
        print(f"duo: no samples: {line}", file=sys.stderr)
    return paths.EXIT_WRONG if worse or missing else paths.EXIT_OK


def chosen_rows(options, kernel, peers):
    """The rows asked for, with those they are computed from. xv6's tests need xv6's program, and minutes: with a peer only."""
    known = rows.ROWS[kernel]
    wanted = set(options.row) or {row.name for row in known if row.group != "usertests" or any(p.image for p in peers)}
    return [row for row in known if row.name in wanted]


# -- measuring -----------------------------------------------------------------------------------------------------


def say(options, text):
    if not options.quiet:
        print(f"duo: {text}", file=sys.stderr, flush=True)


def measure(target, chosen, options):
    """{row: record}; a record's "value" is the median over all runs."""
    numbers = rows.ids(target.kernel)
    names = {number: name for name, number in numbers.items()}
    runs = []
    for turn in range(options.repeat):
        say(options, f"{target.name}: run {turn + 1} of {options.repeat}")
        reports = {}
        for group in dict.fromkeys(row.group for row in chosen):
            needed = needed_samples([row for row in chosen if row.group == group])
            reports[group] = machine.run(
                target, group, needed, options.timeout,
                lambda number, text: say(options, f"{target.name}: {text or names.get(number, number)}"))
            for name, why in reports[group].refused().items():
                print(f"duo: {target.name}: {name}: {why}", file=sys.stderr)
        runs.append({row.name: machine.figure(target, row, numbers, reports) for row in chosen})
    result = {}
    for row in chosen:
        found = [run[row.name] for run in runs]
        result[row.name] = None if None in found else {
            "text": row.text, **found[0], "value": machine.median([record["value"] for record in found]),
            "runs": [record["value"] for record in found], "published": row.published}
    return result


def needed_samples(chosen):
    """The guest's rows, in order, each once. A program that measures two rows at once is asked for one."""
    return list(dict.fromkeys(name for row in chosen for name in (row.less, rows.samples_of(row)) if name))


# -- comparing -----------------------------------------------------------------------------------------------------


def read_baseline(path):
    try:
        with open(path, encoding="utf-8") as file:
            baseline = json.load(file)
    except (OSError, ValueError) as error:
        raise paths.Problem(paths.EXIT_USAGE, f"--baseline {paths.shown(path)}: {error}") from None
    if not isinstance(baseline, dict) or baseline.get("schema") != SCHEMA:
        raise paths.Problem(paths.EXIT_USAGE, f"--baseline {paths.shown(path)}: not of schema {SCHEMA}")
    return {entry["target"]: entry["rows"] for entry in baseline["targets"]}


def compare(result, baseline):
    """Adds "baseline" and "change" to every record that the baseline has, too; the rows that became worse, in words."""
    worse = []
    for entry in result["targets"]:
        tolerance = TOLERANCE_HOSTED if entry["target"] == "hosted" else TOLERANCE
        for name, record in entry["rows"].items():
            old = (baseline.get(entry["target"]) or {}).get(name)
            if not record or not old:
                continue
            change = record["value"] / old["value"] - 1
            record.update(baseline=old["value"], change=round(change, 4), worse=change > tolerance)
            if record["worse"]:
                worse.append(f"{entry['target']} {name}: {number(record['value'])}, was {number(old['value'])} ({change:+.1%})")
    return worse


def mean_ratio(pairs):
    """Geometric mean of ours / theirs; None without any."""
    logs = [math.log(ours / theirs) for ours, theirs in pairs if ours and theirs]
    return math.exp(sum(logs) / len(logs)) if logs else None


# -- printing ------------------------------------------------------------------------------------------------------


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"


def ratio(ours, theirs):
    return f"{ours / theirs:.3f}" if ours and theirs else "-"


def steady(row, record):
    """Whether all runs gave the same: to the digit, or to 0.1 % where a disk has a say."""
    runs = record.get("runs") or [0]
    return max(runs) - min(runs) <= (0.001 * max(runs) if row.disk else 0)


def print_tables(result):
    for kernel, known in (("mono", "xv6"), ("micro", "seL4")):
        entries = [entry for entry in result["targets"] if entry["kernel"] == kernel]
        if entries:
            print_table(entries[0], entries[1:], known)
        for entry in entries:
            print_places(entry, entries[0] if entries[0]["target"] == "mono" else None)


def print_places(entry, mono):
    """Where a hosted operation's instructions go, and what it executes more than on mono, if that was measured."""
    records = {row: entry["rows"][row.name] for row in rows.ROWS[entry["kernel"]] if entry["rows"].get(row.name)}
    places = next((list(record["where"]) for record in records.values() if "where" in record), [])
    if not places:
        return
    lines = [["operation", entry["target"], *(["more than mono"] if mono else []), *places]]
    for row, record in records.items():
        base = (mono["rows"].get(row.name) or {}).get("value") if mono else None
        lines.append([row.text, number(record["value"]), *([number(record["value"] - base) if base else "-"] if mono else []),
                      *(number(record["where"][place]) for place in places)])
    print(f"{entry['target']}: where the instructions are executed")
    print_lines(lines)


def print_lines(lines):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print("  ".join([line[0].ljust(widths[0])] + [text.rjust(width) for text, width in zip(line[1:], widths[1:])]).rstrip())
    print()


def print_table(first, others, known):
    """One line a row: the first target, the others and the published figure with the first's ratio to each."""
    with_baseline = any(record and "change" in record for entry in (first, *others) for record in entry["rows"].values())
    heads = ["operation", first["target"], "fences", "satp"] + (["baseline", "change"] if with_baseline else [])
    for other in others:
        heads += [other["target"], "change" if with_baseline and other["target"] in rows.ROWS else "ratio"]
    lines, pairs = [heads + [f"{known}, published", "ratio"]], [[] for _ in range(len(others) + 1)]
    for row in rows.ROWS[first["kernel"]]:
        if row.name not in first["rows"]:
            continue
        record = first["rows"][row.name] or {}
        ours = record.get("value")
        line = [row.text + ("" if steady(row, record) else " ~"), number(ours), number(record.get("fences")),
                number(record.get("satp_writes"))]
        if with_baseline:
            line += [number(record.get("baseline")), change_of(record)]
        for place, other in enumerate(others):
            theirs = other["rows"].get(row.name) or {}
            pairs[place].append((ours, theirs.get("value")))
            line += [number(theirs.get("value")), change_of(theirs) if with_baseline and other["target"] in rows.ROWS
                     else ratio(ours, theirs.get("value"))]
        pairs[-1].append((ours, row.published))
        lines.append(line + [number(row.published), ratio(ours, row.published)])
    line = ["geometric mean of the ratios", "", "", ""] + (["", ""] if with_baseline else [])
    for place, pair in enumerate(pairs):
        mean = mean_ratio(pair)
        shown = mean and not (with_baseline and place < len(others) and others[place]["target"] in rows.ROWS)
        line += ["", f"{mean:.3f}" if shown else ""]
    lines.append(line)
    print(f"{first['target']}: instructions per operation")
    print_lines(lines)


def change_of(record):
    if "change" not in record:
        return "-"
    return f"{record['change']:+.1%}" + (" worse" if record["worse"] else "")


# -- the profile ---------------------------------------------------------------------------------------------------


class Names:
    """Which function an address belongs to; a kernel's also before it has switched on its page tables."""

    def __init__(self, elfs):
        self._tables = []
        for elf in elfs:
            table = machine.functions(elf)
            if table:
                self._tables += [table] + [[(address - shift, name) for address, name in table]
                                           for shift in machine.load_shifts(elf)]

    def of(self, address):
        for table in self._tables:
            low, high = 0, len(table)
            while low < high:  # the last that begins at or before the address
                middle = (low + high) // 2
                low, high = (middle + 1, high) if table[middle][0] <= address else (low, middle)
            if low and table[low - 1][1]:
                return table[low - 1][1]
        return f"({address & ~0xFFF:#x})"


def profile(options, kernels):
    name = options.profile
    found = [(kernel, row) for kernel in kernels for row in rows.ROWS[kernel] if row.name == name]
    if not found:
        raise paths.Problem(paths.EXIT_USAGE, f"--profile {name}: no such row; --list shows them")
    results = []
    for kernel, row in found:
        peers = [machine.peer_of(text) for text in options.peer]
        targets = [machine.target_of(kernel, options.build)] + [peer for peer in peers if peer.kernel == kernel]
        for target in targets:
            target.image = target.image or next((peer.image for peer in peers if peer.image), None)
            results.append(profile_one(options, target, row))
    if options.json:
        json.dump({"schema": "duo.profile/1", "unit": "instructions", "targets": results}, sys.stdout, indent=1)
        print()
        return paths.EXIT_OK
    for result in results:
        print(f"{result['target']}: {result['text']}: {number(result['value'])} instructions an operation, "
              f"{result['samples']} samples")
        for place in result["functions"][:TOP]:
            print(f"{place['share']:7.1%} {place['instructions']:12,.1f}  {place['function']}")
        rest = result["functions"][TOP:]
        if rest:
            print(f"{sum(p['share'] for p in rest):7.1%} {sum(p['instructions'] for p in rest):12,.1f}  "
                  f"({len(rest)} more)")
        print()
    return paths.EXIT_OK


def profile_one(options, target, row):
    """Means over all samples, while a table shows the median: what happens rarely, a timer's tick, is in it too."""
    identity = rows.ids(target.kernel)[rows.samples_of(row)]
    say(options, f"{target.name}: profile of {row.name}")
    report = machine.run(target, row.group, needed_samples([row]), options.timeout,
                         lambda number, text: say(options, f"{target.name}: {text}") if text else None, profile=identity)
    samples = report.samples.get(identity)
    if not samples:
        raise machine.Failed(f"{target.name}: {row.name}: no samples\n{report.console[-600:]}")
    names, by_function = Names(target.symbols), {}
    for address, count in report.pcs:
        if row.name == "boot" and target.is_firmware(address):
            continue  # not part of this row
        function = names.of(address)
        by_function[function] = by_function.get(function, 0) + count
    total = sum(by_function.values())
    operations = len(samples) * row.per
    functions = [{"function": function, "share": round(count / total, 5), "instructions": round(count / operations, 3)}
                 for function, count in sorted(by_function.items(), key=lambda item: (-item[1], item[0]))]
    return {"target": target.name, "row": row.name, "text": row.text, "samples": len(samples),
            "value": machine.tidy(total / operations), "functions": functions}
