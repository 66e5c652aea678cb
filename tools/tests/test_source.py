# SPDX-License-Identifier: Apache-2.0
"""The reader of C++ text: what counts as code."""

import subprocess
import unittest

from checks import source

from .tree import TreeTest


class CodeOnly(unittest.TestCase):
    def test_comments_and_literals_are_blanked_in_place(self):
        text = 'int a; // std::mutex\nauto s = "} // no"; /* x\n y */ char c = \'{\';\n'
        code = source.code_only(text)
        self.assertEqual(len(code), len(text))
        self.assertEqual(code.count("\n"), text.count("\n"))
        for gone in ("mutex", "}", "//", "{", "y"):
            self.assertNotIn(gone, code)
        self.assertIn("char c", code)

    def test_digit_separators_do_not_open_a_literal(self):
        self.assertEqual(source.code_only("x = 0xFFFF'FFFFull; y = 1'000; { }"), "x = 0xFFFF'FFFFull; y = 1'000; { }")

    def test_raw_strings_end_at_their_own_mark(self):
        code = source.code_only('f(R"x( " )" } )x"); g();')
        self.assertNotIn("}", code)
        self.assertIn("g();", code)

    def test_escaped_quotes_stay_inside(self):
        self.assertIn("after", source.code_only(r'"a\"b{" after'))
        self.assertNotIn("{", source.code_only(r'"a\"b{" after'))

    def test_a_directive_goes_with_its_continuations(self):
        code = source.without_directives("#define X { \\\n  {\nint y;\n")
        self.assertNotIn("{", code)
        self.assertIn("int y;", code)

    def test_includes_have_their_line_and_kind_and_comments_do_not_count(self):
        text = '// #include "no/a.hpp"\n#include "base/a.hpp"\n  # include <vector>\n'
        self.assertEqual(source.includes(text), [(2, "base/a.hpp", True), (3, "vector", False)])


class ListFiles(TreeTest):
    def test_without_git_build_output_is_left_out(self):
        for path in ("src/a.cpp", "build/release/b.cpp", "tools/__pycache__/c.pyc"):
            self.write(path)
        self.assertEqual(source.list_files(self.root), ["src/a.cpp"])

    def test_with_git_new_files_count_and_ignored_ones_do_not(self):
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)
        self.write(".gitignore", "out/\n")
        self.write("src/new.cpp")
        self.write("out/x.cpp")
        self.assertEqual(source.list_files(self.root), [".gitignore", "src/new.cpp"])
