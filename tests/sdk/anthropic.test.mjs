// @anthropic-ai/sdk.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { SCHEMA, WEATHER, all, both, heard, model, through, thrown, world } from './world.mjs';

const client = (way, options = {}) => new Anthropic({
  baseURL: way.root, apiKey: 'sk-of-the-client', fetch: way.fetch, defaultHeaders: way.headers, maxRetries: 0, ...options,
});
const asked = { max_tokens: 500, system: 'Be brief.', messages: [{ role: 'user', content: 'Wie spät ist es? 🌱' }] };
const tools = [{ name: 'weather', description: 'of a city', input_schema: WEATHER }, { name: 'script', input_schema: SCHEMA }];
const provider = 'Anthropic';

both('models are listed and one is looked up', async (way) => {
  const anthropic = client(way);
  return [await all(anthropic.models.list()), await anthropic.models.retrieve('claude-haiku-4-5')];
}, ([list, one]) => assert.deepEqual([list.length, one.id], [2, 'claude-haiku-4-5']));
both('tokens are counted', (way) => client(way).messages.countTokens({ model: 'claude-haiku-4-5', messages: asked.messages }),
  (answer) => assert.ok(answer.input_tokens > 10));

const plain = model('chunks=12');
both('a message', (way) => client(way).messages.create({ ...asked, model: plain }),
  (answer) => assert.ok(answer.content[0].text.length > 20));
both('a streamed message, event for event', (way) => all(client(way).messages.create({ ...asked, model: plain, stream: true })),
  (events) => assert.deepEqual([events[0].type, events.at(-1).type], ['message_start', 'message_stop']));
both('a streamed message, put together by the SDK', (way) => client(way).messages.stream({ ...asked, model: plain }).finalMessage(),
  (answer) => assert.equal(answer.stop_reason, 'end_turn'));

const pinging = model('gap=0.1,chunks=6,alive=ping,alive_gap=0.03');
both("the provider's own pings pass", async (way) => {
  const raw = await client(way).messages.create({ ...asked, model: pinging, stream: true }).asResponse();
  const text = await raw.text();
  return { pings: text.split('event: ping').length > 6, rest: text.replaceAll('event: ping\ndata: {"type":"ping"}\n\n', '') };
}, ({ pings }) => assert.ok(pings));

const thinking = model('reasoning=4');
both('thoughts with their signature, whole and streamed', async (way) => {
  const request = { ...asked, model: thinking, thinking: { type: 'enabled', budget_tokens: 1024 }, max_tokens: 2000 };
  return [await client(way).messages.create(request), await client(way).messages.stream(request).finalMessage()];
}, ([whole, streamed]) => {
  assert.ok(whole.content[0].thinking && whole.content[0].signature);
  assert.deepEqual(streamed.content, whole.content);
});

const calling = model('calls=2,chunks=3');
both('tools are called and their results answered', async (way) => {
  const anthropic = client(way);
  const first = await anthropic.messages.create({ ...asked, model: calling, tools });
  const results = first.content.filter((each) => each.type === 'tool_use').map((each) => (
    { type: 'tool_result', tool_use_id: each.id, content: '21' }));
  const second = await anthropic.messages.create({ ...asked, model: calling, tools,
    messages: [...asked.messages, { role: 'assistant', content: first.content }, { role: 'user', content: results }] });
  return [first, second];
}, ([first, second]) => assert.deepEqual([first.content.length, first.stop_reason, second.stop_reason], [3, 'tool_use', 'end_turn']));
both('tools, streamed', (way) => client(way).messages.stream({ ...asked, model: calling, tools }).finalMessage(),
  (answer) => assert.deepEqual(answer.content.map((each) => each.type), ['text', 'tool_use', 'tool_use']));
both('a tool that must be used, as structured output', (way) => client(way).messages.create(
  { ...asked, model: calling, tools, tool_choice: { type: 'tool', name: 'script' } }),
(answer) => assert.equal(answer.content[0].input.scenes.length, 2));
both('structured output by its format', (way) => client(way).messages.create(
  { ...asked, model: plain, output_config: { format: { type: 'json_schema', schema: SCHEMA } } }),
(answer) => assert.ok(JSON.parse(answer.content[0].text).title));

for (const [name, script, more] of [['a message', 'chunks=12', {}], ['tools', 'calls=2,chunks=3', { tools }],
  ['thoughts', 'reasoning=4', { thinking: { type: 'enabled', budget_tokens: 1024 }, max_tokens: 2000 }]]) {
  const listened = model(script);
  heard(name, 'Heard Anthropic', listened, (way) => client(way).messages.create({ ...asked, model: listened, ...more }),
    (answer) => assert.ok(answer.usage.output_tokens > 0));
}
through('an error in the middle of what the provider streams has a status', async () => {
  const failing = model('error_at=3');
  const error = await thrown(client(world.proxied('Heard Anthropic')).messages.create({ ...asked, model: failing }));
  assert.deepEqual([error.name, error.status, error.body.message], ['OverloadedError', 529, 'Overloaded']);
});

const huge = model('chunks=40,size=100000');
both('four megabytes, streamed', async (way) => (await client(way).messages.stream({ ...asked, model: huge }).finalText()).length,
  (length) => assert.ok(length > 3_900_000));

for (const status of [400, 401, 403, 404, 409, 413, 429, 500, 503, 529]) {
  const failing = model(`error=${status}`);
  both(`status ${status} keeps its class and body`, (way) => thrown(client(way).messages.create({ ...asked, model: failing })),
    (error) => assert.deepEqual([error.status, error.body.message], [status, `scripted status ${status}`]));
}
for (const script of ['error_at=3', 'malformed=json@3', 'cut=3', 'cut=3,cut_how=close']) {
  const broken = model(script);
  both(`what the caller gets of a stream with ${script}`, async (way) => {
    const got = [];
    const error = await thrown((async () => {
      for await (const each of await client(way).messages.create({ ...asked, model: broken, stream: true })) got.push(each);
    })());
    // The provider's own error is the same to the letter; of a broken connection Holdfast tells in the dialect's words.
    if (!script.startsWith('cut')) return { got, error };
    if (way.proxied) assert.deepEqual([error.name, error.body.type, error.body.code], ['APIError', 'holdfast_error', 'truncated']);
    return { got };
  }, ({ got }) => assert.ok(got.length >= 3));
}
for (const status of [429, 529, 409]) {
  both(`status ${status} is repeated by the SDK, and the provider is asked as often as directly`, async (way) => {
    const name = model(`error=${status},times=2`);
    await client(way, { maxRetries: 2 }).messages.create({ max_tokens: 9, model: name, messages: asked.messages });
    return { asked: (await world.log(name)).length, calls: way.calls };
  }, ({ asked: times, calls }) => assert.deepEqual([times, calls], [3, [status, status, 200]]));
}

through("Holdfast's own 409 has the dialect's shape and is not repeated", async () => {
  const way = world.proxied(provider, { job: world.newJob(), stage: 'writing' });
  await client(way).messages.create({ ...asked, model: plain });
  const name = model('');
  const other = world.proxied('Quick Anthropic', { job: way.job, stage: 'writing' });
  const error = await thrown(client(other, { maxRetries: 2 }).messages.create({ ...asked, model: name }));
  assert.deepEqual([error.name, error.status, error.body.type, error.body.code], ['ConflictError', 409, 'holdfast_error', 'provider_locked']);
  assert.deepEqual([other.calls, await world.log(name)], [[409], []]);
});

through("a provider gets its own key and the client's version", async () => {
  const name = model('');
  for (const way of [world.direct(), world.proxied()]) await client(way).messages.create({ ...asked, model: name });
  const [direct, proxied] = await world.log(name);
  assert.match(JSON.stringify(direct.headers), /sk-of-the-client/);
  assert.doesNotMatch(JSON.stringify(proxied.headers), /sk-of-the-client/);
  assert.equal(proxied.headers['x-api-key'], 'sk-of-the-provider');
  for (const each of ['anthropic-version', 'content-type', 'user-agent']) assert.equal(proxied.headers[each], direct.headers[each]);
  assert.deepEqual([proxied.path, proxied.bodySha256], [direct.path, direct.bodySha256]);
});
