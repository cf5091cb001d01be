// Which control groups are chosen, on trees of plain files: this machine has only one of the kinds.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { create, detect } from './cgroups.mjs';

let root;
beforeEach(() => { root = mkdtempSync(path.join(tmpdir(), 'cgroups-')); });
afterEach(() => rmSync(root, { recursive: true }));

/** A directory with empty files in it, as the kernel would make them. */
function group(where, files = {}) {
  const directory = path.join(root, where);
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, 'cgroup.procs'), '');
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, name), text);
  return directory;
}

function look(mounts, own) {
  writeFileSync(path.join(root, 'mounts'), mounts.replaceAll('ROOT', root));
  writeFileSync(path.join(root, 'own'), own);
  return detect('ours', { mountsFile: path.join(root, 'mounts'), ownFile: path.join(root, 'own') });
}

test('version 1 is used below our own group of each controller', () => {
  group('cpu/ours/db');
  group('cpu/ours');
  group('memory/session/ours');
  const groups = look('cgroup ROOT/cpu cgroup rw,relatime,cpu 0 0\ncgroup ROOT/memory cgroup rw,memory 0 0\n',
    '2:cpu:/\n1:memory:/session\n');
  assert.deepEqual(groups, { version: 1, bases: { cpu: `${root}/cpu/ours`, memory: `${root}/memory/session/ours` } });
  create(groups, 'db', { cpu: 0.2, period: 20 });
  assert.equal(readFileSync(`${root}/cpu/ours/db/cpu.cfs_quota_us`, 'utf8'), '4000');
  assert.equal(readFileSync(`${root}/cpu/ours/db/cpu.cfs_period_us`, 'utf8'), '20000');
});

test('version 2 shares out cpu and memory, and sets a quota', () => {
  group('two', { 'cgroup.controllers': 'cpu memory pids\n', 'cgroup.subtree_control': 'cpu memory\n' });
  group('two/ours/db');
  group('two/ours', { 'cgroup.subtree_control': '' });
  const groups = look('cgroup2 ROOT/two cgroup2 rw 0 0\n', '0::/\n');
  assert.deepEqual(groups, { version: 2, base: `${root}/two/ours` });
  const made = create(groups, 'db', { cpu: 0.5, memory: 64, period: 100 });
  assert.deepEqual(made, { version: 2, path: `${root}/two/ours/db` });
  assert.equal(readFileSync(`${root}/two/ours/db/cpu.max`, 'utf8'), '50000 100000');
  assert.equal(readFileSync(`${root}/two/ours/db/memory.max`, 'utf8'), '67108864');
});

test('a hybrid machine whose version 2 has no cpu controller is not mistaken for version 2', () => {
  group('unified', { 'cgroup.controllers': 'hugetlb\n', 'cgroup.subtree_control': '' });
  const groups = look('cgroup2 ROOT/unified cgroup2 rw 0 0\n', '0::/\n');
  assert.equal(groups.version, 0);
  assert.match(groups.warning, /no control group is writable \(v2 at/);
  assert.ok(!existsSync(`${root}/unified/ours`));
});

test('a machine without control groups gets a warning and no group', () => {
  const groups = look('proc /proc proc rw 0 0\n', '');
  assert.equal(groups.version, 0);
  assert.match(groups.warning, /none mounted/);
  assert.equal(create(groups, 'db', { cpu: 1, period: 20 }), null);
});
