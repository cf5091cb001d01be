// JSON lines on stdout, written in batches: a write for every request would be what we measure.

import { writeSync } from 'node:fs';
import { settings } from './settings.mjs';

let lines = '';

/** Writes what is buffered; called on a timer, and before the process ends. */
export function flush() {
  if (lines === '') return;
  try {
    writeSync(1, lines);
  } catch {
    // A log that cannot be written must not take the service down.
  }
  lines = '';
}

setInterval(flush, 100).unref();

export function log(level, message, fields = {}) {
  lines += `${JSON.stringify({ time: new Date().toISOString(), level, replica: settings.replica, message, ...fields })}\n`;
  if (lines.length > 65536) flush();
}
