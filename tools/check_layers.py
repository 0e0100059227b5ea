#!/usr/bin/env python3
"""Keeps the folders of src/ in layers.

Reads the `mr_library(name ... DEPS ...)` calls of src/**/CMakeLists.txt and the #include lines.
A folder may declare only what ALLOWED grants it, may include only what it declares (directly or
through a declared dependency), and the declarations have no cycle.
"""
import pathlib
import re
import sys

# The upper bound for each folder. "*" is everything.
ALLOWED = {
    "base": "",
    "crypto": "base",
    "model": "base",
    "json": "base",
    "filter": "base model json",
    "delta": "base model json",
    "observability": "base",
    "net": "base observability",
    "net_sim": "base observability net",
    "tls": "base net observability",
    "http": "base crypto net observability",
    "ws": "base crypto http net observability",
    "pusher": "base crypto model json",
    "channel": "base model pusher delta filter observability",
    "hub": "base model pusher delta filter channel observability",
    "client": "base crypto model json delta net http ws pusher",
    "cluster": "base crypto model json net delta channel observability",
    "cluster_memory": "base net cluster",
    "cluster_redis": "base net observability tls cluster",
    "cluster_nats": "base crypto json net tls cluster",
    "session": "base model json net http ws pusher delta filter channel hub observability",
    "api": "base crypto model json http pusher channel observability",
    "admin": "base crypto model json http channel observability api",
    "config": "base model json",
    "demo": "base crypto model json http pusher client",
    "cli": "base crypto model json delta net http client config",
    "app": "*",
}
# config fills the Options of every folder and may see nothing else of them.
OPTIONS_READER = "config"


def declarations(root):
    """{library: (path of the CMakeLists.txt, [dependency])}"""
    found = {}
    for path in sorted((root / "src").rglob("CMakeLists.txt")):
        text = re.sub(r"#.*", "", path.read_text())
        for name, body in re.findall(r"mr_library\(\s*(\w+)([^)]*)\)", text):
            deps = re.search(r"\bDEPS\b(.*?)(?=\bSRCS\b|\bLIBS\b|$)", body, re.S)
            found[name] = (path, deps.group(1).split() if deps else [])
    return found


def library_of(parts, libraries):
    """The library a path below src/ belongs to: src/net/sim/x.h is net_sim or sim if declared."""
    for depth in range(len(parts) - 1, 0, -1):
        for name in ("_".join(parts[:depth]), parts[depth - 1]):
            if name in libraries and (depth > 1 or name == parts[0]):
                return name
    return parts[0]


def closure(name, libraries, seen=None):
    seen = set() if seen is None else seen
    for dep in libraries.get(name, (None, []))[1]:
        if dep not in seen:
            seen.add(dep)
            closure(dep, libraries, seen)
    return seen


def cycles(libraries):
    for name in sorted(libraries):
        if name in closure(name, libraries):
            yield f"src/{name}: depends on itself through its DEPS; break the cycle"


def declaration_problems(root, libraries):
    for name, (path, deps) in sorted(libraries.items()):
        where = path.relative_to(root)
        if name not in ALLOWED:
            yield f"{where}: '{name}' is not in the table of tools/check_layers.py; add its row"
            continue
        for dep in deps:
            if dep not in libraries:
                yield f"{where}: '{name}' names the dependency '{dep}', which does not exist"
            elif ALLOWED[name] != "*" and dep not in ALLOWED[name].split():
                yield f"{where}: '{name}' may not depend on '{dep}' (allowed: {ALLOWED[name]})"


def include_problems(root, libraries):
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in (".h", ".cc"):
            continue
        own = library_of(path.relative_to(root / "src").parts, libraries)
        reachable = closure(own, libraries)
        granted = ALLOWED.get(own, "*")
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            where = f"{path.relative_to(root)}:{number}"
            target = pathlib.PurePath(match.group(1))
            if len(target.parts) < 2:
                yield f'{where}: "{target}" is not of the form "folder/file.h"'
                continue
            other = library_of(target.parts, libraries)
            if other == own or (own == OPTIONS_READER and target.name == "options.h"):
                continue
            if granted != "*" and other not in granted.split():
                yield f"{where}: {own} may not include {other} ({target})"
            elif own in libraries and other in libraries and other not in reachable:
                yield f"{where}: {own} includes {other} ({target}) without naming it in DEPS"


def problems(root):
    libraries = declarations(root)
    yield from declaration_problems(root, libraries)
    yield from cycles(libraries)
    yield from include_problems(root, libraries)


if __name__ == "__main__":
    found = list(problems(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
    print("\n".join(found) if found else "layers: no problem")
    sys.exit(1 if found else 0)
