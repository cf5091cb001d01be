// Records a visit to the simulated shop by Playwright's `recordHar`, with Debian's Chromium.
//
//   npm install playwright-core
//   plimsoll simulate tests/import/shop --listen 127.0.0.1:8080 &
//   node tests/import/playwright.mjs http://127.0.0.1:8080 tests/import/playwright.har

import { chromium } from 'playwright-core';

const [target, path] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const context = await browser.newContext({ recordHar: { path, content: 'embed' } });
const page = await context.newPage();
await page.goto(target);
await page.waitForTimeout(2_500);
await page.evaluate(async () => {
  const json = (method, body) => ({ method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const login = await fetch('/api/auth/login', json('POST', { email: 'ada@example.com', password: 'correct horse battery' }));
  globalThis.headers = { authorization: 'Bearer ' + (await login.json()).token };
  const [products] = await Promise.all([
    fetch('/api/products?page=1', { headers: globalThis.headers }).then(answer => answer.json()),
    fetch('/api/offers', { headers: globalThis.headers }).then(answer => answer.text()),
  ]);
  globalThis.product = products.products[1];
});
await page.waitForTimeout(1_700);
await page.evaluate(() => fetch('/api/products/' + product.id, { headers }).then(answer => answer.text()));
await page.waitForTimeout(800);
await page.evaluate(async () => {
  const order = await fetch('/api/orders', { method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ productId: product.id, sku: product.sku, count: 2, note: 'ring {{ twice }}' }) });
  await fetch('/api/orders/' + (await order.json()).id);
});
await page.waitForTimeout(300);
await context.close();
await browser.close();
