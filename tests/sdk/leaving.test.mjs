// A caller who leaves, in each phase of a request: the provider's connection is closed, the operation is cancelled.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { createOpenAI } from '@ai-sdk/openai';
import { streamText } from 'ai';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { both, model, outcome, through, thrown, until, world } from './world.mjs';

const messages = [{ role: 'user', content: 'hi' }];
const PHASES = {
  'before the headers': ['headers=300', 'waiting'],
  'before the first token': ['first=300', 'waiting'],
  'in the middle': ['chunks=5000,gap=0.02', 'answering'],
  'in a stall': ['stall=2', 'stalled'],
};

/** Each SDK reads a stream until it is told to stop; `signal` is how a caller tells it. */
const readers = {
  openai: async (way, name, signal, seen) => {
    const client = new OpenAI({ baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, defaultHeaders: way.headers, maxRetries: 2 });
    for await (const each of await client.chat.completions.create({ model: name, messages, stream: true }, { signal })) seen(each);
  },
  'openai responses': async (way, name, signal, seen) => {
    const client = new OpenAI({ baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, defaultHeaders: way.headers, maxRetries: 2 });
    for await (const each of await client.responses.create({ model: name, input: 'hi', stream: true }, { signal })) seen(each);
  },
  anthropic: async (way, name, signal, seen) => {
    const client = new Anthropic({ baseURL: way.root, apiKey: 'k', fetch: way.fetch, defaultHeaders: way.headers, maxRetries: 2 });
    for await (const each of await client.messages.create({ model: name, messages, max_tokens: 9, stream: true }, { signal })) seen(each);
  },
  ollama: async (way, name, signal, seen) => {
    const client = new Ollama({ host: way.root, headers: way.headers, fetch: (url, init) => way.fetch(url, { ...init, signal }) });
    for await (const each of await client.chat({ model: name, messages, stream: true })) seen(each);
  },
  ai: async (way, name, signal, seen) => {
    const chosen = createOpenAI({ baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, headers: way.headers }).chat(name);
    for await (const each of streamText({ model: chosen, messages, abortSignal: signal, onError: () => {} }).fullStream) {
      if (each.type === 'abort') throw new DOMException('aborted', 'AbortError');
      if (each.type === 'error') throw each.error;
      seen(each);
    }
  },
};

for (const [sdk, read] of Object.entries(readers)) {
  for (const [phase, [script, state]] of Object.entries(PHASES)) {
    const reached = async (name) => (state === 'answering'
      ? until(`${name} under way`, async () => (await world.log(name)).at(-1)?.bytesSent > 3000)
      : world.reaches(name, state));
    both(`${sdk}: a caller leaves ${phase}`, async (way) => {
      const name = model(script);
      const leave = new AbortController();
      const left = outcome(read(way, name, leave.signal, () => {})); // in the middle some of them end without a word
      await reached(name);
      leave.abort();
      const error = await left;
      const entry = await world.reaches(name, 'left');
      const asked = (await world.log(name)).length;
      if (way.job) await world.ended(way.job, 'cancelled');
      return { name: error?.name, said: error?.said, asked, disconnected: entry.disconnected };
    }, ({ asked, disconnected }) => assert.deepEqual([asked, disconnected], [1, true]));
  }
  if (['ollama', 'ai'].includes(sdk)) continue; // these read on by themselves
  both(`${sdk}: a caller who stops reading a stream has left`, async (way) => {
    const name = model('chunks=5000,gap=0.02');
    const enough = new Error('enough');
    let count = 0;
    await assert.rejects(read(way, name, undefined, () => { if (++count === 5) throw enough; }), enough);
    await world.reaches(name, 'left');
    return (await world.log(name)).length;
  }, (asked) => assert.equal(asked, 1));
}

both('openai: a caller of an answer in one piece leaves', async (way) => {
  const name = model('headers=300');
  const client = new OpenAI({ baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, defaultHeaders: way.headers, maxRetries: 2 });
  const leave = new AbortController();
  const left = thrown(client.chat.completions.create({ model: name, messages }, { signal: leave.signal }));
  await world.reaches(name, 'waiting');
  leave.abort();
  const error = await left;
  await world.reaches(name, 'left');
  return [error.name, (await world.log(name)).length];
});

through('after keepalives have begun a caller leaves, and the provider hears of it', async () => {
  const name = model('headers=300');
  const way = world.proxied(undefined, { job: world.newJob(), stage: 'writing' });
  const leave = new AbortController();
  const response = await fetch(`${way.root}/v1/chat/completions`, {
    method: 'POST', signal: leave.signal, headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: name, messages, stream: true }),
  });
  assert.equal(response.status, 200);
  const reader = response.body.getReader();
  assert.match(new TextDecoder().decode((await reader.read()).value), /^: holdfast\n\n/);
  const began = performance.now();
  leave.abort();
  await world.reaches(name, 'left');
  assert.ok(performance.now() - began < 2000);
  await world.ended(way.job, 'cancelled');
});

through('Holdfast-On-Disconnect: detach keeps the work going without its client', async () => {
  const name = model('stall=2');
  const way = world.proxied('Slow OpenAI', { job: world.newJob(), stage: 'writing', headers: { 'Holdfast-On-Disconnect': 'detach' } });
  const leave = new AbortController();
  const left = outcome(readers.openai(way, name, leave.signal, () => {}));
  await world.reaches(name, 'stalled');
  leave.abort();
  await left;
  const asked = await world.question(way.job); // 0.6 s later it is still watched
  assert.equal((await world.answer(asked, 'wait_until_done')).status, 200);
  await world.resume(name);
  await world.reaches(name, 'done');
  await world.ended(way.job, 'completed');
});
