"""What the dialects share: an answer as frames and as one document, and content that follows from the request alone."""
import dataclasses
import hashlib
import json

CREATED = 1_750_000_000  # every answer was made at this second, so that two answers to one request are equal
WORDS = ("amber", "bridge", "café", "delta", "ember", "forêt", "garden", "harbour", "island", "jasmine", "kettle", "Löwe",
         "meadow", "nørre", "orchard", "紙", "quiet", "river", "señal", "thistle", "übung", "violet", "window", "🌱")


@dataclasses.dataclass
class Frame:
    """A piece of a stream. Scripts count and cut at frames of `content`."""
    kind: str  # head, progress, content, tail
    data: bytes


@dataclasses.dataclass
class Answer:
    document: bytes = b""
    content_type: str = "application/json"
    status: int = 200
    headers: list = dataclasses.field(default_factory=list)
    frames: list = None  # None: one document
    comment: bytes = b""  # shows that the line is alive, and means nothing
    ping: bytes = b""
    broken: bytes = b""  # a frame whose JSON cannot be read
    error: bytes = b""  # the provider's own error event, after 200


def text_of(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def encoded(value):
    return text_of(value).encode()


def sse(value, event=""):
    return (f"event: {event}\n" if event else "").encode() + b"data: " + encoded(value) + b"\n\n"


class Seed:
    """Values that follow from what was asked, however it is asked to be sent."""

    def __init__(self, body, *keys):
        asked = {key: body.get(key) for key in ("model", *keys)}
        self.digest = hashlib.sha256(encoded(asked)).digest()
        self.asked = len(text_of(asked))

    def id(self, prefix, number=0):
        return prefix + hashlib.sha256(self.digest + bytes([number % 256])).hexdigest()[:24]

    def word(self, number):
        return WORDS[(self.digest[number % 32] + 7 * number) % len(WORDS)]

    def pieces(self, count, size=0, offset=0):
        """`count` pieces of text, each beginning with a word of its own, filled up to `size` bytes or so."""
        out = []
        for number in range(count):
            piece = ("" if number == 0 else " ") + self.word(offset + number)
            out.append(piece + "x" * max(0, size - len(piece)))
        return out

    def vector(self, text, length=8):
        digest = hashlib.sha256(self.digest + text.encode()).digest()
        return [digest[i] / 256 - 0.5 for i in range(length)]  # exact in 32 bits and in decimal


def instance(schema, seed, number=0, root=None):
    """A value that the JSON schema allows; enough of it for what SDKs send."""
    root = schema if root is None else root
    if "$ref" in schema:
        target = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return instance(target, seed, number, root)
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return instance(schema[key][0], seed, number, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][seed.digest[number % 32] % len(schema["enum"])]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: instance(each, seed, number + 1 + i, root)
                for i, (name, each) in enumerate(schema.get("properties", {}).items())}
    if kind == "array":
        return [instance(schema.get("items", {"type": "string"}), seed, number + 1 + i, root)
                for i in range(max(2, schema.get("minItems", 0)))]
    low = schema.get("minimum", 0)
    return {"string": f"{seed.word(number)} {seed.word(number + 1)}", "integer": int(low) + seed.digest[number % 32],
            "number": low + seed.digest[number % 32] / 4, "boolean": seed.digest[number % 32] % 2 == 0}.get(kind)


def split(text, count):
    """`text` in at most `count` pieces, none of them empty."""
    length = max(1, -(-len(text) // max(1, count)))
    return [text[i:i + length] for i in range(0, len(text), length)]
