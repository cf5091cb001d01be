// Where everything is: ports, directories, users, secrets.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './processes.mjs';

/** All ports, from the first one on. Replica N has `api + N`. */
export function ports(base) {
  return {
    http: base, https: base + 1, status: base + 2, payment: base + 10, database: base + 11, pooler: base + 12,
    cache: base + 13, prometheus: base + 20, nodeExporter: base + 21, postgresExporter: base + 22,
    redisExporter: base + 23, nginxExporter: base + 24, api: base + 100,
  };
}

/** `uid` and `gid` of a user, or undefined. */
function identity(user) {
  try {
    const number = (flag) => Number(execFileSync('id', [flag, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: number('-u'), gid: number('-g') };
  } catch {
    return undefined;
  }
}

/** The first of `names` that exists; as ourselves where we are not root. */
export function user(...names) {
  if (!ROOT) return undefined;
  const name = names.find((candidate) => identity(candidate));
  if (!name) throw new Error(`none of the users ${names.join(', ')} exists`);
  return name;
}

/** Makes a directory that belongs to `owner`. */
export function directory(where, owner, mode = 0o755) {
  mkdirSync(where, { recursive: true, mode });
  own(where, owner);
  return where;
}

/** Writes a file that only `owner` can read. */
export function secretFile(where, owner, text) {
  writeFileSync(where, text, { mode: 0o600 });
  own(where, owner);
}

export function own(where, owner) {
  if (!ROOT || !owner) return;
  const { uid, gid } = identity(owner);
  chownSync(where, uid, gid);
}

/** Passwords and keys: made once per state directory, readable by its owner only, never printed. */
export function secrets(state) {
  const file = path.join(state, 'secrets.json');
  if (!existsSync(file)) {
    const names = ['admin', 'app', 'monitor', 'cache', 'jwt'];
    const made = Object.fromEntries(names.map((name) => [name, randomBytes(24).toString('hex')]));
    writeFileSync(file, JSON.stringify(made), { mode: 0o600 });
  }
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** Runs a command to its end, within `seconds`; throws with its last words. */
export function run(argv, { as, seconds = 120, ...rest } = {}) {
  const drop = ROOT && as ? ['setpriv', '--reuid', as, '--regid', String(identity(as).gid), '--init-groups', '--'] : [];
  const [command, ...parameters] = [...drop, ...argv];
  try {
    return execFileSync(command, parameters, {
      encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: seconds * 1000, maxBuffer: 1 << 26, ...rest,
    });
  } catch (error) {
    const words = `${error.stderr ?? ''}`.trim().split('\n').slice(-5).join('\n');
    throw new Error(`${argv[0]} failed${error.status === null ? ` (${error.code ?? error.signal})` : ''}: ${words || error.code}`);
  }
}
