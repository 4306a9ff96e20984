"""OpenAI's dialect, with what llama.cpp adds to it: chat completions, responses, completions, embeddings, models."""
import base64
import struct

from answer import CREATED, Answer, Frame, Seed, encoded, instance, split, sse, text_of
from responses import responses

MODELS = ("gpt-4o-mini", "gpt-5", "text-embedding-3-small")
COMMENT = b": the provider is alive\n\n"
VERSION = ("openai-version", "2020-10-01")  # by this the answers of OpenAI's own server are known
ERROR_TYPES = {400: "invalid_request_error", 401: "invalid_request_error", 403: "invalid_request_error",
               404: "invalid_request_error", 409: "conflict_error", 429: "rate_limit_exceeded"}


def fault(status, message, code=None):
    return Answer(status=status, document=encoded({"error": {
        "message": message, "type": ERROR_TYPES.get(status, "server_error"), "param": None, "code": code}}))


def model(name):
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "fake"}


def answer(method, path, body, script, *, model_name=""):
    """The answer to a request; nothing where this dialect has no such path."""
    if method == "GET" and path == "/models":
        return Answer(encoded({"object": "list", "data": [model(each) for each in MODELS]}))
    if method == "GET" and path.startswith("/models/"):
        known = model_name in MODELS or model_name.startswith("script:")
        return Answer(encoded(model(model_name))) if known else fault(
            404, f"The model '{model_name}' does not exist", "model_not_found")
    known = {"/chat/completions": chat, "/responses": responses, "/completions": completions, "/embeddings": embeddings,
             "/audio/speech": speech}.get(path)
    return known(body, script) if known and method == "POST" else None


def usage(seed, out, reasoning=0):
    return {"prompt_tokens": seed.asked, "completion_tokens": out, "total_tokens": seed.asked + out,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0,
                                          "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}}


def _calls(body, script, seed):
    """The tools that are called: the first ones offered, where the last message is a person's."""
    tools = [each["function"] for each in body.get("tools") or [] if each.get("type") == "function"]
    last = (body.get("messages") or [{}])[-1].get("role")
    if not tools or last == "tool" or body.get("tool_choice") == "none":
        return []
    return [{"id": seed.id("call_", i), "type": "function",
             "function": {"name": tool["name"], "arguments": text_of(instance(tool.get("parameters", {}), seed, i))}}
            for i, tool in enumerate(tools[:script.calls])]


def _text(body, script, seed, index):
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return split(text_of(instance(wanted["json_schema"]["schema"], seed, index)), script.chunks)
    if wanted.get("type") == "json_object":
        return split(text_of({"answer": seed.word(index), "number": index}), script.chunks)
    return seed.pieces(script.chunks, script.size, index)


def chat(body, script):
    seed = Seed(body, "messages", "tools", "tool_choice", "response_format", "n")
    reasoning = script.reasoning or (3 if body.get("reasoning_effort") not in (None, "none", "minimal") else 0)
    thoughts = seed.pieces(reasoning, 0, 11)
    calls = _calls(body, script, seed)
    count = script.choices or body.get("n") or 1
    texts = [[] if calls else _text(body, script, seed, index) for index in range(count)]
    used = usage(seed, len(thoughts) + sum(map(len, texts)) + 5 * len(calls), len(thoughts))
    reason = "tool_calls" if calls else "stop"
    common = {"id": seed.id("chatcmpl-"), "created": CREATED, "model": body["model"]}
    trailer = {"service_tier": "default", "system_fingerprint": "fp_fake"}
    if not body.get("stream"):
        choices = []
        for index, text in enumerate(texts):
            message = {"role": "assistant", "content": "".join(text) if text else None, "refusal": None, "annotations": []}
            if thoughts:
                message["reasoning_content"] = "".join(thoughts)
            if calls:
                message["tool_calls"] = calls
            choices.append({"index": index, "message": message, "logprobs": None, "finish_reason": reason})
        return Answer(encoded({**common, "object": "chat.completion", "choices": choices, "usage": used, **trailer}),
                      headers=[VERSION])

    with_usage = (body.get("stream_options") or {}).get("include_usage")

    def chunk(index, delta, finish=None, **extra):
        out = {**common, "object": "chat.completion.chunk", **trailer,
               "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}], **extra}
        return sse({**out, "usage": None} if with_usage else out)

    frames = [Frame("head", chunk(index, {"role": "assistant", "content": None if calls else "", "refusal": None}))
              for index in range(count)]
    if body.get("return_progress"):  # llama.cpp
        frames += [Frame("progress", chunk(0, {"role": "assistant", "content": None}, prompt_progress={
            "total": 100, "cache": 0, "processed": 100 * (i + 1) // script.progress, "time_ms": 10 * (i + 1)}))
            for i in range(script.progress)]
    for index, text in enumerate(texts):
        frames += [Frame("content", chunk(index, {"reasoning_content": piece})) for piece in thoughts]
        for number, call in enumerate(calls):
            opening = {"index": number, **call, "function": {"name": call["function"]["name"], "arguments": ""}}
            frames.append(Frame("head", chunk(index, {"tool_calls": [opening]})))
            frames += [Frame("content", chunk(index, {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}))
                       for piece in split(call["function"]["arguments"], script.chunks)]
    for number in range(max(map(len, texts))):  # several choices arrive side by side
        frames += [Frame("content", chunk(index, {"content": text[number]}))
                   for index, text in enumerate(texts) if number < len(text)]
    frames += [Frame("tail", chunk(index, {}, reason)) for index in range(count)]
    if with_usage:
        frames.append(Frame("tail", sse({**common, "object": "chat.completion.chunk", **trailer, "choices": [],
                                         "usage": used})))
    frames.append(Frame("tail", b"data: [DONE]\n\n"))
    return _stream(frames, [VERSION])


def _stream(frames, headers=()):
    return Answer(content_type="text/event-stream; charset=utf-8", frames=frames, headers=list(headers), comment=COMMENT, ping=COMMENT,
                  broken=b'data: {"id":"broken","choices":[{"index":0,"delta":{"content":"cut\n\n',
                  error=sse({"error": {"message": "The server had an error while processing your request",
                                       "type": "server_error", "param": None, "code": "server_error"}}))


def completions(body, script):
    seed = Seed(body, "prompt", "n")
    texts = [seed.pieces(script.chunks, script.size, index) for index in range(script.choices or body.get("n") or 1)]
    common = {"id": seed.id("cmpl-"), "object": "text_completion", "created": CREATED, "model": body["model"]}
    used = {key: value for key, value in usage(seed, sum(map(len, texts))).items() if not key.endswith("details")}

    def choice(index, text, reason):
        return {"text": text, "index": index, "logprobs": None, "finish_reason": reason}

    if not body.get("stream"):
        return Answer(encoded({**common, "choices": [choice(i, "".join(text), "stop") for i, text in enumerate(texts)],
                               "usage": used}))
    frames = [Frame("content", sse({**common, "choices": [choice(index, piece, None)]}))
              for index, text in enumerate(texts) for piece in text]
    frames += [Frame("tail", sse({**common, "choices": [choice(index, "", "stop")]})) for index in range(len(texts))]
    if (body.get("stream_options") or {}).get("include_usage"):
        frames.append(Frame("tail", sse({**common, "choices": [], "usage": used})))
    return _stream([*frames, Frame("tail", b"data: [DONE]\n\n")])


def embeddings(body, _script):
    inputs = body.get("input", "")
    inputs = [inputs] if isinstance(inputs, str) or (inputs and isinstance(inputs[0], int)) else inputs
    seed = Seed(body)
    vectors = [seed.vector(str(each)) for each in inputs]
    if body.get("encoding_format") == "base64":
        vectors = [base64.b64encode(struct.pack(f"<{len(each)}f", *each)).decode() for each in vectors]
    tokens = sum(len(str(each)) for each in inputs)
    return Answer(encoded({"object": "list", "model": body["model"],
                           "data": [{"object": "embedding", "index": i, "embedding": each} for i, each in enumerate(vectors)],
                           "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}))


def speech(body, script):
    """Bytes that are no text, in `chunks` pieces."""
    seed = Seed(body, "input", "voice")
    pieces = [(seed.digest * (1 + max(script.size, 256) // 32))[i % 32:][:max(script.size, 256)] for i in range(script.chunks)]
    return Answer(content_type="audio/mpeg", frames=[Frame("content", piece) for piece in pieces])
