"""Each house rule passes good code and catches a planted violation."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from tree import TreeTest  # noqa: E402

import house_rules  # noqa: E402

GOOD_HEADER = """#pragma once

#include "base/result.h"

namespace mr::hub {

// A class with two public methods.
class Channel {
 public:
  explicit Channel(int limit) : limit_(limit) {}
  void join(int a, int b);
  int size() const { return limit_; }

 private:
  int limit_;
};

}  // namespace mr::hub
"""


class RulesTest(TreeTest):
    def setUp(self):
        super().setUp()
        self.write("src/hub/channel.h", GOOD_HEADER)
        self.write("src/hub/channel.cc", '#include "hub/channel.h"\n')

    def check(self, rule):
        return list(house_rules.RULES[rule](self.root, house_rules.project_files(self.root)))

    def assert_caught(self, rule, *parts):
        found = self.check(rule)
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    def plant(self, line, path="src/hub/bad.cc"):
        self.write(path, line + "\n")

    def test_good_tree_passes_every_rule(self):
        self.write("docs/page.md", "# One\n\n[here](#one) and [there](../README.md)\n")
        self.write("README.md", "# Title\n")
        self.assertEqual(list(house_rules.problems(self.root)), [])

    def test_typescript_of_the_packages(self):
        path = "clients/js/src/bad.ts"
        self.write("clients/js/dist/bad.d.ts", "class Manager {}\n" * 900)
        self.write("clients/js/src/good.ts", "export class Chains<T> {\n  put(key: string) {}\n}\n")
        for rule in ("file sizes", "line width", "function sizes", "type names"):
            self.assertEqual(self.check(rule), [])
        self.plant("// " + "x" * 100, path)
        self.assert_caught("line width", "bad.ts:1", "103 columns")
        self.plant("let a = 1;\n" * 800, path)
        self.assert_caught("file sizes", "bad.ts", "801 lines")
        self.plant("export class A {\n  put(a: number): void {\n" + "    go();\n" * 70 + "  }\n}", path)
        self.assert_caught("function sizes", "bad.ts:2", "put has 72 lines")
        self.plant("function f(a: A, b: B, c: C, d: D, e: E, g: G): void {\n}", path)
        self.assert_caught("function sizes", "bad.ts:1", "takes 6 parameters")
        for name in ("class DeltaManager implements A {", "interface DeltaInfo {", "type DataKind = 1;"):
            self.plant(name, path)
            self.assert_caught("type names", "bad.ts:1")
        self.plant("let a = 1; // TO" "DO", path)
        self.assert_caught("unfinished marks", "bad.ts:1")

    def test_long_header(self):
        self.plant("int a;\n" * 300, "src/hub/big.h")
        self.assert_caught("file sizes", "src/hub/big.h", "301 lines")

    def test_long_source(self):
        self.plant("int a;\n" * 800)
        self.assert_caught("file sizes", "801 lines")

    def test_long_test(self):
        self.plant("int a;\n" * 900, "tests/hub/channel_test.cc")
        self.assertEqual(self.check("file sizes"), [])
        self.plant("int a;\n" * 1000, "tests/hub/channel_test.cc")
        self.assert_caught("file sizes", "a test has at most 1000")

    def test_wide_line(self):
        self.plant("// " + "a" * 98)
        self.assert_caught("line width", "src/hub/bad.cc:1", "101 columns")

    def test_wide_raw_literal_and_address_pass(self):
        self.plant('auto a = R"(' + "a" * 120 + ')";\n// https://example.com/' + "a" * 100)
        self.assertEqual(self.check("line width"), [])

    def test_long_function(self):
        self.plant("void run() {\n" + "  a();\n" * 69 + "}")
        self.assert_caught("function sizes", "src/hub/bad.cc:1", "run has 71 lines")

    def test_function_of_seventy_lines_passes(self):
        self.plant("void run() {\n" + "  a();\n" * 68 + "}")
        self.assertEqual(self.check("function sizes"), [])

    def test_long_method_inside_a_class_and_namespace(self):
        self.plant("namespace mr {\nclass A {\n public:\n  A(int a) : a_(a) {\n"
                   + "    b({1, 2});\n" * 80 + "  }\n};\n}")
        self.assert_caught("function sizes", "src/hub/bad.cc:4", "A has 82 lines")

    def test_table_is_no_function(self):
        self.plant("const Row kRows[] = {\n" + "  {name(1), 2},\n" * 90 + "};")
        self.assertEqual(self.check("function sizes"), [])

    def test_braces_in_literals_do_not_count(self):
        self.plant("void run() { print(\"{\"); print('{'); }\nvoid next() {}")
        self.assertEqual(self.check("function sizes"), [])

    def test_six_parameters(self):
        self.plant("void run(int a, Map<int, int> b, int c, int d, int e) {}")
        self.assertEqual(self.check("function sizes"), [])
        self.plant("void run(int a, Map<int, int> b, int c, int d, int e, int f) {}")
        self.assert_caught("function sizes", "takes 6 parameters")

    def test_sixteen_public_methods(self):
        methods = "".join(f"  void m{i}();\n" for i in range(16))
        self.plant("class Big {\n public:\n" + methods + "};")
        self.assert_caught("class sizes", "Big has 16 public methods")

    def test_private_and_overriding_methods_do_not_count(self):
        methods = "".join(f"  void m{i}();\n" for i in range(16))
        overrides = "".join(f"  void o{i}() override;\n" for i in range(16))
        self.plant("class Big {\n public:\n" + overrides + "\n private:\n" + methods + "};")
        self.assertEqual(self.check("class sizes"), [])

    def test_waiver_with_a_reason(self):
        methods = "".join(f"  void m{i}();\n" for i in range(16))
        waiver = "// rule-waiver(class sizes): the one seam of its kind.\n"
        self.plant(waiver + "class Big {\n public:\n" + methods + "};")
        self.assertEqual(self.check("class sizes"), [])

    def test_banned_type_names(self):
        for text in ("class ChannelManager {", "struct UserData;", "using HubBase = int;",
                     "enum class InfoKind {"):
            self.plant(text)
            self.assertEqual(len(self.check("type names")), 1, text)

    def test_words_that_only_contain_a_banned_one_pass(self):
        self.plant("class Database {\nstruct Baseline;\nvoid set_data(UserData* d);")
        self.assertEqual(self.check("type names"), [])

    def test_mutex_above_the_plumbing(self):
        self.plant("std::mutex m;")
        self.assert_caught("thread primitives", "src/hub/bad.cc:1", "std::mutex")

    def test_mutex_in_net_and_in_tests_passes(self):
        self.plant("std::mutex m;", "src/net/loop.cc")
        self.plant("std::thread t;", "tests/hub/a_test.cc")
        self.plant("// std::mutex in a comment")
        self.assertEqual(self.check("thread primitives"), [])

    def test_banned_constructs(self):
        for text in ("thread_local int a;", "throw 1;", "std::this_thread::sleep_for(1s);",
                     "if (secret == other) {}", "if (given != app.signature) {}",
                     "return a.secret() == b;", "#include <iostream>"):
            self.plant(text)
            self.assertEqual(len(self.check("banned constructs")), 1, text)

    def test_harmless_comparisons_pass(self):
        self.plant("if (secret.size() == 3 || code == Errc::kBadSignature) {}\n"
                   "if (signature == nullptr || n == signature.size()) {}")
        self.assertEqual(self.check("banned constructs"), [])

    def test_unfinished_marks(self):
        self.plant("// TO" "DO: later")
        self.assert_caught("unfinished marks", "src/hub/bad.cc:1")

    def test_own_header_comes_first(self):
        self.plant('#include <vector>\n#include "hub/channel.h"', "src/hub/channel.cc")
        self.assert_caught("own header first", "src/hub/channel.cc")

    def test_header_without_guard(self):
        self.plant("int a;", "src/hub/a.h")
        self.assert_caught("header guard", "src/hub/a.h")

    def test_two_titles(self):
        self.write("docs/a.md", "# One\n\n```\n# not a title\n```\n\n# Two\n")
        self.assert_caught("one title per page", "docs/a.md", "2 first-level titles")

    def test_dead_link(self):
        self.write("docs/a.md", "# One\n\n[x](nowhere.md)\n")
        self.assert_caught("links resolve", "docs/a.md:3", "nowhere.md")

    def test_dead_anchor(self):
        self.write("docs/a.md", "# One\n\n[x](#two) [y](#one) [z](https://example.com/#q)\n")
        self.assert_caught("links resolve", "no heading #two")

    def test_machine_path(self):
        self.plant("// see /ho" "me/someone/notes")
        self.assert_caught("machine paths", "src/hub/bad.cc:1")

    def test_fuzz_targets_are_described_and_their_bugs_fit(self):
        self.write("fuzz/hub_fuzz.cc", "")
        self.assert_caught("fuzz targets", "hub is missing")
        bug = {"file": "src/hub/channel.cc", "find": "hub/channel.h", "replace": "x"}
        self.write("fuzz/targets.json", json.dumps(
            {"hub": {"covers": ["src/hub/channel.cc"], "seeds": [], "planted": bug}}))
        self.assertEqual(self.check("fuzz targets"), [])
        self.write("src/hub/channel.cc", "")
        self.assert_caught("fuzz targets", "0 times")


if __name__ == "__main__":
    unittest.main()
