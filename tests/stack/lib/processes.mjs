// Starting, finding and ending processes that outlive this command.
//
// A pid alone may be another process by tomorrow; pid and start time together are one process for ever.

import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { directories } from './cgroups.mjs';

export const ROOT = process.getuid() === 0;

/** The start time of `pid` in clock ticks since boot, or undefined if there is no such process. */
export function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : Number(fields[19]); // state is field 3, starttime field 22
  } catch {
    return undefined;
  }
}

/** Whether this very process still runs. */
export const alive = (part) => part.pid !== null && startTime(part.pid) === part.started;

const group = (user) => execFileSync('id', ['-g', user], { encoding: 'utf8' }).trim();

/**
 * Starts `argv` detached, inside `cgroup`, as `user`, with its output in `log`.
 * Returns `{ pid, started }`. The shell joins the groups first, so nothing runs outside the quota.
 */
export function launch({ argv, user, log, cgroup, environment = {}, directory }) {
  const join = directories(cgroup).map((_, index) => `echo $$ > "$G${index}/cgroup.procs" || exit 97; `).join('');
  const groups = Object.fromEntries(directories(cgroup).map((where, index) => [`G${index}`, where]));
  const drop = ROOT && user ? ['setpriv', '--reuid', user, '--regid', group(user), '--init-groups', '--'] : [];
  const output = openSync(log, 'a', 0o644);
  // Only what a service needs: neither our shell's secrets nor its odd settings.
  const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LANG: 'C.UTF-8', TZ: 'UTC', ...environment, ...groups };
  const child = spawn('/bin/sh', ['-c', `${join}ulimit -n "$(ulimit -Hn)"; exec "$@"`, 'sh', ...drop, ...argv], {
    detached: true, stdio: ['ignore', output, output], env, cwd: directory,
  });
  child.on('error', () => {}); // seen as a process that is not alive
  child.unref();
  closeSync(output);
  return { pid: child.pid ?? null, started: startTime(child.pid) ?? null };
}

/** Waits until `check` is true; throws after `seconds`, or at once when `part` has died. */
export async function until(what, check, { seconds = 30, part, every = 25 } = {}) {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    if (await check()) return;
    if (part && !alive(part)) throw new Error(`${what}: the process ended; see ${part.log}`);
    if (performance.now() > end) throw new Error(`${what}: not so within ${seconds} s`);
    await pause(every);
  }
}

/** Sends `signal`, waits `seconds` for the end, then kills. Returns whether it ended without being killed. */
export async function end(part, signal = 'SIGTERM', seconds = 10) {
  if (!alive(part)) return true;
  send(part.pid, signal);
  try {
    await until(`${part.name} ends`, () => !alive(part), { seconds });
    return true;
  } catch {
    send(part.pid, 'SIGKILL');
    await until(`${part.name} is killed`, () => !alive(part), { seconds: 5 });
    return false;
  }
}

/** Sends a signal; a process that is gone already is no error. */
export function send(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Whether something accepts connections on this loopback port. */
export function listening(port) {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port, timeout: 1000 });
    const done = (answer) => { socket.destroy(); resolve(answer); };
    socket.on('connect', () => done(true)).on('error', () => done(false)).on('timeout', () => done(false));
  });
}

/** Whether a GET answers 200 within 2 s. */
export async function answers(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
