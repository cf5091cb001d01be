// state.json and env: what runs where, for people, scripts and plimsoll.

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { alive, startTime } from './processes.mjs';

const file = (state) => path.join(state, 'state.json');

/** What the last `up` wrote, or undefined. */
export function load(state) {
  if (!existsSync(file(state))) return undefined;
  try {
    return JSON.parse(readFileSync(file(state), 'utf8'));
  } catch (error) {
    throw new Error(`${file(state)} is damaged (${error.message}); end what it named by hand, then delete it`);
  }
}

/** Writes state.json in one step. No secret goes in here. */
export function save(state, record) {
  const fresh = `${file(state)}.new`;
  writeFileSync(fresh, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(fresh, file(state));
}

/** Puts `line` in the place of the part of its name, on top of what other commands wrote meanwhile. */
export function savePart(state, record, line) {
  const latest = load(state) ?? record;
  const index = latest.parts.findIndex((part) => part.name === line.name);
  latest.parts.splice(index < 0 ? latest.parts.length : index, 1, line);
  record.parts = latest.parts;
  save(state, record);
}

/** Keeps a second `up` or `down` out until the returned function is called. A dead holder's lock is taken over. */
export function lock(state) {
  const name = path.join(state, 'lock');
  const mine = JSON.stringify({ pid: process.pid, started: startTime(process.pid) });
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      writeFileSync(name, mine, { flag: 'wx' });
      return () => rmSync(name, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    let holder;
    try {
      holder = JSON.parse(readFileSync(name, 'utf8'));
    } catch {
      holder = { pid: null };
    }
    if (alive(holder)) throw new Error(`another \`up\` or \`down\` is at work here (pid ${holder.pid})`);
    rmSync(name, { force: true });
  }
  throw new Error(`cannot take ${name}`);
}

/** The addresses of everything, without credentials. */
export function addresses(options, port, parts, ca, state) {
  const url = (at) => `http://127.0.0.1:${at}`;
  const scrape = (name) => {
    const part = parts.find((candidate) => candidate.name === `${name}-exporter`);
    return part ? `${url(part.port)}/metrics` : null;
  };
  return {
    https: `https://localhost:${port.https}`, http: url(port.http), ca,
    edge_status: `${url(port.status)}/stub_status`,
    api: Array.from({ length: options.api }, (_, index) => url(port.api + index + 1)),
    database: { host: '127.0.0.1', port: port.database, name: 'ais', max_connections: options['db-max-connections'] },
    pooler: { host: '127.0.0.1', port: port.pooler, name: 'ais' },
    cache: { host: '127.0.0.1', port: port.cache },
    prometheus: parts.some((part) => part.name === 'prometheus') ? url(port.prometheus) : null,
    exporters: { node: scrape('node'), postgres: scrape('postgres'), redis: scrape('redis'), nginx: scrape('nginx') },
    logs: { edge_access: path.join(state, 'log/edge-access.log'), directory: path.join(state, 'log') },
  };
}

/** The file to `source`: addresses with credentials, readable by its owner only. */
export function writeEnv(state, { urls, parts }, secrets) {
  const { database, pooler, cache } = urls;
  const groups = (tier) => parts.filter((part) => part.tier === tier && part.cgroup).map((part) => groupText(part.cgroup));
  const lines = {
    AIS_URL: urls.https, AIS_HTTP_URL: urls.http, AIS_CA: urls.ca, AIS_STATE: file(state),
    AIS_DATABASE_URL: `postgres://monitor:${secrets.monitor}@${database.host}:${database.port}/ais`,
    AIS_POOLER_URL: `postgres://monitor:${secrets.monitor}@${pooler.host}:${pooler.port}/pgbouncer`,
    AIS_REDIS_URL: `redis://:${secrets.cache}@${cache.host}:${cache.port}`,
    AIS_API_METRICS: urls.api.map((url) => `${url}/metrics`).join(' '),
    AIS_API_CGROUPS: groups('api').join(' '), AIS_DB_CGROUP: groups('db').join(' '),
    AIS_EDGE_METRICS: urls.exporters.nginx ?? '', AIS_PROMETHEUS_URL: urls.prometheus ?? '',
  };
  const text = Object.entries(lines).map(([name, text_]) => `export ${name}='${text_}'\n`).join('');
  writeFileSync(path.join(state, 'env'), text, { mode: 0o600 });
}

const groupText = (group) => (group ? (group.version === 1 ? group.cpu : group.path) : '-');

/** The table that `up` and `status` print. */
export function table(record) {
  const { urls, parts } = record;
  const rows = [['PART', 'TIER', 'PID', 'PORT', 'CPU', 'STATE', 'CONTROL GROUP']];
  for (const part of parts) {
    rows.push([part.name, part.tier, String(part.pid ?? '-'), String(part.port), part.cpu ? String(part.cpu) : '-',
      alive(part) ? 'up' : 'down', groupText(part.cgroup)]);
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join('  ').trimEnd());
  const rest = {
    https: urls.https, http: urls.http, CA: urls.ca, 'edge status': urls.edge_status, prometheus: urls.prometheus ?? 'left out',
    ...Object.fromEntries(Object.entries(urls.exporters).map(([name, text]) => [`${name} metrics`, text ?? 'left out'])),
    'api metrics': `${urls.api[0]}/metrics … one for each replica`, logs: urls.logs.directory,
    state: record.file, environment: record.env,
  };
  const width = Math.max(...Object.keys(rest).map((name) => name.length));
  return [...lines, '', ...Object.entries(rest).map(([name, text]) => `${name.padEnd(width)}  ${text}`)].join('\n');
}
