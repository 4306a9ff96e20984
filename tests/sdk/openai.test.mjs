// openai 6, and openai 7 where it differs.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import OpenAI7 from 'openai7';
import { SCHEMA, WEATHER, all, both, heard, model, through, thrown, world } from './world.mjs';

const client = (way, options = {}, Client = OpenAI) => new Client({
  baseURL: `${way.root}/v1`, apiKey: 'sk-of-the-client', fetch: way.fetch, defaultHeaders: way.headers, maxRetries: 0, ...options,
});
const messages = [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Wie spät ist es? 🌱' }];
const tools = [{ type: 'function', function: { name: 'weather', description: 'of a city', parameters: WEATHER } },
  { type: 'function', function: { name: 'script', parameters: SCHEMA } }];
const textOf = (chunks) => chunks.map((each) => each.choices[0]?.delta.content ?? '').join('');

both('models are listed and one is looked up', async (way) => {
  const openai = client(way);
  return [await all(openai.models.list()), await openai.models.retrieve('gpt-5')];
}, ([list, one]) => assert.deepEqual([list.length, one.id], [3, 'gpt-5']));

const chat = model('chunks=12');
both('a chat', (way) => client(way).chat.completions.create({ model: chat, messages }),
  (answer) => assert.ok(answer.choices[0].message.content.length > 20));
both('a streamed chat, chunk for chunk', (way) => all(client(way).chat.completions.create({ model: chat, messages, stream: true })),
  (chunks) => assert.equal(chunks.length, 14));

const crawl = model('gap=0.02,chunks=15,burst=4');
both('a streamed chat that comes in bursts, with its usage', async (way) => {
  const chunks = await all(client(way).chat.completions.create(
    { model: crawl, messages, stream: true, stream_options: { include_usage: true } }));
  return { chunks, text: textOf(chunks), usage: chunks.at(-1).usage };
}, ({ text, usage }) => assert.ok(text && usage.completion_tokens === 15));

const choices = model('choices=3,chunks=4');
both('several choices', (way) => client(way).chat.completions.create({ model: choices, messages, n: 3 }),
  (answer) => assert.equal(new Set(answer.choices.map((each) => each.message.content)).size, 3));
both('several choices, streamed', (way) => all(client(way).chat.completions.create({ model: choices, messages, n: 3, stream: true })));

const thinking = model('reasoning=4');
both('thoughts', (way) => client(way).chat.completions.create({ model: thinking, messages, reasoning_effort: 'high' }),
  (answer) => assert.ok(answer.choices[0].message.reasoning_content));
both('thoughts, streamed', (way) => all(client(way).chat.completions.create(
  { model: thinking, messages, reasoning_effort: 'high', stream: true })));

const calling = model('calls=2,chunks=3');
both('tool calls and the answer to their results', async (way) => {
  const openai = client(way);
  const first = await openai.chat.completions.create({ model: calling, messages, tools });
  const call = first.choices[0].message;
  const results = call.tool_calls.map((each) => ({ role: 'tool', tool_call_id: each.id, content: '21' }));
  return [first, await openai.chat.completions.create({ model: calling, messages: [...messages, call, ...results], tools })];
}, ([first, second]) => {
  assert.deepEqual(first.choices[0].message.tool_calls.map((each) => each.function.name), ['weather', 'script']);
  assert.equal(second.choices[0].finish_reason, 'stop');
});
both('tool calls, streamed and put together by the SDK', async (way) => {
  const runner = client(way).chat.completions.stream({ model: calling, messages, tools });
  return (await runner.finalChatCompletion()).choices[0];
}, (choice) => assert.equal(choice.message.tool_calls.length, 2));

const structured = model('chunks=5');
const response_format = { type: 'json_schema', json_schema: { name: 'film', strict: true, schema: SCHEMA } };
both('structured output, parsed by the SDK', async (way) =>
  (await client(way).chat.completions.parse({ model: structured, messages, response_format })).choices[0].message,
(message) => assert.equal(message.parsed?.scenes.length ?? JSON.parse(message.content).scenes.length, 2));

for (const [name, script, more] of [['a chat', 'chunks=12', {}], ['several choices', 'choices=3,chunks=4', { n: 3 }],
  ['thoughts', 'reasoning=4', { reasoning_effort: 'high' }], ['tool calls', 'calls=2,chunks=3', { tools }],
  ['structured output', 'chunks=5', { response_format }]]) {
  const listened = model(script);
  heard(name, 'Heard OpenAI', listened, (way) => client(way).chat.completions.create({ model: listened, messages, ...more }),
    (answer) => assert.ok(answer.usage.completion_tokens > 0));
}
through('an error in the middle of what the provider streams has a status', async () => {
  const failing = model('error_at=3');
  const error = await thrown(client(world.proxied('Heard OpenAI')).chat.completions.create({ model: failing, messages }));
  assert.deepEqual([error.name, error.status, error.code], ['InternalServerError', 500, 'server_error']);
});

const typed = model('chunks=6,reasoning=2');
both('a response', (way) => client(way).responses.create({ model: typed, input: 'hi', reasoning: { effort: 'low' } }),
  (answer) => assert.ok(answer.output_text));
both('a streamed response, event for event', (way) => all(client(way).responses.create({ model: typed, input: 'hi', stream: true })),
  (events) => assert.deepEqual([events[0].type, events.at(-1).type], ['response.created', 'response.completed']));
both('a streamed response with a tool', async (way) => (await client(way).responses.stream({
  model: calling, input: 'hi', tools: [{ type: 'function', name: 'weather', strict: true, parameters: WEATHER }],
}).finalResponse()).output, (output) => assert.equal(output[0].type, 'function_call'));
both('a response with structured output', async (way) => (await client(way).responses.parse({
  model: typed, input: 'hi', text: { format: { type: 'json_schema', name: 'film', strict: true, schema: SCHEMA } },
})).output_text, (text) => assert.ok(JSON.parse(text).title));

both('completions, whole and streamed', async (way) => [await client(way).completions.create({ model: chat, prompt: 'hi' }),
  await all(client(way).completions.create({ model: chat, prompt: 'hi', stream: true }))]);
both('embeddings', (way) => client(way).embeddings.create({ model: 'text-embedding-3-small', input: ['a', 'b'] }),
  (answer) => assert.deepEqual(answer.data.map((each) => each.embedding.length), [8, 8]));
const spoken = model('size=3000');
both('speech, byte for byte', async (way) => Buffer.from(await (await client(way).audio.speech.create(
  { model: spoken, voice: 'alloy', input: 'hi' })).arrayBuffer()).toString('base64'));

const huge = model('chunks=60,size=100000');
both('six megabytes, streamed', async (way) => textOf(await all(client(way).chat.completions.create({ model: huge, messages, stream: true }))).length,
  (length) => assert.ok(length > 5_900_000));

for (const status of [400, 401, 403, 404, 409, 422, 429, 500, 503, 529]) {
  const failing = model(`error=${status}`);
  both(`status ${status} keeps its class and body`, (way) => thrown(client(way).chat.completions.create({ model: failing, messages })),
    (error) => assert.deepEqual([error.status, error.body.message], [status, `scripted status ${status}`]));
}
const refused = model('error=400');
both('an error of a streamed request', (way) => thrown(client(way).chat.completions.create({ model: refused, messages, stream: true })));

for (const script of ['error_at=3', 'malformed=json@3', 'cut=3', 'cut=3,cut_how=close', 'malformed=chunk@3']) {
  const broken = model(script);
  both(`what the caller gets of a stream with ${script}`, async (way) => {
    const got = [];
    const error = await thrown((async () => {
      for await (const each of await client(way).chat.completions.create({ model: broken, messages, stream: true })) got.push(each);
    })());
    // The provider's own error is the same to the letter; of a broken connection Holdfast tells in the dialect's words.
    if (/^error|json/.test(script)) return { got, error };
    if (way.proxied) assert.deepEqual([error.name, error.type, error.code], ['APIError', 'holdfast_error', 'truncated']);
    return { got };
  }, ({ got }) => assert.ok(got.length >= 3));
}

for (const status of [429, 500, 503, 409]) {
  both(`status ${status} is repeated by the SDK, and the provider is asked as often as directly`, async (way) => {
    const name = model(`error=${status},times=2`);
    const answer = await client(way, { maxRetries: 2 }).chat.completions.create({ model: name, messages: [{ role: 'user', content: 'hi' }] });
    return { asked: (await world.log(name)).length, calls: way.calls, finish: answer.choices[0].finish_reason };
  }, ({ asked, calls }) => assert.deepEqual([asked, calls], [3, [status, status, 200]]));
}
both('a provider that says when to come again is asked no more often than directly', async (way) => {
  const name = model('error=429,times=2,retry_after=1');
  await client(way, { maxRetries: 2 }).chat.completions.create({ model: name, messages });
  return (await world.log(name)).length; // who repeats it, the SDK or Holdfast, is open
}, (asked) => assert.equal(asked, 3));
both('x-should-retry of the provider reaches the SDK', async (way) => {
  const error = await thrown(client(way, { maxRetries: 2 }).chat.completions.create({ model: model('error=409,should_retry=false'), messages }));
  return { status: error.status, calls: way.calls };
}, ({ calls }) => assert.deepEqual(calls, [409]));

through('the first request locks its job; another provider is refused once, not repeated', async () => {
  const way = world.proxied('OpenAI', { job: world.newJob(), stage: 'writing' });
  await client(way).chat.completions.create({ model: chat, messages });
  assert.equal(way.response.headers.get('holdfast-job'), way.job);
  assert.equal(way.response.headers.get('holdfast-provider'), 'OpenAI');
  assert.match(way.response.headers.get('holdfast-lock-epoch'), /^[1-9]\d*$/);
  const locks = (await world.control('GET', `/jobs/${way.job}/locks`)).body.locks;
  assert.deepEqual(locks.map((each) => [each.providerName, each.stages, each.state]), [['OpenAI', ['writing'], 'active']]);

  const name = model('');
  const other = world.proxied('Quick OpenAI', { job: way.job, stage: 'writing' });
  const error = await thrown(client(other, { maxRetries: 2 }).chat.completions.create({ model: name, messages }));
  assert.deepEqual([error.name, error.status, error.type, error.code], ['ConflictError', 409, 'holdfast_error', 'provider_locked']);
  assert.match(error.message, /Provider Quick OpenAI does not match locked provider OpenAI for stage writing/);
  assert.deepEqual(other.calls, [409]);
  assert.equal(other.response.headers.get('x-should-retry'), 'false');
  assert.deepEqual(await world.log(name), []);
});

through("a provider gets its own key, never the client's; hop-by-hop headers stay", async () => {
  const name = model('');
  await client(world.proxied()).chat.completions.create({ model: name, messages });
  const [{ headers, path }] = await world.log(name);
  assert.equal(headers.authorization, 'Bearer sk-of-the-provider');
  assert.equal(path, '/p/first/v1/chat/completions');
  for (const each of ['holdfast-provider', 'holdfast-job', 'keep-alive', 'proxy-authorization']) assert.ok(!(each in headers), each);
});

through('openai 7 gets the same', async () => {
  const name = model('chunks=5');
  for (const stream of [false, true]) {
    const get = async (way) => {
      const answer = await client(way, {}, OpenAI7).chat.completions.create({ model: name, messages, stream });
      return JSON.parse(JSON.stringify(stream ? await all(answer) : answer));
    };
    assert.deepEqual(await get(world.proxied()), await get(world.direct()));
  }
});
