"""OpenAI's responses: typed events, each with its number."""
from answer import CREATED, Answer, Frame, Seed, encoded, instance, split, sse, text_of


def responses(body, script):
    seed = Seed(body, "input", "instructions", "tools", "tool_choice", "text")
    made = Items(body, script, seed)
    document = _document(body, seed, made)
    if not body.get("stream"):
        return Answer(encoded(document))
    running = {**document, "status": "in_progress", "output": [], "usage": None}
    events = [("head", "response.created", {"response": running}), ("head", "response.in_progress", {"response": running}),
              *made.events, ("tail", "response.completed", {"response": document})]
    frames = [Frame(kind, sse({"type": name, "sequence_number": number, **data}, name))
              for number, (kind, name, data) in enumerate(events)]
    return Answer(content_type="text/event-stream; charset=utf-8", frames=frames,
                  comment=b": the provider is alive\n\n", ping=sse({"type": "keepalive", "sequence_number": 2}, "keepalive"),
                  broken=b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"cut\n\n',
                  error=sse({"type": "error", "sequence_number": len(frames), "code": "server_error", "param": None,
                             "message": "The server had an error while processing your request"}, "error"))


class Items:
    """The output's items, and the events that tell of them."""

    def __init__(self, body, script, seed):
        self.items, self.events, self.tokens, self.thoughts = [], [], 0, 0
        effort = (body.get("reasoning") or {}).get("effort")
        reasoning = script.reasoning or (3 if effort not in (None, "none", "minimal") else 0)
        if reasoning:
            self._reasoning(seed, seed.pieces(reasoning, 0, 11))
        asked = body.get("input")
        answered = isinstance(asked, list) and asked and asked[-1].get("type") == "function_call_output"
        tools = [each for each in body.get("tools") or [] if each.get("type") == "function"]
        if tools and not answered and body.get("tool_choice") != "none":
            for number, tool in enumerate(tools[:script.calls]):
                self._call(seed, number, tool, script.chunks)
            return
        wanted = (body.get("text") or {}).get("format") or {}
        if wanted.get("type") == "json_schema":
            self._message(seed, split(text_of(instance(wanted["schema"], seed)), script.chunks))
        else:
            self._message(seed, seed.pieces(script.chunks, script.size))

    def _say(self, kind, name, /, **data):
        self.events.append((kind, "response." + name, data))

    def _reasoning(self, seed, pieces):
        item = {"id": seed.id("rs_"), "type": "reasoning", "summary": []}
        at = {"item_id": item["id"], "output_index": len(self.items), "summary_index": 0}
        whole = {"type": "summary_text", "text": "".join(pieces)}
        self._say("head", "output_item.added", output_index=at["output_index"], item=item)
        self._say("head", "reasoning_summary_part.added", **at, part={"type": "summary_text", "text": ""})
        for piece in pieces:
            self._say("content", "reasoning_summary_text.delta", **at, delta=piece)
        self._say("head", "reasoning_summary_text.done", **at, text=whole["text"])
        self._say("head", "reasoning_summary_part.done", **at, part=whole)
        self._finish({**item, "summary": [whole]})
        self.thoughts = len(pieces)
        self.tokens += len(pieces)

    def _message(self, seed, pieces):
        item = {"id": seed.id("msg_"), "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        at = {"item_id": item["id"], "output_index": len(self.items), "content_index": 0}
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        whole = {**part, "text": "".join(pieces)}
        self._say("head", "output_item.added", output_index=at["output_index"], item=item)
        self._say("head", "content_part.added", **at, part=part)
        for piece in pieces:
            self._say("content", "output_text.delta", **at, delta=piece, logprobs=[])
        self._say("tail", "output_text.done", **at, text=whole["text"], logprobs=[])
        self._say("tail", "content_part.done", **at, part=whole)
        self._finish({**item, "status": "completed", "content": [whole]}, "tail")
        self.tokens += len(pieces)

    def _call(self, seed, number, tool, chunks):
        item = {"id": seed.id("fc_", number), "type": "function_call", "status": "in_progress", "arguments": "",
                "call_id": seed.id("call_", number), "name": tool["name"]}
        at = {"item_id": item["id"], "output_index": len(self.items)}
        arguments = text_of(instance(tool.get("parameters") or {}, seed, number))
        self._say("head", "output_item.added", output_index=at["output_index"], item=item)
        for piece in split(arguments, chunks):
            self._say("content", "function_call_arguments.delta", **at, delta=piece)
        self._say("head", "function_call_arguments.done", **at, name=tool["name"], arguments=arguments)
        self._finish({**item, "status": "completed", "arguments": arguments})
        self.tokens += 5

    def _finish(self, item, kind="head"):
        self._say(kind, "output_item.done", output_index=len(self.items), item=item)
        self.items.append(item)


def _document(body, seed, made):
    return {"id": seed.id("resp_"), "object": "response", "created_at": CREATED, "status": "completed", "background": False,
            "error": None, "incomplete_details": None, "instructions": body.get("instructions"),
            "max_output_tokens": body.get("max_output_tokens"), "model": body["model"], "output": made.items,
            "parallel_tool_calls": True, "previous_response_id": None,
            "reasoning": {"effort": (body.get("reasoning") or {}).get("effort"), "summary": None}, "service_tier": "default",
            "store": True, "temperature": 1.0, "text": {"format": (body.get("text") or {}).get("format") or {"type": "text"}},
            "tool_choice": body.get("tool_choice", "auto"), "tools": body.get("tools") or [], "top_p": 1.0,
            "truncation": "disabled", "user": None, "metadata": {},
            "usage": {"input_tokens": seed.asked, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": made.tokens,
                      "output_tokens_details": {"reasoning_tokens": made.thoughts},
                      "total_tokens": seed.asked + made.tokens}}
