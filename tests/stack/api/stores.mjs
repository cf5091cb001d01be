// PostgreSQL through pgBouncer, and Redis as a cache that may be missing.

import Redis from 'ioredis';
import pg from 'pg';
import { log } from './log.mjs';
import { cacheReads, watchPool } from './metrics.mjs';
import { settings } from './settings.mjs';

export const pool = new pg.Pool(settings.database);
pool.on('error', (error) => log('error', 'database connection lost', { error: error.message }));
watchPool(pool);

export const redis = new Redis({
  ...settings.cache, maxRetriesPerRequest: 1, commandTimeout: 1000,
  retryStrategy: (attempt) => Math.min(attempt * 100, 2000),
});
redis.on('error', (error) => log('warn', 'cache unreachable', { error: error.message }));

/**
 * Answers JSON text from the cache, or makes, stores and answers it.
 * Returns `{ text, hit }`. Without Redis everything is a miss.
 */
export async function cached(what, key, seconds, make) {
  let text = null;
  try {
    text = await redis.get(key);
  } catch {
    // Reported by the 'error' event.
  }
  cacheReads.inc({ what, result: text === null ? 'miss' : 'hit' });
  if (text !== null) return { text, hit: true };
  text = JSON.stringify(await make());
  redis.set(key, text, 'EX', seconds).catch(() => {});
  return { text, hit: false };
}

/** Runs `work(client)` in a transaction; rolls back if it throws. */
export async function transaction(work) {
  const client = await pool.connect();
  let broken;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((failure) => { broken = failure; });
    throw error;
  } finally {
    client.release(broken);
  }
}
