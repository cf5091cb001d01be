// Liveness says that the process answers; readiness that what it needs does too.

import { Router } from 'express';
import { register } from '../metrics.mjs';
import { pool, redis } from '../stores.mjs';

const started = Date.now();
const within = (milliseconds, promise) => Promise.race([
  promise.then(() => 'ok', () => 'unreachable'),
  new Promise((resolve) => { setTimeout(resolve, milliseconds, 'slow').unref(); }),
]);

/** `lifecycle.draining` turns readiness off while the process ends. */
export function health(lifecycle) {
  const router = Router();
  router.get('/health', (request, response) => {
    response.json({ status: 'ok', uptime: (Date.now() - started) / 1000 });
  });
  router.get('/health/live', (request, response) => response.json({ status: 'ok' }));
  router.get('/health/ready', async (request, response) => {
    const [database, cache] = await Promise.all([within(2000, pool.query('SELECT 1')), within(2000, redis.ping())]);
    const ready = database === 'ok' && cache === 'ok' && !lifecycle.draining;
    response.status(ready ? 200 : 503).json({ status: ready ? 'ok' : 'not ready', database, cache, draining: lifecycle.draining });
  });
  router.get('/metrics', async (request, response) => {
    response.set('content-type', register.contentType).send(await register.metrics());
  });
  return router;
}
