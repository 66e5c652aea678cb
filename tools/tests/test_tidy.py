# SPDX-License-Identifier: Apache-2.0
"""The style check: each rule has a case that breaks it and one that does not."""

import unittest

from checks import tidy

from .tree import HEAD, SPDX, TreeTest

TASK = "TO" + "DO"


def texts(findings):
    return [f.text for f in findings]


class OneFile(unittest.TestCase):
    def found(self, text, path="src/base/a.cpp", files=()):
        return texts(tidy.check_file(path, text, set(files)))

    def test_a_good_file_has_no_findings(self):
        self.assertEqual(self.found(HEAD + "int x;\n"), [])

    def test_the_licence_comes_first(self):
        self.assertIn("line 1 must be", self.found("//! What.\nint x;\n")[0])
        self.assertIn("line 1 must be", self.found("", "src/base/empty.cpp")[0])
        self.assertIn("line 2 must be", self.found("#!/usr/bin/env bash\necho\n", "tools/run")[0])
        self.assertIn("line 1 must be", self.found("x = 1\n", "tools/x.py")[0])
        self.assertEqual(self.found("#!/usr/bin/env bash\n# SPDX-License-Identifier: Apache-2.0\n", "tools/run"), [])

    def test_then_a_sentence(self):
        self.assertIn("line 2 must be", self.found(SPDX + "int x;\n")[0])
        self.assertIn("line 2 must be", self.found(SPDX + "//!\n")[0])

    def test_tabs_long_lines_and_open_tasks(self):
        self.assertIn("a tab", self.found(HEAD + "\tint x;\n")[0])
        self.assertIn("141 columns", self.found(HEAD + "/" * 141 + "\n")[0])
        self.assertEqual(self.found(HEAD + "/" * 140 + "\n"), [])
        self.assertIn("without an issue", self.found(HEAD + f"// {TASK} later\n")[0])
        self.assertEqual(self.found(HEAD + f"// {TASK}(#12) later\n"), [])
        self.assertEqual(self.found("# SPDX-License-Identifier: Apache-2.0\nx:\n\ttouch x\n", "Makefile"), [])

    def test_too_many_lines(self):
        self.assertEqual(self.found(HEAD + "\n" * 998), [])
        self.assertIn("1001 lines", self.found(HEAD + "\n" * 999)[0])

    def test_headers_are_guarded(self):
        self.assertEqual(self.found(HEAD + "// why\n#pragma once\nint x;\n", "src/base/a.hpp"), [])
        self.assertIn("#pragma once", self.found(HEAD + "#include <vector>\n#pragma once\n", "src/base/a.hpp")[0])

    def test_the_own_header_comes_first(self):
        files = {"src/base/a.hpp", "src/base/a.cpp"}
        self.assertEqual(self.found(HEAD + '#include "base/a.hpp"\n#include <vector>\n', files=files), [])
        self.assertIn("own header", self.found(HEAD + '#include <vector>\n#include "base/a.hpp"\n', files=files)[0])
        self.assertEqual(self.found(HEAD + "#include <vector>\n", files={"src/base/a.cpp"}), [])
        self.assertEqual(self.found(HEAD + '#include "d/a.hpp"\n', "bench/d/a.cpp", {"bench/d/a.hpp"}), [])
        self.assertIn("own header", self.found(HEAD + '#include "d/ba.hpp"\n', "bench/d/a.cpp", {"bench/d/a.hpp"})[0])


class LongFunctions(unittest.TestCase):
    def long(self, head, before="", after=""):
        """Whether a body of 71 lines is found after `head`, and one of 70 is not."""
        body = head + " {" + "\n    call();" * 68
        self.assertEqual(tidy.long_functions(before + body + "\n}" + after), [], head)
        return [lines for _, lines in tidy.long_functions(before + body + "\n\n}" + after)]

    def test_functions_of_every_shape(self):
        for head in ("int f(int a)", "void X::f() const noexcept", "template <class T, std::size_t N = (1 > 0)>\nauto f(T t) -> int",
                     "TEST(Name, Behaviour)", "X::X(int a) : a_{a}, b_(a)", "static struct in_addr* f(int a)",
                     "const auto f = [](int a)", "[[nodiscard]] bool operator==(const X& o) const"):
            self.assertEqual(self.long(head), [71], head)

    def test_functions_inside_namespaces_and_classes(self):
        self.assertEqual(self.long("void f()", "namespace a::b {\nclass X final : public Y<decltype(z())> {\npublic:\n", "};\n}\n"), [71])
        self.assertEqual(self.long("X()", "template <class T>\nstruct alignas(64) X {\nprivate:\n", "};\n"), [71])

    def test_types_namespaces_and_tables_may_be_long(self):
        for head in ("namespace x", "struct X", "enum class E : std::uint8_t", "class X : public Y", 'extern "C"',
                     "constexpr int table[] ="):
            self.assertEqual(self.long(head), [], head)

    def test_blocks_inside_a_function_are_not_functions(self):
        text = "void f() {\n" + "  if (x) {\n  }\n" * 20 + "}\n"
        self.assertEqual(tidy.long_functions(text), [])

    def test_braces_in_text_and_macros_do_not_count(self):
        self.assertEqual(self.long("void f()", '#define OPEN {\n// {\nauto s = "{";\n'), [71])


class Tables(TreeTest):
    def tree(self, readme):
        self.write("README.md", readme)
        self.write("src/base/a.cpp")
        self.write("src/CMakeLists.txt")
        self.write("tools/x")
        return texts(tidy.check_folder_table(self.root, ["README.md", "src/CMakeLists.txt", "src/base/a.cpp", "tools/x", ".ci/run"]))

    def test_a_true_table_is_silent(self):
        self.assertEqual(self.tree("| folder | is |\n|---|---|\n| `src/base/` | x |\n| `tools/` | y |\n"), [])

    def test_a_missing_row_and_a_stale_row_are_named(self):
        found = self.tree("| `src/base/` | x |\n| `src/gone/` | y |\n")
        self.assertEqual(found, ["the table of folders has no row for `tools/`",
                                 "the table of folders names `src/gone/`, which does not exist"])

    def test_an_index_links_every_page_of_its_folder(self):
        self.write("docs/guide/README.md", "[a](a.md)\n")
        files = ["docs/guide/README.md", "docs/guide/a.md", "docs/guide/b.md"]
        self.assertEqual(texts(tidy.check_indexes(self.root, files)), ["no link to b.md"])


class WholeTree(TreeTest):
    def test_findings_and_notes_come_from_the_files_on_disk(self):
        self.write("README.md", "| `src/base/` | x |\n")
        self.write("src/base/good.cpp", HEAD + "int x;\n")
        self.write("src/base/bad.cpp", "int x;\n")
        self.write("src/base/big.cpp", HEAD + "int x;\n" * 400)
        findings, warnings, files = tidy.check(self.root)
        self.assertEqual([f.path for f in findings], ["src/base/bad.cpp"])
        self.assertEqual(len(warnings), 1)
        self.assertEqual(files, 4)
