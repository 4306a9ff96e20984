#!/usr/bin/env python3
"""The page of the C++ API, as a test.

Reads the public headers (those that are installed) and docs/reference/cpp-api.md, and fails where the page does not say
a function, a field or a value of an enum, and where it says a name that no public header has.

Where the page says what a type holds, one of these forms is looked at, and nothing else on the page:

    struct X { … }              in a block of code
    `X {…}`, `X` is `{…}`       in a line
    `X`: …                      up to the next such beginning or the end of the paragraph
    `X::first, second`          the values of an enum
    | `X` | …                   a row, or the head of a table whose first column holds them
    ## X                        a chapter: what X can do is in its blocks of code and in the first columns of its tables

«The ids» in such a place are those of an operation.
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
source = root / "src" / "holdfast"
page_path = root / "docs" / "reference" / "cpp-api.md"
problems = []

# Installed because public headers need them, and not for callers.
LEFT_OUT_FILES = {"core/event.hpp": "what the machine hears; a store of one's own reads the header"}
LEFT_OUT_TYPES = {
    "Consent": "made by the machine alone",
    "LockTable": "the machine's",
    "QuestionTable": "the machine's",
    "ToldClock": "the machine's time",
    "NameLess": "the machine's order of names",
}
LEFT_OUT_FUNCTIONS = {
    "throw_exception_from_error": "called by boost::system::result",
    "make_error_code": "called by std::error_code",
    "folded": "the machine's",
    "problem": "the machine's",
    "failure_options": "the machine's",
}
LEFT_OUT_NAMESPACES = {"gateway", "profiles", "std"}
THE_IDS = {"job_id", "stage_name", "provider_name", "provider_type", "correlation_id", "operation_id"}
# Words of the page that are no names of ours.
OTHER_NAMES = {"use_awaitable", "exception_ptr", "sys_time", "error_code", "system_error", "USER_REQUEST", "cpp_api"}


class Type:
    """What callers see of a struct, a class or an enum."""

    def __init__(self, name, kind):
        self.name, self.kind, self.members = name, kind, []


def public_headers():
    text = (root / "cmake" / "HoldfastInstall.cmake").read_text()
    listed = re.search(r"set\(HOLDFAST_PUBLIC_HEADERS([^)]*)\)", text)
    return listed.group(1).split() if listed else []


def bare(text):
    """Code without comments, directives, texts, and signs that look like brackets."""
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text)
    text = re.sub(r"^[ \t]*#[^\n]*(?:\\\n[^\n]*)*", "", text, flags=re.M)
    text = re.sub(r"operator\s*(?:<=>|<<|==|=|bool|\(\))", "operator_sign", text)
    return text.replace("->", " RETURNS ").replace("[[nodiscard]]", "").replace("[[noreturn]]", "")


def closing(text, at):
    """The place behind the brace that closes the one at `at`."""
    depth = 0
    for i in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return i + 1
    raise SystemExit("a brace that does not close")


def without_angles(text):
    """A declaration without what stands in <…>."""
    out, depth = "", 0
    for letter in text:
        if letter == "<":
            depth += 1
        elif letter == ">":
            depth -= 1
        elif depth == 0:
            out += letter
    return out


def declarations(text):
    """Each declaration of one scope: its text, and its body where it has one."""
    start = i = 0
    parens = 0
    while i < len(text):
        letter = text[i]
        if letter in "()":
            parens += 1 if letter == "(" else -1
        elif letter == ";" and parens == 0:
            yield text[start:i].strip(), None
            start = i + 1
        elif letter == ":" and parens == 0 and re.fullmatch(r"\s*(public|private|protected)\s*", text[start:i]):
            yield text[start:i].strip() + ":", None
            start = i + 1
        elif letter == "{" and parens == 0:
            head = text[start:i].strip()
            plain = without_angles(head)
            end = closing(text, i)
            if re.match(r"(?:template )?\s*(enum|struct|class|namespace)\b", plain) or "(" in plain:
                yield head, text[i + 1:end - 1]
                start = end
            i = end - 1  # else an initialiser: the declaration goes on
        i += 1


def names_of_fields(head):
    text = without_angles(head)
    while True:
        shorter = re.sub(r"\{[^{}]*\}", "", text)
        if shorter == text:
            break
        text = shorter
    for part in text.split(","):
        words = re.findall(r"[A-Za-z_]\w*", part.split("=")[0])
        if words:
            yield words[-1]


def read_scope(text, types, functions, owner=None, public=True):
    for head, body in declarations(text):
        label = re.fullmatch(r"(public|private|protected):", head)
        if label:
            public = label.group(1) == "public"
            continue
        plain = re.sub(r"^template\s*", "", without_angles(head)).strip()
        scope = re.match(r"(inline namespace|namespace|enum class|enum|struct|class)\s+([\w:]*)", plain)
        if scope and body is not None:
            kind, name = scope.groups()
            if kind.endswith("namespace"):
                if name not in LEFT_OUT_NAMESPACES:
                    read_scope(body, types, functions)
            elif public and name not in LEFT_OUT_TYPES and not name.startswith("std::"):
                found = Type(name, kind)
                types.append(found)
                if kind.startswith("enum"):
                    found.members = [part.split("=")[0].strip() for part in body.split(",") if part.strip()]
                else:
                    read_scope(body, types, functions, found, kind == "struct")
            continue
        if not public or not plain or scope or re.match(r"(using|friend|typedef|static_assert)\b", plain):
            continue
        signature = plain.split("=")[0] if "(" not in plain.split("=")[0] else plain
        if "(" in signature:
            before = re.findall(r"~?[A-Za-z_]\w*(?:::~?\w+)*", signature[:signature.index("(")])
            name = before[-1] if before else ""
            if "::" in name or name == "operator_sign" or re.search(r"=\s*delete$", plain):
                continue
            if owner is None:
                if name not in LEFT_OUT_FUNCTIONS:
                    functions.append(name)
            elif name.lstrip("~") != owner.name and name not in owner.members:
                owner.members.append(name)
        elif owner is not None:
            owner.members += [name for name in names_of_fields(plain) if name not in owner.members]
        else:
            functions += ["=" + name for name in names_of_fields(plain)]  # a constant


def code_of(text):
    """What a text says in code: spans in lines, and whole blocks."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, flags=re.S)
    rest = re.sub(r"```.*?```", "", text, flags=re.S)
    return " ; ".join(blocks + re.findall(r"`([^`]+)`", rest))


def words_of(text):
    return set(re.findall(r"[A-Za-z_]\w*", re.sub(r"//[^\n]*", "", text)))


def first_column(rows):
    """What the first cells of a table's rows name: functions where there are any, else whatever stands there."""
    names = []
    for row in rows.splitlines():
        code = code_of(row.split("|")[1]) if row.count("|") > 1 else ""
        names += re.findall(r"(\w+)\(", code) or words_of(code)
    return " ".join(names)


def said_of(page, name, type_names):
    """The names that the page says in the places that tell of this type; nothing where there is no such place."""
    lines = re.sub(r"```.*?```", "", page, flags=re.S)
    any_type = "|".join(sorted(map(re.escape, type_names), key=len, reverse=True))
    beginning = r"`(?:%s)`(?:\s\([^)]*\))?:"
    places = re.findall(rf"^struct {name} \{{(.*?)^\}};", page, flags=re.S | re.M)
    places += re.findall(rf"`{name}(?:`\s+is\s+`)?\s*\{{([^`]*)\}}", lines)
    places += re.findall(rf"`{name}::([^`(]*)`", lines)
    prose = re.findall(rf"{beginning % name}(.*?)(?={beginning % any_type}|\n[ \t]*\n|\Z)", lines, flags=re.S)
    prose += re.findall(rf"^\| `{name}` \|(.*)\|$", lines, flags=re.M)
    for text in prose:
        places.append(code_of(re.sub(r"\((?:[^()`]|`[^`]*`)*\)", "", text)))  # what is in brackets explains
        if re.search(r"\bthe\s+ids\b", text):
            places.append(" ".join(THE_IDS))
    for rows in re.findall(rf"^\| `{name}` \|.*\n\|[ \-|]*\n((?:\|.*\n)*)", lines, flags=re.M):
        places.append(first_column(rows))
    for chapter in re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", page, flags=re.S | re.M):
        blocks = re.findall(r"```\w*\n(.*?)```", chapter, flags=re.S)
        places.append(" ".join(re.findall(r"(\w+)\(", re.sub(r"//[^\n]*", "", "\n".join(blocks)))))
        places.append(first_column("\n".join(re.findall(r"^\|.*$", chapter, flags=re.M))))
    return set().union(*map(words_of, places)) if places else None


def main():
    types, functions, header_words = [], [], set()
    headers = public_headers()
    for header in headers:
        text = bare((source / header).read_text())
        header_words |= words_of(text)
        if header not in LEFT_OUT_FILES and header != "holdfast.hpp":
            read_scope(text, types, functions)
    page = page_path.read_text()
    where = page_path.relative_to(root)
    type_names = {kind.name for kind in types}
    for kind in types:
        said = said_of(page, kind.name, type_names)
        if said is None:
            problems.append(f"{where}: says nowhere what {kind.name} holds" if kind.members else
                            f"{where}: does not know {kind.name}")
            continue
        for member in kind.members:
            if member not in said:
                problems.append(f"{where}: {kind.name} lacks {member}")
    called = set(re.findall(r"\b(\w+)(?=\()", code_of(page)))
    for name in sorted(set(functions)):
        if name.lstrip("=") not in (words_of(code_of(page)) if name.startswith("=") else called):
            problems.append(f"{where}: lacks {name.lstrip('=')}")
    for name in sorted(words_of(code_of(page))):
        if "_" in name and name not in header_words and name not in OTHER_NAMES:
            problems.append(f"{where}: says {name}, which no public header has")
    if len(types) < 20 or len(functions) < 20:
        problems.append("hardly any declarations were found in the public headers")
    for problem in problems:
        print(problem)
    members = sum(len(kind.members) for kind in types)
    print(f"{len(headers)} headers, {len(types)} types with {members} members, {len(set(functions))} functions, "
          f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
