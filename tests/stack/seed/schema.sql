-- The database of AIS. Run once per day into a template; variables: app_password, monitor_password.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;

CREATE TABLE airlines (code text PRIMARY KEY, name text NOT NULL);
CREATE TABLE airports (
  code text PRIMARY KEY, name text NOT NULL, city text NOT NULL, country text NOT NULL,
  latitude double precision NOT NULL, longitude double precision NOT NULL
);
CREATE TABLE users (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email text NOT NULL UNIQUE, password_hash text NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE flights (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  number text NOT NULL, airline text NOT NULL REFERENCES airlines,
  origin text NOT NULL REFERENCES airports, destination text NOT NULL REFERENCES airports,
  departs_at timestamptz NOT NULL, arrives_at timestamptz NOT NULL,
  price_cents integer NOT NULL, seats_total integer NOT NULL,
  seats_left integer NOT NULL CHECK (seats_left >= 0)
);
CREATE TABLE bookings (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id bigint NOT NULL REFERENCES users, flight_id bigint NOT NULL REFERENCES flights,
  passengers integer NOT NULL CHECK (passengers BETWEEN 1 AND 9),
  amount_cents integer NOT NULL, status text NOT NULL DEFAULT 'pending',
  payment_reference text, correlation_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(), paid_at timestamptz
);

\copy airlines FROM 'airlines.csv' CSV HEADER
\copy airports FROM 'airports.csv' CSV HEADER
\copy users (email, password_hash) FROM 'users.csv' CSV HEADER
CREATE TEMP TABLE popular ("from" text, "to" text, PRIMARY KEY ("from", "to"));
\copy popular FROM 'routes.csv' CSV HEADER

-- Popular routes fly five times a day, every other pair each third day. What varies follows from a hash
-- of route, day and slot, so two machines seed the same flights on the same day.
INSERT INTO flights (number, airline, origin, destination, departs_at, arrives_at, price_cents, seats_total, seats_left)
SELECT airline || (100 + h % 900), airline, origin, destination, departs_at,
       departs_at + make_interval(mins => 40 + (km / 13)::int),
       4000 + (km * 8)::int + (h % 20000)::int, seats, seats
FROM (
  SELECT origin, destination, km, h, 150 + (h % 5)::int * 50 AS seats,
         (SELECT array_agg(code ORDER BY code) FROM airlines)[1 + h % 10] AS airline,
         (current_date + day)::timestamptz + make_interval(hours => 5 + slot * 3, mins => (h % 12)::int * 5) AS departs_at
  FROM (
    SELECT o.code AS origin, d.code AS destination, day, slot,
           111 * sqrt(power(o.latitude - d.latitude, 2) + power((o.longitude - d.longitude) * cos(radians(o.latitude)), 2)) AS km,
           ('x' || left(md5(o.code || d.code || day || ':' || slot), 8))::bit(32)::bigint AS h
    FROM airports o JOIN airports d ON o.code <> d.code
    LEFT JOIN popular p ON p."from" = o.code AND p."to" = d.code
    CROSS JOIN generate_series(0, 95) AS day
    CROSS JOIN generate_series(0, 4) AS slot
    WHERE p."from" IS NOT NULL
       OR (slot = 2 AND (ascii(o.code) + ascii(right(d.code, 1)) + day) % 3 = 0)
  ) AS legs
) AS timed;

CREATE INDEX flights_route ON flights (origin, destination, departs_at);
CREATE INDEX bookings_user ON bookings (user_id);
VACUUM (ANALYZE) airlines, airports, users, flights, bookings;

CREATE ROLE ais LOGIN PASSWORD :'app_password';
GRANT SELECT ON airlines, airports, users TO ais;
GRANT SELECT, UPDATE ON flights TO ais;
GRANT SELECT, INSERT, UPDATE ON bookings TO ais;
CREATE ROLE monitor LOGIN PASSWORD :'monitor_password';
GRANT pg_monitor TO monitor;
GRANT SELECT ON bookings, flights TO monitor; -- so that a test can count what was booked
