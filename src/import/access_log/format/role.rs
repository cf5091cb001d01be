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

impl FieldRole {
    /// Names, the best first. A dot leads into a nested object.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            // The start of a request is better than its end.
            Self::Time => &[
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
            ],
            Self::Request => &["request", "request_line", "requestLine", "r"],
            Self::Method => &[
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
            ],
            Self::Target => &[
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
            ],
            Self::Query => &["args", "query", "query_string", "queryString", "url.query"],
            Self::Host => &[
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
            ],
            Self::Status => &[
                "status",
                "DownstreamStatus",
                "response_code",
                "status_code",
                "statusCode",
                "http.response.status_code",
                "httpRequest.status",
                "res.statusCode",
                "code",
            ],
            Self::Bytes => &[
                "body_bytes_sent",
                "bytes_sent",
                "DownstreamContentSize",
                "size",
                "bytes",
                "httpRequest.responseSize",
                "response_size",
                "responseLength",
            ],
            Self::Client => &[
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
            ],
        }
    }

    /// The role of a field with this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        ROLES.into_iter().find(|role| role.names().contains(&name))
    }
}
