// Writes scenarios/ais/users.csv and routes.csv; the same bytes every time.
//
// The database is seeded from these files, so what a scenario draws from them exists on the real stack.
// Routes stand in order of popularity, which is what `pick: { zipf: … }` goes by.

import { writeFileSync } from 'node:fs';
import path from 'node:path';

const USERS = 2000;
const PAIRS = 'JFK-LHR LAX-JFK LHR-DXB CDG-JFK SIN-SYD LHR-AMS HND-ICN FRA-LHR MAD-BCN SFO-LAX '
  + 'IST-LHR DXB-BOM HKG-SIN ORD-ATL FCO-CDG DEL-DXB MEL-SYD MUC-FRA BKK-SIN MIA-GRU '
  + 'YYZ-JFK ZRH-LHR VIE-FRA CPH-ARN OSL-CPH HEL-ARN LIS-MAD DUB-LHR BRU-FCO WAW-MUC '
  + 'ATH-FCO DOH-LHR JNB-LHR CAI-IST MEX-MIA HND-SFO ICN-LAX BOM-SIN AMS-JFK GRU-LIS';

const folder = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../../../scenarios/ais');
const pairs = PAIRS.split(' ').map((pair) => pair.split('-'));
const routes = [...pairs, ...pairs.map(([from, to]) => [to, from])];
const users = Array.from({ length: USERS }, (_, index) => {
  const number = String(index + 1).padStart(4, '0');
  return [`user${number}@ais.example`, `pw-${number}`];
});
const csv = (header, rows) => `${[header, ...rows].map((row) => row.join(',')).join('\n')}\n`;
writeFileSync(path.join(folder, 'users.csv'), csv(['email', 'password'], users));
writeFileSync(path.join(folder, 'routes.csv'), csv(['from', 'to'], routes));
