# SPDX-License-Identifier: Apache-2.0
"""The check of the arrows: each kind of rule has a case that breaks it and one that does not."""

import unittest
from pathlib import Path

from checks import layers, source

from .tree import TreeTest

RULES = """
base =
broker = base
protocols = base broker/api*
protocols/* = base broker/api* protocols/http protocols/session.hpp
server = *
forbid include mutex boost/asio* in base broker : threads live elsewhere
forbid code ::now\\s*\\( in broker : time is handed in
forbid word amqp kafka in broker : no protocol by name
"""


class Arrows(TreeTest):
    def found(self, path, text):
        self.write("src/" + path, text)
        findings, _ = layers.check(self.root, layers.parse_rules(RULES))
        return [f.text for f in findings]

    def test_down_is_allowed_and_up_is_not(self):
        self.assertEqual(self.found("broker/a.cpp", '#include "base/x.hpp"\n'), [])
        self.assertIn("broker/ must not include server/main.hpp", self.found("broker/b.cpp", '#include "server/main.hpp"\n')[0])

    def test_the_own_folder_is_always_allowed(self):
        self.assertEqual(self.found("broker/a.cpp", '#include "broker/x.hpp"\n#include "broker/routing/y.hpp"\n'), [])

    def test_a_folder_without_a_line_is_an_error(self):
        self.assertIn("has no line for new/", self.found("new/a.cpp", "")[0])

    def test_protocols_see_only_the_face_of_the_broker(self):
        ok = '#include "broker/api.hpp"\n#include "broker/api_types.hpp"\n#include "broker/api/x.hpp"\n'
        self.assertEqual(self.found("protocols/one/a.cpp", ok), [])
        self.assertEqual(len(self.found("protocols/one/a.cpp", '#include "broker/queue.hpp"\n')), 1)

    def test_protocols_never_include_each_other_but_http(self):
        self.assertEqual(self.found("protocols/one/a.cpp", '#include "protocols/http/f.hpp"\n#include "protocols/one/b.hpp"\n'), [])
        self.assertEqual(len(self.found("protocols/one/a.cpp", '#include "protocols/two/b.hpp"\n')), 1)

    def test_what_all_protocols_share_knows_none_of_them(self):
        self.assertEqual(self.found("protocols/session.hpp", '#include "protocols/sniff.hpp"\n'), [])
        self.assertEqual(len(self.found("protocols/session.hpp", '#include "protocols/one/b.hpp"\n')), 1)

    def test_the_server_may_include_everything(self):
        self.assertEqual(self.found("server/a.cpp", '#include "broker/q.hpp"\n#include "protocols/one/b.hpp"\n'), [])

    def test_includes_start_at_the_root(self):
        self.assertIn("include from the root", self.found("base/a.cpp", '#include "x.hpp"\n')[0])
        self.assertIn('without ".."', self.found("base/a.cpp", '#include "base/../broker/x.hpp"\n')[0])

    def test_angle_brackets_do_not_hide_an_own_header(self):
        self.write("src/server/main.hpp")
        self.assertEqual(len(self.found("broker/a.cpp", "#include <server/main.hpp>\n")), 1)

    def test_a_system_header_with_the_name_of_a_folder_is_no_arrow(self):
        self.assertEqual(self.found("base/a.cpp", "#include <server/socket.h>\n"), [])


class Forbidden(TreeTest):
    def found(self, path, text):
        self.write("src/" + path, text)
        return [str(f) for f in layers.check(self.root, layers.parse_rules(RULES))[0]]

    def test_headers(self):
        self.assertEqual(self.found("broker/a.cpp", "#include <vector>\n\n#include <mutex>\n"),
                         ["src/broker/a.cpp:3: `<mutex>` is forbidden here: threads live elsewhere"])
        self.assertEqual(len(self.found("broker/a.cpp", "#include <boost/asio/ip/tcp.hpp>\n")), 1)

    def test_headers_are_free_where_no_rule_says_otherwise_and_in_tests(self):
        self.assertEqual(self.found("server/a.cpp", "#include <mutex>\n"), [])
        self.assertEqual(self.found("broker/a_test.cpp", "#include <mutex>\n"), [])

    def test_code_but_not_comments_or_strings(self):
        self.assertEqual(len(self.found("broker/a.cpp", "auto t = steady_clock::now();\n")), 1)
        self.assertEqual(self.found("broker/a.cpp", '// steady_clock::now()\nauto s = "x::now()";\n'), [])

    def test_words_anywhere_in_any_case_and_in_names(self):
        self.assertEqual(len(self.found("broker/a.cpp", "// as AMQP says\nint kafka_id;\n")), 2)
        self.assertIn("src/broker/amqp_queue.cpp:1:", "\n".join(self.found("broker/amqp_queue.cpp", "")))


class Rules(unittest.TestCase):
    def test_a_line_that_says_nothing_is_refused_with_its_number(self):
        for text in ("\nbase: sys\n", "\nforbid mutex in base\n", "\nforbid code ( in base : why\n"):
            with self.assertRaisesRegex(layers.RulesError, "line 2"):
                layers.parse_rules(text)

    def test_a_line_may_go_on(self):
        rules = layers.parse_rules("a = b \\\n   c\nforbid include x \\\n in a : why\n")
        self.assertEqual(rules.arrows, [("a", ["b", "c"])])
        self.assertEqual(rules.forbidden[0].folders, ("a",))

    def test_ours_can_be_read_and_stop_the_obvious(self):
        root = Path(__file__).resolve().parents[2]
        rules = layers.parse_rules(source.read(root, "tools/layers.txt"))
        for path, text in (("base/a.cpp", '#include "sys/a.hpp"\n'), ("record/a.cpp", '#include "storage/a.hpp"\n'),
                           ("broker/a.cpp", '#include "storage/a.hpp"\n'), ("storage/a.cpp", '#include "broker/a.hpp"\n'),
                           ("protocols/one/a.cpp", '#include "sys/a.hpp"\n'), ("runtime/a.cpp", '#include "protocols/one/a.hpp"\n'),
                           ("runtime/a.cpp", '#include "server/a.hpp"\n'), ("cli/a.cpp", '#include "server/a.hpp"\n')):
            self.assertEqual(len(layers.check_arrows(path, text, rules, set())), 1, (path, text))
        for path, text in (("broker/a.cpp", "#include <thread>\n"), ("storage/a.cpp", "x = clock_gettime(y);\n"),
                           ("runtime/a.cpp", "time(nullptr);\n"), ("storage/a.cpp", "// Kafka\n"),
                           ("protocols/one/a.cpp", "#include <sys/socket.h>\n")):
            self.assertEqual(len(layers.check_forbidden(path, text, rules)), 1, (path, text))
        for ok in ("#include <atomic>\n", "Now Connection::now() const { return core_.now(); }\n", "record.time(x);\n"):
            self.assertEqual(layers.check_forbidden("runtime/a.cpp", ok, rules), [], ok)
        self.assertTrue(layers.check_forbidden("runtime/a.cpp", "auto t = std::chrono::steady_clock::now();\n", rules))
