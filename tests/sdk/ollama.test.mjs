// ollama.
import assert from 'node:assert/strict';
import { Ollama } from 'ollama';
import { SCHEMA, WEATHER, all, both, model, through, thrown, world } from './world.mjs';

const client = (way) => new Ollama({ host: way.root, fetch: way.fetch, headers: way.headers });
const messages = [{ role: 'user', content: 'Wie spät ist es? 🌱' }];
const tools = [{ type: 'function', function: { name: 'weather', description: 'of a city', parameters: WEATHER } }];

both('models are listed and shown, the version told', async (way) => {
  const ollama = client(way);
  return [await ollama.list(), await ollama.ps(), await ollama.show({ model: 'llama3.1:8b' }), await ollama.version()];
}, ([list]) => assert.equal(list.models.length, 2));
both('it is there', async (way) => {
  const response = await fetch(`${way.root}/`, { method: 'HEAD', headers: way.headers });
  return way.proxied && new URL(way.root).pathname === '/' ? 200 : response.status; // without a job, / is the console's
}, (status) => assert.equal(status, 200));

const plain = model('chunks=12');
const crawl = model('gap=0.02,chunks=12');
both('a chat', (way) => client(way).chat({ model: plain, messages }), (answer) => assert.ok(answer.message.content.length > 20));
both('a chat that takes its time', (way) => client(way).chat({ model: crawl, messages }), (answer) => assert.ok(answer.done));
both('a streamed chat, line for line', (way) => all(client(way).chat({ model: plain, messages, stream: true })),
  (lines) => assert.deepEqual([lines.length, lines.at(-1).done], [13, true]));
both('a completion, whole and streamed', async (way) => [await client(way).generate({ model: plain, prompt: 'hi' }),
  await all(client(way).generate({ model: plain, prompt: 'hi', stream: true }))]);
const thinking = model('reasoning=3');
both('thoughts, whole and streamed', async (way) => [await client(way).chat({ model: thinking, messages, think: true }),
  await all(client(way).chat({ model: thinking, messages, think: true, stream: true })),
  await client(way).generate({ model: thinking, prompt: 'hi', think: true })],
([whole]) => assert.ok(whole.message.thinking));
both('tools, whole and streamed', async (way) => [await client(way).chat({ model: plain, messages, tools }),
  await all(client(way).chat({ model: plain, messages, tools, stream: true }))],
([whole]) => assert.equal(whole.message.tool_calls[0].function.name, 'weather'));
both('structured output', (way) => client(way).chat({ model: plain, messages, format: SCHEMA }),
  (answer) => assert.equal(JSON.parse(answer.message.content).scenes.length, 2));
both('embeddings', (way) => client(way).embed({ model: 'nomic-embed-text', input: ['a', 'b'] }),
  (answer) => assert.equal(answer.embeddings.length, 2));

both('a model that is not there', (way) => thrown(client(way).show({ model: 'nothing' })),
  (error) => assert.deepEqual([error.status, error.message], [404, "model 'nothing' not found"]));
for (const status of [400, 404, 429, 500, 503]) {
  const failing = model(`error=${status}`);
  both(`status ${status} keeps its class and body`, async (way) => [await thrown(client(way).chat({ model: failing, messages })),
    await thrown(client(way).chat({ model: failing, messages, stream: true }))],
  ([error]) => assert.deepEqual([error.status, error.message], [status, `scripted status ${status}`]));
}
for (const script of ['error_at=3', 'malformed=json@3', 'cut=3', 'cut=3,cut_how=close', 'noend=1']) {
  const broken = model(script);
  both(`what the caller gets of a stream with ${script}`, async (way) => {
    const got = [];
    const read = async () => {
      for await (const each of await client(way).chat({ model: broken, messages, stream: true })) got.push(each);
    };
    if (script.startsWith('malformed')) { // passed over by this SDK
      await read();
      return { got };
    }
    const error = await thrown(read());
    return script.startsWith('error') ? { got, error } : { got };
  }, ({ got }) => assert.ok(got.length >= 3));
}

through("Holdfast's own 409 has the dialect's shape", async () => {
  const way = world.proxied('Ollama', { job: world.newJob(), stage: 'writing' });
  await client(way).chat({ model: plain, messages });
  const name = model('');
  const other = world.proxied('Quick Ollama', { job: way.job, stage: 'writing' });
  const error = await thrown(client(other).chat({ model: name, messages }));
  assert.equal(error.status, 409);
  assert.match(error.message, /Provider Quick Ollama does not match locked provider Ollama for stage writing/);
  assert.deepEqual([other.calls, await world.log(name)], [[409], []]);
});
