// Login and the account.

import { Router } from 'express';
import { Answer, authenticated, issueToken } from '../http.mjs';
import { NOBODY, matches } from '../passwords.mjs';
import { pool } from '../stores.mjs';

export const users = Router();

users.post('/api/auth/login', async (request, response) => {
  const { email, password } = request.body ?? {};
  if (typeof email !== 'string' || typeof password !== 'string') throw new Answer(400, 'email and password are needed');
  const { rows: [user] } = await pool.query('SELECT id, email, password_hash FROM users WHERE email = $1', [email]);
  const right = await matches(password, user?.password_hash ?? NOBODY);
  if (!user || !right) throw new Answer(401, 'email or password is wrong');
  response.json({ token: issueToken(user), user: { id: Number(user.id), email: user.email } });
});

users.get('/api/me', authenticated, async (request, response) => {
  const { rows: [user] } = await pool.query(
    `SELECT u.id, u.email, u.created_at, count(b.id)::int AS bookings
     FROM users u LEFT JOIN bookings b ON b.user_id = u.id WHERE u.id = $1 GROUP BY u.id`,
    [request.user.id],
  );
  if (!user) throw new Answer(404, 'no such user');
  response.json({ id: Number(user.id), email: user.email, since: user.created_at, bookings: user.bookings });
});
