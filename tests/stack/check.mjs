// What tests/stack/check claims about a run: check.mjs WHAT FOLDER [--log FILE --from LINE --booked N]

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals: [what, folder] } = parseArgs({
  allowPositionals: true, options: { log: { type: 'string' }, from: { type: 'string' }, booked: { type: 'string' } },
});
const [system] = readdirSync(folder);
const [run] = readdirSync(path.join(folder, system));
const result = JSON.parse(readFileSync(path.join(folder, system, run, 'result.json'), 'utf8'));

const row = (name) => result.objectives.find((one) => one.name === name && one.scope === 'run');
const figures = (tier, metric) => result.stack.filter((one) => one.tier === tier && one.metric === metric);

/** Each of these was measured from live data. */
function observed() {
  for (const name of ['p95', 'error_rate', 'uptime', 'db.connections', 'cache.memory']) {
    assert.ok(row(name).estimate !== null, `${name}: ${row(name).note}`);
  }
  const connections = row('db.connections').estimate;
  assert.ok(connections >= 1 && connections <= 200, `db.connections ${connections}`);
  const memory = row('cache.memory').estimate;
  assert.ok(memory > 0 && memory < 1, `cache.memory ${memory}`);
  for (const [tier, metric, replicas] of [['api', 'cpu', 2], ['api', 'memory', 2], ['cache', 'hit_ratio', 1], ['edge', 'connections', 1]]) {
    const told = figures(tier, metric);
    assert.equal(told.length, replicas, `${tier}.${metric} of ${told.map((one) => one.replica)}`);
    for (const one of told) assert.ok(one.readings > 0, `${tier}.${metric} ${one.replica}`);
  }
  for (const probe of result.availability.probes) assert.ok(probe.probes >= 8, `${probe.path}: ${probe.probes} probes`);
  assert.equal(result.availability.probes.length, 3);
}

/** Requests and bookings are those that nginx and the database counted. */
function counted() {
  const lines = readFileSync(values.log, 'utf8').trim().split('\n').slice(Number(values.from)).map((line) => JSON.parse(line));
  const api = lines.filter((line) => !line.uri.startsWith('/health'));
  assert.equal(api.length, result.load.exchanges, "nginx's requests and ours");
  // A replica that is killed may have booked without its answer getting out: such a booking is a row more than
  // answers, and one of the requests to book that nginx saw fail. No answer 201 is without its row.
  const bookings = api.filter((line) => line.method === 'POST' && line.uri === '/api/bookings');
  const created = bookings.filter((line) => line.status === 201).length;
  const lost = bookings.filter((line) => line.status >= 499).length;
  const unanswered = Number(values.booked) - created;
  assert.ok(unanswered >= 0 && unanswered <= lost,
    `${values.booked} rows in the table, ${created} answers 201, ${lost} requests to book that failed`);
}

/** The replica's absence stands in the timeline, with its mark and its end. */
function killed() {
  const marks = result.events.filter((event) => event.kind === 'mark');
  assert.deepEqual(marks.map((mark) => mark.text), ['replica 2 killed', 'replica 2 started']);
  const gone = result.availability.incidents.find((incident) => incident.what === 'api 2');
  assert.ok(gone, `no incident of api 2: ${JSON.stringify(result.availability)} ${JSON.stringify(result.events)}`);
  assert.equal(gone.mark.text, 'replica 2 killed');
  assert.ok(gone.time_to_detect_s <= 4, `detected after ${gone.time_to_detect_s} s`);
  assert.ok(gone.time_to_recover_s >= 6 && gone.time_to_recover_s <= 18, `back after ${gone.time_to_recover_s} s`);
  // nginx asks the other replica instead, except for what must not be sent twice.
  assert.ok(result.availability.served > 0.97, `served ${result.availability.served}`);
}

function rolling() {
  const hook = result.events.find((event) => event.kind === 'hook');
  assert.match(hook?.text ?? '', /exit status: 0/);
  assert.ok(result.availability.served > 0.97, `served ${result.availability.served}`);
}

/** Pages are measured in real browsers, none of them failed, and the rows of the front end are judged. */
function browsed() {
  for (const name of ['frontend.largest_contentful_paint', 'frontend.cumulative_layout_shift']) {
    assert.ok(row(name).estimate !== null, `${name}: ${row(name).note}`);
  }
  assert.deepEqual(result.pages.map((one) => one.page), ['home', 'flights']);
  for (const one of result.pages) {
    assert.deepEqual(one.failures, [], `${one.page}: ${JSON.stringify(one.failures)}`);
    assert.deepEqual(one.kept_from, [], `${one.page} asks other hosts`);
    assert.ok(one.loads >= 5 && one.idle_loads >= 1, `${one.page}: ${one.loads} loads, ${one.idle_loads} idle`);
    for (const figure of ['ttfb', 'fcp', 'lcp', 'load']) assert.ok(one.figures[figure]?.loads > 0, `${one.page} has no ${figure}`);
  }
  const report = readFileSync(path.join(folder, system, run, 'report.html'), 'utf8');
  assert.equal(report.split('data:image/jpeg;base64,').length - 1, 2, 'a picture of each page');
  const shown = ({ page, figures }) => `${page} LCP ${Math.round(figures.lcp.median)} ms (median of ${figures.lcp.loads})`;
  console.log(`pages: ${result.pages.map(shown).join('; ')}`);
}

if (what === 'pages') {
  browsed();
  process.exit();
}
observed();
if (what === 'killed') { killed(); counted(); }
if (what === 'rolling') rolling();
const { requests, unserved, incidents } = result.availability;
const shown = (one) => `${one.what} from ${one.first_sign_s} s, recovered in ${one.time_to_recover_s} s, lost ${one.requests_lost}`;
console.log(`${what}: ${requests} requests, ${unserved} not served; ${incidents.map(shown).join('; ') || 'no incident'}`);
