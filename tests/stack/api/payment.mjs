// The payment provider: an external service that takes 200 to 400 ms, whatever the load.

import { randomInt, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

const LOW_MS = 200;
const HIGH_MS = 400;

const server = createServer((request, response) => {
  request.resume();
  const answer = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  request.on('end', () => {
    if (request.url === '/health') return answer(200, { status: 'ok' });
    if (request.method !== 'POST' || request.url !== '/charges') return answer(404, { error: 'no such path' });
    setTimeout(answer, randomInt(LOW_MS, HIGH_MS + 1), 201, { reference: `pay_${randomUUID()}` });
  });
});
server.keepAliveTimeout = 65_000;
server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
