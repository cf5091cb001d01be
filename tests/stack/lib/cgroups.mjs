// CPU quotas and memory accounting by control groups, v1 or v2, whichever this machine lets us write.
//
// Groups are made below our own group where that is possible, so that a limit set from outside on the
// whole session still holds for what we start.

import { accessSync, constants, existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const V1_CONTROLLERS = ['cpu', 'cpuacct', 'memory'];

/** Where each hierarchy is mounted: `{ v1: { cpu: '/sys/…' }, v2: '/sys/…' | undefined }`. */
function mounts(text) {
  const found = { v1: {}, v2: undefined };
  for (const line of text.split('\n')) {
    const [, where, kind, settings = ''] = line.split(' ');
    if (kind === 'cgroup2') found.v2 ??= where;
    if (kind !== 'cgroup') continue;
    for (const controller of V1_CONTROLLERS) {
      if (settings.split(',').includes(controller)) found.v1[controller] ??= where;
    }
  }
  return found;
}

/** Our own group in each hierarchy: `{ cpu: '/…', memory: '/…', '': '/…' }`; the empty key is v2. */
function own(text) {
  const paths = {};
  for (const line of text.split('\n').filter(Boolean)) {
    const [, controllers, ...rest] = line.split(':');
    for (const controller of controllers.split(',')) paths[controller] = rest.join(':');
  }
  return paths;
}

const writable = (file) => {
  try {
    accessSync(file, constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

const writes = (file, text) => {
  try {
    writeFileSync(file, text);
    return true;
  } catch {
    return false;
  }
};

/** Makes `parent`/`name` and returns it, or undefined where the kernel does not let us. */
function made(parent, name) {
  const directory = path.join(parent, name);
  try {
    mkdirSync(directory, { recursive: true });
    return writable(path.join(directory, 'cgroup.procs')) ? directory : undefined;
  } catch {
    return undefined;
  }
}

function basesV1(mounted, ours, name) {
  const bases = {};
  for (const [controller, mount] of Object.entries(mounted)) {
    // Without a namespace of its own a container sees the host's path: then the mount is already its group.
    const inner = path.join(mount, ours[controller] ?? '/');
    const base = made(existsSync(inner) ? inner : mount, name);
    if (base) bases[controller] = base;
  }
  return bases;
}

function baseV2(mount, ours, name) {
  const controllers = readFileSync(path.join(mount, 'cgroup.controllers'), 'utf8').split(/\s/);
  if (!controllers.includes('cpu')) return undefined;
  // A group with processes of its own may not share out controllers, the root of the hierarchy may.
  for (const parent of [path.join(mount, ours[''] ?? '/'), mount]) {
    const control = path.join(parent, 'cgroup.subtree_control');
    if (!existsSync(control)) continue;
    const shared = readFileSync(control, 'utf8').split(/\s/);
    if (!shared.includes('cpu') && !writes(control, '+cpu')) continue;
    if (!shared.includes('memory')) writes(control, '+memory');
    const base = made(parent, name);
    if (!base) continue;
    if (writes(path.join(base, 'cgroup.subtree_control'), '+cpu')) {
      writes(path.join(base, 'cgroup.subtree_control'), '+memory');
      return base;
    }
    rmdirSync(base);
  }
  return undefined;
}

/**
 * Finds out what this machine offers: `{ version: 1, bases }`, `{ version: 2, base }`, or
 * `{ version: 0, warning }` where no group is writable.
 */
export function detect(name, { mountsFile = '/proc/mounts', ownFile = '/proc/self/cgroup' } = {}) {
  let mounted;
  let ours;
  try {
    mounted = mounts(readFileSync(mountsFile, 'utf8'));
    ours = own(readFileSync(ownFile, 'utf8'));
  } catch (error) {
    return { version: 0, warning: `no control groups here (${error.code})` };
  }
  if (mounted.v1.cpu) {
    const bases = basesV1(mounted.v1, ours, name);
    if (bases.cpu) return { version: 1, bases };
  }
  if (mounted.v2) {
    const base = baseV2(mounted.v2, ours, name);
    if (base) return { version: 2, base };
  }
  const seen = mounted.v1.cpu ? `v1 at ${mounted.v1.cpu}` : mounted.v2 ? `v2 at ${mounted.v2}` : 'none mounted';
  return { version: 0, warning: `no control group is writable (${seen})` };
}

/**
 * Makes the group `name` with `cpu` cores (0 = no quota) in periods of `period` ms and `memory` MiB (0 = no limit).
 * Returns the directories to read: v1 `{ version, cpu, cpuacct, memory }`, v2 `{ version, path }`, or null.
 */
export function create(groups, name, { cpu = 0, memory = 0, period }) {
  if (groups.version === 1) {
    const group = { version: 1 };
    for (const [controller, base] of Object.entries(groups.bases)) {
      group[controller] = made(base, name);
    }
    writeFileSync(path.join(group.cpu, 'cpu.cfs_period_us'), String(period * 1000));
    writeFileSync(path.join(group.cpu, 'cpu.cfs_quota_us'), cpu > 0 ? String(Math.round(cpu * period * 1000)) : '-1');
    if (group.memory && memory > 0) {
      writeFileSync(path.join(group.memory, 'memory.limit_in_bytes'), String(memory * 1024 * 1024));
    }
    return group;
  }
  if (groups.version === 2) {
    const directory = made(groups.base, name);
    const quota = cpu > 0 ? String(Math.round(cpu * period * 1000)) : 'max';
    writeFileSync(path.join(directory, 'cpu.max'), `${quota} ${period * 1000}`);
    if (memory > 0) writes(path.join(directory, 'memory.max'), String(memory * 1024 * 1024));
    return { version: 2, path: directory };
  }
  return null;
}

/** The directories of a group as `create` returned it. */
export function directories(group) {
  if (!group) return [];
  return group.version === 1 ? V1_CONTROLLERS.map((name) => group[name]).filter(Boolean) : [group.path];
}

/** Pids in a group; none if it is gone. */
export function members(group) {
  const pids = new Set();
  for (const directory of directories(group)) {
    try {
      for (const line of readFileSync(path.join(directory, 'cgroup.procs'), 'utf8').split('\n')) {
        if (line) pids.add(Number(line));
      }
    } catch {
      // Gone: has no members.
    }
  }
  return [...pids];
}

/** Removes every group under our base directories; returns those that would not go. */
export function remove(groups) {
  const bases = groups.version === 1 ? Object.values(groups.bases) : groups.version === 2 ? [groups.base] : [];
  const left = [];
  for (const base of bases) {
    if (!existsSync(base)) continue;
    const children = readdirSync(base, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const directory of [...children.map((entry) => path.join(base, entry.name)), base]) {
      try {
        rmdirSync(directory);
      } catch {
        left.push(directory);
      }
    }
  }
  return left;
}
