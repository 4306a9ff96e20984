// What the design asks for and Holdfast does not do yet: run by name only, see README.md.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { model, through, thrown, world } from './world.mjs';

const messages = [{ role: 'user', content: 'hi' }];

through('a client that timed out and comes again joins what it began: the provider is asked once', async () => {
  const name = model('headers=3');
  const way = world.proxied(undefined, { job: world.newJob(), stage: 'writing' });
  const client = new OpenAI({ baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, timeout: 2000, maxRetries: 2 });
  const answer = await client.chat.completions.create({ model: name, messages });
  assert.equal(answer.choices[0].finish_reason, 'stop');
  assert.equal((await world.log(name)).length, 1);
  assert.ok(way.calls.length > 1, 'it did time out');
});

through('an error after the grace time cuts the connection, and the retry gets its status and body', async () => {
  const late = model('error=400,headers=7');
  const way = world.proxied(undefined, { job: world.newJob() });
  const client = new OpenAI({ baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, maxRetries: 1 });
  const error = await thrown(client.chat.completions.create({ model: late, messages }));
  assert.deepEqual([error.status, error.body.message], [400, 'scripted status 400']);
  assert.equal((await world.log(late)).length, 1);
});

through('an answer that is sent twice at once with its key is given once', async () => {
  const name = model('stall=2');
  const way = world.proxied('Slow OpenAI');
  const client = new OpenAI({ baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, defaultHeaders: way.headers, maxRetries: 0 });
  const ended = client.chat.completions.create({ model: name, messages });
  const operation = await world.question(way.job);
  const path = `/operations/${operation.operationId}/answer`;
  const twice = await Promise.all([1, 2].map(() => world.control('POST', path, { ask: 1, option: 'continue_5m' }, { 'idempotency-key': 'once' })));
  assert.deepEqual(twice.map((each) => each.status), [200, 200]);
  await world.resume(name);
  await ended;
});
