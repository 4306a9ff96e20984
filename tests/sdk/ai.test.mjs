// ai with @ai-sdk/openai (responses and chat) and @ai-sdk/anthropic.
import assert from 'node:assert/strict';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { Output, embed, generateText, jsonSchema, streamText, tool } from 'ai';
import { SCHEMA, WEATHER, all, both, model, thrown, world } from './world.mjs';

globalThis.AI_SDK_LOG_WARNINGS = false; // it does not know the models of the fake provider

const prompt = 'Wie spät ist es? 🌱';
const openai = (way) => createOpenAI({ baseURL: `${way.root}/v1`, apiKey: 'sk-of-the-client', fetch: way.fetch, headers: way.headers });
const anthropic = (way) => createAnthropic({ baseURL: `${way.root}/v1`, apiKey: 'sk-of-the-client', fetch: way.fetch, headers: way.headers });
const dialects = {
  'OpenAI responses': { made: (way, name) => openai(way).responses(name), provider: 'OpenAI' },
  'OpenAI chat': { made: (way, name) => openai(way).chat(name), provider: 'OpenAI' },
  Anthropic: { made: (way, name) => anthropic(way)(name), provider: 'Anthropic' },
};
const told = async (result) => ({
  text: await result.text, reasoning: await result.reasoningText, finish: await result.finishReason, usage: await result.usage,
  calls: (await result.toolCalls).map(({ toolName, input, toolCallId }) => ({ toolName, input, toolCallId })),
});
/** Parts that name when or by which HTTP answer they came differ by themselves. */
const parts = async (result) => (await all(result.fullStream)).map(({ request, response, providerMetadata, ...each }) => each)
  .filter((each) => each.type !== 'raw').map((each) => JSON.parse(JSON.stringify(each, (key, value) => (['id', 'messageId', 'headers', 'performance', 'callId'].includes(key) ? undefined : value))));

for (const [name, { made, provider }] of Object.entries(dialects)) {
  const plain = model('chunks=10');
  both(`${name}: text`, async (way) => told(await generateText({ model: made(way, plain), prompt, maxRetries: 0 })),
    ({ text }) => assert.ok(text.length > 20), { provider });
  both(`${name}: text, streamed part for part`, (way) => parts(streamText({ model: made(way, plain), prompt, maxRetries: 0 })),
    (got) => assert.ok(got.filter((each) => each.type === 'text-delta').length >= 10), { provider });
  const calling = model('chunks=3');
  both(`${name}: a tool is called and its result answered`, async (way) => {
    const result = await generateText({
      model: made(way, calling), prompt, maxRetries: 0, stopWhen: ({ steps }) => steps.length === 2,
      tools: { weather: tool({ description: 'of a city', inputSchema: jsonSchema(WEATHER), execute: ({ city }) => `rain in ${city}` }) },
    });
    return { text: result.text, results: result.steps.map((each) => each.toolResults.map((one) => one.output)) };
  }, ({ text, results }) => assert.ok(text && results[0][0].startsWith('rain in')), { provider });
  both(`${name}: structured output`, async (way) => (await generateText({
    model: made(way, calling), prompt, maxRetries: 0, output: Output.object({ schema: jsonSchema(SCHEMA) }) })).output,
  (output) => assert.equal(output.scenes.length, 2), { provider });
  const thinking = model('reasoning=3,gap=0.01');
  both(`${name}: thoughts, streamed`, async (way) => told(streamText({ model: made(way, thinking), prompt, maxRetries: 0 })),
    undefined, { provider });
  for (const status of [400, 429, 500]) {
    const failing = model(`error=${status}`);
    both(`${name}: status ${status}`, async (way) => {
      const { name: kind, status: code, body } = await thrown(generateText({ model: made(way, failing), prompt, maxRetries: 0 }));
      return { kind, code, body };
    }, ({ code }) => assert.equal(code, status), { provider });
  }
  both(`${name}: the SDK repeats a 429`, async (way) => {
    const again = model('error=429,times=1');
    await generateText({ model: made(way, again), prompt, maxRetries: 2 });
    return { calls: way.calls, asked: (await world.log(again)).length };
  }, ({ calls }) => assert.deepEqual(calls, [429, 200]), { provider });
  const silent = model('chunks=4,silence=0.5,alive=ping,alive_gap=0.1');
  both(`${name}: signs of life in a silence are no parts`, (way) => parts(streamText({ model: made(way, silent), prompt, maxRetries: 0 })),
    undefined, { provider });
  const cut = model('cut=3,cut_how=close');
  both(`${name}: a stream that ends without its end marker is an error`, async (way) => {
    const got = [];
    const error = await thrown((async () => {
      for await (const each of streamText({ model: made(way, cut), prompt, maxRetries: 0, onError: () => {} }).fullStream) {
        if (each.type === 'text-delta') got.push(each.text);
        if (each.type === 'error') throw each.error;
      }
    })());
    if (way.proxied) assert.match(JSON.stringify(error), /truncated/);
    return got;
  }, (got) => assert.equal(got.length, 3), { provider });
}

both('an embedding', async (way) => (await embed({ model: openai(way).embedding('text-embedding-3-small'), value: 'a', maxRetries: 0 })).embedding,
  (vector) => assert.equal(vector.length, 8), { provider: 'OpenAI' });
