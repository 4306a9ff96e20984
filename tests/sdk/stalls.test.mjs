// A stall, answered in each way through the control API while an SDK waits for its answer.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, streamText } from 'ai';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { all, comparable, model, outcome, through, until, world } from './world.mjs';

globalThis.AI_SDK_LOG_WARNINGS = false; // it does not know the models of the fake provider

const messages = [{ role: 'user', content: 'hi' }];
const openai = (way) => new OpenAI({ baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, defaultHeaders: way.headers, maxRetries: 0 });
const anthropic = (way) => new Anthropic({ baseURL: way.root, apiKey: 'k', fetch: way.fetch, defaultHeaders: way.headers, maxRetries: 0 });
const ollama = (way) => new Ollama({ host: way.root, fetch: way.fetch, headers: way.headers });
const ai_openai = (way) => createOpenAI({ baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, headers: way.headers });
const ai_anthropic = (way) => createAnthropic({ baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, headers: way.headers });
const text = async (chosen, seen) => {
  for await (const each of streamText({ model: chosen, messages, maxRetries: 0, onError: () => {} }).fullStream) {
    if (each.type === 'error') throw each.error;
    if (each.type === 'text-delta') seen(each.text);
  }
};
const each_of = async (stream, seen) => {
  for await (const each of await stream) seen(each);
};

/** By SDK: the dialect's name among the providers, whether it streams, and how the request is made. */
const CLIENTS = {
  'openai chat': ['OpenAI', true, (way, name, seen) => each_of(openai(way).chat.completions.create({ model: name, messages, stream: true }), seen)],
  'openai responses': ['OpenAI', true, (way, name, seen) => each_of(openai(way).responses.create({ model: name, input: 'hi', stream: true }), seen)],
  'openai chat, whole': ['OpenAI', false, async (way, name, seen) => seen(await openai(way).chat.completions.create({ model: name, messages }))],
  anthropic: ['Anthropic', true, (way, name, seen) => each_of(anthropic(way).messages.create({ model: name, messages, max_tokens: 9, stream: true }), (event) => event.type !== 'ping' && seen(event))],
  'anthropic, whole': ['Anthropic', false, async (way, name, seen) => seen(await anthropic(way).messages.create({ model: name, messages, max_tokens: 9 }))],
  ollama: ['Ollama', true, (way, name, seen) => each_of(ollama(way).chat({ model: name, messages, stream: true }), (line) => (line.done || line.message.content) && seen(line))],
  'ollama, whole': ['Ollama', false, async (way, name, seen) => seen(await ollama(way).chat({ model: name, messages }))],
  'ai with OpenAI chat': ['OpenAI', true, (way, name, seen) => text(ai_openai(way).chat(name), seen)],
  'ai with OpenAI responses': ['OpenAI', true, (way, name, seen) => text(ai_openai(way).responses(name), seen)],
  'ai with Anthropic': ['Anthropic', true, (way, name, seen) => text(ai_anthropic(way)(name), seen)],
  'ai with OpenAI chat, whole': ['OpenAI', false, async (way, name, seen) => seen((await generateText({ model: ai_openai(way).chat(name), messages, maxRetries: 0 })).text)],
};

/** A request that stalls: under way, with what it gave so far. */
class Stalled {
  constructor(client, script) {
    [this.dialect, this.streams, this.make] = CLIENTS[client];
    this.name = model(`only=slow,chunks=5,${script}`);
    this.slow = `Slow ${this.dialect}`;
    this.quick = `Quick ${this.dialect}`;
  }

  async start() {
    this.expected = [];
    await this.make(world.direct(), this.name, (each) => this.expected.push(comparable(each))); // not `slow`: at once
    this.way = world.proxied(this.slow, { job: world.newJob(), stage: 'writing' });
    this.job = this.way.job;
    this.got = [];
    this.ended = outcome(this.make(this.way, this.name, (each) => this.got.push(comparable(each))));
    await world.reaches(this.name, 'stalled');
    return world.question(this.job);
  }

  async given(operation, option, more) {
    const said = await world.answer(operation, option, more);
    assert.equal(said.status, 200, JSON.stringify(said.body));
  }

  async refused(operation, option, code, more) {
    const said = await world.answer(operation, option, more);
    assert.deepEqual([said.status, said.body.code], [409, code]);
  }

  /** The provider goes on; the caller gets all of its answer, and the operation completes. */
  async wholeAfterAll() {
    await world.resume(this.name);
    assert.equal(await this.ended, undefined);
    assert.deepEqual(this.got, this.expected);
    await world.ended(this.job, 'completed');
  }
}

/** One case for each SDK. */
function cases(name, script, make, { only = () => true } = {}) {
  suite(name, { concurrency: 12 }, () => {
    for (const [client, [, streams]] of Object.entries(CLIENTS)) {
      if (!only(streams)) continue;
      test(client, async () => {
        const stalled = new Stalled(client, script);
        if (world.daemon) {
          await make(stalled, await stalled.start());
          return;
        }
        const got = []; // against the provider alone: it stalls, is told to go on, and the SDK has waited
        const ended = outcome(stalled.make(world.direct('slow'), stalled.name, (each) => got.push(each)));
        await world.reaches(stalled.name, 'stalled');
        await world.resume(stalled.name);
        assert.equal(await ended, undefined);
        assert.ok(got.length > 0);
      });
    }
  });
}

cases('continue for 30 seconds: asked again when they have passed', 'stall=2', async (stalled, operation) => {
  const { question } = operation;
  assert.deepEqual([operation.providerName, operation.stageName, question.kind, question.ask], [stalled.slow, 'writing', 'stall', 1]);
  assert.deepEqual(question.options.map((each) => each.id),
    ['continue_30s', 'continue_5m', 'wait_until_done', 'try_alternative', 'cancel_job']);
  const offered = question.alternatives.find((each) => each.providerName === stalled.quick);
  assert.ok(offered, JSON.stringify(question.alternatives));
  await stalled.given(operation, 'continue_30s');
  await stalled.refused(operation, 'continue_5m', 'already_answered');
  const again = await world.question(stalled.job, 2);
  await stalled.given(again, 'wait_until_done');
  await stalled.wholeAfterAll();
  assert.equal((await world.log(stalled.name)).filter((each) => each.provider === 'slow').length, 1, 'sent once');
});

cases('continue for 5 minutes', 'stall=2', async (stalled, operation) => {
  await stalled.given(operation, 'continue_5m');
  await stalled.wholeAfterAll();
  assert.equal((await world.audit(stalled.job, 'question.opened')).length, 1);
});

cases('wait until it is done', 'stall=headers', async (stalled, operation) => {
  await stalled.given(operation, 'wait_until_done');
  await stalled.wholeAfterAll();
});

cases('progress withdraws the question', 'stall=2', async (stalled, operation) => {
  await stalled.wholeAfterAll();
  await stalled.refused(operation, 'continue_5m', 'stale_answer');
});

cases('try an alternative, before anything reached the client', 'stall=headers', async (stalled, operation) => {
  await stalled.refused(operation, 'try_alternative', 'confirmation_required', { provider: stalled.quick });
  assert.equal((await world.question(stalled.job)).question.ask, operation.question.ask, 'the question stays');
  await stalled.given(operation, 'try_alternative', { provider: stalled.quick, confirmed: true });
  assert.equal(await stalled.ended, undefined);
  assert.deepEqual(stalled.got, stalled.expected);
  const asked = await until('the slow one is left', async () => {
    const log = (await world.log(stalled.name)).filter((each) => each.provider !== 'first');
    return log[0].state === 'left' && log;
  });
  assert.deepEqual(asked.map((each) => each.provider), ['slow', 'quick']);
  await moved(stalled);
});

cases('try an alternative, after bytes were delivered', 'stall=2', async (stalled, operation) => {
  await stalled.given(operation, 'try_alternative', { provider: stalled.quick, confirmed: true });
  const error = await stalled.ended;
  assert.match(JSON.stringify(error), stalled.dialect === 'Ollama' ? /moved this job to another provider/ : /switched/);
  assert.ok(stalled.got.length > 0 && stalled.got.length < stalled.expected.length);
  assert.deepEqual(stalled.got, stalled.expected.slice(0, stalled.got.length), 'never the output of two providers');
  assert.equal((await world.log(stalled.name)).filter((each) => each.provider === 'quick').length, 0);
  await moved(stalled);
  const next = world.proxied(undefined, { job: stalled.job, stage: 'writing' });
  const got = [];
  await stalled.make(next, stalled.name, (each) => got.push(comparable(each)));
  assert.deepEqual(got, stalled.expected);
  assert.equal((await world.log(stalled.name)).at(-1).provider, 'quick');
}, { only: (streams) => streams });

async function moved(stalled) {
  const [decision, ...more] = (await world.control('GET', `/jobs/${stalled.job}/decisions`)).body.decisions;
  assert.deepEqual([decision.fromProvider, decision.toProvider, decision.reasonCode, decision.userConfirmed, more.length],
    [stalled.slow, stalled.quick, 'USER_AFTER_STALL', true, 0]);
  const { locks } = (await world.control('GET', `/jobs/${stalled.job}/locks`)).body;
  assert.deepEqual(locks.filter((each) => each.state === 'active').map((each) => each.providerName), [stalled.quick]);
}

cases('cancel', 'stall=2', async (stalled, operation) => {
  await stalled.refused(operation, 'cancel_job', 'confirmation_required');
  await stalled.given(operation, 'cancel_job', { confirmed: true });
  const error = await stalled.ended;
  assert.match(JSON.stringify(error), /cancelled/);
  await until('the provider is left', async () => (await world.log(stalled.name)).at(-1).state === 'left');
  await world.ended(stalled.job, 'cancelled');
  assert.equal((await world.control('GET', `/jobs/${stalled.job}`)).body.state, 'cancelled');
});

if (world.daemon) {
  test('of two answers at once one wins, and the other hears which', async () => {
    const stalled = new Stalled('openai chat', 'stall=2');
    const operation = await stalled.start();
    const answers = await Promise.all(['continue_5m', 'wait_until_done'].map((option) => world.answer(operation, option)));
    assert.deepEqual(answers.map((each) => each.status).sort(), [200, 409]);
    assert.equal(answers.find((each) => each.status === 409).body.code, 'already_answered');
    await stalled.wholeAfterAll();
  });

  test('an anonymous request that stalls is asked about too, and becomes a job', async () => {
    const name = model('only=slow,stall=2');
    const anonymous = world.proxied(undefined, { headers: { 'Holdfast-Provider': 'Slow OpenAI' } });
    const ended = all(openai(anonymous).chat.completions.create({ model: name, messages, stream: true }));
    await world.reaches(name, 'stalled');
    const operation = await until('a question', async () => (await world.control('GET', '/operations?state=active')).body.operations
      .find((each) => each.question && each.operationId === anonymous.response.headers.get('holdfast-operation')));
    assert.equal((await world.answer(operation, 'wait_until_done')).status, 200);
    await world.resume(name);
    assert.ok((await ended).length > 5);
  });
}

through('an answer that is sent twice at once with its key is given once', async () => {
  const name = model('stall=2');
  const way = world.proxied('Slow OpenAI');
  const ended = openai(way).chat.completions.create({ model: name, messages });
  const operation = await world.question(way.job);
  const path = `/operations/${operation.operationId}/answer`;
  const twice = await Promise.all([1, 2].map(() => world.control('POST', path, { ask: 1, option: 'continue_5m' }, { 'idempotency-key': 'once' })));
  assert.deepEqual(twice.map((each) => each.status), [200, 200]);
  await world.resume(name);
  await ended;
});
