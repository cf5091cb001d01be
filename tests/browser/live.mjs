// The live page of a run in a browser: it draws what comes, can be looked into while it grows, ends with the verdict, and
// has no fault that axe finds. Usage: PLIMSOLL=PROGRAM node live.mjs
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pictures = process.env.PICTURES;
const out = mkdtempSync(join(tmpdir(), 'plimsoll-live-'));
const run = spawn(process.env.PLIMSOLL, ['demo', 'ais', '--duration', '10s', '--quiet', '--serve', '127.0.0.1:0', '--out', out],
  { stdio: ['ignore', 'ignore', 'pipe'] });
const ended = new Promise((resolve) => { run.on('exit', resolve); });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'],
});
try {
  let url;
  for await (const line of createInterface({ input: run.stderr })) {
    url = line.match(/^live page: (http:\S+)/)?.[1];
    if (url) break;
  }
  run.stderr.resume();
  const page = await (await browser.newContext({ viewport: { width: 390, height: 900 } })).newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  const foreign = [];
  page.on('request', (request) => request.url().startsWith(url) || foreign.push(request.url()));
  await page.goto(url);
  await page.locator('html.live').waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 390, 'it is wider than a phone');
  await page.setViewportSize({ width: 1280, height: 1000 });

  const chart = (title) => page.locator('figure', { has: page.locator(`h3:text-is("${title}")`) }).first();
  const rate = chart('Offered and achieved rate');
  const moments = () => rate.locator('polyline').last().evaluate((line) => line.getAttribute('points').split(' ').length);
  await rate.locator('polyline').first().waitFor();
  const before = await moments();
  while (await moments() <= before) await page.waitForResponse(/lines/);
  const box = await rate.locator('.picture').boundingBox();
  await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.5);
  assert.match(await chart('Response time').locator('.readout').textContent(), /^\d+:\d\d {2}p50 [\d.,]+\u00a0(µs|ms|s)/);
  assert.ok(await page.locator('#tiers figure').count() >= 4, 'charts of the stack');
  assert.match(await page.locator('#state').textContent(), /RUNNING/);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }));
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].target}`), [], colorScheme);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  if (pictures) await page.screenshot({ path: `${pictures}/live.png`, fullPage: true });

  await page.locator('#state', { hasText: /PASS|FAIL|AT RISK|INCONCLUSIVE|NOT VALID|NOT MEASURED/ }).waitFor();
  const state = await page.locator('#state').textContent();
  assert.deepEqual([wrong, foreign], [[], []]);
  await ended;
  console.log(`live page: draws second by second, can be looked into, ends with ${state.match(/^[A-Z ]+/)[0].slice(0, -1).trim()}`);
} finally {
  await browser.close();
  run.kill();
  await ended;
  rmSync(out, { recursive: true });
}
