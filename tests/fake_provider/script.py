"""What a model's name tells the fake provider to do. Its keys are described in README.md."""
import dataclasses

PREFIX = "script:"


class Wrong(ValueError):
    """A script that cannot be meant: said to the caller as an HTTP 400, so that a test with a typing error fails."""


@dataclasses.dataclass
class Script:
    # Times, in seconds.
    headers: float = 0.0
    first: float = 0.0
    gap: float = 0.0
    silence: float = 0.0
    drip: float = 0.0
    alive_gap: float = 0.2
    # Sizes.
    chunks: int = 8
    size: int = 0
    burst: int = 1
    calls: int = 1
    choices: int = 0
    reasoning: int = 0
    progress: int = 4
    # Where something happens: before the content frame of this number (from 0), or `headers`.
    at: int = -1
    stall: str = ""
    cut: str = ""
    halfopen: str = ""
    malformed: str = ""
    error_at: str = ""
    # How.
    alive: str = "none"
    cut_how: str = "reset"
    encoding: str = ""
    error: int = 0
    retry_after: str = ""
    should_retry: str = ""
    times: int = 0
    empty: bool = False
    noend: bool = False
    nothing: bool = False
    early: bool = False
    # Where it applies, and a name to find it by.
    only: str = ""
    tag: str = ""

    def place(self, value):
        """The content frame that a key names; -1 for `headers`."""
        if value == "headers":
            return -1
        if not value.isdigit():
            raise Wrong(f"{value!r} is no place: a number of content frames, or headers")
        return int(value)


_CHOICES = {"alive": ("none", "comment", "ping"), "cut_how": ("reset", "close"),
            "encoding": ("", "chunked", "length", "close"), "should_retry": ("", "true", "false")}


def read(model, provider=""):
    """The script in a model's name; the plain one where it has none, or where it is meant for another provider."""
    script = Script()
    if not model.startswith(PREFIX):
        return script
    fields = {field.name: field for field in dataclasses.fields(Script)}
    for word in filter(None, model[len(PREFIX):].split(",")):
        name, _, value = word.partition("=")
        field = fields.get(name)
        if field is None:
            raise Wrong(f"the script knows no {name!r}")
        kind = type(field.default)
        try:
            parsed = value not in ("0", "no") if kind is bool else kind(value)
        except ValueError as wrong:
            raise Wrong(f"{name}={value!r}: {wrong}") from wrong
        if kind in (int, float) and parsed < 0:
            raise Wrong(f"{name}={value!r} is negative")
        if parsed not in _CHOICES.get(name, (parsed,)):
            raise Wrong(f"{name}={value!r} is none of {', '.join(_CHOICES[name])}")
        setattr(script, name, parsed)
    for name in ("stall", "cut", "halfopen", "error_at"):
        if getattr(script, name):
            script.place(getattr(script, name))
    if script.malformed:
        what, _, place = script.malformed.partition("@")
        if what not in ("chunk", "json") or not (place or "0").isdigit():
            raise Wrong(f"malformed={script.malformed!r} is neither chunk@N nor json@N")
    if script.only and script.only != provider:
        return Script(chunks=script.chunks, size=script.size, calls=script.calls, choices=script.choices,
                      reasoning=script.reasoning, tag=script.tag)
    return script
