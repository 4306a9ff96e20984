"""Anthropic's dialect: messages, count_tokens, models."""
from answer import Answer, Frame, Seed, encoded, instance, split, sse, text_of

MODELS = ("claude-sonnet-4-5", "claude-haiku-4-5")
PING = sse({"type": "ping"}, "ping")
ERROR_TYPES = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
               409: "invalid_request_error", 413: "request_too_large", 429: "rate_limit_error", 529: "overloaded_error"}


def fault(status, message, _code=None):
    return Answer(status=status, document=encoded({"type": "error", "request_id": "req_fake", "error": {
        "type": ERROR_TYPES.get(status, "api_error"), "message": message}}))


def model(name):
    return {"type": "model", "id": name, "display_name": name, "created_at": "2025-06-15T00:00:00Z"}


def answer(method, path, body, script, *, model_name=""):
    if method == "GET" and path == "/models":
        return Answer(encoded({"data": [model(each) for each in MODELS], "has_more": False,
                               "first_id": MODELS[0], "last_id": MODELS[-1]}))
    if method == "GET" and path.startswith("/models/"):
        known = model_name in MODELS or model_name.startswith("script:")
        return Answer(encoded(model(model_name))) if known else fault(404, f"model: {model_name}")
    if method == "POST" and path == "/messages/count_tokens":
        return Answer(encoded({"input_tokens": Seed(body, "messages", "system", "tools").asked}))
    return messages(body, script) if method == "POST" and path == "/messages" else None


def _blocks(body, script, seed):
    """The content, as (block, pieces of its deltas)."""
    blocks = []
    thinking = (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")
    if thinking or script.reasoning:
        pieces = seed.pieces(script.reasoning or 3, 0, 11)
        blocks.append(({"type": "thinking", "thinking": "".join(pieces), "signature": seed.id("sig")}, pieces))
    last = (body.get("messages") or [{}])[-1].get("content")
    answered = isinstance(last, list) and any(each.get("type") == "tool_result" for each in last)
    choice = body.get("tool_choice") or {}
    tools = [each for each in body.get("tools") or [] if "input_schema" in each]
    if choice.get("type") == "tool":
        tools = [each for each in tools if each["name"] == choice["name"]]
    if tools and not answered and choice.get("type") != "none":
        if choice.get("type") not in ("tool", "any"):
            opening = seed.pieces(2)
            blocks.append(({"type": "text", "text": "".join(opening)}, opening))
        for number, tool in enumerate(tools[:script.calls]):
            value = instance(tool["input_schema"], seed, number)
            blocks.append(({"type": "tool_use", "id": seed.id("toolu_", number), "name": tool["name"], "input": value},
                           split(text_of(value), script.chunks)))
        return blocks
    wanted = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    pieces = split(text_of(instance(wanted["schema"], seed)), script.chunks) if wanted.get("type") == "json_schema" \
        else seed.pieces(script.chunks, script.size)
    return [*blocks, ({"type": "text", "text": "".join(pieces)}, pieces)]


def messages(body, script):
    seed = Seed(body, "messages", "system", "tools", "tool_choice", "thinking", "output_config", "output_format")
    blocks = _blocks(body, script, seed)
    reason = "tool_use" if any(block["type"] == "tool_use" for block, _ in blocks) else "end_turn"
    out = sum(len(pieces) for _, pieces in blocks)
    used = {"input_tokens": seed.asked, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
            "output_tokens": out, "service_tier": "standard"}
    message = {"id": seed.id("msg_"), "type": "message", "role": "assistant", "model": body["model"],
               "content": [block for block, _ in blocks], "stop_reason": reason, "stop_sequence": None, "usage": used}
    if not body.get("stream"):
        return Answer(encoded(message), headers=[("request-id", "req_fake")])

    frames = []

    def say(kind, name, **data):
        frames.append(Frame(kind, sse({"type": name, **data}, name)))

    say("head", "message_start", message={**message, "content": [], "stop_reason": None,
                                          "usage": {**used, "output_tokens": 1}})
    for index, (block, pieces) in enumerate(blocks):
        last = index == len(blocks) - 1
        empty, delta = {"text": ({"text": ""}, "text"), "thinking": ({"thinking": "", "signature": ""}, "thinking"),
                        "tool_use": ({"input": {}}, "input_json")}[block["type"]]
        say("head", "content_block_start", index=index, content_block={**block, **empty})
        if index == 0:
            say("head", "ping")
        for piece in pieces:
            say("content", "content_block_delta", index=index, delta={
                "type": delta + "_delta", {"input_json": "partial_json"}.get(delta, delta): piece})
        if block["type"] == "thinking":
            say("head", "content_block_delta", index=index, delta={"type": "signature_delta", "signature": block["signature"]})
        say("tail" if last else "head", "content_block_stop", index=index)
    say("tail", "message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage={"output_tokens": out})
    say("tail", "message_stop")
    return Answer(content_type="text/event-stream; charset=utf-8", frames=frames, headers=[("request-id", "req_fake")],
                  comment=b": the provider is alive\n\n", ping=PING,
                  broken=b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"ty\n\n',
                  error=sse({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error"))
