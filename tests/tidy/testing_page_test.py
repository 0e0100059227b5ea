"""docs/testing.md names every long proof."""
import pathlib
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class TestingPageTest(unittest.TestCase):
    def test_every_long_proof_is_in_the_page(self):
        page = (ROOT / "docs/testing.md").read_text()
        for script in sorted((ROOT / "tools/prove").iterdir()):
            self.assertIn(f"./dev prove {script.name}", page)


if __name__ == "__main__":
    unittest.main()
