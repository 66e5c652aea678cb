# SPDX-License-Identifier: Apache-2.0
"""Checks the arrows between the folders of src/ against tools/layers.txt."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from . import source
from .source import Finding

BESIDE_CODE = ("_test.cpp", "_bench.cpp", "_fuzz.cpp")


class RulesError(Exception):
    """layers.txt says something that cannot be understood."""


@dataclass(frozen=True)
class Forbidden:
    kind: str  # include, code or word
    what: re.Pattern[str]
    folders: tuple[str, ...]
    reason: str


@dataclass
class Rules:
    arrows: list[tuple[str, list[str]]] = field(default_factory=list)
    forbidden: list[Forbidden] = field(default_factory=list)


def within(path: str, name: str) -> bool:
    """Whether `path` is what `name` (a folder, file or glob) names, or lies in it."""
    return fnmatchcase(path, name) or fnmatchcase(path, name.rstrip("/") + "/*")


def parse_rules(text: str) -> Rules:
    rules = Rules()
    pending = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = f"{pending} {raw.strip()}".strip()
        pending = ""
        if line.endswith("\\") and not line.startswith("#"):
            pending = line[:-1].strip()
            continue
        if not line or line.startswith("#"):
            continue
        if line.startswith("forbid "):
            rules.forbidden.append(_parse_forbidden(line, number))
        elif re.fullmatch(r"[\w*/]+ =( .*)?", line):
            folder, _, names = line.partition(" =")
            rules.arrows.append((folder, names.split()))
        else:
            raise RulesError(f"line {number}: neither `FOLDER = NAMES` nor `forbid …`: {line}")
    return rules


def _parse_forbidden(line: str, number: int) -> Forbidden:
    match = re.fullmatch(r"forbid (include|code|word) (.+) in ([\w/ ]+) : (.+)", line)
    if not match:
        raise RulesError(f"line {number}: not `forbid include|code|word … in FOLDERS : reason`: {line}")
    kind, what, folders, reason = match.groups()
    if kind == "include":
        what = "|".join(f"(?:{re.escape(name)})".replace(r"\*", ".*") for name in what.split())
    elif kind == "word":
        what = "|".join(re.escape(word) for word in what.split())
    try:
        pattern = re.compile(what, re.IGNORECASE if kind == "word" else 0)
    except re.error as error:
        raise RulesError(f"line {number}: {error}") from error
    return Forbidden(kind, pattern, tuple(folders.split()), reason)


def own_folder(path: str) -> str:
    """The module of a file below src/: its first folder, or the protocol's own folder under protocols/."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "protocols" and len(parts) > 2 else parts[0]


def check_arrows(path: str, text: str, rules: Rules, ours: set[str]) -> list[Finding]:
    """`path` is relative to src/, as is every file in `ours`."""
    where = "src/" + path
    fitting = [names for folder, names in rules.arrows if within(path, folder)]
    if not fitting:
        return [Finding(where, 1, f"tools/layers.txt has no line for {own_folder(path)}/")]
    allowed = [name for names in fitting for name in names]
    findings = []
    for line, name, quoted in source.includes(text):
        if quoted and "/" not in name:
            findings.append(Finding(where, line, f'include from the root: "{own_folder(path)}/…/{name}", not "{name}"'))
        elif quoted and (".." in name.split("/")):
            findings.append(Finding(where, line, f'include from the root, without "..": "{name}"'))
        elif own_folder(name) == own_folder(path):
            continue
        elif (quoted or name in ours) and not any(within(name, a) for a in allowed):
            findings.append(Finding(where, line, f"{own_folder(path)}/ must not include {name} (tools/layers.txt)"))
    return findings


def check_forbidden(path: str, text: str, rules: Rules) -> list[Finding]:
    findings = []
    code = source.without_directives(source.code_only(text))
    for rule in rules.forbidden:
        if not any(within(path, folder) for folder in rule.folders):
            continue
        if rule.kind == "word":
            hits = [(source.line_of(text, m.start()), m.group()) for m in rule.what.finditer(text)]
            hits += [(1, path)] if rule.what.search(path) else []
        elif path.endswith(BESIDE_CODE):
            hits = []
        elif rule.kind == "include":
            hits = [(line, f"<{name}>") for line, name, _ in source.includes(text) if rule.what.fullmatch(name)]
        else:
            hits = [(source.line_of(code, m.start()), m.group().strip()) for m in rule.what.finditer(code)]
        findings += [Finding("src/" + path, line, f"`{hit}` is forbidden here: {rule.reason}") for line, hit in hits]
    return findings


def check(root: Path, rules: Rules) -> tuple[list[Finding], int]:
    """All findings, and how many files were looked at."""
    files = [f.removeprefix("src/") for f in source.list_files(root) if f.startswith("src/") and f.endswith(source.CPP)]
    ours = set(files)
    findings = []
    for path in files:
        text = source.read(root / "src", path)
        findings += check_arrows(path, text, rules, ours) + check_forbidden(path, text, rules)
    return sorted(findings), len(files)


def main() -> int:
    root = Path(__file__).resolve().parents[2]
    try:
        rules = parse_rules(source.read(root, "tools/layers.txt"))
    except RulesError as error:
        print(f"tools/layers.txt: {error}", file=sys.stderr)
        return 2
    findings, files = check(root, rules)
    for finding in findings:
        print(finding)
    if not files:
        print("layers: no C++ file found below src/", file=sys.stderr)
        return 2
    print(f"layers: {files} files, {len(findings)} wrong arrows" if findings else f"layers: {files} files, all arrows point down")
    return 1 if findings else 0
