//! What a field of a log means, by the names that servers give it.

/// What a field means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldRole {
    Time,
    /// The whole request line.
    Request,
    Method,
    /// Path, or path and query, or a whole URL.
    Target,
    Query,
    Host,
    Status,
    Bytes,
    Client,
}

/// All of them.
pub(super) const ROLES: [FieldRole; 9] = [
    FieldRole::Time,
    FieldRole::Request,
    FieldRole::Method,
    FieldRole::Target,
    FieldRole::Query,
    FieldRole::Host,
    FieldRole::Status,
    FieldRole::Bytes,
    FieldRole::Client,
];

const TIME_NAMES: &[&str] = &[
    "StartUTC",
    "start_time",
    "StartLocal",
    "time_iso8601",
    "time_local",
    "msec",
    "ts",
    "time",
    "@timestamp",
    "timestamp",
    "datetime",
    "date",
    "httpRequest.time",
    "t",
];
const REQUEST_NAMES: &[&str] = &["request", "request_line", "requestLine", "r"];
const METHOD_NAMES: &[&str] = &[
    "request.method",
    "request_method",
    "RequestMethod",
    "requestMethod",
    "method",
    "http.request.method",
    "httpRequest.requestMethod",
    "http_method",
    "verb",
    "req.method",
];
const TARGET_NAMES: &[&str] = &[
    "request.uri",
    "request_uri",
    "RequestPath",
    "path",
    "uri",
    "url",
    "requestUri",
    "httpRequest.requestUrl",
    "http.url",
    "url.original",
    "url.path",
    "request_path",
    "req.url",
    "target",
];
const QUERY_NAMES: &[&str] = &["args", "query", "query_string", "queryString", "url.query"];
const HOST_NAMES: &[&str] = &[
    "request.host",
    "http_host",
    "host",
    "RequestHost",
    "authority",
    "vhost",
    "server_name",
    "httpRequest.host",
    "virtual_host",
    "domain",
];
const STATUS_NAMES: &[&str] = &[
    "status",
    "DownstreamStatus",
    "response_code",
    "status_code",
    "statusCode",
    "http.response.status_code",
    "httpRequest.status",
    "res.statusCode",
    "code",
];
const BYTES_NAMES: &[&str] = &[
    "body_bytes_sent",
    "bytes_sent",
    "DownstreamContentSize",
    "size",
    "bytes",
    "httpRequest.responseSize",
    "response_size",
    "responseLength",
];
const CLIENT_NAMES: &[&str] = &[
    "request.client_ip",
    "request.remote_ip",
    "remote_addr",
    "ClientHost",
    "client_ip",
    "clientip",
    "client",
    "ip",
    "http_x_forwarded_for",
    "downstream_remote_address",
    "httpRequest.remoteIp",
    "remote_ip",
    "remoteAddr",
];

impl FieldRole {
    /// Names, the best first. A dot leads into a nested object.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            // The start of a request is better than its end.
            Self::Time => TIME_NAMES,
            Self::Request => REQUEST_NAMES,
            Self::Method => METHOD_NAMES,
            Self::Target => TARGET_NAMES,
            Self::Query => QUERY_NAMES,
            Self::Host => HOST_NAMES,
            Self::Status => STATUS_NAMES,
            Self::Bytes => BYTES_NAMES,
            Self::Client => CLIENT_NAMES,
        }
    }

    /// The role of a field with this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        ROLES.into_iter().find(|role| role.names().contains(&name))
    }
}
