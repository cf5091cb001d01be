// Records a visit to the simulated shop with a real Chromium, through the DevTools protocol, and prints the HAR.
//
//   plimsoll simulate tests/import/shop --listen 127.0.0.1:8080 &
//   node --experimental-websocket tests/import/record.mjs http://127.0.0.1:8080 > tests/import/shop.har
//
// The HAR has what "Save all as HAR with content" of the developer tools writes, entry by entry.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const target = process.argv[2];
const profile = mkdtempSync(join(tmpdir(), 'har-'));
const browser = spawn('chromium', ['--headless', '--no-sandbox', '--remote-debugging-port=0',
  '--disable-background-networking', `--user-data-dir=${profile}`, 'about:blank']);

const endpoint = await new Promise((resolve, reject) => {
  let text = '';
  browser.stderr.on('data', chunk => {
    text += chunk;
    const found = text.match(/DevTools listening on (ws:\/\/\S+)/);
    if (found) resolve(found[1]);
  });
  browser.on('exit', () => reject(new Error(text)));
});

// One page, all of its network events.
const port = new URL(endpoint).port;
const pages = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
const socket = new WebSocket(pages.find(page => page.type === 'page').webSocketDebuggerUrl);
await new Promise(resolve => { socket.onopen = resolve; });
const waiting = new Map();
const requests = [];
const known = new Map();
let number = 0;
const send = (method, params = {}) => new Promise(resolve => {
  waiting.set(++number, resolve);
  socket.send(JSON.stringify({ id: number, method, params }));
});
const on = {
  'Network.requestWillBeSent'({ requestId, request, wallTime, timestamp, type, redirectResponse }) {
    const before = known.get(requestId);
    if (redirectResponse && before) Object.assign(before, { response: redirectResponse, end: timestamp });
    const record = { requestId, request, wallTime, start: timestamp, type, extra: [] };
    requests.push(record);
    known.set(requestId, record);
  },
  'Network.requestWillBeSentExtraInfo'({ requestId, headers }) {
    if (known.has(requestId)) known.get(requestId).headers = headers;
  },
  'Network.responseReceived'({ requestId, response }) { known.get(requestId).response = response; },
  'Network.responseReceivedExtraInfo'({ requestId, headers }) {
    if (known.has(requestId)) known.get(requestId).responseHeaders = headers;
  },
  'Network.loadingFinished'({ requestId, timestamp }) {
    const record = known.get(requestId);
    record.end = timestamp;
    record.body = send('Network.getResponseBody', { requestId });
  },
  'Network.loadingFailed'({ requestId, timestamp }) {
    if (known.has(requestId)) known.get(requestId).end = timestamp;
  },
};
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message.id) waiting.get(message.id)(message.result ?? {});
  else on[message.method]?.(message.params);
};
await send('Network.enable');
await send('Page.enable');

// The visit: what a person does, and how long it takes.
const run = expression => send('Runtime.evaluate', { expression, awaitPromise: true });
await send('Page.navigate', { url: target });
await pause(2_500);
const third = target.replace('127.0.0.1', 'tracker.localhost');
await run(`fetch('${third}/collect?page=home', { mode: 'no-cors' }).catch(() => {})`);
await run(`(async () => {
  const json = (method, body) => ({ method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const login = await fetch('/api/auth/login', json('POST', { email: 'ada@example.com', password: 'correct horse battery' }));
  globalThis.headers = { authorization: 'Bearer ' + (await login.json()).token };
  const [products] = await Promise.all([
    fetch('/api/products?page=1', { headers }).then(answer => answer.json()),
    fetch('/api/offers', { headers }).then(answer => answer.text()),
  ]);
  globalThis.product = products.products[1];
})()`);
await pause(3_200);
await run(`fetch('/api/products/' + product.id, { headers }).then(answer => answer.text())`);
await pause(1_700);
await run(`(async () => {
  const order = await fetch('/api/orders', { method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ productId: product.id, sku: product.sku, count: 2, note: 'ring {{ twice }}' }) });
  await fetch('/api/orders/' + (await order.json()).id);
})()`);
await pause(500);

const pairs = headers => Object.entries(headers ?? {}).flatMap(([name, value]) =>
  value.split('\n').map(value => ({ name, value })));
const entries = [];
for (const { request, requestId, response, ...record } of requests) {
  const content = await (record.body ?? {});
  entries.push({
    _resourceType: record.type.toLowerCase(),
    startedDateTime: new Date(record.wallTime * 1_000).toISOString(),
    time: Math.max(0, (record.end ?? record.start) - record.start) * 1_000,
    request: {
      method: request.method, url: request.url, httpVersion: 'http/1.1',
      headers: pairs(record.headers ?? request.headers),
      queryString: [...new URL(request.url).searchParams].map(([name, value]) => ({ name, value })),
      cookies: [], headersSize: -1, bodySize: request.postData?.length ?? 0,
      ...(request.postData && { postData: {
        mimeType: request.headers['content-type'] ?? request.headers['Content-Type'], text: request.postData } }),
    },
    response: {
      status: response?.status ?? 0, statusText: response?.statusText ?? '', httpVersion: 'http/1.1',
      headers: pairs(record.responseHeaders ?? response?.headers), cookies: [],
      content: { size: content.body?.length ?? 0, mimeType: response?.mimeType ?? 'x-unknown',
        ...(content.body && { text: content.body }), ...(content.base64Encoded && { encoding: 'base64' }) },
      redirectURL: record.responseHeaders?.location ?? '', headersSize: -1, bodySize: -1,
    },
    cache: {}, timings: { send: 0, wait: 0, receive: 0 },
  });
}
console.log(JSON.stringify({ log: {
  version: '1.2', creator: { name: 'Chromium through the DevTools protocol', version: '1' }, pages: [], entries,
} }, null, 1));
socket.close();
browser.removeAllListeners('exit');
browser.kill();
await new Promise(resolve => browser.on('exit', resolve));
rmSync(profile, { recursive: true, force: true });
