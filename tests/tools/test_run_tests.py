"""tools/run_tests.py: what it reads out of test programs, and when it calls a step failed."""

import sys
import unittest
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import run_tests  # noqa: E402

GTEST = """[==========] 4 tests from 1 test suite ran. (3 ms total)
[  PASSED  ] 2 tests.
[  SKIPPED ] 1 test, listed below:
[  SKIPPED ] SocketTest.ReachesIpv6
[  FAILED  ] 1 test, listed below:
[  FAILED  ] ViaTest.TakesIpv6SentBy
"""
PYTEST = """SKIPPED [1] test_ipv6.py:9: no IPv6 on this machine
========= 1 failed, 12 passed, 1 skipped, 2 warnings in 3.21s =========
"""


class CaseCountsTest(unittest.TestCase):
    def test_forms_of_a_summary(self):
        for description, output, expected in (
                ("GoogleTest", GTEST, Counter(passed=2, skipped=1, failed=1)),
                ("pytest", PYTEST, Counter(passed=12, skipped=1, failed=1)),
                ("pytest -q", "3 passed in 0.10s\n", Counter(passed=3)),
                ("unittest", "Ran 5 tests in 0.2s\n\nOK (skipped=2)\n",
                 Counter(passed=3, skipped=2)),
                ("unittest, failed", "Ran 5 tests in 0.2s\n\nFAILED (failures=1, errors=1)\n",
                 Counter(passed=3, failed=2)),
                ("another program", "fine\n", Counter())):
            with self.subTest(description):
                self.assertEqual(expected, run_tests.case_counts(output))


class CountCasesTest(unittest.TestCase):
    def row_of(self, status: str, output: str) -> run_tests.Row:
        suite = ElementTree.Element("testsuite")
        test = ElementTree.SubElement(suite, "testcase", name="a", status=status)
        ElementTree.SubElement(test, "system-out").text = output
        row = run_tests.Row("unit", "dev", 60)
        run_tests.count_cases(row, suite)
        return row

    def test_silent_program_is_one_case(self):
        self.assertEqual(Counter(passed=1), self.row_of("run", "fine").counts)
        self.assertEqual(Counter(failed=1), self.row_of("fail", "crashed").counts)

    def test_failure_after_the_last_case_counts(self):
        self.assertEqual(1, self.row_of("fail", "[  PASSED  ] 7 tests.\n").counts["failed"])

    def test_test_that_did_not_run_is_skipped(self):
        row = self.row_of("notrun", "")
        self.assertEqual(Counter(skipped=1), row.counts)
        self.assertEqual(["a"], row.skipped)

    def test_skipped_cases_are_named(self):
        self.assertEqual(["a: SocketTest.ReachesIpv6"], self.row_of("fail", GTEST).skipped)
        self.assertEqual(["a: [1] test_ipv6.py:9: no IPv6 on this machine"],
                         self.row_of("fail", PYTEST).skipped)


class VerdictTest(unittest.TestCase):
    def test_budget(self):
        for seconds, failed, expected in ((60, 0, "ok"), (61, 0, "over budget"),
                                          (120, 0, "over budget"),
                                          (121, 0, "FAILED: over 2 x budget"), (1, 1, "FAILED")):
            with self.subTest(seconds=seconds, failed=failed):
                row = run_tests.Row("unit", "dev", 60, seconds, Counter(failed=failed))
                self.assertEqual(expected, row.verdict)

    def test_quick_is_part_of_the_plan(self):
        self.assertLessEqual(set(run_tests.QUICK), {step.label for step in run_tests.PLAN})


if __name__ == "__main__":
    unittest.main()
