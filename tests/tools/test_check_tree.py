"""Each rule of tools/check_tree, against a small tree that breaks it and one that keeps it."""

import importlib.machinery
import importlib.util
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check_tree"
sys.dont_write_bytecode = True
LOADER = importlib.machinery.SourceFileLoader("check_tree", str(TOOL))
check_tree = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_tree", LOADER))
sys.modules["check_tree"] = check_tree
LOADER.exec_module(check_tree)

TOP = "// What this is.\n"


def body(lines: int) -> str:
    """A function of that many lines."""
    return "void f() {\n" + "  g();\n" * (lines - 2) + "}\n"


class Tree(unittest.TestCase):
    def findings(self, files: dict[str, str]) -> list:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return check_tree.check(Path(folder))

    def assert_breaks(self, rule: str, files: dict[str, str], *, line: int = 1) -> None:
        found = [(f.rule, f.line) for f in self.findings(files) if f.rule != "tests-mirror"]
        self.assertEqual([(rule, line)], found)

    def assert_clean(self, files: dict[str, str]) -> None:
        self.assertEqual([], [str(finding) for finding in self.findings(files)])


class LayersTest(Tree):
    def test_include_goes_down(self):
        self.assert_clean({"src/net/a.h": TOP + '#include "base/b.h"\n#include "net/c.h"\n'})

    def test_upward_include(self):
        self.assert_breaks("layers", {"src/base/a.h": TOP + '#include "sip/b.h"\n'}, line=2)

    def test_fences(self):
        for one, other in (("net", "sip"), ("sip", "net"), ("proxy", "health"),
                           ("health", "proxy"), ("config", "observe"), ("observe", "config")):
            with self.subTest(layer=one, includes=other):
                files = {f"src/{one}/a.h": TOP + f'#include "{other}/b.h"\n'}
                self.assert_breaks("layers", files, line=2)

    def test_table_has_no_cycle(self):
        for layer, below in check_tree.LAYERS.items():
            for other in below - {layer}:
                self.assertNotIn(layer, check_tree.LAYERS[other], f"{layer} and {other}")

    def test_include_without_layer(self):
        self.assert_breaks("layers", {"src/net/a.h": TOP + '#include "c.h"\n'}, line=2)

    def test_unknown_layer(self):
        self.assert_breaks("layers", {"src/misc/a.h": TOP})

    def test_commented_include_is_none(self):
        self.assert_clean({"src/base/a.h": TOP + '// #include "sip/b.h"\n'})


class LibrariesTest(Tree):
    def test_library_in_its_layer(self):
        includes = "#include <tl/expected.hpp>\n#include <sys/un.h>\n"
        self.assert_clean({"src/base/a.h": TOP + includes})

    def test_library_in_a_foreign_layer(self):
        for what in ("yaml-cpp/yaml.h", "prometheus/registry.h", "spdlog/spdlog.h", "httplib.h",
                     "CLI/CLI.hpp", "nlohmann/json.hpp", "openssl/ssl.h", "systemd/sd-daemon.h",
                     "re2/re2.h", "sodium.h", "xxhash.h"):
            with self.subTest(library=what):
                files = {"src/transport/a.h": TOP + f"#include <{what}>\n"}
                self.assert_breaks("libraries", files, line=2)

    def test_library_in_a_header(self):
        self.assert_breaks("libraries", {"src/config/a.h": TOP + "#include <yaml-cpp/yaml.h>\n"},
                           line=2)

    def test_unknown_library(self):
        self.assert_breaks("libraries", {"src/app/a.h": TOP + "#include <boost/asio.hpp>\n"},
                           line=2)

    def test_library_in_too_many_files(self):
        text = TOP + "#include <yaml-cpp/yaml.h>\n"
        self.assert_breaks("libraries", {f"src/config/{name}.cpp": text for name in "abc"})


class PurityTest(Tree):
    def test_pure_layer_reaches_for_the_world(self):
        for what in ("sys/socket.h", "unistd.h", "thread", "fstream"):
            with self.subTest(include=what):
                files = {"src/sip/a.h": TOP + f"#include <{what}>\n"}
                self.assert_breaks("purity", files, line=2)

    def test_pure_layer_reads_the_clock(self):
        text = TOP + "inline auto f() { return std::chrono::steady_clock::now(); }\n"
        self.assert_breaks("purity", {"src/balance/a.h": text}, line=2)
        self.assert_clean({"src/net/a.h": text})

    def test_lock_on_the_data_path(self):
        text = TOP + "#include <mutex>\n"
        self.assert_breaks("purity", {"src/proxy/a.h": text}, line=2)
        self.assert_clean({"src/observe/a.h": text})


class FunctionLengthTest(Tree):
    def lengths(self, code: str) -> list[int]:
        file = check_tree.File(Path("src/base/a.h"), code)
        return [last - first + 1 for first, last in check_tree.functions(file.code)]

    def test_limit(self):
        self.assert_clean({"src/base/a.h": TOP + body(70)})
        self.assert_breaks("function-length", {"src/base/a.h": TOP + body(71)}, line=2)

    def test_limit_holds_in_tests(self):
        text = TOP + body(71).replace("void f()", "TEST(ATest, Holds)")
        self.assert_breaks("function-length", {"tests/scenario/a.cpp": text}, line=2)

    def test_forms_of_a_function(self):
        for description, code in {
            "in a namespace": "namespace a::b {\nvoid f() {\n}\n}\n",
            "member": "class A : public B {\n public:\n  int f() const override {\n  }\n};\n",
            "template": "template <class T, size_t N>\nclass A {\n  void f() {\n  }\n};\n",
            "trailing return": "auto f() -> std::vector<int> {\n}\n",
            "noexcept": "void f() noexcept(true) {\n}\n",
            "default argument in braces": "void f(Options options = {}) {\n}\n",
            "brace in a string": 'void f() {  // {{{ "\n  g("{", \'{\', R"({{)");}\n',
            "digit separators": "void f() {\n  g(1'000'000);}\n",
            "operator": "bool A::operator==(const A& other) const {\n}\n",
            "conditional code": "#if defined(X) || \\\n  {\n#endif\nvoid f() {\n}\n",
            "loops and lambdas inside": "void f() { for (;;) { g([] { return 1; }); }\n}\n",
        }.items():
            with self.subTest(description):
                self.assertEqual([2], self.lengths(code))

    def test_head_counts(self):
        code = "int x;\n\nA::A(int a,\n     int b)\n    : a_{a}, b_{b} {\n}\n"
        self.assertEqual([4], self.lengths(code))

    def test_values_are_no_functions(self):
        self.assertEqual([], self.lengths(
            "constexpr std::array<Row, 2> kRows = {{\n{1, f(2)},\n{3, 4},\n}};\n"
            "enum class [[nodiscard]] Verdict : uint8_t {\n  A,\n};\n"
            "struct alignas(64) B {\n  int a{\n 1};\n};\n"))

    def test_function_after_a_value(self):
        self.assertEqual([2], self.lengths("int a{1};\nint b[] = {1,\n2};\nvoid f() {\n}\n"))


class NamesTest(Tree):
    def test_empty_names(self):
        for name in ("ConnectionManager", "UriHelper", "StringUtils", "parse_utils", "handleData",
                     "handle_data", "helper_"):
            with self.subTest(name=name):
                self.assert_breaks("names", {"src/base/a.h": TOP + f"int {name};\n"}, line=2)

    def test_names_that_only_look_so(self):
        self.assert_clean({"src/base/a.h": TOP + "int utilisation, Utilisation;  // A manager.\n"})

    def test_file_name(self):
        self.assert_breaks("names", {"src/base/string_utils.h": TOP})


class TextTest(Tree):
    def test_bool_parameter(self):
        for code in ("void f(bool on);", "void f(int a, const bool on);", "void f(bool on = {});"):
            with self.subTest(code):
                self.assert_breaks("bool-parameters", {"src/base/a.h": f"{TOP}{code}\n"}, line=2)

    def test_bool_elsewhere(self):
        self.assert_clean({"src/base/a.h": TOP + "template <class T, bool kOn, class U>\n"
                           "bool f(T a) { if (bool on = a()) return on; return bool(a); }\n"})

    def test_untagged_todo(self):
        self.assert_breaks("todo", {"src/base/a.h": TOP + "// TODO: later\n"}, line=2)
        self.assert_breaks("todo", {"src/base/a.h": TOP + "// FIXME\n"}, line=2)
        self.assert_clean({"src/base/a.h": TOP + "// TODO(perf): measure.\n"})

    def test_line_limit_counts_characters(self):
        self.assert_clean({"src/base/a.h": "// " + "é" * 97 + "\n"})
        self.assert_breaks("lines", {"src/base/a.h": "// " + "x" * 98 + "\n"})

    def test_blanks(self):
        self.assert_breaks("lines", {"src/base/a.h": TOP + "\tint a;\n"}, line=2)
        self.assert_breaks("lines", {"src/base/a.h": TOP + "int a; \n"}, line=2)
        self.assert_breaks("lines", {"src/base/a.h": TOP + "int a;"}, line=2)

    def test_file_length(self):
        self.assert_breaks("file-length", {"tests/support/a.h": TOP + "int a;\n" * 800})

    def test_file_length_aim_is_a_warning(self):
        findings = self.findings({"src/base/a.h": TOP + "int a;\n" * 150})
        self.assertEqual([("file-length", True)], [(f.rule, f.is_warning) for f in findings])

    def test_top_comment(self):
        self.assert_breaks("top-comment", {"src/base/a.h": "#pragma once\n"})
        self.assert_breaks("top-comment", {"tests/support/a.cpp": '#include "base/b.h"\n'})

    def test_header_speaks_for_its_source(self):
        self.assert_clean({"src/base/a.h": TOP, "src/base/a.cpp": '#include "base/a.h"\n',
                           "tests/unit/base/a_test.cpp": '#include "base/a.h"\n'})

    def test_thread_line(self):
        code = "class A {\n};\n"
        self.assert_breaks("thread-line", {"src/base/a.h": TOP + code}, line=2)
        self.assert_clean({"src/base/a.h": TOP + "// Thread:\n// one, the worker.\n" + code})
        self.assert_clean({"src/base/a.h": TOP + "class A;\n"})


class TreeTest(Tree):
    def test_module_without_a_test(self):
        findings = self.findings({"src/base/a.cpp": TOP, "src/app/main.cpp": TOP})
        self.assertEqual([("tests-mirror", "src/base/a.cpp")],
                         [(finding.rule, finding.path) for finding in findings])

    def test_test_without_a_module(self):
        findings = self.findings({"tests/unit/base/a_test.cpp": TOP})
        self.assertEqual(["tests-mirror"], [finding.rule for finding in findings])

    def test_value_of_a_result(self):
        self.assert_breaks("result-value",
                           {"src/net/a.h": TOP + "auto f() { return open().value(); }\n"}, line=2)

    def test_value_of_a_counter(self):
        self.assert_clean({
            "src/net/a.h": TOP + "struct S { Counter lost; CounterArray<Reason> dropped; };\n",
            "src/observe/b.h": TOP + "auto f(S& s) { return s.lost.value() + "
                                     "s.dropped[Reason::Full].value(); }\n",
            "src/observe/c.h": TOP + "auto f(auto counter_of) { return counter_of(1).value(); }\n"})

    def test_open_code_fence(self):
        self.assert_breaks("markdown", {"docs/a.md": "# A\n```yaml\na: 1\n"}, line=2)

    def test_dead_link(self):
        self.assert_breaks("markdown", {"docs/a.md": "[b](../b.md)\n"})
        self.assert_clean({"docs/a.md": "[b](../b.md#c), [c](https://example.com/), [d](#d)\n",
                           "b.md": "# B\n"})


class ProgramTest(Tree):
    def run_on(self, text: str) -> subprocess.CompletedProcess:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "src", "base").mkdir(parents=True)
            Path(folder, "src", "base", "a.h").write_text(text, encoding="utf-8")
            return subprocess.run([TOOL, folder], capture_output=True, text=True, check=False)

    def test_exit_codes(self):
        self.assertEqual(0, self.run_on(TOP).returncode)
        self.assertEqual(0, self.run_on(TOP + "int a;\n" * 150).returncode)  # A warning.
        broken = self.run_on("int a;\n")
        self.assertEqual(1, broken.returncode)
        self.assertIn("src/base/a.h:1: the file does not say what it is [top-comment]",
                      broken.stdout)


if __name__ == "__main__":
    unittest.main()
