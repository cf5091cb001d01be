// Command-line flags: one table feeds the parser, the environment and the help text.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export const HERE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const REPOSITORY = path.resolve(HERE, '../..');

/** The state directory when none is named, or a link to it. */
export const USUAL_STATE = path.join(HERE, '.state');

/** What the user did wrong; printed without a stack trace, exit code 2. */
export class UsageError extends Error {}

const FLAGS = {
  api: { type: 'count', initial: 2, help: 'API replicas, 1 to 64' },
  'api-cpu': { type: 'number', initial: 0.25, help: 'cores for each API replica; 0 = no quota' },
  'api-memory': { type: 'count', initial: 512, help: 'MiB for each API replica; 0 = no limit' },
  'api-pool': { type: 'count', initial: 10, help: 'connections from each replica to pgBouncer' },
  'db-cpu': { type: 'number', initial: 0.5, help: 'cores for PostgreSQL; 0 = no quota' },
  'db-memory': { type: 'count', initial: 0, help: 'MiB for PostgreSQL; 0 = no limit' },
  'db-pool': { type: 'count', initial: 20, help: 'connections from pgBouncer to PostgreSQL' },
  'db-max-connections': { type: 'count', initial: 200, help: "PostgreSQL's max_connections" },
  'cache-memory': { type: 'count', initial: 64, help: 'maxmemory of Redis in MiB (allkeys-lru)' },
  'cpu-period': { type: 'count', initial: 20, help: 'ms in which a CPU quota is spent, 1 to 1000' },
  'limit-req': { type: 'flag', help: 'nginx: 10 req/s per address, burst 20 nodelay; login 2 req/s, burst 10' },
  'limit-status': { type: 'count', initial: 429, help: 'the answer to a throttled request' },
  'fail-timeout': { type: 'count', initial: 30, help: 's that nginx leaves a failed replica alone' },
  redirect: { type: 'flag', help: 'plain HTTP answers 301 to HTTPS' },
  'no-prometheus': { type: 'flag', help: 'leave Prometheus out' },
  'no-exporters': { type: 'flag', help: 'leave the exporters out too' },
  'base-port': { type: 'count', initial: 18000, help: 'first port; 170 ports from there are ours' },
};
const STATE = { type: 'text', help: 'where everything lives (default: tests/stack/.state)' };

const COMMANDS = {
  up: { usage: 'up [flags]', about: 'Starts the stack, or shows it if it runs with these very flags.', flags: FLAGS },
  down: {
    usage: 'down [--purge]', about: 'Stops everything and checks that nothing is left.',
    flags: { purge: { type: 'flag', help: 'delete the state directory as well' } },
  },
  status: { usage: 'status', about: 'Shows what runs where; exit code 3 if a part is dead.', flags: {} },
  replica: {
    usage: 'replica stop|kill|start|restart N',
    about: 'Stops API replica N gracefully, kills it (-9), starts it, or stops and starts it.',
    flags: {}, positionals: 2,
  },
  'rolling-restart': {
    usage: 'rolling-restart', about: 'Restarts replica after replica; the next one only once the edge uses the last one again.',
    flags: {},
  },
};

const variable = (name) => `PLIMSOLL_STACK_${name.toUpperCase().replaceAll('-', '_')}`;

function help(command) {
  const lines = [`tests/stack/${command.usage} [--state DIR]`, '', command.about, ''];
  for (const [name, flag] of Object.entries({ ...command.flags, state: STATE })) {
    const value = flag.type === 'flag' ? '' : ` ${flag.type === 'text' ? 'DIR' : 'N'}`;
    const initial = flag.initial === undefined ? '' : ` (default ${flag.initial})`;
    lines.push(`  ${`--${name}${value}`.padEnd(25)} ${flag.help}${initial}`);
  }
  lines.push('', `Each flag can be given in the environment, e.g. ${variable('base-port')}.`);
  return lines.join('\n');
}

function value(name, flag, text) {
  if (flag.type === 'flag') return !['', '0', 'false', 'no'].includes(String(text));
  if (flag.type === 'text') return text;
  const number = Number(text);
  if (text === '' || !Number.isFinite(number) || number < 0) {
    throw new UsageError(`--${name} needs a number that is not negative, not \`${text}\``);
  }
  if (flag.type === 'count' && !Number.isInteger(number)) {
    throw new UsageError(`--${name} needs a whole number, not \`${text}\``);
  }
  return number;
}

function between(options, name, low, high) {
  if (options[name] < low || options[name] > high) {
    throw new UsageError(`--${name} must be between ${low} and ${high}, not ${options[name]}`);
  }
}

function validate(options) {
  between(options, 'api', 1, 64);
  between(options, 'base-port', 1024, 65535 - 170);
  between(options, 'cpu-period', 1, 1000);
  between(options, 'api-pool', 1, 1000);
  between(options, 'db-pool', 1, 1000);
  between(options, 'cache-memory', 1, 65536);
  between(options, 'fail-timeout', 0, 3600);
  between(options, 'limit-status', 400, 599);
  between(options, 'db-max-connections', options['db-pool'] + 10, 5000);
  for (const name of ['api-cpu', 'db-cpu']) {
    // The kernel refuses a quota below 1 ms a period.
    if (options[name] > 0 && options[name] * options['cpu-period'] < 1) {
      throw new UsageError(`--${name} ${options[name]} is below 1 ms in ${options['cpu-period']} ms: raise --cpu-period`);
    }
  }
}

/** Reads argv (without node and script) into `{ command, options, positionals, state }`. */
export function read(argv, environment) {
  const [word, ...rest] = argv;
  const command = COMMANDS[word];
  if (!command) throw new UsageError(`unknown command \`${word ?? ''}\`: ${Object.keys(COMMANDS).join(', ')}`);
  const table = { ...command.flags, state: STATE };
  const config = { help: { type: 'boolean' } };
  for (const [name, flag] of Object.entries(table)) {
    config[name] = { type: flag.type === 'flag' ? 'boolean' : 'string' };
  }
  let parsed;
  try {
    parsed = parseArgs({ args: rest, options: config, allowPositionals: Boolean(command.positionals) });
  } catch (error) {
    throw new UsageError(error.message);
  }
  if (parsed.values.help) return { help: help(command) };
  if (parsed.positionals.length !== (command.positionals ?? 0)) throw new UsageError(`usage: ${command.usage}`);
  const options = {};
  for (const [name, flag] of Object.entries(table)) {
    const given = parsed.values[name] ?? environment[variable(name)];
    options[name] = given === undefined ? (flag.initial ?? (flag.type === 'flag' ? false : undefined)) : value(name, flag, given);
  }
  if (word === 'up') validate(options);
  const { state, ...others } = options;
  return { command: word, options: others, positionals: parsed.positionals, state: stateDirectory(state) };
}

/** Whether the user that PostgreSQL runs as can get to `directory`. */
function reachable(directory) {
  if (process.getuid() !== 0) return true;
  try {
    execFileSync('setpriv', ['--reuid', 'postgres', '--clear-groups', '--regid', 'postgres', 'test', '-x', directory], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * The state directory. PostgreSQL refuses to run as root, and its user cannot enter a clone under /root:
 * then `.state` becomes a link to a directory in /var/tmp.
 */
function stateDirectory(given) {
  if (given) {
    mkdirSync(given, { recursive: true });
    return realpathSync(given);
  }
  const isLink = lstatSync(USUAL_STATE, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  if (!existsSync(USUAL_STATE)) {
    if (!isLink && reachable(HERE)) {
      mkdirSync(USUAL_STATE);
    } else {
      const elsewhere = elsewhereFor(USUAL_STATE);
      mkdirSync(elsewhere, { recursive: true });
      if (!isLink) symlinkSync(elsewhere, USUAL_STATE);
    }
  }
  return realpathSync(USUAL_STATE);
}

function elsewhereFor(usual) {
  const key = createHash('sha256').update(usual).digest('hex').slice(0, 8);
  return `/var/tmp/plimsoll-stack-${process.getuid()}-${key}`;
}
