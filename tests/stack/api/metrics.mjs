// What Prometheus reads: the process's own metrics, requests, cache, pool, bookings.

import prometheus from 'prom-client';
import { settings } from './settings.mjs';

export const { register } = prometheus;
register.setDefaultLabels({ replica: settings.replica });
prometheus.collectDefaultMetrics();

export const requestSeconds = new prometheus.Histogram({
  name: 'http_request_duration_seconds', help: 'From the head read to the answer sent',
  labelNames: ['method', 'route', 'status'],
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5],
});
export const inFlight = new prometheus.Gauge({ name: 'http_requests_in_flight', help: 'Requests being answered' });
export const cacheReads = new prometheus.Counter({
  name: 'cache_reads_total', help: 'Reads of the cache', labelNames: ['what', 'result'],
});
export const bookings = new prometheus.Counter({ name: 'bookings_created_total', help: 'Bookings committed' });
export const paymentSeconds = new prometheus.Histogram({
  name: 'payment_duration_seconds', help: 'Calls of the payment service', buckets: [0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 1, 2, 5],
});

/** Shows a pg pool's connections; read when scraped. */
export function watchPool(pool) {
  const gauge = new prometheus.Gauge({
    name: 'db_pool_connections', help: 'Connections of the pool, and requests waiting for one', labelNames: ['state'],
    collect() {
      gauge.set({ state: 'total' }, pool.totalCount);
      gauge.set({ state: 'idle' }, pool.idleCount);
      gauge.set({ state: 'waiting' }, pool.waitingCount);
    },
  });
}
