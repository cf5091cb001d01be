// Airports, airlines, and the flight search: what most visitors do.

import { Router } from 'express';
import { Answer, whole } from '../http.mjs';
import { cached, pool } from '../stores.mjs';

const SEARCH_SECONDS = 5 * 60;
const NAMES_SECONDS = 60 * 60;
const COLUMNS = `f.id, f.number, f.airline, a.name AS "airlineName", f.origin AS "from", f.destination AS "to",
  f.departs_at AS "departsAt", f.arrives_at AS "arrivesAt", f.price_cents AS "priceCents", f.seats_left AS "seatsLeft"`;

export const flights = Router();

const number = (row) => ({ ...row, id: Number(row.id) });

function send(response, { text, hit }) {
  response.set('x-cache', hit ? 'HIT' : 'MISS').type('json').send(text);
}

flights.get('/api/airports', async (request, response) => {
  const q = String(request.query.q ?? '').trim().toLowerCase();
  if (q.length > 50) throw new Answer(400, 'q must have at most 50 characters');
  send(response, await cached('airports', `airports:${q}`, NAMES_SECONDS, async () => {
    const pattern = `${q.replaceAll(/[\\%_]/g, '\\$&')}%`;
    const { rows } = await pool.query(
      `SELECT code, name, city, country FROM airports
       WHERE code ILIKE $1 OR city ILIKE $1 OR name ILIKE $1 ORDER BY code LIMIT 50`,
      [pattern],
    );
    return { airports: rows };
  }));
});

flights.get('/api/airlines', async (request, response) => {
  send(response, await cached('airlines', 'airlines', NAMES_SECONDS, async () => {
    const { rows } = await pool.query('SELECT code, name FROM airlines ORDER BY code');
    return { airlines: rows };
  }));
});

function airport(name, text) {
  if (typeof text !== 'string' || !/^[A-Za-z]{3}$/.test(text)) throw new Answer(400, `${name} must be an airport code`);
  return text.toUpperCase();
}

function day(text) {
  if (typeof text !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(text) || Number.isNaN(Date.parse(text))
      || new Date(text).toISOString().slice(0, 10) !== text) {
    throw new Answer(400, 'date must be YYYY-MM-DD');
  }
  return text;
}

flights.get('/api/flights/search', async (request, response) => {
  const { query } = request;
  const from = airport('from', query.from);
  const to = airport('to', query.to);
  const date = day(query.date);
  const passengers = whole('passengers', query.passengers ?? 1, 1, 9);
  send(response, await cached('search', `search:${from}:${to}:${date}:${passengers}`, SEARCH_SECONDS, async () => {
    const { rows } = await pool.query(
      `SELECT ${COLUMNS} FROM flights f JOIN airlines a ON a.code = f.airline
       WHERE f.origin = $1 AND f.destination = $2
         AND f.departs_at >= $3::date AND f.departs_at < $3::date + 1 AND f.seats_left >= $4
       ORDER BY f.price_cents, f.departs_at LIMIT 50`,
      [from, to, date, passengers],
    );
    return { flights: rows.map(number) };
  }));
});

flights.get('/api/flights/:id', async (request, response) => {
  const id = whole('id', request.params.id, 1, Number.MAX_SAFE_INTEGER);
  const { rows: [row] } = await pool.query(
    `SELECT ${COLUMNS}, f.seats_total AS "seatsTotal" FROM flights f JOIN airlines a ON a.code = f.airline WHERE f.id = $1`,
    [id],
  );
  if (!row) throw new Answer(404, 'no such flight');
  response.json(number(row));
});
