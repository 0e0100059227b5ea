#!/usr/bin/env python3
"""Turns files into one C++ source: embed.py OUT.cc NAME=FILE...

The source defines mr::demo::embedded_files() (src/demo/embedded.h), in the order given.
"""
import sys


def array(data):
    lines = []
    for start in range(0, len(data), 24):
        lines.append(",".join(str(byte) for byte in data[start:start + 24]))
    return ",\n".join(lines)


def main(out, pairs):
    parts = ['#include "demo/embedded.h"\n\nnamespace mr::demo {\nnamespace {\n']
    rows = []
    for index, pair in enumerate(pairs):
        name, path = pair.split("=", 1)
        with open(path, "rb") as file:
            data = file.read()
        if not data:
            sys.exit(f"embed: {path} is empty; an embedded file needs content")
        parts.append(f"const unsigned char kFile{index}[] = {{\n{array(data)}}};\n")
        rows.append(f'    {{"{name}", kFile{index}, {len(data)}}},\n')
    parts.append("const EmbeddedFile kFiles[] = {\n" + "".join(rows) + "};\n")
    parts.append("}  // namespace\n\nstd::span<const EmbeddedFile> embedded_files() { return kFiles; }\n")
    parts.append("\n}  // namespace mr::demo\n")
    with open(out, "w", encoding="ascii") as file:
        file.write("".join(parts))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
