#!/usr/bin/env python3
"""The house rules a machine can check; CONTRIBUTING.md lists them in prose.

Each rule takes (root, files) and yields one line per violation: `file:line: what and what to do`.
A header may lift the limit on public methods with `// rule-waiver(class sizes): the reason`.
"""
import json
import pathlib
import re
import subprocess
import sys

WIDTH = 100
LINES = {"header": 300, "source": 800, "test": 1000}
FUNCTION_LINES = 70
PARAMETERS = 5
PUBLIC_METHODS = 15
BANNED_WORDS = {"Manager", "Helper", "Util", "Utils", "Handler", "Processor", "Data", "Info",
                "Base", "Impl"}
THREAD_FOLDERS = {"base", "net", "observability"}
SKIPPED_FOLDERS = {".git", "build", "node_modules", "__pycache__"}


def project_files(root):
    """Tracked and new files; in a tree without git, every file."""
    if (root / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=root,
                                capture_output=True, text=True).stdout.split("\0")
        files = [root / name for name in listed if name]
    else:
        files = list(root.rglob("*"))
    return sorted(f for f in files
                  if f.is_file() and not SKIPPED_FOLDERS & set(f.relative_to(root).parts))


def top(root, path):
    return path.relative_to(root).parts[0]


def cpp_files(root, files, tops=("src", "tests", "fuzz", "bench")):
    return [f for f in files if f.suffix in (".h", ".cc") and top(root, f) in tops]


def ts_files(root, files):
    """The TypeScript of the packages in clients/."""
    return [f for f in files if f.suffix == ".ts" and top(root, f) == "clients"
            and not f.name.endswith(".d.ts")]


def sized_files(root, files):
    return cpp_files(root, files) + ts_files(root, files)


def read(path):
    return path.read_text(errors="replace")


_BLANKED = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^()\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'", re.S)


def code_only(text):
    """The text with comments and literals blanked; lines keep their numbers."""
    def blank(match):
        token = match.group(0)
        body = "".join(c if c == "\n" else " " for c in token)
        return body if token.startswith(("//", "/*")) else '"' + body[1:-1] + '"'
    return _BLANKED.sub(blank, text)


def code_lines(root, path):
    for number, line in enumerate(code_only(read(path)).splitlines(), 1):
        yield f"{path.relative_to(root)}:{number}", line


# --- sizes ------------------------------------------------------------------------------------

def file_sizes(root, files):
    for path in sized_files(root, files):
        kind = "test" if top(root, path) in ("tests", "fuzz", "bench") else (
            "header" if path.suffix == ".h" else "source")
        count = len(read(path).splitlines())
        if count > LINES[kind]:
            yield (f"{path.relative_to(root)}: {count} lines; a {kind} has at most "
                   f"{LINES[kind]}: split it by what it owns")


def line_width(root, files):
    for path in sized_files(root, files):
        text = read(path)
        raw = [m.span() for m in _BLANKED.finditer(text) if m.group(0).startswith('R"')]
        offset = 0
        for number, line in enumerate(text.splitlines(True), 1):
            inside_raw = any(a < offset + len(line) and offset < b for a, b in raw)
            if len(line.rstrip("\n")) > WIDTH and "http" not in line and not inside_raw:
                yield (f"{path.relative_to(root)}:{number}: {len(line) - 1} columns; "
                       f"at most {WIDTH}")
            offset += len(line)


_NOT_A_FUNCTION = re.compile(
    r"^\s*(?:(?:inline\s+)?namespace\b|extern\b|(?:typedef\s+)?(?:class|struct|union|enum)\b)")
_CONTROL = re.compile(r"^\s*(?:\}?\s*else\b|if\b|for\b|while\b|switch\b|do\b|try\b|catch\b)")


def _head_before(code, position):
    start = max(code.rfind(c, 0, position) for c in ";{}")
    return code[start + 1:position]


def _strip_prefixes(head):
    head = re.sub(r"^[^\n]*#[^\n]*$", "", head, flags=re.M)
    head = re.sub(r"\b(?:public|private|protected)\s*:", "", head)
    head = re.sub(r"\btemplate\s*<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>", "", head)
    return re.sub(r"\[\[[^\]]*\]\]", "", head).strip()


def _match(code, position, opening, closing):
    depth = 0
    for index in range(position, len(code)):
        if code[index] == opening:
            depth += 1
        elif code[index] == closing:
            depth -= 1
            if depth == 0:
                return index
    return len(code) - 1


def _is_function(head):
    if not head or "(" not in head or _NOT_A_FUNCTION.match(head) or _CONTROL.match(head):
        return False
    before = head[:head.index("(")]
    return re.search(r"[\w>)\]]\s*$|operator\W+$", before) is not None and "=" not in re.sub(
        r"operator\W+$", "", before)


def functions(code):
    """(head, first line, last line) of each function body that is in no other."""
    position = 0
    while True:
        position = code.find("{", position)
        if position < 0:
            return
        head = _strip_prefixes(_head_before(code, position))
        if not _is_function(head):
            position += 1
            continue
        end = _match(code, position, "{", "}")
        yield head, code.count("\n", 0, position) + 1, code.count("\n", 0, end) + 1
        position = end + 1


def parameter_count(head):
    opening = head.index("(")
    if re.search(r"operator\s*$", head[:opening]):  # operator()(...)
        second = head.find("(", _match(head, opening, "(", ")"))
        opening = second if second >= 0 else opening
    inside = head[opening + 1:_match(head, opening, "(", ")")]
    depth, count = 0, 1 if inside.strip() else 0
    for char in inside:
        depth += (char in "(<[{") - (char in ")>]}")
        count += char == "," and depth == 0
    return count


def function_sizes(root, files):
    for path in sized_files(root, files):
        for head, first, last in functions(code_only(read(path))):
            where, name = f"{path.relative_to(root)}:{first}", head.split("(")[0].split()[-1]
            if last - first + 1 > FUNCTION_LINES:
                yield (f"{where}: {name} has {last - first + 1} lines; at most "
                       f"{FUNCTION_LINES}: name its steps")
            if top(root, path) in ("src", "clients") and parameter_count(head) > PARAMETERS:
                yield (f"{where}: {name} takes {parameter_count(head)} parameters; at most "
                       f"{PARAMETERS}: pass an Options struct")


def _public_methods(body, name, is_struct):
    """Distinct method names in the public parts of a class body (nested bodies removed)."""
    flat, depth = [], 0
    for char in body:
        depth -= char == "}"
        if depth == 0:
            flat.append(";" if char == "}" else char)
        depth += char == "{"
    public, methods = is_struct, set()
    text = re.sub(r"\b(public|private|protected)\s*:", r";\1:;", "".join(flat))
    for statement in re.split(r"[;{]", text):
        statement = _strip_prefixes(statement) if ":" not in statement[-1:] else statement.strip()
        if statement in ("public:", "private:", "protected:"):
            public = statement == "public:"
        elif public and (match := re.match(r"(?:[^=(]*[\s*&>])?(\w+)\s*\(", statement)):
            head = statement[:match.end()]
            other = re.match(r"\s*(?:friend|using|static_assert)\b|.*\boverride\b", statement, re.S)
            if head.count("<") == head.count(">") and match.group(1) != name and not other:
                methods.add(match.group(1))
    return methods - {"operator", "decltype", "noexcept"}


def class_sizes(root, files):
    for path in cpp_files(root, files, ("src",)):
        if "rule-waiver(class sizes): " in read(path):
            continue
        code = code_only(read(path))
        for match in re.finditer(r"^[ \t]*(class|struct)\s+(\w+)[^;{}()]*\{", code, re.M):
            opening = match.end() - 1
            body = code[opening + 1:_match(code, opening, "{", "}")]
            count = len(_public_methods(body, match.group(2), match.group(1) == "struct"))
            if count > PUBLIC_METHODS:
                line = code.count("\n", 0, opening) + 1
                yield (f"{path.relative_to(root)}:{line}: {match.group(2)} has {count} public "
                       f"methods; at most {PUBLIC_METHODS}: split it by state")


# --- names and constructs ---------------------------------------------------------------------

_TYPE_NAME = re.compile(
    r"\b(?:(?:class|struct|union)\s+(\w+)(?:\s+final)?\s*(?:[:{;]|$)"
    r"|enum(?:\s+class)?\s+(\w+)\s*[:{;]|using\s+(\w+)\s*=)")
_TS_TYPE_NAME = re.compile(
    r"\b(?:(?:class|interface|enum)\s+(\w+)\s*[<{\w]|type\s+(\w+)\s*[<=])")


def type_names(root, files):
    for path in sized_files(root, files):
        pattern = _TS_TYPE_NAME if path.suffix == ".ts" else _TYPE_NAME
        for where, line in code_lines(root, path):
            for groups in pattern.findall(line):
                name = next(g for g in groups if g)
                words = set(re.findall(r"[A-Z][a-z0-9]*", name))
                for word in sorted(words & BANNED_WORDS):
                    yield f"{where}: the type name {name} holds '{word}'; name what it is"


_THREADS = re.compile(r"\bstd::(?:(?:recursive_|shared_|timed_)*mutex|atomic\w*|j?thread\b"
                      r"|condition_variable\w*|lock_guard|unique_lock|scoped_lock|shared_lock)")


def thread_primitives(root, files):
    for path in cpp_files(root, files, ("src",)):
        if path.relative_to(root).parts[1] in THREAD_FOLDERS:
            continue
        for where, line in code_lines(root, path):
            if match := _THREADS.search(line):
                yield f"{where}: {match.group(0)} outside base, net, observability; post a task"


def banned_constructs(root, files):
    rules = [
        (re.compile(r"\bthread_local\b"), "thread_local hides a global; pass the object"),
        (re.compile(r"\bthrow\b"), "we throw nothing; return a Result"),
        (re.compile(r"\bsleep_(?:for|until)\b|\bu?sleep\s*\("), "nothing sleeps; use a timer"),
        (re.compile(r"\b(?:secret|\w*_?signature)(?:_|\(\))?\s*[!=]=(?!\s*nullptr)"
                    r"|(?<!operator)[!=]=\s*(?:[\w.:>-]*[.:>])?\w*(?:secret|signature)_?\b(?!\.)"),
         "compare secrets with crypto::equal_constant_time"),
        (re.compile(r"<iostream>"), "no <iostream>; write through the log or stdio"),
    ]
    for path in cpp_files(root, files, ("src",)):
        for where, line in code_lines(root, path):
            for pattern, remedy in rules:
                if pattern.search(line):
                    yield f"{where}: {pattern.search(line).group(0).strip()}: {remedy}"


def unfinished_marks(root, files):
    mark = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
    kinds = {".h", ".cc", ".py", ".mjs", ".js", ".ts", ".cmake", ".md", ".html", ".css", ".yaml", ".yml"}
    for path in files:
        if path.suffix not in kinds and path.name not in ("dev", "CMakeLists.txt"):
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            if match := mark.search(line):
                yield (f"{path.relative_to(root)}:{number}: {match.group(0)}: finish it, or "
                       "write down in docs what is missing")


def own_header_first(root, files):
    for path in cpp_files(root, files, ("src",)):
        own = path.with_suffix(".h")
        if path.suffix != ".cc" or not own.exists():
            continue
        first = re.search(r'^#include\s+["<]([^">]+)', read(path), re.M)
        expected = str(own.relative_to(root / "src"))
        if first and first.group(1) != expected:
            yield f'{path.relative_to(root)}: the first include is not its own "{expected}"'


def header_guard(root, files):
    for path in cpp_files(root, files):
        if path.suffix == ".h" and read(path).count("#pragma once") != 1:
            yield f"{path.relative_to(root)}: a header has one #pragma once"


# --- documents --------------------------------------------------------------------------------

def _prose(path):
    """Numbered lines outside code fences."""
    fenced = False
    for number, line in enumerate(read(path).splitlines(), 1):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced:
            yield number, line


def _anchor(title):
    title = re.sub(r"[`*_]|\[([^\]]*)\]\([^)]*\)", r"\1", title).strip().lower()
    return re.sub(r"[^\w\- ]", "", title).replace(" ", "-")


def one_title(root, files):
    for path in files:
        if path.suffix == ".md":
            titles = [line for _, line in _prose(path) if re.match(r"# \S", line)]
            if len(titles) != 1:
                yield f"{path.relative_to(root)}: {len(titles)} first-level titles; a page has one"


def links_resolve(root, files):
    for path in files:
        if path.suffix != ".md":
            continue
        for number, line in _prose(path):
            for target in re.findall(r"\]\(([^)\s]+)(?:\s[^)]*)?\)", re.sub(r"`[^`]*`", "", line)):
                if re.match(r"[a-z]+:", target):
                    continue
                name, _, anchor = target.partition("#")
                page = (path.parent / name) if name else path
                where = f"{path.relative_to(root)}:{number}"
                if not page.exists():
                    yield f"{where}: the link {target} leads nowhere"
                elif anchor and page.suffix == ".md" and anchor not in {
                        _anchor(text.lstrip("#")) for _, text in _prose(page)
                        if text.startswith("#")}:
                    yield f"{where}: {name or 'this page'} has no heading #{anchor}"


def machine_paths(root, files):
    pattern = re.compile(r"(?<![\w.])/(?:wo" r"rk|ro" r"ot|Us" r"ers/\w+|ho" r"me/\w+)/")
    for path in files:
        if path.suffix in (".png", ".jpg", ".ico", ".gz", ".woff2") or path.stat().st_size > 2e6:
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            if pattern.search(line):
                yield (f"{path.relative_to(root)}:{number}: a path of one machine; "
                       "make it relative")


# --- fuzz targets -----------------------------------------------------------------------------

def fuzz_target_names(root):
    return sorted(p.name[:-len("_fuzz.cc")] for p in (root / "fuzz").glob("*_fuzz.cc"))


def fuzz_targets(root, files):
    """fuzz/targets.json describes every target, and its planted bug still fits the source."""
    page = root / "fuzz" / "targets.json"
    described = json.loads(read(page)) if page.exists() else {}
    names = fuzz_target_names(root)
    for name in sorted(set(described) - set(names)):
        yield f"fuzz/targets.json: there is no fuzz/{name}_fuzz.cc"
    for name in names:
        target = described.get(name)
        if target is None:
            yield f"fuzz/targets.json: {name} is missing; add what it covers and a planted bug"
            continue
        for source in target["covers"]:
            if not (root / source).exists():
                yield f"fuzz/targets.json: {name} covers {source}, which does not exist"
        bug = target["planted"]
        source = root / bug["file"]
        count = read(source).count(bug["find"]) if source.exists() else 0
        if count != 1:
            yield (f"fuzz/targets.json: {bug['file']} holds the line to break for {name} "
                   f"{count} times; it must be there once")


RULES = {
    "file sizes": file_sizes,
    "line width": line_width,
    "function sizes": function_sizes,
    "class sizes": class_sizes,
    "type names": type_names,
    "thread primitives": thread_primitives,
    "banned constructs": banned_constructs,
    "unfinished marks": unfinished_marks,
    "own header first": own_header_first,
    "header guard": header_guard,
    "one title per page": one_title,
    "links resolve": links_resolve,
    "machine paths": machine_paths,
    "fuzz targets": fuzz_targets,
}


def problems(root):
    files = project_files(root)
    for rule in RULES.values():
        yield from rule(root, files)


if __name__ == "__main__":
    found = list(problems(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
    print("\n".join(found) if found else "house rules: no problem")
    sys.exit(1 if found else 0)
