// An SDK that times out and tries again, as it does by itself: one generation, whose answer it gets.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import OpenAI7 from 'openai7';
import { all, model, through, world } from './world.mjs';

const messages = [{ role: 'user', content: 'hi' }];
// Longer than the SDK waits, and shorter than it waits with its retries.
const SLOW = 'headers=4';
const waits = { timeout: 2500, maxRetries: 2 };

const sdks = {
  openai: (way, name, stream) => new OpenAI({ baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, ...waits })
    .chat.completions.create({ model: name, messages, stream }, { timeout: waits.timeout }),
  'openai 7': (way, name, stream) => new OpenAI7({ baseURL: `${way.root}/v1`, apiKey: 'k', fetch: way.fetch, ...waits })
    .chat.completions.create({ model: name, messages, stream }, { timeout: waits.timeout }),
  anthropic: (way, name, stream) => new Anthropic({ baseURL: way.root, apiKey: 'k', fetch: way.fetch, ...waits })
    .messages.create({ model: name, messages, max_tokens: 9, stream }, { timeout: waits.timeout }),
};

for (const [sdk, create] of Object.entries(sdks)) {
  for (const stream of [false, true]) {
    through(`${sdk}: a retry behind a timeout joins, ${stream ? 'streamed' : 'in one piece'}`, async () => {
      const name = model(SLOW);
      const answer = create(world.proxied(), name, stream);
      const got = stream ? await all(answer) : await answer;
      assert.ok(stream ? got.length > 1 : JSON.stringify(got).length > 50, JSON.stringify(got));
      const calls = await world.log(name);
      assert.equal(calls.length, 1, 'one generation');
    });
  }
}

// openai-python reads the body before it gives an answer, and tries again where that is cut; openai-node does not.
through('an error behind blanks reaches the retry with its status', async () => {
  const way = world.proxied();
  const name = model('error=400,headers=7'); // behind the head of our own, which has said 200
  const ask = (retry) => fetch(`${way.root}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer k', 'x-stainless-retry-count': `${retry}` },
    body: JSON.stringify({ model: name, messages }),
  });
  const first = await ask(0);
  assert.equal(first.status, 200);
  await assert.rejects(first.text());
  const again = await ask(1);
  assert.equal(again.status, 400);
  assert.match(await again.text(), /"error"/);
  assert.equal((await world.log(name)).length, 1);
});
