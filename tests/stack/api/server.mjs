// One API replica: wiring, start, and an end that loses no request.

import { Server } from 'node:net';
import express from 'express';
import { failed, observed, Answer } from './http.mjs';
import { flush, log } from './log.mjs';
import { bookings } from './routes/bookings.mjs';
import { flights } from './routes/flights.mjs';
import { health } from './routes/health.mjs';
import { users } from './routes/users.mjs';
import { settings } from './settings.mjs';
import { pool, redis } from './stores.mjs';

const DRAIN_LIMIT_MS = 10_000;
const lifecycle = { draining: false };

const app = express();
app.disable('x-powered-by');
app.set('etag', false);
app.use(observed);
app.use((request, response, next) => {
  if (lifecycle.draining) response.set('connection', 'close');
  next();
});
app.use(express.json({ limit: '16kb' }));
app.use(health(lifecycle), users, flights, bookings);
app.use(() => { throw new Answer(404, 'no such path'); });
app.use(failed);

const server = app.listen(settings.port, '127.0.0.1', (error) => {
  if (error) {
    log('error', 'cannot listen', { error: error.message });
    flush();
    process.exit(1);
  }
  log('info', 'listening', { port: settings.port, pid: process.pid });
  flush();
});
// Longer than the edge keeps idle connections: the edge always closes first, so none is closed in its face.
server.keepAliveTimeout = 65_000;

async function leave(code) {
  log('info', 'stopped');
  flush();
  await Promise.race([
    Promise.allSettled([pool.end(), redis.quit()]),
    new Promise((resolve) => { setTimeout(resolve, 1000).unref(); }),
  ]);
  process.exit(code);
}

/**
 * Stops listening, so that the edge goes elsewhere with new connections; answers what comes on open ones with
 * `Connection: close`; ends when the edge has closed the last. http.Server.close would close idle connections
 * from this side, just as a request may be on its way: hence the close of net.Server.
 */
function drain() {
  if (lifecycle.draining) return;
  lifecycle.draining = true;
  log('info', 'draining');
  Server.prototype.close.call(server, () => leave(0));
  setTimeout(() => leave(1), DRAIN_LIMIT_MS).unref();
}

process.on('SIGTERM', drain);
process.on('SIGINT', drain);
process.on('uncaughtException', (error) => {
  log('error', 'uncaught', { error: error.stack });
  leave(1);
});
