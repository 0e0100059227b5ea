#!/usr/bin/env python3
"""Runs the stages behind `./dev test`, `./dev check`, `./dev lint` and `./dev fuzz`.

Every gtest case, node test, Python test, rule and fuzz target is one result. The last line of the
output is `N passed, N failed` (with `, N skipped` when some were), and the exit status follows it.
Full output of everything that ran is kept in build/logs/.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import check_layers  # noqa: E402
import check_proofs  # noqa: E402
import house_rules  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "logs"
JOBS = int(os.environ.get("MILLRACE_JOBS") or os.cpu_count() or 2)
FUZZ_SECONDS = 5
BROKERS = ("redis", "redis-cluster", "sentinel", "nats")  # of tests/e2e/support/many_nodes.mjs
TAIL_LINES = 60

SANITIZER_ENV = {
    "ASAN_OPTIONS": "abort_on_error=0:detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=0:exitcode=66:second_deadlock_stack=1:suppressions="
                    + str(ROOT / "tests" / "tsan.supp"),
}


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []

    def ok(self, count=1):
        self.passed += count

    def skip(self, name, reason):
        self.skipped += 1
        print(f"skipped {name}: {reason or 'without a reason'}")

    def fail(self, name, detail=""):
        self.failed += 1
        self.failures.append(name)
        print(f"FAILED {name}")
        if detail:
            print("\n".join("    " + line for line in detail.splitlines()[-TAIL_LINES:]))

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures

    def line(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def run(command, log_name, timeout, env=None, cwd=ROOT):
    """Runs to the end or the timeout; returns (status, output). Leaves no process behind."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / (log_name + ".log")
    full_env = {**os.environ, **(env or {})}
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [str(c) for c in command], stdin=subprocess.DEVNULL, stdout=out,
            stderr=subprocess.STDOUT, env=full_env, cwd=cwd, start_new_session=True)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = None
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if status is None:
            process.wait()
    text = log.read_text(errors="replace")
    if status is None:
        status, text = 124, text + f"\nstopped after {timeout} s"
    return status, text


_no_aslr = None


def fixed_addresses():
    """Sanitizers of this age fail on kernels with wide address randomisation: switch it off."""
    global _no_aslr
    if _no_aslr is None:
        prefix = ["setarch", os.uname().machine, "-R"]
        works = subprocess.run(prefix + ["true"], stdin=subprocess.DEVNULL, capture_output=True)
        _no_aslr = prefix if works.returncode == 0 else []
    return _no_aslr


# --- building ---------------------------------------------------------------------------------

def configure(preset):
    # Again each time: what was configured before a package came does not know of it.
    status, text = run(["cmake", "--preset", preset], f"configure-{preset}", 300)
    return status == 0, text


def targets(preset):
    status, text = run(["ninja", "-C", f"build/{preset}", "-t", "targets", "all"],
                       f"targets-{preset}", 300)
    return set(re.findall(r"^([\w-]+): \w", text, re.M)) if status == 0 else set()


def build(tally, preset, wanted=None):
    """Builds all, or those of `wanted` that exist. A build is no test: only a failure counts."""
    good, text = configure(preset)
    if not good:
        tally.fail(f"configure {preset}", text)
        return False
    names = []
    if wanted is not None:
        run(["ninja", "-C", f"build/{preset}", "build.ninja"], f"regenerate-{preset}", 300)
        known = targets(preset)
        names = sorted(set(wanted) & known)
        if not names:
            return False
    status, text = run(["ninja", "-C", f"build/{preset}", "-j", JOBS, "-k", "20", *names],
                       f"build-{preset}", 5400)
    if status != 0:
        errors = [line for line in text.splitlines() if re.search(r"error|FAILED|undefined", line)]
        tally.fail(f"build {preset}", "\n".join(errors[:TAIL_LINES]) or text)
    return status == 0


# --- C++ tests --------------------------------------------------------------------------------

def ctest_cases(preset):
    """[(name, command, timeout, env, cwd)] of every CTest case of a preset."""
    shown = subprocess.run(["ctest", "--test-dir", f"build/{preset}", "--show-only=json-v1"],
                           cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    cases = []
    for test in json.loads(shown.stdout or "{}").get("tests", []):
        command = test.get("command") or [str(ROOT / "build" / preset / ("test_" + test["name"]))]
        properties = {p["name"]: p["value"] for p in test.get("properties", [])}
        env = dict(item.split("=", 1) for item in properties.get("ENVIRONMENT", []))
        cases.append((test["name"], command, properties.get("TIMEOUT", 300), env,
                      properties.get("WORKING_DIRECTORY", str(ROOT))))
    return cases


def gtest_skip_reason(text, test):
    """What GTEST_SKIP() of the test said."""
    found = re.search(rf"^\[ RUN      \] {re.escape(test)}\n(.*?)^\[  SKIPPED \]", text, re.M | re.S)
    said = found.group(1).strip() if found else ""
    return " ".join(re.sub(r"^\S+: Skipped$", "", said, flags=re.M).split())


def count_gtest(tally, name, status, text, report):
    """Counts a test binary by its report; one that crashed, by what it printed."""
    if not report.exists():
        if "[==========]" not in text:  # not a gtest binary: one result
            tally.ok() if status == 0 else tally.fail(name, text)
            return
        tally.ok(len(re.findall(r"^\[       OK \]", text, re.M)))
        begun = re.findall(r"^\[ RUN      \] (\S+)", text, re.M)
        tally.fail(f"{name}: {begun[-1] if begun else '?'} (status {status})", text)
        return
    failed = 0
    for suite in json.loads(report.read_text()).get("testsuites", []):
        for case in suite.get("testsuite", []):
            if case.get("failures"):
                failed += 1
                detail = "\n".join(f["failure"] for f in case["failures"])
                tally.fail(f"{case['classname']}.{case['name']}", detail)
            elif case.get("status") == "NOTRUN":
                tally.skip(f"{case['classname']}.{case['name']}", "disabled")
            elif case.get("result") == "SKIPPED":
                test = f"{case['classname']}.{case['name']}"
                tally.skip(test, gtest_skip_reason(text, test))
            else:
                tally.ok()
    if status != 0 and not failed:  # a leak or a race found at exit
        tally.fail(f"{name} (status {status})", text)


def run_ctest_case(preset, case):
    name, command, timeout, env, cwd = case
    tally = Tally()
    if not os.access(command[0], os.X_OK) and not shutil.which(command[0]):
        tally.fail(f"{preset}/{name} was not built")
        return tally
    report = LOGS / f"{preset}-{name}.json"
    report.unlink(missing_ok=True)
    prefix = fixed_addresses() if preset in ("asan", "tsan") else []
    status, text = run(prefix + command, f"{preset}-{name}", timeout,
                       {**SANITIZER_ENV, **env, "GTEST_OUTPUT": f"json:{report}"}, cwd)
    count_gtest(tally, f"{preset}/{name}", status, text, report)
    return tally


def run_ctest(tally, preset, names=None):
    LOGS.mkdir(parents=True, exist_ok=True)
    cases = [c for c in ctest_cases(preset) if names is None or c[0] in names]
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for result in pool.map(lambda case: run_ctest_case(preset, case), cases):
            tally.add(result)


# --- Python and node tests --------------------------------------------------------------------

def python_tests(tally):
    for path in sorted((ROOT / "tests").rglob("*_test.py")):
        if "node_modules" in path.parts:
            continue
        name = str(path.relative_to(ROOT))
        status, text = run([sys.executable, "-B", "-m", "unittest", name], path.stem, 300)
        ran = re.search(r"^Ran (\d+) tests?", text, re.M)
        counts = {kind: int(n) for kind, n in
                  re.findall(r"(failures|errors|skipped)=(\d+)", text.splitlines()[-1] if text
                             else "")}
        bad = counts.get("failures", 0) + counts.get("errors", 0)
        skipped = counts.get("skipped", 0)
        for index in range(skipped):
            tally.skip(f"{name} ({index + 1} of {skipped})", "see its log")
        tally.ok(max(0, int(ran.group(1)) - bad - skipped) if ran else 0)
        for index in range(bad or (status != 0)):
            tally.fail(name, text if index == 0 else "")


def npm_install(tally, folder):
    """Installs what package-lock.json pins, again only when it changed."""
    lock = folder / "package-lock.json"
    manifest = lock if lock.exists() else folder / "package.json"
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_text() == digest:
        return True
    command = ["npm", "ci" if lock.exists() else "install", "--prefer-offline", "--no-audit",
               "--no-fund", "--loglevel=error"]
    for attempt in range(3):  # registries fail now and then
        status, text = run(command, f"npm-{folder.name}", 600,
                           {"PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1"}, folder)
        if status == 0:
            stamp.write_text(digest)
            return True
        time.sleep(2 * attempt + 1)
    tally.fail(f"npm in {folder.relative_to(ROOT)}", text)
    return False


def node_suites():
    return sorted(p for p in (ROOT / "tests").rglob("*.test.mjs") if "node_modules" not in p.parts)


def node_file(tally, path, label, env, prefix=()):
    name = f"{path.relative_to(ROOT)} ({label})"
    command = [*prefix, "node", "--test", "--test-reporter=tap", path]
    status, text = run(command, f"{label}-{path.stem}", 900, env)
    counts = dict(re.findall(r"^# (pass|fail|cancelled|skipped|todo) (\d+)$", text, re.M))
    bad = int(counts.get("fail", 0)) + int(counts.get("cancelled", 0))
    tally.ok(int(counts.get("pass", 0)))
    skips = re.findall(r"^\s*(?:not )?ok \d+ - (.*?) # (?:skip|todo) ?(.*)$", text,
                       re.M | re.I)
    # A suite that is skipped as a whole is in no count of node's.
    count = int(counts.get("skipped", 0)) + int(counts.get("todo", 0))
    for index in range(max(count, len(skips))):
        title, reason = skips[index] if index < len(skips) else ("a part", "")
        tally.skip(f"{name}: {title}", reason)
    titles = [t for t in re.findall(r"^\s*not ok \d+ - (.*)$", text, re.M)]
    for index in range(bad or (status != 0)):
        title = titles[index] if index < len(titles) else "the suite"
        tally.fail(f"{name}: {title}", text if index == 0 else "")


def node_tests(tally, preset, suites, broker=""):
    """End-to-end suites against the server binary of one preset; with a broker, three nodes."""
    binary = ROOT / "build" / preset / "millrace"
    if not suites:
        return
    if not binary.exists():
        tally.fail(f"end-to-end suites: build/{preset}/millrace is not there")
        return
    for folder in sorted({p.parent for p in (ROOT / "tests").glob("*/package.json")}):
        if not npm_install(tally, folder):
            return
    prefix = fixed_addresses() if preset in ("asan", "tsan") else []
    env = {**SANITIZER_ENV, "MILLRACE_BIN": str(binary), "MILLRACE_PRESET": preset,
           "MILLRACE_E2E_CLUSTER": broker}
    for path in suites:
        node_file(tally, path, f"{preset}-{broker}" if broker else preset, env, prefix)


def three_node_suites(which="three nodes"):
    names = json.loads((ROOT / "tests/e2e/suites.json").read_text())[which]
    return [ROOT / "tests" / "e2e" / f"{name}.test.mjs" for name in names]


def package_tests(tally):
    """The packages of clients/: installed as locked, built, and their node tests run."""
    for folder in sorted(p.parent for p in (ROOT / "clients").glob("*/package.json")):
        if not npm_install(tally, folder):
            continue
        name = f"client-{folder.name}"
        status, text = run(["npm", "run", "build"], f"build-{name}", 300, cwd=folder)
        if status != 0:
            tally.fail(f"build of {folder.relative_to(ROOT)}", text)
            continue
        env = {"MILLRACE_BIN": str(ROOT / "build" / "release" / "millrace")}
        for path in sorted((folder / "tests").glob("*.test.mjs")):
            node_file(tally, path, name, env)


# --- rules ------------------------------------------------------------------------------------

def one_result(tally, name, problems):
    problems = list(problems)
    if problems:
        tally.fail(name, "\n".join(problems))
    else:
        tally.ok()


def format_problems(files):
    if not files:
        return []
    status, text = run(["clang-format-19", "--dry-run", "-Werror", *files], "format", 300)
    if status == 0:
        return []
    places = re.findall(r"^(\S+?):(\d+):\d+: error", text, re.M)
    by_file = {}
    for name, line in places:
        by_file.setdefault(os.path.relpath(name, ROOT), line)
    lines = [f"{name}:{line}: not as clang-format has it" for name, line in by_file.items()]
    return (lines or [text]) + ["./dev fmt puts it right"]


def header_problem(header):
    """Compiles one header alone, through ccache: an unchanged header costs nothing."""
    folder = ROOT / "build" / "headers"
    folder.mkdir(parents=True, exist_ok=True)
    relative = header.relative_to(ROOT / "src")
    source = folder / (str(relative).replace("/", "__") + ".cc")
    text = f'#include "{relative}"\n'
    if not source.exists() or source.read_text() != text:
        source.write_text(text)
    launcher = ["ccache"] if shutil.which("ccache") else []
    done = subprocess.run(
        launcher + ["g++", "-std=c++20", "-O0", "-Wall", "-Wextra", "-Isrc", "-c",
                    str(source.relative_to(ROOT)), "-o", str(source.with_suffix(".o"))],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    return f"{header.relative_to(ROOT)} does not compile alone\n{done.stderr[:1500]}"


def header_problems(headers):
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return [p for p in pool.map(header_problem, headers) if p]


def rules(tally, changed=None):
    files = house_rules.project_files(ROOT)
    cpp = [f for f in files if f.suffix in (".h", ".cc")]
    if changed is not None:
        cpp = [f for f in cpp if str(f.relative_to(ROOT)) in changed]
    one_result(tally, "layers", check_layers.problems(ROOT))
    for name, rule in house_rules.RULES.items():
        one_result(tally, f"rule: {name}", rule(ROOT, files))
    one_result(tally, "proofs", check_proofs.problems(ROOT))
    one_result(tally, "format", format_problems(cpp))
    headers = [f for f in cpp if f.suffix == ".h" and f.is_relative_to(ROOT / "src")]
    one_result(tally, "headers compile alone", header_problems(headers))


# --- fuzzing ----------------------------------------------------------------------------------

def fuzz_target_names():
    return house_rules.fuzz_target_names(ROOT)


def put_seeds(name, folder):
    """Writes the seeds of fuzz/targets.json (one character is one byte) and of fuzz/corpus."""
    described = json.loads((ROOT / "fuzz" / "targets.json").read_text()).get(name, {})
    for index, seed in enumerate(described.get("seeds", [])):
        (pathlib.Path(folder) / f"seed-{index}").write_bytes(seed.encode("latin-1"))
    corpus = ROOT / "fuzz" / "corpus" / name
    if corpus.is_dir():
        shutil.copytree(corpus, folder, dirs_exist_ok=True)


def find_binary(preset, name):
    found = [p for p in (ROOT / "build" / preset).rglob(name) if p.is_file()]
    return found[0] if found else None


def fuzz_one(name, seconds):
    tally = Tally()
    binary = find_binary("fuzz", f"fuzz_{name}")
    if binary is None:
        tally.fail(f"fuzz {name} was not built")
        return tally
    findings = ROOT / "build" / "findings"
    findings.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        command = [*fixed_addresses(), binary, f"-max_total_time={seconds}", "-max_len=8192",
                   "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1",
                   f"-artifact_prefix={findings}/{name}-", corpus]
        put_seeds(name, corpus)
        status, text = run(command, f"fuzz-{name}", seconds + 120, {
            **SANITIZER_ENV, "LLVM_PROFILE_FILE": f"{corpus}/profile.raw"})
    tally.ok() if status == 0 else tally.fail(f"fuzz {name} (input kept in build/findings)", text)
    return tally


def fuzz_all(tally, seconds):
    names = fuzz_target_names()
    if not names:
        return
    build(tally, "fuzz", [f"fuzz_{name}" for name in names])
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for result in pool.map(lambda name: fuzz_one(name, seconds), names):
            tally.add(result)


# --- commands ---------------------------------------------------------------------------------

def stage(total, name, work):
    started = time.monotonic()
    tally = Tally()
    print(f"== {name}", flush=True)
    try:
        work(tally)
    except Exception as problem:  # a broken stage must not hide the others
        tally.fail(name, f"{type(problem).__name__}: {problem}")
    print(f"   {tally.line()} in {time.monotonic() - started:.1f} s", flush=True)
    total.add(tally)


def finish(total, started):
    print(f"total time {time.monotonic() - started:.0f} s, logs in build/logs")
    for name in total.failures:
        print(f"failed: {name}")
    print(total.line())
    return 1 if total.failed else 0


def asan_stage(tally):
    if not known_test_folders():
        return
    build(tally, "asan", [f"test_{name}" for name in known_test_folders()])
    run_ctest(tally, "asan")


def release_stage(tally):
    if (ROOT / "web" / "package.json").exists():
        npm_install(tally, ROOT / "web")
    build(tally, "release")
    node_tests(tally, "release", node_suites())


def three_nodes_stage(tally):
    """The suites of one server with clients on different nodes: all over Redis, few over others."""
    node_tests(tally, "release", three_node_suites(), "redis")
    for broker in BROKERS[1:]:
        node_tests(tally, "release", three_node_suites("three nodes, in short"), broker)


def tsan_stage(tally):
    """The server binary under the thread sanitizer with the suites, and the test of threads."""
    if build(tally, "tsan", ["millrace", "conformance_client"]):
        node_tests(tally, "tsan", node_suites())
    if build(tally, "tsan", ["test_threads"]):
        run_ctest(tally, "tsan", {"threads"})


def choose_seed():
    """New random lives each time; the seed is printed, and one that is set is kept."""
    seed = os.environ.setdefault("MILLRACE_SIM_SEED", str(random.randrange(1, 2 ** 31)))
    print(f"simulations from seed {seed} (repeat with MILLRACE_SIM_SEED={seed})", flush=True)


def command_test(arguments):
    started, total = time.monotonic(), Tally()
    choose_seed()
    if arguments[:1] == ["-R"] and len(arguments) in (2, 3):
        preset = arguments[2] if len(arguments) == 3 else "dev"
        names = {n for n in known_test_folders() if re.search(arguments[1], n)}
        stage(total, preset, lambda t: build(t, preset, sorted("test_" + n for n in names)) and
              run_ctest(t, preset, names))
        return finish(total, started)
    if arguments:
        print("dev: test takes nothing, or -R REGEX [preset]", file=sys.stderr)
        return 2
    stage(total, "rules", rules)
    stage(total, "tests of the tools", python_tests)
    stage(total, "unit and in-process tests (address and undefined-behaviour sanitizers)",
          asan_stage)
    stage(total, "end-to-end suites (release)", release_stage)
    stage(total, "end-to-end suites on three nodes (release)", three_nodes_stage)
    stage(total, "client packages", package_tests)
    stage(total, "threads (thread sanitizer)", tsan_stage)
    stage(total, f"fuzz targets, {FUZZ_SECONDS} s each", lambda t: fuzz_all(t, FUZZ_SECONDS))
    return finish(total, started)


def known_test_folders():
    names = []
    for path in (ROOT / "tests").rglob("CMakeLists.txt"):
        names += re.findall(r"^\s*mr_test\(\s*(\w+)", path.read_text(), re.M)
    return names


def changed_files():
    """Paths that differ from HEAD, and new ones."""
    def lines(*command):
        done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True)
        return [name for name in done.stdout.split("\0") if name]
    return set(lines("diff", "--name-only", "--no-renames", "-z", "HEAD")) | set(
        lines("ls-files", "--others", "--exclude-standard", "-z"))


def check_folders(tally, folders):
    wanted = {name for name in known_test_folders() if name in folders}
    libraries = [f"mr_{name}" for name in sorted(folders)]
    if build(tally, "dev", libraries + [f"test_{name}" for name in sorted(wanted)]) and wanted:
        run_ctest(tally, "dev", wanted)


def command_check(arguments):
    started, total = time.monotonic(), Tally()
    changed = changed_files()
    parts = [pathlib.PurePath(name).parts for name in changed]
    folders = {p[1] for p in parts if len(p) > 2 and p[0] in ("src", "tests")}
    stage(total, "rules", lambda t: rules(t, changed))
    if any(p[0] == "tools" or p[:2] == ("tests", "tidy") for p in parts):
        stage(total, "tests of the tools", python_tests)
    if any(p[0] == "clients" for p in parts):
        stage(total, "client packages", package_tests)
    if folders:
        stage(total, "folders " + " ".join(sorted(folders)), lambda t: check_folders(t, folders))
    return finish(total, started)


def command_lint(arguments):
    started, total = time.monotonic(), Tally()
    stage(total, "rules", rules)
    return finish(total, started)


def command_suites(arguments):
    """The suites of one server on three nodes, in full, over these brokers."""
    started, total = time.monotonic(), Tally()
    for broker in arguments or BROKERS:
        if broker not in BROKERS:
            print(f"dev: there is no broker '{broker}'; there are {', '.join(BROKERS)}",
                  file=sys.stderr)
            return 2
    if not build(total, "release", ["millrace"]):
        return finish(total, started)
    for broker in arguments or BROKERS:
        stage(total, f"suites on three nodes over {broker}",
              lambda t, broker=broker: node_tests(t, "release", three_node_suites(), broker))
    return finish(total, started)


def command_fuzz(arguments):
    started, total = time.monotonic(), Tally()
    name, seconds = arguments[0], int(arguments[1])
    if name not in fuzz_target_names():
        print(f"dev: there is no fuzz target '{name}'; there are {', '.join(fuzz_target_names())}",
              file=sys.stderr)
        return 2

    def work(tally):
        if build(tally, "fuzz", [f"fuzz_{name}"]):
            tally.add(fuzz_one(name, seconds))
    stage(total, f"fuzz {name}, {seconds} s", work)
    return finish(total, started)


COMMANDS = {"test": command_test, "check": command_check, "lint": command_lint,
            "fuzz": command_fuzz, "suites": command_suites}

if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(COMMANDS[sys.argv[1]](sys.argv[2:]))
