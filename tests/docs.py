"""Checks the documentation: README.md, the guides of docs/, CHANGELOG.md, CONTRIBUTING.md and the READMEs of crates.

    python3 tests/docs.py [--wudf PROGRAM]

- relative links and their anchors resolve; pages of the book link only to pages of the book, so that none is dead once it is rendered;
- SUMMARY.md lists every page, and `{{#include}}` finds its file and its region;
- in `sh` blocks, each `wudf ...` has a subcommand and flags that `--help` of PROGRAM (or the environment's WUDF) lists, and each
  `make ...` names targets of the Makefile;
- `toml`, `xml`, `json` and `python` blocks parse; pages with `rust` blocks are compiled as documentation tests;
- figures in README.md and RESULTS.md are those that `benches/results.py` renders.

Needs Python 3.11 and no packages. Without a program the command lines are not checked, which it says.
"""

import argparse
import ast
import functools
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parents[1]
BOOK = ROOT / "docs/src"
# Not ours to link from, or made by a build.
LEFT_OUT = {"target", "dist", "node_modules", "shared"}
# Links of an included file are checked twice: where it is written, and as part of the page.
INCLUDE = re.compile(r"^\{\{#include ([^}:]+)(?::([\w-]+))?\}\}$", re.M)
FENCE = re.compile(r"^( *)(```+|~~~+)\s*([^\n]*)\n(.*?)^\1\2\s*$", re.M | re.S)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
DEFINITION = re.compile(r"^\[[^\]]+\]:\s*(\S+)", re.M)
# How documentation tests of rustdoc are written in other files than Rust's.
RUST_DOC = re.compile(r'include_str!\("([^"]+)"\)')


class Page:
    def __init__(self, path):
        self.path = path
        self.name = str(path.relative_to(ROOT))
        self.raw = path.read_text(encoding="utf-8")
        self.problems = []
        self.text = INCLUDE.sub(self.included, self.raw)

    def included(self, match):
        file, region = match.groups()
        path = (self.path.parent / file).resolve()
        if not path.is_file():
            self.wrong(f"includes {file}, which does not exist")
            return ""
        text = path.read_text(encoding="utf-8")
        if region is None:
            return text
        found = re.search(rf"ANCHOR: {region}\b[^\n]*\n(.*?)\n[^\n]*ANCHOR_END: {region}\b", text, re.S)
        if not found:
            self.wrong(f"includes {file}:{region}, a region that is not marked there")
            return ""
        return found[1]

    def wrong(self, what):
        self.problems.append(f"{self.name}: {what}")

    @functools.cached_property
    def blocks(self):
        """(language, code) of the fenced blocks."""
        return [(m[3].split(",")[0].strip(), strip(m[4], m[1])) for m in FENCE.finditer(self.text)]

    @functools.cached_property
    def prose(self):
        """The text without fenced blocks and code spans, in which brackets are no links."""
        return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", FENCE.sub("", self.text), flags=re.S)

    @functools.cached_property
    def anchors(self):
        """The anchors of headings, as GitHub and mdBook make them."""
        counts, found = {}, set()
        for heading in re.findall(r"^#{1,6}\s+(.*?)\s*#*$", FENCE.sub("", self.text), re.M):
            heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
            anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            count = counts.get(anchor, 0)
            counts[anchor] = count + 1
            found.add(f"{anchor}-{count}" if count else anchor)
        return found | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", self.text))


def strip(code, indent):
    return "".join(line.removeprefix(indent) for line in code.splitlines(keepends=True))


def pages():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )
    if listed.returncode == 0 and listed.stdout:
        files = [ROOT / name for name in listed.stdout.splitlines()]
    else:
        files = [p for p in ROOT.rglob("*.md") if not LEFT_OUT & set(p.relative_to(ROOT).parts)]
    return {path.resolve(): Page(path.resolve()) for path in sorted(files) if path.is_file()}


def check_links(page, all_pages):
    in_book = BOOK in page.path.parents
    targets = LINK.findall(page.prose) + DEFINITION.findall(page.prose)
    for target in targets:
        if re.match(r"[a-z][a-z0-9+.-]*:", target, re.I):
            continue
        file, _, anchor = target.partition("#")
        path = (page.path.parent / file).resolve() if file else page.path
        if not path.exists():
            page.wrong(f"links to {target}, which does not exist")
        elif in_book and path.is_file() and BOOK not in path.parents:
            page.wrong(f"links to {target}, which is not in the book: name the file, or include it")
        elif anchor:
            other = all_pages.get(path)
            if other is None:
                page.wrong(f"links to {target}: {file} has no anchors that are checked")
            elif anchor not in other.anchors:
                page.wrong(f"links to {target}, and {file or 'the page'} has no such heading")
    return len(targets)


def check_summary(all_pages):
    summary = all_pages[BOOK / "SUMMARY.md"]
    listed = [(BOOK / target).resolve() for target in LINK.findall(summary.prose)]
    for path in listed:
        if listed.count(path) > 1:
            summary.wrong(f"lists {path.name} twice")
    for path in all_pages:
        if BOOK in path.parents and path != summary.path and path not in listed:
            summary.wrong(f"does not list {path.name}")


class Program:
    """The flags that `--help` of each subcommand lists."""

    def __init__(self, path):
        self.path = path

    @functools.cache
    def help(self, *words):
        ran = subprocess.run([self.path, *words, "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if ran.returncode != 0:
            return None
        options = re.findall(r"^ +(?:(-[a-zA-Z]), )?(--[a-z][a-z0-9-]*)", ran.stdout.split("\nExamples:")[0], re.M)
        flags = {flag for pair in options for flag in pair if flag}
        commands = re.search(r"^Commands:\n((?: .*\n|\n(?=  ))+)", ran.stdout, re.M)
        return flags, set(re.findall(r"^  ([a-z][a-z-]*)", commands[1], re.M)) if commands else set()

    def problem(self, words):
        """What is wrong with `wudf WORDS`, if anything."""
        known, commands = self.help()
        path = []
        for word in words:
            if word in commands:
                path.append(word)
                known, commands = self.help(*path)
            elif word == "--":
                break
            elif re.fullmatch(r"--[a-z][\w-]*(=.*)?", word, re.S):
                if word.split("=")[0] not in known:
                    return f"`wudf {' '.join(path)}` has no flag {word.split('=')[0]}"
            elif re.fullmatch(r"-[a-zA-Z]", word):
                if word not in known:
                    return f"`wudf {' '.join(path)}` has no flag {word}"
            elif not path or (commands and not path[1:]):
                return f"`wudf {' '.join(path)}` has no command {word}"
        if commands:
            return f"`wudf {' '.join(path)}` lacks a command; there is {', '.join(sorted(commands))}"
        return None


def without_comments(code):
    """Shell without its comments, whose apostrophes would look like quotes."""
    kept, quote, before, comment = [], "", "\n", False
    for character in code:
        comment = comment and character != "\n"
        if quote:
            quote = "" if character == quote else quote
        elif character == "#" and before.isspace():
            comment = True
        elif character in "'\"" and not comment:
            quote = character
        if not comment:
            kept.append(character)
        before = character
    return "".join(kept)


def command_lines(code):
    """The simple commands of a block of shell, each as its words. A `$(...)` is a word, and its commands are commands, too."""
    code = re.sub(r"\\\n\s*", " ", without_comments(code))
    for inner in re.findall(r"\$\(([^()]*)\)", code):
        yield from command_lines(inner)
    lexer = shlex.shlex(re.sub(r"\$\([^()]*\)", "SUBSTITUTED", code), posix=True, punctuation_chars=";&|<>\n")
    lexer.whitespace = " \t\r"
    lexer.commenters = ""
    words, redirected = [], False
    for token in [*lexer, "\n"]:
        if set(token) <= set(";&|\n"):
            if words:
                yield words
            words, redirected = [], False
        elif set(token) <= set("<>&"):
            redirected = True
        elif redirected:
            redirected = False
        else:
            words.append(token)


def check_shell(page, code, program, targets):
    checked = 0
    try:
        lines = list(command_lines(code))
    except ValueError as error:
        page.wrong(f"sh block: {error}: {code.strip()[:60]}")
        return 0
    for words in lines:
        while words and re.fullmatch(r"\w+=.*", words[0], re.S):
            words = words[1:]
        # `podman run ... wudf run ...` ends with a command line of wudf's.
        if "wudf" in words and words[0] in ("podman", "docker"):
            words = words[len(words) - 1 - words[::-1].index("wudf"):] if words[1] == "run" else words
        if not words:
            continue
        if words[0] == "wudf" and program:
            checked += 1
            problem = program.problem(words[1:])
            if problem:
                page.wrong(problem)
        if words[0] == "make":
            checked += 1
            for word in words[1:]:
                if "=" not in word and not word.startswith("-") and word not in targets:
                    page.wrong(f"`make {word}` is not a target of the Makefile")
    return checked


def make_targets():
    return set(re.findall(r"^([a-z][a-z0-9-]*)(?: [a-z0-9- ]+)?:(?!=)", (ROOT / "Makefile").read_text(), re.M))


def python(code):
    if ">>>" in code:
        code = "".join(line[4:] for line in code.splitlines(keepends=True) if re.match(r"(>>>|\.\.\.)( |$)", line))
    ast.parse(code)


PARSERS = {"toml": tomllib.loads, "xml": xml.fromstring, "json": json.loads, "python": python}


def compiled():
    """Pages whose Rust is compiled: those that a crate includes as its documentation."""
    found = set()
    for source in [*ROOT.glob("*/*/src/lib.rs"), ROOT / "tests/src/lib.rs"]:
        found |= {(source.parent / file).resolve() for file in RUST_DOC.findall(source.read_text(encoding="utf-8"))}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wudf", default=os.environ.get("WUDF"), help="the program whose flags are checked; WUDF when left out")
    arguments = parser.parse_args()
    program = Program(arguments.wudf) if arguments.wudf else None
    if program and program.help() is None:
        sys.exit(f"{arguments.wudf} --help fails")

    all_pages, targets, rust = pages(), make_targets(), compiled()
    counts = dict.fromkeys(["links", "commands", *PARSERS, "rust"], 0)
    check_summary(all_pages)
    for page in all_pages.values():
        counts["links"] += check_links(page, all_pages)
        for language, code in page.blocks:
            if language in ("sh", "bash", "console"):
                counts["commands"] += check_shell(page, code, program, targets)
            elif language in PARSERS:
                counts[language] += 1
                try:
                    PARSERS[language](code)
                except (ValueError, SyntaxError, xml.ParseError) as error:
                    page.wrong(f"{language} block: {error}: {code.strip()[:60]}")
        # Of what a page includes, the file that it is written in is compiled.
        if any(m[3].split(",")[0].strip() == "rust" for m in FENCE.finditer(page.raw)):
            counts["rust"] += 1
            if page.path not in rust:
                page.wrong("has Rust that nothing compiles: include it in tests/src/lib.rs")
    figures = subprocess.run([sys.executable, ROOT / "benches/results.py", "render", "--check"], stdout=subprocess.PIPE, text=True)
    problems = [problem for page in all_pages.values() for problem in page.problems] + figures.stdout.splitlines()

    if not program:
        print("note: command lines of wudf are not checked: no program was named (--wudf, WUDF)", file=sys.stderr)
    print(f"{len(all_pages)} pages: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
    for problem in problems:
        print(problem)
    if problems or figures.returncode:
        sys.exit(f"{len(problems)} problems in the documentation")


if __name__ == "__main__":
    main()
