#!/usr/bin/env python3
"""Every proof that docs/proofs.md names must exist.

In the second column of its tables each code span is a proof:
  `Suite.Name`    a gtest case in tests/        `node: title`   a node test in tests/ or clients/
  `prove: name`   a script in tools/prove/      `fuzz: name`    a target in fuzz/
  `tidy: name`    a Python test method in tests/
"""
import pathlib
import re
import sys


def sources(root, pattern):
    paths = [p for folder in ("tests", "clients") for p in sorted((root / folder).rglob(pattern))]
    return "\n".join(p.read_text(errors="replace") for p in paths
                     if "node_modules" not in p.parts)


def gtest_names(root):
    text = sources(root, "*.cc")
    return {f"{suite}.{name}" for suite, name in re.findall(
        r"^\s*(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", text, re.M)}


def node_titles(root):
    text = sources(root, "*.mjs")
    return {title for _, title in re.findall(
        r"\b(?:test|testOfOneNode|it)(?:\.\w+)?\(\s*(['\"`])(.*?)\1\s*,", text)}


def known_proofs(root):
    prove = root / "tools" / "prove"
    return {
        "gtest": gtest_names(root),
        "node": node_titles(root),
        "prove": {p.name for p in prove.iterdir() if p.is_file()} if prove.is_dir() else set(),
        "fuzz": {p.name[:-len("_fuzz.cc")] for p in (root / "fuzz").glob("*_fuzz.cc")},
        "tidy": set(re.findall(r"def (test_\w+)", sources(root, "*_test.py"))),
    }


def problems(root):
    page = root / "docs" / "proofs.md"
    if not page.exists():
        return
    known = known_proofs(root)
    for number, line in enumerate(page.read_text().splitlines(), 1):
        cells = line.split("|")
        if len(cells) < 4 or re.fullmatch(r"[\s|:-]+", line) or cells[2].strip() == "proof":
            continue
        spans = re.findall(r"`([^`]+)`", cells[2])
        if not spans:
            yield f"docs/proofs.md:{number}: the promise has no proof in the second column"
        for span in spans:
            kind, _, name = span.partition(": ")
            if not name:
                kind, name = "gtest", span
            if name not in known.get(kind, set()):
                yield f"docs/proofs.md:{number}: there is no {kind} proof '{name}'"


if __name__ == "__main__":
    found = list(problems(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
    print("\n".join(found) if found else "proofs: no problem")
    sys.exit(1 if found else 0)
