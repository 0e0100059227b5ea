"""The table of docs/metrics.md has the metrics of the code, each with what the code says of it."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NAME = r"\"(millrace_[a-z0-9_]+)\""


def exported():
    """All names, and name -> its help text, which stands behind it"""
    names, found = set(), {}
    for path in sorted((ROOT / "src").rglob("*.*")):
        if path.suffix not in (".cc", ".h"):
            continue
        text = re.sub(r"\"\s*\n\s*\"", "", path.read_text())
        names |= set(re.findall(NAME, text))
        found |= dict(re.findall(NAME + r",\s*\"([^\"]+)\"", text))
    return names, found


def table():
    return dict(re.findall(r"^\| `(millrace_\w+)` \| (.+) \|$",
                           (ROOT / "docs/metrics.md").read_text(), re.M))


class MetricsPageTest(unittest.TestCase):
    maxDiff = None

    def test_every_metric_says_what_it_is(self):
        names, found = exported()
        self.assertGreater(len(found), 100)
        self.assertEqual(sorted(names - set(found)), [])

    def test_the_page_has_the_metrics_of_the_code(self):
        rows = [f"| `{name}` | {text} |" for name, text in sorted(exported()[1].items())]
        shown = [f"| `{name}` | {text} |" for name, text in table().items()]
        self.assertEqual(shown, rows, "\ndocs/metrics.md should have these rows:\n"
                         + "\n".join(sorted(set(rows) - set(shown))))


if __name__ == "__main__":
    unittest.main()
