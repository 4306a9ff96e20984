"""Ollama's dialect: lines of JSON, streamed unless told otherwise."""
from answer import Answer, Frame, Seed, encoded, instance, split, text_of

MODELS = ("llama3.1:8b", "nomic-embed-text:latest")
DETAILS = {"parent_model": "", "format": "gguf", "family": "llama", "families": ["llama"], "parameter_size": "8.0B",
           "quantization_level": "Q4_K_M"}
NOT_FOUND = "model '%s' not found"


def fault(status, message, _code=None):
    return Answer(status=status, content_type="application/json; charset=utf-8", document=encoded({"error": message}))


def at(number):
    return f"2025-06-15T00:00:{number // 1000 % 60:02}.{number % 1000:03}Z"


LAST = at(59_999)


def listed(name):
    return {"name": name, "model": name, "modified_at": at(0), "size": 4_920_753_328, "digest": "46e0c10c039e", "details": DETAILS}


def answer(method, path, body, script, *, model_name=""):
    del model_name
    if path == "/" and method in ("HEAD", "GET"):
        return Answer(b"Ollama is running", content_type="text/plain; charset=utf-8")
    if method == "GET":
        known = {"/api/version": {"version": "0.12.6"}, "/api/tags": {"models": [listed(each) for each in MODELS]},
                 "/api/ps": {"models": [{**listed(MODELS[0]), "expires_at": LAST, "size_vram": 4_920_753_328}]}}.get(path)
        return Answer(encoded(known), content_type="application/json; charset=utf-8") if known else None
    if path == "/api/show":
        name = body.get("model") or body.get("name", "")
        if name not in MODELS:
            return fault(404, NOT_FOUND % name)
        return Answer(encoded({"modelfile": "FROM llama", "parameters": "stop \"<|eot|>\"", "template": "{{ .Prompt }}",
                               "details": DETAILS, "model_info": {"general.architecture": "llama"},
                               "capabilities": ["completion", "tools"], "modified_at": at(0)}))
    known = {"/api/chat": chat, "/api/generate": generate, "/api/embed": embed}.get(path)
    return known(body, script) if known and method == "POST" else None


def figures(seed, out):
    return {"done": True, "done_reason": "stop", "total_duration": 5_000_000_000, "load_duration": 1_000_000_000,
            "prompt_eval_count": seed.asked, "prompt_eval_duration": 500_000_000, "eval_count": out,
            "eval_duration": 3_000_000_000}


def _pieces(body, script, seed):
    wanted = body.get("format")
    if isinstance(wanted, dict):
        return split(text_of(instance(wanted, seed)), script.chunks)
    return split(text_of({"answer": seed.word(0)}), script.chunks) if wanted == "json" else \
        seed.pieces(script.chunks, script.size)


def _lines(body, records, last, empty):
    """A streamed answer: the records, and the one that is done."""
    frames = [Frame("content", encoded({"model": body["model"], "created_at": at(number), **record, "done": False}) + b"\n")
              for number, record in enumerate(records)]
    frames.append(Frame("tail", encoded(last) + b"\n"))
    alive = encoded({"model": body["model"], "created_at": at(0), **empty, "done": False}) + b"\n"
    return Answer(content_type="application/x-ndjson", frames=frames, comment=b" ", ping=alive,
                  broken=b'{"model":"broken","message":{"role":"assis\n',
                  error=encoded({"error": "an error was encountered while running the model"}) + b"\n")


def chat(body, script):
    seed = Seed(body, "messages", "tools", "format", "think")
    thoughts = seed.pieces(script.reasoning or (3 if body.get("think") else 0), 0, 11)
    tools = [each["function"] for each in body.get("tools") or []]
    answered = (body.get("messages") or [{}])[-1].get("role") == "tool"
    calls = [{"function": {"name": tool["name"], "arguments": instance(tool.get("parameters", {}), seed, i)}}
             for i, tool in enumerate(tools[:script.calls])] if tools and not answered else []
    text = [] if calls else _pieces(body, script, seed)
    last = {"model": body["model"], "created_at": LAST, "message": {"role": "assistant", "content": ""},
            **figures(seed, len(thoughts) + len(text) + 5 * len(calls))}
    if body.get("stream") is False:
        message = {"role": "assistant", "content": "".join(text)}
        if thoughts:
            message["thinking"] = "".join(thoughts)
        if calls:
            message["tool_calls"] = calls
        return Answer(encoded({**last, "message": message}), content_type="application/json; charset=utf-8")
    records = [{"message": {"role": "assistant", "content": "", "thinking": piece}} for piece in thoughts]
    records += [{"message": {"role": "assistant", "content": "", "tool_calls": [call]}} for call in calls]
    records += [{"message": {"role": "assistant", "content": piece}} for piece in text]
    return _lines(body, records, last, {"message": {"role": "assistant", "content": ""}})


def generate(body, script):
    seed = Seed(body, "prompt", "system", "format", "think")
    thoughts = seed.pieces(script.reasoning or (3 if body.get("think") else 0), 0, 11)
    text = _pieces(body, script, seed)
    last = {"model": body["model"], "created_at": LAST, "response": "", **figures(seed, len(thoughts) + len(text)),
            "context": list(seed.digest[:6])}
    if body.get("stream") is False:
        whole = {**last, "response": "".join(text)}
        return Answer(encoded({**whole, "thinking": "".join(thoughts)} if thoughts else whole),
                      content_type="application/json; charset=utf-8")
    records = [{"response": "", "thinking": piece} for piece in thoughts] + [{"response": piece} for piece in text]
    return _lines(body, records, last, {"response": ""})


def embed(body, _script):
    inputs = body.get("input", "")
    inputs = [inputs] if isinstance(inputs, str) else inputs
    seed = Seed(body)
    return Answer(encoded({"model": body["model"], "embeddings": [seed.vector(each) for each in inputs],
                           "total_duration": 14_000_000, "load_duration": 1_000_000,
                           "prompt_eval_count": sum(map(len, inputs))}), content_type="application/json; charset=utf-8")
