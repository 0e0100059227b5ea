"""check_layers passes a good tree and names the file and line of each planted violation."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from tree import ROOT, TreeTest  # noqa: E402

import check_layers  # noqa: E402


class LayersTest(TreeTest):
    def setUp(self):
        super().setUp()
        self.library("base", "")
        self.library("observability", "base")
        self.library("net", "base observability")
        self.library("json", "base")
        self.library("model", "base")
        self.library("pusher", "base model json")
        self.library("config", "base json")
        self.write("src/base/result.h", "#include <vector>\n")
        self.write("src/net/loop.cc", '#include "net/loop.h"\n#include "base/result.h"\n')
        self.write("src/net/options.h", "")

    def library(self, name, deps, folder=None):
        self.write(f"src/{folder or name}/CMakeLists.txt",
                   f"mr_library({name} SRCS a.cc\n  DEPS {deps} LIBS Threads::Threads)\n")

    def problems(self):
        return list(check_layers.problems(self.root))

    def assert_one(self, *parts):
        found = self.problems()
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    def test_good_tree_passes(self):
        self.assertEqual(self.problems(), [])

    def test_upward_include_is_named_with_its_line(self):
        self.write("src/base/result.h", '#include <vector>\n#include "net/loop.h"\n')
        self.assert_one("src/base/result.h:2", "base may not include net")

    def test_dependency_outside_the_table(self):
        self.library("json", "base net")
        self.assert_one("'json' may not depend on 'net'", "allowed: base")

    def test_include_without_declaration(self):
        self.library("net", "base")
        self.write("src/net/loop.cc", '#include "observability/log.h"\n')
        self.assert_one("src/net/loop.cc:1", "without naming it in DEPS")

    def test_include_through_a_declared_dependency_passes(self):
        self.library("pusher", "json model")
        self.write("src/pusher/decode.cc", '#include "base/result.h"\n')
        self.assertEqual(self.problems(), [])

    def test_cycle(self):
        self.library("base", "observability")
        self.assertTrue(any("depends on itself" in p for p in self.problems()), self.problems())

    def test_unknown_dependency(self):
        self.library("net", "base observability clocks")
        self.assertTrue(any("'clocks', which does not exist" in p for p in self.problems()))

    def test_folder_without_a_row(self):
        self.library("gizmo", "base")
        self.assert_one("'gizmo' is not in the table")

    def test_config_may_read_options_of_any_folder_and_nothing_else(self):
        self.write("src/config/schema.cc", '#include "net/options.h"\n')
        self.assertEqual(self.problems(), [])
        self.write("src/config/schema.cc", '#include "net/loop.h"\n')
        self.assert_one("config may not include net")

    def test_only_config_may_read_options(self):
        self.write("src/model/app.h", '#include "net/options.h"\n')
        self.assert_one("model may not include net")

    def test_subfolder_library_has_its_own_row(self):
        self.library("net_sim", "base net", folder="net/sim")
        self.write("src/net/sim/sim_loop.cc", '#include "net/loop.h"\n')
        self.assertEqual(self.problems(), [])
        self.write("src/net/loop.cc", '#include "net/sim/sim_loop.h"\n')
        self.assert_one("net may not include net_sim")

    def test_include_without_a_folder(self):
        self.write("src/net/loop.cc", '#include "loop.h"\n')
        self.assert_one('not of the form "folder/file.h"')

    def test_this_tree_has_a_row_for_every_folder(self):
        for name in check_layers.declarations(ROOT):
            self.assertIn(name, check_layers.ALLOWED)


if __name__ == "__main__":
    unittest.main()
