// scrypt with a bounded cost: 1 MiB and about 3 ms, real work that still lets a small machine log users in.

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(scrypt);
const COST = { N: 1024, r: 8, p: 1 };

/** The text to store for `password`. */
export async function hash(password, salt = randomBytes(16)) {
  const key = await derive(password, salt, 32, COST);
  return `scrypt$${COST.N}$${salt.toString('base64')}$${key.toString('base64')}`;
}

/** Whether `password` is the one that `stored` was made of. */
export async function matches(password, stored) {
  const [, , salt, expected] = stored.split('$');
  const key = await derive(password, Buffer.from(salt, 'base64'), 32, COST);
  return timingSafeEqual(key, Buffer.from(expected, 'base64'));
}

/** Checked for users who do not exist, so that the time does not tell them apart. */
export const NOBODY = await hash('nobody');
