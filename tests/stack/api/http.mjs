// Errors that have an answer, correlation, and the access log of the API.

import { randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { log } from './log.mjs';
import { inFlight, requestSeconds } from './metrics.mjs';
import { settings } from './settings.mjs';

/** Thrown by a handler to answer `status` with `{ error: message }`. */
export class Answer extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const TRACEPARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;
const PRINTABLE = /^[\x21-\x7e]{1,128}$/;

function correlationOf(request) {
  const given = request.get('x-correlation-id');
  if (given && PRINTABLE.test(given)) return given;
  return TRACEPARENT.exec(request.get('traceparent') ?? '')?.[1] ?? randomUUID();
}

/** Gives each request its correlation ID, measures it, and logs one line when it is over. */
export function observed(request, response, next) {
  const start = process.hrtime.bigint();
  request.correlationId = correlationOf(request);
  response.set('x-correlation-id', request.correlationId);
  response.set('x-replica', settings.replica);
  inFlight.inc();
  response.on('close', () => {
    inFlight.dec();
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const route = request.route?.path ?? 'none';
    const status = response.writableFinished ? response.statusCode : 499; // the client went away
    requestSeconds.observe({ method: request.method, route, status }, seconds);
    log('info', 'request', {
      correlationId: request.correlationId, traceparent: request.get('traceparent'), method: request.method,
      route, status, ms: Math.round(seconds * 1e6) / 1e3, user: request.user?.id,
    });
  });
  next();
}

/** Lets only bearers of a valid token pass; sets `request.user`. */
export function authenticated(request, response, next) {
  const [scheme, token] = (request.get('authorization') ?? '').split(' ');
  if (scheme?.toLowerCase() !== 'bearer' || !token) throw new Answer(401, 'a bearer token is needed');
  try {
    const claims = jwt.verify(token, settings.jwtSecret, { algorithms: ['HS256'] });
    request.user = { id: Number(claims.sub), email: claims.email };
  } catch (error) {
    throw new Answer(401, error.name === 'TokenExpiredError' ? 'the token has expired' : 'the token is not valid');
  }
  next();
}

export function issueToken(user) {
  return jwt.sign({ email: user.email }, settings.jwtSecret, { algorithm: 'HS256', subject: String(user.id), expiresIn: '1h' });
}

/** A whole number between `low` and `high` from a query or a body; 400 otherwise. */
export function whole(name, text, low, high) {
  const number = Number(text);
  if (!Number.isInteger(number) || number < low || number > high) {
    throw new Answer(400, `${name} must be a whole number between ${low} and ${high}`);
  }
  return number;
}

/** The last handler: turns what was thrown into an answer. */
export function failed(error, request, response, _next) {
  if (response.headersSent) return response.destroy();
  let { status } = error;
  if (!Number.isInteger(status)) {
    // No connection within the pool's time limit, or none to be had: overload, not a bug.
    status = /timeout|ECONNREFUSED|terminated/i.test(`${error.message} ${error.code}`) ? 503 : 500;
  }
  if (status >= 500) log('error', 'request failed', { correlationId: request.correlationId, error: error.message, code: error.code });
  response.status(status).json({ error: status >= 500 ? 'the service has a problem' : error.message });
}
