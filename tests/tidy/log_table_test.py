"""The table of log messages in docs/operations.md is what the code writes, and the other way."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# A call of a Logger with its message, and the fields up to the end of the statement.
CALL = re.compile(r"(?:\blog_?|\blogger_?|\"\w+\"\))\s*\.(trace|debug|info|warn|error)(?:_limited)?\(\s*"
                  r"\"([^\"]+)\"(.*?)\);", re.S)
OWN = re.compile(r"\badd\(Level::k(\w+), \"([^\"]+)\"")
COMPONENT = re.compile(r"\bLogger\(.*?\"(\w+)\"\)|\blog_\([\w.]+, \"(\w+)\"\)|\blogger_\(\w+, \"(\w+)\"\)")


def sources():
    return [path.read_text() for path in sorted((ROOT / "src").rglob("*.*"))
            if path.suffix in (".cc", ".h")]


def written():
    """message -> its level and its fields"""
    found = {}
    for text in sources():
        text = re.sub(r"\"\s*\n\s*\"", "", text)
        for level, message, rest in CALL.findall(text):
            found[message] = (level, set(re.findall(r"\{\"(\w+)\", ", rest)))
    text = (ROOT / "src/observability/log.cc").read_text()
    for level, message in OWN.findall(text):
        found[message] = (level.lower(), {"dropped"} if "dropped" in message else set())
    return found


def table():
    """message -> its level and its fields, and the components"""
    page = (ROOT / "docs/operations.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \| (\w+) \|(.*)\|$", page, re.M)
    return ({message: (level, set(re.findall(r"`(\w+)`", fields)))
             for message, _, level, fields in rows}, {component for _, component, _, _ in rows})


class LogTableTest(unittest.TestCase):
    maxDiff = None

    def test_the_table_is_what_the_code_writes(self):
        self.assertEqual(table()[0], written())

    def test_components_of_the_table_exist(self):
        options = (ROOT / "src/observability/options.h").read_text()
        known = set(re.findall(r'"(\w+)"', re.search(r"kLogComponents = \{(.*?)\}", options, re.S)[1]))
        used = {name for text in sources() for name in
                ("".join(groups) for groups in COMPONENT.findall(text)) if name}
        self.assertLessEqual(used | table()[1], known)
        self.assertIn("session", used)


if __name__ == "__main__":
    unittest.main()
