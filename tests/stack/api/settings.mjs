// Everything the API is told from outside, checked once at the start.

const required = (name) => {
  const text = process.env[name];
  if (!text) throw new Error(`${name} is not set`);
  return text;
};

export const settings = {
  replica: required('REPLICA'),
  port: Number(required('PORT')),
  jwtSecret: required('JWT_SECRET'),
  paymentUrl: required('PAYMENT_URL'),
  database: {
    host: '127.0.0.1', port: Number(required('DB_PORT')), database: 'ais', user: 'ais',
    password: required('DB_PASSWORD'), max: Number(process.env.DB_POOL ?? 10),
    connectionTimeoutMillis: 5000, idleTimeoutMillis: 30000, query_timeout: 10000,
  },
  cache: { host: '127.0.0.1', port: Number(required('REDIS_PORT')), password: required('REDIS_PASSWORD') },
};
