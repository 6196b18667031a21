"""Every configuration that the documents show, and every one that is shipped, passes --check."""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIPLBD = Path(os.environ["SIPLB_BIN"]) / "siplbd"


def documents() -> list[Path]:
    folders = (ROOT / name for name in ("docs", "src", "tests", "bench", "config"))
    return [*ROOT.glob("*.md"), *(path for folder in folders for path in folder.rglob("*.md"))]


def shown_configurations() -> list[tuple[str, str]]:
    """(where, text) of each."""
    shown = []
    for path in documents():
        text = path.read_text(encoding="utf-8")
        for block in re.finditer(r"^```yaml\n(.*?)^```", text, re.S | re.M):
            line = text.count("\n", 0, block.start()) + 1
            shown.append((f"{path.relative_to(ROOT)}:{line}", block[1]))
    shown += [(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
              for path in (ROOT / "config").glob("*.yaml")]
    return shown


class DocsTest(unittest.TestCase):
    def test_configurations_pass_check(self):
        shown = shown_configurations()
        self.assertGreaterEqual(len(shown), 4)
        for where, text in shown:
            with self.subTest(where), tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "siplb.yaml")
                file.write_text(text, encoding="utf-8")
                check = subprocess.run([SIPLBD, "--check", "--config", file], check=False,
                                       capture_output=True, text=True)
                self.assertEqual(0, check.returncode, check.stderr)


if __name__ == "__main__":
    unittest.main()
