"""Rounds of runs against several servers in turn, and what is made of them."""
import contextlib
import statistics
import subprocess

from servers import ROOT, machine, measure, run

CPU = "server_cpu_us_per_delivery"


class Report:
    """Markdown lines, printed as they come and kept in build/bench."""

    def __init__(self, name, args):
        self.name = name
        self.lines = []
        self.failures = []
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT,
                                capture_output=True, text=True).stdout.strip()
        self.say(f"{machine()}; commit {commit}; `./dev bench {name}`, {args.pairs} interleaved "
                 f"runs of {args.seconds:g} s, those of the closed loop in {args.slices} slices")
        self.say()

    def say(self, line=""):
        self.lines.append(line)
        print(line, flush=True)

    def verdict(self, name, good):
        if not good:
            self.failures.append(name)
        return "yes" if good else "NO"

    def finish(self):
        """Keeps the tables; the exit status."""
        folder = ROOT / "build" / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.name}.md").write_text("\n".join(self.lines) + "\n")
        for name in self.failures:
            print(f"over its bound: {name}")
        return 1 if self.failures else 0


def rounds(kinds, pairs, *options):
    """{kind: [report of each round]}; who begins a round changes with it."""
    seen = {kind: [] for kind in kinds}
    for index in range(pairs):
        shift = index % len(kinds)
        for kind in [*kinds[shift:], *kinds[:shift]]:
            seen[kind].append(run(kind, *options))
    return seen


def merged(slices):
    """One report of several: medians of what varies, sums of what must not be."""
    report = dict(slices[0])
    for name in (CPU, "frames_per_write"):
        report[name] = median(slices, name)
    for name in ("lost", "duplicates", "publish_errors", "undecodable", "delivered", "deltas"):
        report[name] = sum(values(slices, name))
    return report


def sliced_rounds_of(variants, args):
    """{name: [report of each round]} for {name: (kind of server, options)}. As rounds(), but each
    run is cut into slices between which the servers take turns: a disturbed second of the machine
    then spoils one slice, not the round."""
    names = list(variants)
    seen = {name: [] for name in names}
    for index in range(args.pairs):
        shift = index % len(names)
        slices = {name: [] for name in names}
        with contextlib.ExitStack() as stack:
            servers = {name: stack.enter_context(kind()) for name, (kind, _) in variants.items()}
            for _ in range(args.slices):
                for name in [*names[shift:], *names[:shift]]:
                    slices[name].append(measure(servers[name], *variants[name][1]))
        for name in names:
            seen[name].append(merged(slices[name]))
    return seen


def sliced_rounds(kinds, args, *options):
    """The same options for each kind of server: {kind: [report of each round]}."""
    return sliced_rounds_of({kind: (kind, options) for kind in kinds}, args)


def values(reports, *path):
    def one(report):
        for name in path:
            report = report[name]
        return report
    return [one(report) for report in reports]


def ratio(above, below, *path):
    """The median of the ratios of the rounds."""
    return statistics.median(a / b for a, b in zip(values(above, *path), values(below, *path)))


def median(reports, *path):
    found = [value for value in values(reports, *path) if value is not None]
    return statistics.median(found) if found else None


def lost(reports):
    return sum(r["lost"] + r["duplicates"] + r["publish_errors"] + r["undecodable"] for r in reports)
