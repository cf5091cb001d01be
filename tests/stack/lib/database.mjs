// The seeded database: made once a day into a template, copied fresh for every `up`.
//
// Flights lie in the days to come, so a template serves for its day only. Starting from a copy makes each
// `up` the same: no bookings, all seats free.

import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { postgresql } from './configs.mjs';
import { directory, own, run, secretFile, user } from './layout.mjs';
import { HERE, REPOSITORY } from './options.mjs';
import { end, launch, until } from './processes.mjs';

/** PostgreSQL's programs: version 15 where it is, otherwise the newest. */
export function binaries() {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).filter((name) => existsSync(`${root}/${name}/bin/initdb`)) : [];
  const best = versions.includes('15') ? '15' : versions.sort((a, b) => Number(b) - Number(a))[0];
  if (!best) throw new Error(`no PostgreSQL server under ${root}`);
  return `${root}/${best}/bin`;
}

const SOURCES = ['tests/stack/seed/schema.sql', 'tests/stack/seed/airports.csv', 'tests/stack/seed/airlines.csv',
  'tests/stack/api/passwords.mjs', 'scenarios/ais/users.csv', 'scenarios/ais/routes.csv'];

function key(secrets) {
  const digest = createHash('sha256').update(JSON.stringify(secrets)).update(binaries());
  for (const file of SOURCES) digest.update(readFileSync(path.join(REPOSITORY, file)));
  return `${new Date().toISOString().slice(0, 10)}-${digest.digest('hex').slice(0, 12)}`;
}

const parse = (file) => readFileSync(file, 'utf8').trim().split('\n').slice(1).map((line) => line.split(','));

/** Stores a hash for each of the users in the scenario's file. */
async function hashedUsers(file) {
  const { hash } = await import(path.join(HERE, 'api/passwords.mjs'));
  const users = parse(path.join(REPOSITORY, 'scenarios/ais/users.csv'));
  const rows = await Promise.all(users.map(async ([email, password]) => `${email},${await hash(password)}`));
  writeFileSync(file, `email,password_hash\n${rows.join('\n')}\n`);
}

async function seed(data, { state, port, secrets, owner, started }) {
  const work = directory(path.join(state, 'seed'), owner);
  await hashedUsers(path.join(work, 'users.csv'));
  for (const file of ['airports.csv', 'airlines.csv', 'schema.sql']) cpSync(path.join(HERE, 'seed', file), path.join(work, file));
  cpSync(path.join(REPOSITORY, 'scenarios/ais/routes.csv'), path.join(work, 'routes.csv'));
  const password = path.join(work, 'admin');
  secretFile(password, owner, secrets.admin);
  run([`${binaries()}/initdb`, '-D', data, '-U', 'admin', '-E', 'UTF8', '--locale=C.UTF-8', '-A', 'scram-sha-256',
    `--pwfile=${password}`, '--no-sync'], { as: owner, cwd: work });
  rmSync(password);
  const log = path.join(state, 'log/seed.log');
  const server = { name: 'seeding', tier: 'db', port, stop: 'SIGINT', log, ...launch({
    argv: [`${binaries()}/postgres`, '-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1',
      '-c', 'unix_socket_directories=', '-c', 'fsync=off', '-c', 'full_page_writes=off', '-c', 'timezone=UTC',
      '-c', 'shared_preload_libraries=pg_stat_statements', '-c', 'max_wal_size=2GB'],
    user: owner, log, directory: work,
  }) };
  started(server);
  try {
    const env = { ...process.env, PGPASSWORD: secrets.admin, PGOPTIONS: '-c timezone=UTC', APP: secrets.app, MONITOR: secrets.monitor };
    const psql = (database, ...rest) => run([`${binaries()}/psql`, '-X', '-q', '-h', '127.0.0.1', '-p', String(port),
      '-U', 'admin', '-d', database, '-v', 'ON_ERROR_STOP=1', ...rest], { env, cwd: work });
    const ready = () => { try { psql('postgres', '-c', 'SELECT 1'); return true; } catch { return false; } };
    await until('PostgreSQL starts for seeding', ready, { part: server });
    psql('postgres', '-c', 'CREATE DATABASE ais');
    // The passwords come from the environment: a command line is for all to read.
    writeFileSync(path.join(work, 'all.sql'), '\\getenv app_password APP\n\\getenv monitor_password MONITOR\n\\i schema.sql\n');
    psql('ais', '-f', 'all.sql');
  } finally {
    if (!await end(server, 'SIGINT', 30)) throw new Error('PostgreSQL did not shut down cleanly after seeding');
  }
  rmSync(work, { recursive: true });
}

/**
 * Makes `state/database` a fresh copy of today's template, seeding one if needed. Returns the data directory.
 * `started` is told of the server that runs while seeding, so that it is found if we are interrupted.
 */
export async function prepare({ state, options, port, secrets, say, started }) {
  const owner = user('postgres');
  const templates = directory(path.join(state, 'templates'), owner);
  const template = path.join(templates, key(secrets));
  if (!existsSync(template)) {
    for (const old of readdirSync(templates)) rmSync(path.join(templates, old), { recursive: true });
    const fresh = path.join(templates, 'unfinished');
    mkdirSync(fresh, { mode: 0o700 });
    own(fresh, owner);
    const start = performance.now();
    await seed(fresh, { state, port: port.database, secrets, owner, started });
    renameSync(fresh, template);
    say(`seeded the database in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
  const data = path.join(state, 'database');
  rmSync(data, { recursive: true, force: true });
  run(['cp', '-a', '--reflink=auto', template, data]);
  writeFileSync(path.join(data, 'postgresql.auto.conf'), postgresql(options, port.database));
  return data;
}
