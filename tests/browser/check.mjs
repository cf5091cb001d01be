// What only a browser can tell of the pages: whether the script is allowed by their policy and works, whether they can be
// used with the keyboard alone, whether axe finds a fault (WCAG 2.2 AA), and whether anything sticks out at any width.
//
// Usage: node check.mjs REPORT.html… ; the first is walked through, all are looked at. Prints what it did, ends with 1 at
// the first thing that is wrong.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const files = process.argv.slice(2);
const pictures = process.env.PICTURES;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});

async function opened(file, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
  page.on('pageerror', (error) => wrong.push(String(error)));
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(pathToFileURL(file).href);
  const hasScript = (await page.locator('#data').count()) > 0;
  if (hasScript && options.javaScriptEnabled !== false) {
    await page.waitForFunction(() => document.documentElement.classList.contains('live'));
  }
  assert.deepEqual(wrong, [], `${file}: the console`);
  assert.equal(asked.length, 1, `${file} asks for ${asked}`);
  return page;
}

/// axe itself is put in by the browser's debugger, past the page's policy.
async function faults(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.target).join(' | ')}`);
}

async function accessible(file) {
  for (const colorScheme of ['light', 'dark']) {
    const page = await opened(file, { colorScheme });
    assert.deepEqual(await faults(page), [], `${file}, ${colorScheme}`);
    await page.context().close();
  }
  console.log(`${file}: axe finds nothing, light and dark`);
}

async function fits(file) {
  for (const width of [320, 390, 768, 1280, 1920, 3840]) {
    const page = await opened(file, { viewport: { width, height: 900 } });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `${file} is ${wide} px wide at ${width}`);
    // Whatever the width, the text of charts can be read.
    const sizes = await page.evaluate(() => [...document.querySelectorAll('.picture svg text')]
      .map((text) => parseFloat(getComputedStyle(text).fontSize) * text.ownerSVGElement.getScreenCTM().a));
    assert.ok(Math.min(...sizes, 99) >= 9, `${file}: ${Math.min(...sizes)} px at ${width}`);
    if (pictures) await page.screenshot({ path: `${pictures}/${width}.png`, fullPage: width < 3000 });
    await page.context().close();
  }
  console.log(`${file}: nothing sticks out from 320 to 3840 px`);
}

/// What the script took until everything could be used, measured in the page.
async function quick(file) {
  const page = await opened(file);
  const ms = await page.evaluate(() => performance.getEntriesByType('navigation')[0].domInteractive
    && performance.now());
  console.log(`${file}: ${ms.toFixed(0)} ms until everything is there`);
  await page.context().close();
}

async function walked(file) {
  const page = await opened(file);
  const chart = (title) => page.locator('figure', { has: page.locator(`h3:text-is("${title}")`) }).first();
  const rate = chart('Offered and achieved rate');
  const times = chart('Response time');

  // Without anything asked, the pictures stand as they were drawn.
  assert.equal(await page.locator('svg.drawn').count(), 0);
  assert.equal(await page.locator('.overlay i:visible').count(), 0);

  // The pointer on one chart tells the values of all.
  await rate.locator('.picture').scrollIntoViewIfNeeded();
  const box = await rate.locator('.picture').boundingBox();
  await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.5);
  const at = await times.locator('.readout').textContent();
  assert.match(at, /^\d+:\d\d {2}p50 [\d.,]+\u00a0(µs|ms|s) {2}/, at);
  assert.match(await rate.locator('.readout').textContent(), /req|\/s/);
  if (pictures) await page.screenshot({ path: `${pictures}/hover.png` });

  // A stretch is drawn over with the pointer; every chart follows.
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.5);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + box.height * 0.5, { steps: 4 });
  await page.mouse.up();
  await times.locator('svg.drawn').waitFor();
  const before = await times.locator('svg.drawn text').allTextContents();
  assert.ok(before.length > 4);
  const whole = page.getByRole('button', { name: 'Whole run' });
  assert.ok(await whole.isEnabled());
  if (pictures) await page.screenshot({ path: `${pictures}/zoom.png` });
  await whole.click();
  await times.locator('svg.drawn').waitFor({ state: 'detached' });

  // A series is hidden and shown again by its key.
  const key = times.getByRole('button', { name: 'max', exact: true });
  const lines = () => times.locator('svg.drawn polyline').count();
  await key.click();
  assert.equal(await key.getAttribute('aria-pressed'), 'false');
  const without = await lines();
  await key.click();
  assert.equal(await lines(), 0, 'the picture is back');
  assert.ok(without >= 3, `${without} lines`);

  // The other scale.
  const log = page.getByRole('button', { name: 'Logarithmic times' });
  await log.click();
  await times.locator('svg.drawn').waitFor();
  await log.click();

  // Steps of one's choice.
  await page.locator('.pick summary').click();
  const box1 = page.locator('.choices label').first();
  const step = (await box1.textContent()).trim();
  await box1.locator('input').check();
  await times.getByRole('button', { name: `${step} p99` }).waitFor();
  assert.ok(await page.locator('.figures.small figure:visible').count() >= 1);
  if (pictures) await page.screenshot({ path: `${pictures}/steps.png` });
  await box1.locator('input').uncheck();
  await times.getByRole('button', { name: 'p99', exact: true }).waitFor();
  await page.locator('.pick summary').click();

  // The table sorts and filters.
  const head = page.locator('table.sortable thead th', { hasText: 'p95' });
  await head.getByRole('button').click();
  assert.equal(await head.getAttribute('aria-sort'), 'descending');
  const cells = await page.locator('table.sortable tbody tr:not(.sum):not(.sub) td:nth-child(5)').allTextContents();
  const ms = (text) => parseFloat(text.replace(',', '')) * (text.includes('µs') ? 0.001 : text.endsWith(' s') ? 1000 : 1);
  const sorted = cells.map(ms).filter((value) => !Number.isNaN(value));
  assert.deepEqual(sorted, [...sorted].sort((a, b) => b - a));
  const search = page.getByLabel('Only steps with');
  if (await search.isVisible()) {
    await search.fill(step);
    assert.equal(await page.locator('table.sortable tbody tr:not(.sum):not(.sub):visible').count(), 1);
    await search.fill('');
  }
  await page.context().close();
  console.log(`${file}: hover, zoom, series, scale, steps, sort and filter work`);
}

/// Everything that the pointer can do, with the keyboard alone; and every stop is seen.
async function keyboard(file) {
  const page = await opened(file);
  const stops = new Set();
  for (let stop = 0; stop < 400; stop += 1) {
    await page.keyboard.press('Tab');
    const found = await page.evaluate(() => {
      const at = document.activeElement;
      if (!at || at === document.body) return null;
      const style = getComputedStyle(at);
      return { name: at.closest('figure')?.querySelector('h3')?.textContent ?? at.textContent.trim().slice(0, 40),
        kind: at.className || at.tagName, seen: style.outlineStyle !== 'none' || style.boxShadow !== 'none' };
    });
    if (!found) break;
    assert.ok(found.seen, `${JSON.stringify(found)} does not show that it has the focus`);
    stops.add(`${found.kind}: ${found.name}`);
  }
  const has = (text) => [...stops].some((stop) => stop.includes(text));
  for (const wanted of ['To the objectives', 'picture: Response time', 'Logarithmic times', 'Steps: all']) {
    assert.ok(has(wanted), `no way to ${wanted} by keyboard: ${[...stops].join(', ')}`);
  }
  const picture = page.locator('figure', { has: page.locator('h3:text-is("Response time")') }).first().locator('.picture');
  await picture.focus();
  await page.keyboard.press('Home');
  for (let step = 0; step < 4; step += 1) await page.keyboard.press('ArrowRight');
  const readout = picture.locator('xpath=..').locator('.readout');
  assert.match(await readout.textContent(), /p50/);
  assert.equal(await readout.getAttribute('role'), 'status');
  await page.keyboard.press('Enter');
  for (let step = 0; step < 8; step += 1) await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await picture.locator('svg.drawn').waitFor();
  await page.keyboard.press('Escape');
  await picture.locator('svg.drawn').waitFor({ state: 'detached' });
  await page.context().close();
  console.log(`${file}: ${stops.size} stops, all seen; values and a stretch by keyboard`);
}

/// Without script the page says what it has to say, and nothing of it that would not work.
async function plain(file) {
  const page = await opened(file, { javaScriptEnabled: false });
  assert.equal(await page.locator('.tools:visible').count(), 0);
  assert.ok(await page.locator('.picture svg:visible').count() > 3);
  await page.context().close();
  console.log(`${file}: whole without script`);
}

try {
  const [first] = files;
  await walked(first);
  await keyboard(first);
  await plain(first);
  for (const file of files) {
    await quick(file);
    await accessible(file);
    await fits(file);
  }
} finally {
  await browser.close();
}
console.log('pages work in a browser');
