#!/usr/bin/env python3
"""The documents, as a test.

Reads every Markdown file of the project and fails on a relative link whose file or folder is not there, on a link to a
heading that its page does not have, and on a C++ snippet that is too long to be read at a glance.
"""
import pathlib
import re
import sys
import urllib.parse

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
# Not documents of ours: what is built, and articles that tests turn into scripts.
LEFT_OUT = {".git", "build", "corpus", "node_modules", "testdata"}
SNIPPET_LINES_MAX = 40

LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^()\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
DEFINITION = re.compile(r"^ {0,3}\[[^\]^\n]+\]:[ \t]*<?(\S+?)>?[ \t]*(?:\"[^\"\n]*\")?$", re.M)
problems = []


def pages():
    for path in sorted(root.rglob("*.md")):
        if not LEFT_OUT & set(path.relative_to(root).parts[:-1]):
            yield path


def prose(path):
    """The text with its code blocks blanked, line by line; reports C++ blocks that are too long."""
    fence, language, opened, out = None, "", 0, []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        mark = re.match(r"^\s*(`{3,}|~{3,})\s*(\S*)", line)
        out.append("")
        if fence is None and mark:
            fence, language, opened = mark.group(1), mark.group(2), number
        elif fence is None:
            out[-1] = line
        elif mark and mark.group(1).startswith(fence) and not mark.group(2):
            length = number - opened - 1
            if language == "cpp" and length > SNIPPET_LINES_MAX:
                say(path, opened, f"a snippet of {length} lines; the limit is {SNIPPET_LINES_MAX}")
            fence = None
    if fence is not None:
        say(path, opened, "a code block that does not end")
    return out


def links(path):
    """Line number and target of each link; a link's text may go over several lines."""
    text = "\n".join(prose(path))
    blank = lambda code: re.sub(r"[^\n]", " ", code.group(0))
    text = re.sub(r"(`+)(?:(?!\n[ \t]*\n).)+?\1", blank, text, flags=re.S)
    for pattern in (LINK, DEFINITION):
        for found in pattern.finditer(text):
            yield text.count("\n", 0, found.start(1)) + 1, found.group(1)


def say(path, number, what):
    problems.append(f"{path.relative_to(root)}:{number}: {what}")


def anchors(path, known={}):
    """The headings of a page as GitHub names them."""
    if path not in known:
        names, seen = set(), {}
        for line in prose(path):
            heading = re.match(r"^#{1,6}\s+(.*?)\s*#*$", line)
            if not heading:
                continue
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1)).replace("`", "").lower()
            name = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            count = seen.get(name, 0)
            seen[name] = count + 1
            names.add(f"{name}-{count}" if count else name)
        known[path] = names
    return known[path]


def check_link(path, number, link):
    if re.match(r"^[a-zA-Z][a-zA-Z0-9+.-]*:", link) or link.startswith("//"):
        return False  # elsewhere: not ours to keep
    target, _, fragment = urllib.parse.unquote(link).partition("#")
    if target.startswith("/"):
        say(path, number, f"link {link}: begins at the root of the machine; make it relative")
        return True
    file = (path.parent / target).resolve() if target else path
    if file != root and root not in file.parents:
        say(path, number, f"link {link}: leads out of the project")
    elif not file.exists():
        say(path, number, f"link {link}: there is no {file.relative_to(root)}")
    elif fragment and file.suffix == ".md" and fragment not in anchors(file):
        say(path, number, f"link {link}: {file.relative_to(root)} has no such heading")
    return True


def main():
    page_count = link_count = 0
    for path in pages():
        page_count += 1
        for number, link in links(path):
            link_count += check_link(path, number, link)
    if page_count == 0:
        problems.append("no Markdown files were found below " + str(root))
    unique = sorted(set(problems))
    for problem in unique:
        print(problem)
    print(f"{page_count} pages, {link_count} relative links, {len(unique)} problems")
    return 1 if unique else 0


sys.exit(main())
