"""check_proofs accepts proofs that exist and names those that do not."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from tree import TreeTest  # noqa: E402

import check_proofs  # noqa: E402

PAGE = "# Proofs\n\n| promise | proof |\n| --- | --- |\n| it works | {} |\n"


class ProofsTest(TreeTest):
    def setUp(self):
        super().setUp()
        self.write("tests/hub/channel_test.cc", "TEST_F(ChannelTest, LastLeaveFires) {}\n")
        self.write("tests/e2e/a.test.mjs", "test('it connects', async () => {});\n")
        self.write("clients/js/tests/b.test.mjs", "test('it decodes', async () => {});\n")
        self.write("tests/tidy/a_test.py", "def test_layers(self): pass\n")
        self.write("tools/prove/fresh", "#!/bin/sh\n")
        self.write("fuzz/ws_frame_fuzz.cc", "")

    def problems(self, proofs):
        self.write("docs/proofs.md", PAGE.format(proofs))
        return list(check_proofs.problems(self.root))

    def test_proofs_of_every_kind_are_found(self):
        self.assertEqual(self.problems(
            "`ChannelTest.LastLeaveFires`, `node: it connects`, `node: it decodes`, `prove: fresh`, "
            "`fuzz: ws_frame`, `tidy: test_layers`"), [])

    def test_missing_proofs_are_named(self):
        for proof in ("ChannelTest.Gone", "node: gone", "prove: gone", "fuzz: gone", "tidy: gone"):
            found = self.problems(f"`{proof}`")
            self.assertEqual(len(found), 1, found)
            self.assertIn("docs/proofs.md:5", found[0])

    def test_promise_without_a_proof(self):
        self.assertIn("no proof", self.problems("none")[0])


if __name__ == "__main__":
    unittest.main()
