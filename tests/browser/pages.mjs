// What a run with real browsers sends while it goes on: a row a page on the live page, a `page` line a load in `--events`,
// figures over OTLP and for Prometheus; and the report of it, with its waterfall and picture, at the widths of a desk and of
// a phone. Usage: PLIMSOLL=PROGRAM node pages.mjs
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const pictures = process.env.PICTURES;
const out = mkdtempSync(join(tmpdir(), 'plimsoll-pages-'));
const received = [];
const listen = async (answer) => {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return [server, `http://127.0.0.1:${server.address().port}`];
};
const [site, target] = await listen((request, response) => {
  response.writeHead(200, { 'content-type': 'text/html' });
  response.end('<!doctype html><link rel="icon" href="data:,"><h1>Home</h1><script src="http://third.example/x.js"></script>');
});
const [collector, otlp] = await listen((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part)).on('end', () => {
    received.push(Buffer.concat(parts).toString('latin1'));
    response.end();
  });
});
const file = join(out, 'scenario.yaml');
writeFileSync(file, `name: site
target: ${target}
workloads: { load: { stages: [{ rate: 5 iter/s, duration: 12s }] } }
scenarios: { visit: { flow: [{ get: { name: home, url: / } }] } }
browsers: { visitor: { screenshot: worst, flow: [{ open: { name: home, url: / } }] } }
slo: { error_rate: { max: 1% }, pages: { home: { lcp: { target: 2.5s } } } }
`);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'],
});
const events = join(out, 'events.jsonl');
const run = spawn(process.env.PLIMSOLL, ['run', file, '--quiet', '--serve', '127.0.0.1:0', '--otlp', `${otlp}/v1/metrics`,
  '--otlp-every', '1s', `--events=${events}`, '--out', join(out, 'runs')], { stdio: ['ignore', 'ignore', 'pipe'] });
const ended = new Promise((resolve) => { run.on('exit', resolve); });
/// The report at a width; nothing sticks out, and the picture is drawn.
async function report(path, width) {
  const page = await (await browser.newContext({ viewport: { width, height: 900 } })).newPage();
  await page.goto(pathToFileURL(path).href);
  await page.locator('html.live').waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `it is wider than ${width} px`);
  const seen = page.locator('img.seen');
  await seen.scrollIntoViewIfNeeded();
  assert.ok(await seen.evaluate((image) => image.naturalWidth >= 800), 'the picture is not drawn');
  assert.ok(await page.locator('#pages ~ .card svg.bar').count() >= 1, 'no waterfall');
  if (pictures) await page.screenshot({ path: `${pictures}/pages-${width}.png`, fullPage: true });
  await page.context().close();
}

try {
  let url;
  for await (const line of createInterface({ input: run.stderr })) {
    url = line.match(/^live page: (http:\S+)/)?.[1];
    if (url) break;
  }
  assert.ok(url, 'the run says no live page');
  run.stderr.resume();
  const page = await (await browser.newContext()).newPage();
  await page.goto(url);
  const row = page.locator('#loads tbody tr', { hasText: 'home' });
  // Loads that the browser painted late are counted, and have no figures.
  await row.filter({ hasText: / m?s/ }).waitFor();
  const cells = await row.locator('th, td').allTextContents();
  assert.equal(cells[0], 'home');
  assert.ok(Number(cells[1]) >= 1 && cells[2] === '0', `${cells}`);
  for (const cell of [cells[3], cells[4]]) assert.match(cell, /^[\d.,]+ (ms|s)$/, `${cells}`);
  assert.equal(await ended.then((code) => [0, 97, 99].includes(code)), true);

  const lines = readFileSync(events, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  const loads = lines.filter((line) => line.event === 'page');
  assert.ok(loads.length >= 1 && loads.every((load) => load.page === 'home'), JSON.stringify(loads));
  const sent = received.join('');
  for (const name of ['plimsoll.page_loads', 'plimsoll.page_time']) assert.ok(sent.includes(name), `OTLP has no ${name}`);
  const [system] = readdirSync(join(out, 'runs'));
  const [name] = readdirSync(join(out, 'runs', system));
  for (const width of [1280, 390]) await report(join(out, 'runs', system, name, 'report.html'), width);
  console.log(`pages of a run: ${cells.join(' | ')}; ${loads.length} events; OTLP has them; the report shows them`);
} finally {
  await browser.close();
  run.kill();
  await ended;
  for (const server of [site, collector]) {
    server.close();
    server.closeAllConnections();
  }
  rmSync(out, { recursive: true });
}
