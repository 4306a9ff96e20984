// Long silences: the line is kept alive in a way that each SDK tolerates, and nothing is added to what the caller reads.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { streamText } from 'ai';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import OpenAI7 from 'openai7';
import { all, comparable, model, thrown, world } from './world.mjs';

globalThis.AI_SDK_LOG_WARNINGS = false; // it does not know the models of the fake provider

const messages = [{ role: 'user', content: 'hi' }];
const KEEPALIVES = { comment: /: holdfast\n\n/g, ping: /event: ping\ndata: ?\{"type": ?"ping"\}\n\n/g, line: / |"content":""/g };
const openai = (way, Client = OpenAI) => new Client(
  { baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, defaultHeaders: way.headers, maxRetries: 0 });
const parts = async (way, chosen) => {
  const got = [];
  for await (const each of streamText({ model: chosen, messages, maxRetries: 0 }).textStream) got.push(each);
  return got;
};

const CASES = {
  'openai chat': ['comment', (way, name) => all(openai(way).chat.completions.create({ model: name, messages, stream: true }))],
  'openai responses': ['comment', (way, name) => all(openai(way).responses.create({ model: name, input: 'hi', stream: true }))],
  'openai 7 chat': ['comment', (way, name) => all(openai(way, OpenAI7).chat.completions.create({ model: name, messages, stream: true }))],
  'openai 7 responses': ['comment', (way, name) => all(openai(way, OpenAI7).responses.create({ model: name, input: 'hi', stream: true }))],
  anthropic: ['ping', (way, name) => all(new Anthropic(
    { baseURL: way.root, apiKey: 'k', fetch: way.fetch, defaultHeaders: way.headers, maxRetries: 0 })
    .messages.create({ model: name, messages, max_tokens: 9, stream: true })), (event) => event.type !== 'ping'],
  ollama: ['line', (way, name) => all(new Ollama({ host: way.root, fetch: way.fetch, headers: way.headers })
    .chat({ model: name, messages, stream: true })), (line) => line.done || line.message.content !== ''],
  'ai with OpenAI chat': ['comment', (way, name) => parts(way, createOpenAI(
    { baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, headers: way.headers }).chat(name))],
  'ai with OpenAI responses': ['comment', (way, name) => parts(way, createOpenAI(
    { baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, headers: way.headers }).responses(name))],
  'ai with Anthropic': ['ping', (way, name) => parts(way, createAnthropic(
    { baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, headers: way.headers })(name))],
};
const SILENCES = {
  'before the headers': (seconds) => `headers=${seconds}`, 'before the first token': (seconds) => `first=${seconds}`,
  'in the middle': (seconds) => `silence=${seconds}`,
};

/** Counts what keeps the line alive, byte for byte as it arrives, while the SDK reads the same answer. */
function counted(way, pattern) {
  let text = '';
  const fetched = way.fetch;
  way.fetch = async (url, init) => {
    const response = await fetched(url, init);
    if (!response.body) return response;
    const decoder = new TextDecoder();
    const body = response.body.pipeThrough(new TransformStream({
      transform(bytes, out) {
        text += decoder.decode(bytes, { stream: true });
        out.enqueue(bytes);
      },
    }));
    return new Response(body, response);
  };
  return () => (text.match(pattern) ?? []).length;
}

// Twelve seconds are one keepalive at least and two at most; the waits run side by side.
suite('in a long silence', { concurrency: 40 }, () => {
  for (const [name, [kind, make, keep = () => true]] of Object.entries(CASES)) {
    for (const [where, script] of Object.entries(SILENCES)) {
      test(`${name}: ${where}`, async () => {
        const seconds = world.daemon ? 12 : 1;
        const scripted = model(`chunks=4,${script(seconds)}`);
        const told = (got) => comparable(got.filter(keep));
        const direct = world.direct();
        const without = counted(direct, KEEPALIVES[kind]);
        const expected = told(await make(direct, scripted));
        assert.ok(expected.length >= 4);
        if (!world.daemon) return;
        const way = world.proxied();
        const count = counted(way, KEEPALIVES[kind]);
        assert.deepEqual(told(await make(way, scripted)), expected);
        assert.ok(count() > without(), `${count()} signs of life in ${seconds} s, ${without()} without Holdfast`);
        assert.equal((await world.log(scripted)).length, 2, 'once directly, once through Holdfast');
      });
    }
  }

  for (const [name, Client] of [['openai', OpenAI], ['openai 7', OpenAI7]]) {
    test(`${name}: an answer in one piece that takes long`, async () => {
      const scripted = model(`headers=${world.daemon ? 12 : 1}`);
      const get = async (way) => comparable(await openai(way, Client).chat.completions.create({ model: scripted, messages }));
      const expected = await get(world.direct());
      if (!world.daemon) return;
      const way = world.proxied();
      const count = counted(way, /^ +(?=\{)/g);
      assert.deepEqual(await get(way), expected);
      assert.equal(count(), 1, 'the document has blanks before it');
    });
  }

  test('a fast error keeps its status', async () => {
    for (const way of [world.direct(), world.daemon ? world.proxied() : world.direct()]) {
      const error = await thrown(openai(way).chat.completions.create({ model: model('error=500,headers=2'), messages }));
      assert.equal(error.status, 500);
    }
  });

  test('a stream without its end marker is an error, though the SDK itself would take it for whole', async () => {
    const scripted = model('noend=1');
    const create = (way) => all(openai(way).chat.completions.create({ model: scripted, messages, stream: true }));
    await create(world.direct());
    if (!world.daemon) return;
    const error = await thrown(create(world.proxied()));
    assert.ok(error.name, error.message);
  });
});
