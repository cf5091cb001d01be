// The configuration files of nginx, pgBouncer, Redis and Prometheus, as functions of options and ports.

const UPSTREAM_KEEPALIVE_S = 2; // also how long a draining replica must wait: see drain() in api/server.mjs

const LOG = `log_format lines escape=json '{"time":"$time_iso8601","msec":$msec,"correlationId":"$correlation",'
    '"traceparent":"$http_traceparent","remote":"$remote_addr","protocol":"$server_protocol","tls":"$ssl_protocol",'
    '"method":"$request_method","uri":"$request_uri","status":$status,"requestTime":$request_time,'
    '"upstream":"$upstream_addr","upstreamStatus":"$upstream_status","upstreamTime":"$upstream_response_time",'
    '"bytes":$body_bytes_sent}';`;

const limits = (options) => (options['limit-req'] ? {
  zones: `limit_req_zone $binary_remote_addr zone=all:10m rate=10r/s;
  limit_req_zone $binary_remote_addr zone=login:10m rate=2r/s;
  limit_req_status ${options['limit-status']};`,
  all: 'limit_req zone=all burst=20 nodelay;',
  login: 'limit_req zone=all burst=20 nodelay; limit_req zone=login burst=10 nodelay;',
} : { zones: '', all: '', login: '' });

/** nginx: TLS, HTTP/2, least connections; a second server tells its status and probes the replicas. */
export function nginx(options, port, state, worker) {
  const limit = limits(options);
  const replicas = Array.from({ length: options.api }, (_, index) => (
    `server 127.0.0.1:${port.api + index + 1} max_fails=3 fail_timeout=${options['fail-timeout']}s;`
  ));
  const locations = `location = / { root ${state}/pages; try_files /index.html =404; }
    location = /flights { root ${state}/pages; try_files /flights.html =404; }
    location /assets/ { root ${state}/pages; }
    location / { ${limit.all} proxy_pass http://api; }
    location = /api/auth/login { ${limit.login} proxy_pass http://api; }
    location = /metrics { return 404; }`;
  return `${worker ? `user ${worker};` : ''}
worker_processes 1;
pid ${state}/nginx/nginx.pid;
error_log ${state}/log/edge-error.log warn;
daemon off;
events { worker_connections 8192; }
http {
  ${LOG}
  map $http_x_correlation_id $correlation { default $http_x_correlation_id; "" $request_id; }
  access_log ${state}/log/edge-access.log lines buffer=64k flush=200ms;
  client_body_temp_path ${state}/nginx/body;
  proxy_temp_path ${state}/nginx/proxy;
  fastcgi_temp_path ${state}/nginx/fastcgi;
  uwsgi_temp_path ${state}/nginx/uwsgi;
  scgi_temp_path ${state}/nginx/scgi;
  default_type application/octet-stream;
  types { text/html html; text/css css; text/javascript js; image/svg+xml svg; }
  server_tokens off;
  keepalive_timeout 65s;
  keepalive_requests 1000000;
  client_max_body_size 64k;
  gzip on;
  gzip_types application/json text/css text/javascript image/svg+xml;
  gzip_min_length 1000;
  ${limit.zones}
  upstream api {
    zone api 256k;
    least_conn;
    ${replicas.join('\n    ')}
    keepalive 256;
    keepalive_timeout ${UPSTREAM_KEEPALIVE_S}s;
    keepalive_requests 1000000;
  }
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Correlation-Id $correlation;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_connect_timeout 2s;
  proxy_read_timeout 30s;
  proxy_next_upstream error timeout;
  ssl_certificate ${state}/tls/server.pem;
  ssl_certificate_key ${state}/tls/server.key;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:tls:10m;
  server {
    listen 127.0.0.1:${port.http} backlog=4096;
    ${options.redirect ? `location / { return 301 https://$host:${port.https}$request_uri; }` : locations}
  }
  server {
    listen 127.0.0.1:${port.https} ssl http2 backlog=4096;
    ${locations}
  }
  server {
    listen 127.0.0.1:${port.status};
    access_log off;
    location = /stub_status { stub_status; }
    location = /probe { proxy_pass http://api/health/live; }
  }
}
`;
}

/** pgBouncer: transactions share few connections, as in front of the system's own PostgreSQL. */
export function pgbouncer(options, port, state) {
  return `[databases]
ais = host=127.0.0.1 port=${port.database} dbname=ais
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port.pooler}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${state}/pooler/userlist.txt
admin_users = monitor
pool_mode = transaction
default_pool_size = ${options['db-pool']}
max_client_conn = 2000
server_tls_sslmode = disable
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
logfile =
pidfile =
`;
}

/** PostgreSQL: what differs from initdb's own file. No socket: its path may be too long for the kernel. */
export function postgresql(options, port) {
  return `listen_addresses = '127.0.0.1'
port = ${port}
unix_socket_directories = ''
max_connections = ${options['db-max-connections']}
shared_buffers = 128MB
timezone = 'UTC'
log_timezone = 'UTC'
password_encryption = 'scram-sha-256'
shared_preload_libraries = 'pg_stat_statements'
track_io_timing = on
log_min_duration_statement = 1s
log_line_prefix = '%m [%p] %u '
`;
}

export function redis(options, port, state, password) {
  return `bind 127.0.0.1
port ${port.cache}
requirepass ${password}
maxmemory ${options['cache-memory']}mb
maxmemory-policy allkeys-lru
save ""
appendonly no
daemonize no
dir ${state}/cache
`;
}

/** Prometheus scrapes what runs, each second: a run of a minute must show its shape. */
export function prometheus(targets) {
  const jobs = Object.entries(targets).map(([job, entries]) => `  - job_name: ${job}
    honor_labels: true
    static_configs:
${entries.map(({ address, replica }) => `      - targets: ['${address}']\n${replica ? `        labels: { replica: '${replica}' }\n` : ''}`).join('')}`);
  return `global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
${jobs.join('')}`;
}
