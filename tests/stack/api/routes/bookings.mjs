// Booking a seat and paying for it: the journey that earns the money.

import { Router } from 'express';
import { Answer, authenticated, whole } from '../http.mjs';
import { bookings as created, paymentSeconds } from '../metrics.mjs';
import { settings } from '../settings.mjs';
import { pool, transaction } from '../stores.mjs';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const bookings = Router();

const shown = (row) => ({
  id: row.id, flightId: Number(row.flight_id), passengers: row.passengers, amountCents: row.amount_cents,
  status: row.status, paymentReference: row.payment_reference, createdAt: row.created_at, paidAt: row.paid_at,
});

function identifier(text) {
  if (!UUID.test(text)) throw new Answer(404, 'no such booking');
  return text;
}

async function book(client, user, flight, passengers, correlationId) {
  const { rows: [seat] } = await client.query(
    'UPDATE flights SET seats_left = seats_left - $2 WHERE id = $1 AND seats_left >= $2 RETURNING price_cents',
    [flight, passengers],
  );
  if (!seat) {
    const { rowCount } = await client.query('SELECT 1 FROM flights WHERE id = $1', [flight]);
    throw rowCount === 0 ? new Answer(404, 'no such flight') : new Answer(409, 'not enough seats are left');
  }
  const { rows: [row] } = await client.query(
    `INSERT INTO bookings (user_id, flight_id, passengers, amount_cents, correlation_id)
     VALUES ($1, $2, $3, $4, $5) RETURNING *`,
    [user, flight, passengers, seat.price_cents * passengers, correlationId],
  );
  return row;
}

bookings.post('/api/bookings', authenticated, async (request, response) => {
  const body = request.body ?? {};
  const flight = whole('flightId', body.flightId ?? body.flight_id, 1, Number.MAX_SAFE_INTEGER);
  const passengers = whole('passengers', body.passengers ?? 1, 1, 9);
  const row = await transaction((client) => book(client, request.user.id, flight, passengers, request.correlationId));
  created.inc();
  response.status(201).location(`/api/bookings/${row.id}`).json(shown(row));
});

bookings.get('/api/bookings/:id', authenticated, async (request, response) => {
  const { rows: [row] } = await pool.query(
    'SELECT * FROM bookings WHERE id = $1 AND user_id = $2', [identifier(request.params.id), request.user.id],
  );
  if (!row) throw new Answer(404, 'no such booking');
  response.json(shown(row));
});

async function charge(row, correlationId) {
  const over = paymentSeconds.startTimer();
  let reply;
  try {
    reply = await fetch(`${settings.paymentUrl}/charges`, {
      method: 'POST', signal: AbortSignal.timeout(5000),
      headers: { 'content-type': 'application/json', 'x-correlation-id': correlationId, 'idempotency-key': row.id },
      body: JSON.stringify({ amountCents: row.amount_cents, booking: row.id }),
    });
  } catch (error) {
    throw new Answer(error.name === 'TimeoutError' ? 504 : 502, 'the payment service does not answer');
  } finally {
    over();
  }
  if (!reply.ok) throw new Answer(502, `the payment service answered ${reply.status}`);
  return (await reply.json()).reference;
}

bookings.post('/api/bookings/:id/payment', authenticated, async (request, response) => {
  const id = identifier(request.params.id);
  const { rows: [row] } = await pool.query('SELECT * FROM bookings WHERE id = $1 AND user_id = $2', [id, request.user.id]);
  if (!row) throw new Answer(404, 'no such booking');
  if (row.status === 'paid') throw new Answer(409, 'the booking is paid already');
  // No connection is held while the external service takes its time.
  const reference = await charge(row, request.correlationId);
  const { rows: [paid] } = await pool.query(
    `UPDATE bookings SET status = 'paid', payment_reference = $2, paid_at = now()
     WHERE id = $1 AND status = 'pending' RETURNING *`,
    [id, reference],
  );
  if (!paid) throw new Answer(409, 'the booking is paid already');
  response.json(shown(paid));
});
