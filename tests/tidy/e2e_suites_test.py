"""tests/e2e/suites.json lists every end-to-end suite once, with a reason where it is of one node."""
import json
import pathlib
import unittest

E2E = pathlib.Path(__file__).resolve().parent.parent / "e2e"


class E2eSuitesTest(unittest.TestCase):
    def setUp(self):
        self.lists = json.loads((E2E / "suites.json").read_text())

    def test_every_suite_is_of_one_node_or_of_three(self):
        listed = [*self.lists["three nodes"], *self.lists["one node"]]
        there = [path.name[:-len(".test.mjs")] for path in E2E.glob("*.test.mjs")]
        self.assertEqual(sorted(listed), sorted(there))

    def test_who_is_left_out_has_a_reason(self):
        for suite, reason in self.lists["one node"].items():
            self.assertGreater(len(reason), 10, suite)

    def test_the_short_list_is_a_part_of_the_whole(self):
        self.assertLessEqual(set(self.lists["three nodes, in short"]),
                             set(self.lists["three nodes"]))


if __name__ == "__main__":
    unittest.main()
