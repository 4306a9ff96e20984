// What the tests share: the fake provider, the daemon in front of it, and one case made in both ways and compared.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { after, test } from 'node:test';

const FAKE = fileURLToPath(new URL('../fake_provider/fake_provider.py', import.meta.url));
const WAIT_MS = 20_000; // a condition that has not come by then never will

/** Waits for a condition; fails with what was waited for. */
export async function until(what, condition) {
  const deadline = performance.now() + WAIT_MS;
  while (performance.now() < deadline) {
    world?.holds();
    const value = await condition();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`never came: ${what}`);
}

/** Starts a program and waits for its line `listening on ADDRESS`. */
async function listening(program, words, options) {
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
  let said = '';
  child.stderr.on('data', (data) => (said = (said + data).slice(-20_000)));
  const address = await new Promise((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      const found = /^listening on (http:\S+)$/.exec(line);
      if (found) resolve(found[1]);
    });
    child.on('error', reject);
    child.on('exit', (status, signal) => reject(new Error(`${program} ended (${signal ?? status}) before it listened:\n${said}`)));
  });
  return { child, address, said: () => said };
}

async function json(method, url, body, headers = {}) {
  const response = await fetch(url, {
    method, headers: { 'content-type': 'application/json', ...headers }, body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : null };
}

// A quick_ask provider is asked about after 0.6 s of silence; «30 seconds» are 0.8 here, the rest is as shipped.
const PROFILES = {
  profiles: {
    quick_ask: {
      normalThresholdMs: 400, extendedThresholdMs: 500, deepWaitThresholdMs: 600, heartbeatIntervalMs: 300,
      stallSuspicionMultiplier: 2, firstProgressThresholdMs: 600,
    },
  },
  stallBehavior: {
    userDialogOptions: [
      { id: 'continue_30s', label: 'Continue Waiting (30s)', action: 'extend', extensionMs: 800 },
      { id: 'continue_5m', label: 'Continue Waiting (5 min)', action: 'extend', extensionMs: 300_000 },
      { id: 'try_alternative', label: 'Try Alternative Provider', action: 'fallback', requiresConfirmation: true },
      { id: 'cancel_job', label: 'Cancel Job', action: 'cancel', requiresConfirmation: true, offerPartialArtifacts: true },
    ],
  },
};

function provider(name, protocol, base_url, type, more = '') {
  return `[[providers]]\nname = "${name}"\nprotocol = "${protocol}"\nbase_url = "${base_url}"\ntype = "${type}"\n${more}\n`;
}

/** The providers that a job can have. Those of `quick_ask` stall soon; each has an alternative in its dialect. */
function configuration(fake) {
  const key = 'api_key_env = "FAKE_KEY"';
  return ['store = "sqlite:holdfast.db"', 'profiles = "profiles.json"',
    provider('OpenAI', 'openai', `${fake}/p/first/v1`, 'cloud_llm', key),
    provider('Anthropic', 'anthropic', `${fake}/p/first`, 'cloud_llm', key),
    provider('Ollama', 'ollama', `${fake}/p/first`, 'local_llm'),
    provider('Heard OpenAI', 'openai', `${fake}/p/first/v1`, 'cloud_llm', `${key}\nstream_to_provider = "always"`),
    provider('Heard Anthropic', 'anthropic', `${fake}/p/first`, 'cloud_llm', `${key}\nstream_to_provider = "always"`),
    provider('Slow OpenAI', 'openai', `${fake}/p/slow/v1`, 'quick_ask', key),
    provider('Quick OpenAI', 'openai', `${fake}/p/quick/v1`, 'quick_ask', key),
    provider('Slow Anthropic', 'anthropic', `${fake}/p/slow`, 'quick_ask', key),
    provider('Quick Anthropic', 'anthropic', `${fake}/p/quick`, 'quick_ask', key),
    provider('Slow Ollama', 'ollama', `${fake}/p/slow`, 'quick_ask'),
    provider('Quick Ollama', 'ollama', `${fake}/p/quick`, 'quick_ask')].join('\n');
}

/** One way to the provider: `root` is where a client points to, before the dialect's own path. */
class Way {
  constructor(name, root, headers, world) {
    Object.assign(this, { name, root, headers, world, proxied: name !== 'direct' });
    this.calls = []; // status of each HTTP request that the SDK made
    this.fetch = async (url, init) => {
      const at = this.calls.push(0) - 1;
      const response = await fetch(url, init);
      this.calls[at] = response.status;
      this.response = response;
      return response;
    };
  }
}

class World {
  #job = 0;

  async start() {
    this.folder = mkdtempSync(join(tmpdir(), 'holdfast-sdk-'));
    this.fake = await listening('python3', [FAKE, '--end-with-stdin'], {});
    if (!process.env.HOLDFAST) return this;
    writeFileSync(join(this.folder, 'profiles.json'), JSON.stringify(PROFILES));
    writeFileSync(join(this.folder, 'holdfast.toml'), configuration(this.fake.address));
    this.daemon = await listening(process.env.HOLDFAST,
      ['serve', '--config', join(this.folder, 'holdfast.toml'), '--listen', '127.0.0.1:0'],
      { cwd: this.folder, env: { ...process.env, FAKE_KEY: 'sk-of-the-provider', XDG_STATE_HOME: this.folder, XDG_RUNTIME_DIR: this.folder } });
    return this;
  }

  /** Fails where the daemon is gone. */
  holds() {
    const child = this.daemon?.child;
    if (child && (child.exitCode !== null || child.signalCode !== null)) {
      assert.fail(`the daemon has ended: ${child.signalCode ?? child.exitCode}\n${this.daemon.said()}`);
    }
  }

  /** Ends both; the daemon must end as it should. */
  async stop() {
    this.fake.child.stdin.end();
    if (this.daemon) {
      const ended = new Promise((resolve) => this.daemon.child.on('exit', (status, signal) => resolve(signal ?? status)));
      this.holds();
      this.daemon.child.kill('SIGTERM');
      const hard = setTimeout(() => this.daemon.child.kill('SIGKILL'), 15_000);
      assert.equal(await ended, 0, this.daemon.said());
      clearTimeout(hard);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  direct(provider = 'first', headers = {}) {
    return new Way('direct', `${this.fake.address}/p/${provider}`, headers, this);
  }

  /** Through Holdfast: anonymous, or as a job of its own where a provider of the configuration is named. */
  proxied(provider, { job = provider && this.newJob(), stage, headers = {} } = {}) {
    const path = job ? `/jobs/${job}${stage ? `/stages/${stage}` : ''}` : '';
    const chosen = provider ? { 'Holdfast-Provider': provider } : {};
    return Object.assign(new Way('through Holdfast', this.daemon.address + path, { ...chosen, ...headers }, this), { job });
  }

  newJob() {
    return `job-${process.pid}-${++this.#job}`;
  }

  /** What the fake provider received of a model, in order. */
  async log(model) {
    const said = await json('GET', `${this.fake.address}/_control/log?model=${encodeURIComponent(model)}`);
    return said.body.requests;
  }

  /** Waits until the provider's newest request of this model is in that state. */
  async reaches(model, state) {
    return until(`${model} ${state}`, async () => {
      const last = (await this.log(model)).at(-1);
      return last?.state === state && last;
    });
  }

  async resume(model) {
    const said = await json('POST', `${this.fake.address}/_control/resume?model=${encodeURIComponent(model)}`);
    assert.equal(said.body.resumed, 1);
  }

  /** The control API. */
  async control(method, path, body, headers) {
    return json(method, `${this.daemon.address}/holdfast/v1${path}`, body, headers);
  }

  async operations(job) {
    const said = await this.control('GET', `/operations?job=${encodeURIComponent(job)}`);
    return said.status === 404 ? [] : said.body.operations;
  }

  /** The records of a job, of one kind. */
  async audit(job, kind) {
    const said = await this.control('GET', `/audit?job=${encodeURIComponent(job)}`);
    return said.status === 404 ? [] : said.body.records.filter((each) => each.kind === kind).map((each) => each.data);
  }

  /** Waits until all that a job began has ended so, by its record. */
  async ended(job, outcome) {
    return until(`${job} ${outcome}`, async () => {
      const ended = await this.audit(job, 'operation.ended');
      const begun = await this.audit(job, 'operation.started');
      return ended.length > 0 && ended.length === begun.length && ended.at(-1).outcome === outcome;
    });
  }

  /** Waits for the open question of a job; at least the `ask`-th of its operation. */
  async question(job, ask = 1) {
    return until(`question ${ask} of ${job}`, async () =>
      (await this.operations(job)).find((each) => each.question && each.question.ask >= ask));
  }

  async answer(operation, option, more = {}) {
    return this.control('POST', `/operations/${operation.operationId}/answer`, { ask: operation.question.ask, option, ...more });
  }
}

export const world = await new World().start();
after(() => world.stop());

/** What a client got, so far as it must be the same in both ways: identifiers of a request and times aside. */
export function comparable(value) {
  return JSON.parse(JSON.stringify(value, (key, each) =>
    ['request_id', '_request_id', 'requestID', 'request-id', 'timestamp'].includes(key) ? undefined : each));
}

/** What an SDK threw, as its caller can tell it apart. */
export async function thrown(promise) {
  return (await outcome(promise)) ?? assert.fail('nothing was thrown');
}

/** The same; nothing where nothing was thrown. */
export async function outcome(promise) {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return {
      name: error.constructor.name, said: error.name, status: error.status ?? error.statusCode ?? error.status_code, code: error.code,
      type: error.type, body: error.error?.error ?? error.error ?? error.responseBody, message: error.message,
    };
  }
}

/**
 * One case, made directly and, where the daemon runs, through Holdfast; both must give the same.
 * `make` gets a way and makes the case; `check` looks at what the direct one gave.
 */
export function both(name, make, check, { provider } = {}) {
  test(name, async (t) => {
    const expected = comparable(await make(world.direct(), t));
    await check?.(expected);
    if (!world.daemon) return;
    assert.deepEqual(comparable(await make(world.proxied(), t)), expected, 'an anonymous request through Holdfast');
    const job = world.proxied(provider, { job: world.newJob(), stage: 'writing' });
    assert.deepEqual(comparable(await make(job, t)), expected, 'a request of a job through Holdfast');
  });
}

/** A case that only Holdfast can make. */
export function through(name, make) {
  if (world.daemon) test(name, make);
}

/**
 * A whole answer that the provider is asked to stream: the caller gets what it gets directly. `model` is of this case
 * alone.
 */
export function heard(name, provider, model, make, check) {
  through(`${name}, streamed by the provider`, async () => {
    const expected = comparable(await make(world.direct()));
    await check?.(expected);
    const direct = (await world.log(model)).length;
    assert.deepEqual(comparable(await make(world.proxied(provider))), expected);
    const bytes = (await world.log(model)).map((each) => each.bodyBytes);
    assert.equal(bytes.length, 2 * direct);
    assert.ok(bytes.slice(direct).every((each, at) => each > bytes[at]), 'each was asked for as a stream');
  });
}

/** All that a stream gives. */
export async function all(stream) {
  const out = [];
  for await (const each of await stream) out.push(each);
  return out;
}

const SCRIPT = 'script:';
let made = 0;
/** A model's name that scripts the fake provider, and that no other test has. */
export const model = (script) => `${SCRIPT}${script}${script ? ',' : ''}tag=${process.pid}-${++made}`;

export const SCHEMA = {
  type: 'object', additionalProperties: false, required: ['title', 'scenes', 'rating'],
  properties: {
    title: { type: 'string' }, rating: { type: 'integer' },
    scenes: { type: 'array', items: { type: 'object', additionalProperties: false, required: ['narration'], properties: { narration: { type: 'string' } } } },
  },
};
export const WEATHER = {
  type: 'object', additionalProperties: false, required: ['city', 'unit'],
  properties: { city: { type: 'string' }, unit: { type: 'string', enum: ['celsius', 'fahrenheit'] } },
};
