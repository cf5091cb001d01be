// The parts of the stack: what each one runs, as whom, where, and when it is ready.

import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as configs from './configs.mjs';
import { binaries } from './database.mjs';
import { directory, own, run, secretFile, user } from './layout.mjs';
import { HERE } from './options.mjs';
import { answers, listening } from './processes.mjs';

const has = (command) => {
  try {
    run(['sh', '-c', 'PATH=$PATH:/usr/sbin command -v "$1"', 'sh', command]);
    return true;
  } catch {
    return false;
  }
};

/** Copies the API into the state directory and installs what it needs there; again only when it changed. */
export function installApi(state) {
  const target = directory(path.join(state, 'app'));
  const lock = createHash('sha256').update(readFileSync(path.join(HERE, 'api/package-lock.json')))
    .update(process.version).digest('hex');
  const mark = path.join(target, 'installed');
  const installed = existsSync(mark) && readFileSync(mark, 'utf8') === lock;
  const source = path.join(HERE, 'api');
  for (const file of ['package.json', 'package-lock.json']) cpSync(path.join(source, file), path.join(target, file));
  if (!installed) {
    rmSync(mark, { force: true });
    run(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: target, seconds: 300 });
    writeFileSync(mark, lock);
  }
  cpSync(source, target, { recursive: true, filter: (file) => !file.includes('node_modules') });
  return target;
}

/** A CA of our own and a certificate for this machine's loopback names, for 90 days; made anew when a week is left. */
export function certificates(state) {
  const tls = directory(path.join(state, 'tls'));
  const at = (name) => path.join(tls, name);
  try {
    run(['openssl', 'x509', '-in', at('server.pem'), '-noout', '-checkend', String(7 * 86400)]);
    return at('ca.pem');
  } catch {
    // None yet, or it ends soon.
  }
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  run(['openssl', 'req', '-x509', ...key, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-days', '90',
    '-subj', '/CN=plimsoll test stack CA', '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign']);
  writeFileSync(at('server.ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nbasicConstraints=critical,CA:FALSE\n'
    + 'keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n');
  run(['openssl', 'req', '-new', ...key, '-keyout', at('server.key'), '-out', at('server.csr'), '-subj', '/CN=localhost']);
  run(['openssl', 'x509', '-req', '-in', at('server.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial',
    '-days', '90', '-extfile', at('server.ext'), '-out', at('server.pem')]);
  return at('ca.pem');
}

export function database(context, data) {
  const { port, options } = context;
  return {
    name: 'postgresql', tier: 'db', port: port.database, user: user('postgres'), directory: data,
    argv: [`${binaries()}/postgres`, '-D', data], cpu: options['db-cpu'], memory: options['db-memory'],
    ready: () => listening(port.database), stop: 'SIGINT',
  };
}

export function pooler({ state, port, options, secrets }) {
  const owner = user('postgres');
  const where = directory(path.join(state, 'pooler'), owner, 0o700);
  secretFile(path.join(where, 'userlist.txt'), owner, `"ais" "${secrets.app}"\n"monitor" "${secrets.monitor}"\n`);
  writeFileSync(path.join(where, 'pgbouncer.ini'), configs.pgbouncer(options, port, state));
  return {
    name: 'pgbouncer', tier: 'pooler', port: port.pooler, user: owner, directory: where,
    argv: ['pgbouncer', path.join(where, 'pgbouncer.ini')], ready: () => listening(port.pooler), stop: 'SIGTERM',
  };
}

export function cache({ state, port, options, secrets }) {
  const owner = user('redis', 'nobody');
  const where = directory(path.join(state, 'cache'), owner, 0o700);
  secretFile(path.join(where, 'redis.conf'), owner, configs.redis(options, port, state, secrets.cache));
  return {
    name: 'redis', tier: 'cache', port: port.cache, user: owner, directory: where,
    argv: ['redis-server', path.join(where, 'redis.conf')], ready: () => listening(port.cache), stop: 'SIGTERM',
  };
}

export function payment({ port }, app) {
  return {
    name: 'payment', tier: 'external', port: port.payment, user: user('nobody'), directory: app,
    argv: [process.execPath, 'payment.mjs'], environment: { PORT: String(port.payment) },
    ready: () => answers(`http://127.0.0.1:${port.payment}/health`), stop: 'SIGTERM',
  };
}

/** API replica `number`, 1 and up. */
export function replica({ port, options, secrets, state }, number) {
  const at = port.api + number;
  return {
    name: `api-${number}`, tier: 'api', replica: number, port: at, user: user('nobody'), directory: path.join(state, 'app'),
    argv: [process.execPath, 'server.mjs'], cpu: options['api-cpu'], memory: options['api-memory'],
    environment: {
      NODE_ENV: 'production', REPLICA: String(number), PORT: String(at), JWT_SECRET: secrets.jwt,
      PAYMENT_URL: `http://127.0.0.1:${port.payment}`, DB_PORT: String(port.pooler), DB_PASSWORD: secrets.app,
      DB_POOL: String(options['api-pool']), REDIS_PORT: String(port.cache), REDIS_PASSWORD: secrets.cache,
    },
    ready: () => answers(`http://127.0.0.1:${at}/health/ready`), stop: 'SIGTERM', seconds: 15,
  };
}

export function edge({ state, port, options }) {
  const worker = user('www-data', 'nobody');
  const where = directory(path.join(state, 'nginx'), worker);
  const config = path.join(where, 'nginx.conf');
  writeFileSync(config, configs.nginx(options, port, state, worker));
  cpSync(path.join(HERE, 'pages'), directory(path.join(state, 'pages'), worker), { recursive: true });
  return {
    name: 'nginx', tier: 'edge', port: port.https, directory: where,
    argv: ['nginx', '-p', where, '-e', path.join(state, 'log/edge-error.log'), '-c', config],
    ready: () => answers(`http://127.0.0.1:${port.status}/probe`), stop: 'SIGTERM',
  };
}

/** The exporters that are installed. */
export function exporters({ port, secrets }) {
  const exporter = (name, command, at, flags, environment) => ({
    name, tier: 'monitoring', port: at, user: user('prometheus', 'nobody'), argv: [command, ...flags], environment,
    ready: () => answers(`http://127.0.0.1:${at}/metrics`), stop: 'SIGTERM', scrape: name.replace('-exporter', ''),
  });
  const listen = (at) => `--web.listen-address=127.0.0.1:${at}`;
  return [
    exporter('node-exporter', 'prometheus-node-exporter', port.nodeExporter,
      [listen(port.nodeExporter)]),
    exporter('postgres-exporter', 'prometheus-postgres-exporter', port.postgresExporter, [listen(port.postgresExporter)], {
      DATA_SOURCE_URI: `127.0.0.1:${port.database}/ais?sslmode=disable`, DATA_SOURCE_USER: 'monitor', DATA_SOURCE_PASS: secrets.monitor,
    }),
    exporter('redis-exporter', 'prometheus-redis-exporter', port.redisExporter, [listen(port.redisExporter)], {
      REDIS_ADDR: `redis://127.0.0.1:${port.cache}`, REDIS_PASSWORD: secrets.cache,
    }),
    exporter('nginx-exporter', 'prometheus-nginx-exporter', port.nginxExporter,
      [`-web.listen-address=127.0.0.1:${port.nginxExporter}`, `-nginx.scrape-uri=http://127.0.0.1:${port.status}/stub_status`]),
  ].filter((part) => has(part.argv[0]));
}

export function prometheus({ state, port, options }, scraped) {
  const owner = user('prometheus', 'nobody');
  const where = directory(path.join(state, 'prometheus'), owner);
  const targets = Object.fromEntries(scraped.map((part) => [part.scrape, [{ address: `127.0.0.1:${part.port}` }]]));
  targets.api = Array.from({ length: options.api }, (_, index) => (
    { address: `127.0.0.1:${port.api + index + 1}`, replica: String(index + 1) }
  ));
  const config = path.join(where, 'prometheus.yml');
  writeFileSync(config, configs.prometheus(targets));
  own(config, owner);
  rmSync(path.join(where, 'data'), { recursive: true, force: true });
  return {
    name: 'prometheus', tier: 'monitoring', port: port.prometheus, user: owner, directory: where,
    argv: ['prometheus', `--config.file=${config}`, `--storage.tsdb.path=${path.join(where, 'data')}`,
      `--web.listen-address=127.0.0.1:${port.prometheus}`, '--storage.tsdb.retention.time=2h', '--log.level=warn'],
    ready: () => answers(`http://127.0.0.1:${port.prometheus}/-/ready`), stop: 'SIGTERM',
  };
}

/** Whether Prometheus has read every one of its targets. */
export async function targetsUp({ port, options, stopped }, scraped) {
  if (stopped) return true;
  try {
    const response = await fetch(`http://127.0.0.1:${port.prometheus}/api/v1/query?query=sum(up)`, { signal: AbortSignal.timeout(2000) });
    const { data } = await response.json();
    return Number(data.result[0]?.value[1]) === scraped.length + options.api;
  } catch {
    return false;
  }
}
