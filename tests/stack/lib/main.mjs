// The commands: up, down, status, replica, rolling-restart.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as cgroups from './cgroups.mjs';
import { prepare } from './database.mjs';
import { directory, ports, secrets as readSecrets } from './layout.mjs';
import { USUAL_STATE, UsageError, read } from './options.mjs';
import * as parts from './parts.mjs';
import { alive, end, launch, listening, send, until } from './processes.mjs';
import { addresses, load, lock, save, savePart, table, writeEnv } from './record.mjs';

const say = (text) => process.stderr.write(`stack: ${text}\n`);

/** Starts one part in a group of its own; returns its line for state.json once it is ready. */
async function start(context, part, { seconds = 60, cgroup } = {}) {
  if (context.stopped) throw new Error('stopped');
  const log = path.join(context.state, 'log', `${part.name}.log`);
  const group = cgroup ?? cgroups.create(context.groups, part.name, {
    cpu: part.cpu, memory: part.memory, period: context.options['cpu-period'],
  });
  const line = {
    name: part.name, tier: part.tier, replica: part.replica, port: part.port, cpu: part.cpu || undefined,
    memory_mib: part.memory || undefined, cgroup: group, log, stop: part.stop, scrape: part.scrape,
    ...launch({ ...part, log, cgroup: group }),
  };
  savePart(context.state, context.record, line);
  const ready = () => context.stopped || part.ready();
  await until(`${part.name} is ready`, ready, { seconds, part: line });
  return line;
}

/** Waits for all of them, then throws what the first one threw. */
async function all(promises) {
  const results = await Promise.allSettled(promises);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
}

async function freePorts(options, port) {
  const numbers = Object.entries(port).flatMap(([name, number]) => (
    name === 'api' ? Array.from({ length: options.api }, (_, index) => number + index + 1) : [number]
  ));
  const taken = [];
  await Promise.all(numbers.map(async (number) => { if (await listening(number)) taken.push(number); }));
  if (taken.length > 0) throw new Error(`port ${taken.join(', ')} is in use by another program: choose --base-port`);
}

async function startAll(context) {
  const { state, options, port } = context;
  const app = parts.installApi(state);
  context.record.urls.ca = parts.certificates(state);
  const data = await prepare({ ...context, say, started: (line) => savePart(state, context.record, line) });
  context.record.parts = []; // what seeded is gone
  save(state, context.record);
  const scraped = options['no-exporters'] ? [] : parts.exporters(context);
  const prometheus = options['no-prometheus'] ? [] : [parts.prometheus(context, scraped)];
  // Prometheus goes first, because it lets five seconds pass before it reads anything.
  await all([...prometheus.map((part) => start(context, part)), startServing(context, data, app)]);
  await all(scraped.map((part) => start(context, part)));
  if (prometheus.length > 0) {
    await until('Prometheus reads every target', () => parts.targetsUp(context, scraped), { seconds: 30, every: 100 });
  }
  context.record.urls = addresses(options, port, context.record.parts, context.record.urls.ca, state);
}

/** What answers requests: each part once those that it needs are ready. */
async function startServing(context, data, app) {
  await all([
    start(context, parts.database(context, data)),
    start(context, parts.cache(context)),
    start(context, parts.payment(context, app)),
  ]);
  await start(context, parts.pooler(context));
  const numbers = Array.from({ length: context.options.api }, (_, index) => index + 1);
  await all(numbers.map((number) => start(context, parts.replica(context, number))));
  await start(context, parts.edge(context));
}

const groupName = (options) => `plimsoll-stack-${options['base-port']}`;

async function up({ options, state }) {
  const old = load(state);
  if (old?.complete && isDeepStrictEqual(old.options, options) && old.parts.every(alive)) {
    say('runs already');
    process.stdout.write(`${table(old)}\n`);
    return 0;
  }
  if (old) {
    say('another stack, or a part of one, stands here: taking it down first');
    await takeDown(state, old);
  }
  const begin = performance.now();
  const port = ports(options['base-port']);
  await freePorts(options, port);
  const groups = cgroups.detect(groupName(options));
  if (groups.warning) say(`WARNING: ${groups.warning}: CPU quotas and memory limits are NOT in force`);
  rmSync(path.join(state, 'log'), { recursive: true, force: true });
  directory(path.join(state, 'log'));
  const record = {
    version: 1, complete: false, file: path.join(state, 'state.json'), env: path.join(state, 'env'),
    started: new Date().toISOString(), options, groups, quotas_in_force: groups.version > 0, urls: {}, parts: [],
  };
  const secrets = readSecrets(state);
  const context = { state, options, port, groups, secrets, record };
  save(state, record);
  const starting = startAll(context);
  try {
    await Promise.race([starting, interrupted()]);
  } catch (error) {
    context.stopped = true;
    await starting.catch(() => {}); // nothing may start behind our back
    const failure = `${error.message}${lastWords(error.message)}`;
    await takeDown(state, load(state));
    throw new Error(failure);
  }
  record.complete = true;
  record.start_seconds = Math.round((performance.now() - begin) / 100) / 10;
  save(state, record);
  writeEnv(state, record, secrets);
  process.stdout.write(`${table(record)}\n`);
  say(`up in ${record.start_seconds} s`);
  return 0;
}

/** Rejects when somebody stops us, so that what was started is taken down again. */
function interrupted() {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.once(signal, () => reject(new Error(`stopped by ${signal}`)));
    }
  });
}

/** The end of the log that a message names. */
function lastWords(message) {
  const file = /; see (\S+)$/.exec(message)?.[1];
  if (!file) return '';
  return `\n${readFileSync(file, 'utf8').trim().split('\n').slice(-5).join('\n')}`;
}

/** Ends every part, from the edge inwards, then whatever else is left in their groups. */
async function takeDown(state, record) {
  const order = ['monitoring', 'edge', 'api', 'external', 'pooler', 'cache', 'db'];
  for (const tier of order) {
    const tierParts = record.parts.filter((part) => part.tier === tier);
    // A graceful end is for one replica under load; here nobody waits for an answer any more.
    await Promise.all(tierParts.map((part) => end(part, part.tier === 'api' ? 'SIGKILL' : part.stop, 15)));
  }
  for (const part of record.parts) {
    for (const pid of cgroups.members(part.cgroup)) send(pid, 'SIGKILL');
  }
  let left = [];
  await until('control groups are gone', () => { left = cgroups.remove(record.groups); return left.length === 0; }, { seconds: 10 })
    .catch(() => { throw new Error(`these control groups are still in use: ${left.join(', ')}`); });
  const ends = record.parts.filter(alive);
  if (ends.length > 0) throw new Error(`still running: ${ends.map((part) => `${part.name} (${part.pid})`).join(', ')}`);
  rmSync(path.join(state, 'state.json'), { force: true });
  rmSync(path.join(state, 'env'), { force: true });
}

async function down({ options, state }) {
  const record = load(state);
  if (record) await takeDown(state, record);
  say(record ? 'down' : 'was not up');
  if (options.purge) {
    rmSync(state, { recursive: true, force: true });
    // A link that pointed there leads nowhere now.
    if (!existsSync(USUAL_STATE)) rmSync(USUAL_STATE, { force: true });
  }
  return 0;
}

/** What a command on a running stack works with. */
function running(state) {
  const record = load(state);
  if (!record?.complete) throw new Error('the stack is not up');
  const { options, groups } = record;
  return { state, options, groups, port: ports(options['base-port']), secrets: readSecrets(state), record };
}

async function status({ state }) {
  const record = load(state);
  if (!record) {
    process.stdout.write('the stack is not up\n');
    return 3;
  }
  process.stdout.write(`${table(record)}\n`);
  return record.complete && record.parts.every(alive) ? 0 : 3;
}

function replicaLine(context, text) {
  const line = context.record.parts.find((part) => part.tier === 'api' && String(part.replica) === text);
  if (!line) throw new UsageError(`there is no replica \`${text}\`: 1 to ${context.options.api}`);
  return line;
}

async function stopReplica(context, number) {
  const line = replicaLine(context, number);
  if (!await end(line, 'SIGTERM', 15)) throw new Error(`replica ${number} did not stop within 15 s and was killed`);
}

async function killReplica(context, number) {
  const line = replicaLine(context, number);
  if (alive(line)) send(line.pid, 'SIGKILL');
  await until('the replica is gone', () => !alive(line), { seconds: 5 });
}

async function startReplica(context, number) {
  const line = replicaLine(context, number);
  if (alive(line)) return;
  await start(context, parts.replica(context, line.replica), { cgroup: line.cgroup });
}

const REPLICA = {
  stop: stopReplica, kill: killReplica, start: startReplica,
  restart: async (context, number) => {
    await stopReplica(context, number);
    await startReplica(context, number);
  },
};

async function replica({ positionals: [verb, number], state }) {
  const action = Object.hasOwn(REPLICA, verb) ? REPLICA[verb] : undefined;
  if (!action) throw new UsageError(`replica ${Object.keys(REPLICA).join('|')} N, not \`${verb}\``);
  const context = running(state);
  const begin = performance.now();
  await action(context, number);
  say(`replica ${number}: ${verb} done in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  return 0;
}

/** Whether the edge has answered a probe from this replica; it leaves one that failed alone for a while. */
async function served(context, number) {
  const response = await fetch(`http://127.0.0.1:${context.port.status}/probe`, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.headers.get('x-replica') === String(number);
}

async function rollingRestart({ state }) {
  const context = running(state);
  for (let number = 1; number <= context.options.api; number += 1) {
    await stopReplica(context, String(number));
    await startReplica(context, String(number));
    const seconds = context.options['fail-timeout'] + 10;
    await until(`the edge uses replica ${number}`, () => served(context, number), { seconds, every: 100 });
    say(`replica ${number} restarted and in use`);
  }
  return 0;
}

const COMMANDS = { up, down, status, replica, 'rolling-restart': rollingRestart };

async function main() {
  const request = read(process.argv.slice(2), process.env);
  if (request.help) {
    process.stdout.write(`${request.help}\n`);
    return 0;
  }
  const unlock = ['up', 'down'].includes(request.command) ? lock(request.state) : () => {};
  try {
    return await COMMANDS[request.command](request);
  } finally {
    unlock();
  }
}

main().then((code) => { process.exitCode = code; }, (error) => {
  process.stderr.write(`stack: ${error.message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
