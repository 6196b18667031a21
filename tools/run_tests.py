#!/usr/bin/env python3
"""Builds what the tests need, runs them by label, and holds each label to its time budget.

The plan below is the whole of it. Each step is one ctest label in one preset; presets are built
just before their first step, so that the fastest tests speak first. A label without tests, a test
that fails, and a step that takes over twice its budget fail the run; up to that, machines differ,
and the table only says "over budget". What is skipped is printed and counted as skipped.
"""

import argparse
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOLERANCE = 2  # over budget fails from here on
BUILD_BUDGET_S = 480
MEMORY_PER_JOB_KIB = 2_000_000  # of the compiler on our largest file, with room


@dataclass(frozen=True)
class Step:
    label: str
    preset: str
    budget_s: int
    select: tuple[str, ...]  # ctest's arguments
    serial: bool = False     # measures time or load, so nothing runs beside it


PLAN = (
    Step("unit", "dev", 60, ("-L", "^unit$")),
    Step("scenario", "dev", 180, ("-L", "^scenario$")),
    Step("corpus", "dev", 60, ("-L", "^corpus$")),
    Step("functional", "dev", 360, ("-L", "^functional$")),
    Step("tsan", "tsan", 60, ("-R", "^unit_(base|net|transport|health|proxy|observe|app)$")),
    Step("fuzz", "fuzz", 60, ("-L", "^fuzz$")),
    Step("simulation", "release", 120, ("-L", "^simulation$")),
    Step("systemd", "release", 180, ("-L", "^systemd$"), serial=True),
    Step("demo", "release", 60, ("-L", "^demo$"), serial=True),
)
QUICK = ("unit", "scenario")

# What of a preset is built; everything where nothing is said.
TARGETS = {
    "tsan": re.compile(r"unit_(base|net|transport|health|proxy|observe|app)"),
    "fuzz": re.compile(r"fuzz_\w+"),
    "release": re.compile(r"siplbd|siplbctl|siplb-load|udp_forwarder|simulation"),
}


@dataclass
class Row:
    """One line of the table at the end."""
    label: str
    preset: str
    budget_s: int
    seconds: float = 0
    counts: Counter = field(default_factory=Counter)  # passed, failed, skipped
    skipped: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        if self.counts["failed"]:
            return "FAILED"
        if self.seconds > TOLERANCE * self.budget_s:
            return f"FAILED: over {TOLERANCE} x budget"
        return "over budget" if self.seconds > self.budget_s else "ok"


GTEST_LINE = re.compile(r"^\[  (PASSED|FAILED|SKIPPED) +\] (\d+) tests?[.,]", re.M)
PYTEST_LINE = re.compile(r"^(?:=+ )?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s", re.M)
UNITTEST_LINE = re.compile(r"^Ran (\d+) tests? in [^\n]*\n+(?:OK|FAILED)(?: \((.*)\))?$", re.M)
OUTCOMES = {"passed": "passed", "failed": "failed", "failures": "failed", "error": "failed",
            "errors": "failed", "skipped": "skipped"}


def case_counts(output: str) -> Counter:
    """What a test program says of its cases; empty when it says nothing we understand."""
    counts = Counter()
    for outcome, number in GTEST_LINE.findall(output):
        counts[outcome.lower()] += int(number)
    for summary in PYTEST_LINE.findall(output):
        for number, outcome in re.findall(r"(\d+) ([a-z]+)", summary):
            counts[OUTCOMES.get(outcome, "other")] += int(number)
    for total, details in UNITTEST_LINE.findall(output):
        others = Counter()
        for outcome, number in re.findall(r"([a-z]+)=(\d+)", details):
            others[OUTCOMES.get(outcome, "other")] += int(number)
        counts += others + Counter(passed=int(total) - others.total())
    del counts["other"]
    return counts


def count_cases(row: Row, junit: ElementTree.Element) -> None:
    """Adds up ctest's report: the cases of each program, or the program itself as one."""
    for test in junit.iter("testcase"):
        name, status = test.get("name", ""), test.get("status")
        output = test.findtext("system-out") or ""
        counts = case_counts(output)
        if status in ("notrun", "disabled"):
            counts = Counter(skipped=1)
            row.skipped.append(name)
        elif status == "fail":
            counts["failed"] = max(counts["failed"], 1)
        elif not counts:
            counts = Counter(passed=1)
        row.counts += counts
        row.skipped += [f"{name}: {line}" for line in re.findall(
            r"^(?:SKIPPED|\[  SKIPPED \]) (?!\d)(.*)", output, re.M)]


def jobs() -> int:
    """As many as there are cores, and memory for the compiler."""
    meminfo = Path("/proc/meminfo").read_text(encoding="ascii")
    available_kib = int(re.search(r"MemAvailable:\s+(\d+)", meminfo)[1])
    return max(1, min(len(os.sched_getaffinity(0)), available_kib // MEMORY_PER_JOB_KIB))


def say(text: str) -> None:
    print(f"== {text}", flush=True)


def run(*command: str | Path, **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=False, **options)


def build(preset: str) -> bool:
    say(f"build {preset}")
    folder = ROOT / "build" / preset
    if run("cmake", "--preset", preset, "--log-level=WARNING").returncode != 0:
        return False
    targets: list[str] = []
    if preset in TARGETS:
        known = run("cmake", "--build", folder, "--target", "help", capture_output=True, text=True)
        targets = [name for name in re.findall(r"^([\w-]+): phony", known.stdout, re.M)
                   if TARGETS[preset].fullmatch(name)]
    selected = ["--target", *targets] if targets else []
    return run("cmake", "--build", folder, "-j", str(jobs()), *selected,
               "--", "--quiet").returncode == 0


def run_step(step: Step) -> Row:
    say(f"{step.label} ({step.preset})")
    folder = ROOT / "build" / step.preset
    report = folder / f"{step.label}.xml"
    report.unlink(missing_ok=True)
    row = Row(step.label, step.preset, step.budget_s)
    started = time.monotonic()
    run("ctest", "--test-dir", folder, *step.select, "-j", "1" if step.serial else str(jobs()),
        "--output-on-failure", "--no-tests=error", "--timeout", str(TOLERANCE * step.budget_s),
        "--output-junit", report, "--test-output-size-passed", "8192",
        "--test-output-truncation", "head",
        env={**os.environ, "SIPLB_BIN": str(folder / "bin"), "PYTEST_ADDOPTS": "-rs"})
    row.seconds = time.monotonic() - started
    if report.exists():
        count_cases(row, ElementTree.parse(report).getroot())
    if not row.counts:
        row.counts["failed"] = 1  # No test at all: something is not registered.
    return row


def print_table(rows: list[Row]) -> None:
    print(f"\n{'label':<12}{'preset':<10}{'passed':>7}{'failed':>7}{'skipped':>8}"
          f"{'seconds':>9}{'budget':>8}  verdict")
    for row in rows:
        print(f"{row.label:<12}{row.preset:<10}{row.counts['passed']:>7}{row.counts['failed']:>7}"
              f"{row.counts['skipped']:>8}{row.seconds:>9.1f}{row.budget_s:>8}  {row.verdict}")
    for row in rows:
        for skipped in row.skipped:
            print(f"skipped in {row.label}: {skipped}")


def selected_steps(arguments: argparse.Namespace) -> list[Step]:
    if arguments.only:
        return [step for step in PLAN if step.label == arguments.only]
    return [step for step in PLAN if not arguments.quick or step.label in QUICK]


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/test", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only the unit and scenario tests")
    parser.add_argument("--only", metavar="LABEL", choices=[step.label for step in PLAN])
    builds = Row("build", "", BUILD_BUDGET_S)
    rows = [builds]
    is_built: dict[str, bool] = {}
    for step in selected_steps(parser.parse_args()):
        if step.preset not in is_built:
            started = time.monotonic()
            is_built[step.preset] = build(step.preset)
            builds.counts["failed"] += not is_built[step.preset]
            builds.seconds += time.monotonic() - started
        if is_built[step.preset]:
            rows.append(run_step(step))
        else:
            builds.skipped.append(f"{step.label}: {step.preset} does not build")
    print_table(rows)
    totals = sum((row.counts for row in rows), Counter())
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    return 1 if any(row.verdict.startswith("FAILED") for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
