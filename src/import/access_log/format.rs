//! The formats of logs, and which of them a log has.

mod columns;
mod common;
mod json;
mod parts;
mod pattern;
mod proxies;
mod role;
mod w3c;

use self::columns::ColumnFormat;
use self::json::JsonFormat;
use self::pattern::PatternFormat;
use self::w3c::W3cFormat;
use super::entry::{LineFault, LogEntry};

/// How many lines say which format a log has.
pub(super) const LINES_TRIED: usize = 50;

/// The format of a log.
#[derive(Debug, Clone)]
pub struct LogFormat(FormatKind);

#[derive(Debug, Clone)]
enum FormatKind {
    Common,
    Json(JsonFormat),
    W3c(W3cFormat),
    LoadBalancer,
    HaProxy,
    Envoy,
    Pattern(PatternFormat),
    Columns(ColumnFormat),
}

impl LogFormat {
    /// The format that a server's own `log_format` (nginx, `$remote_addr …`) or `LogFormat` (Apache, `%h …`) describes.
    ///
    /// # Errors
    /// Where it tells no time, or no path.
    pub fn pattern(text: &str) -> Result<Self, String> {
        PatternFormat::read(text).map(|format| Self(FormatKind::Pattern(format)))
    }

    /// Columns by name, in order: `time,method,path,status`; other names are columns that say nothing here.
    ///
    /// # Errors
    /// Where there is no time among them, or no path.
    pub fn columns(names: &str) -> Result<Self, String> {
        ColumnFormat::read(names).map(|format| Self(FormatKind::Columns(format)))
    }

    /// The format of which most of these lines are, if any of them is of one.
    pub(super) fn guess(lines: &[Vec<u8>]) -> Option<Self> {
        let known = [
            FormatKind::Common,
            FormatKind::Json(JsonFormat::default()),
            FormatKind::W3c(W3cFormat::default()),
            FormatKind::LoadBalancer,
            FormatKind::HaProxy,
            FormatKind::Envoy,
        ];
        let fitting = |kind: &FormatKind| {
            let mut format = Self(kind.clone());
            lines.iter().filter(|line| format.read(line).is_ok()).count()
        };
        // Of equals the first: `max_by_key` takes the last.
        let best = known.into_iter().rev().map(|kind| (fitting(&kind), kind));
        let (count, kind) = best.max_by_key(|(count, _)| *count)?;
        (count > 0).then_some(Self(kind))
    }

    /// What a line says; nothing where it is a comment of the format.
    pub(super) fn read<'l>(&mut self, line: &'l [u8]) -> Result<Option<LogEntry<'l>>, LineFault> {
        match &mut self.0 {
            FormatKind::Common => common::read(line).map(Some),
            FormatKind::Json(format) => format.read(line).map(Some),
            FormatKind::W3c(format) => format.read(line),
            FormatKind::LoadBalancer => proxies::load_balancer(line).map(Some),
            FormatKind::HaProxy => proxies::haproxy(line).map(Some),
            FormatKind::Envoy => proxies::envoy(line).map(Some),
            FormatKind::Pattern(format) => format.read_line(line).map(Some),
            FormatKind::Columns(format) => format.read_line(line).map(Some),
        }
    }

    /// Its name, for people.
    pub(super) fn name(&self) -> &'static str {
        match &self.0 {
            FormatKind::Common => "the combined or common format of nginx and Apache",
            FormatKind::Json(format) => format.name(),
            FormatKind::W3c(format) => format.name(),
            FormatKind::LoadBalancer => "the format of AWS load balancers (ALB, ELB)",
            FormatKind::HaProxy => "HAProxy's HTTP format",
            FormatKind::Envoy => "Envoy's format",
            FormatKind::Pattern(_) => "the format that `--format` gives",
            FormatKind::Columns(_) => "the columns that `--fields` gives",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGS: &[(&str, &str)] = &[
        (
            "combined",
            r#"192.0.2.7 - - [31/Jan/2026:12:00:00 +0000] "GET /a?q=1 HTTP/1.1" 200 5 "-" "x""#,
        ),
        (
            "virtual host",
            r#"shop.test 192.0.2.7 - - [31/Jan/2026:12:00:00 +0000] "GET /a?q=1 HTTP/1.1" 200 5 "-" "x""#,
        ),
        (
            "virtual host and port",
            r#"shop.test:443 192.0.2.7 - ada l [31/Jan/2026:12:00:00 +0000] "GET /a?q=1 HTTP/1.1" 200 5"#,
        ),
        (
            "nginx",
            r#"{"time": "2026-01-31T12:00:00+00:00", "remote_addr": "192.0.2.7", "request": "GET /a?q=1 HTTP/1.1", "status": 200, "body_bytes_sent": 5}"#,
        ),
        (
            "nginx by parts",
            r#"{"time_local": "31/Jan/2026:12:00:00 +0000", "remote_addr": "192.0.2.7", "request_method": "GET", "uri": "/a", "args": "q=1", "status": "200", "bytes_sent": "5"}"#,
        ),
        (
            "Caddy",
            r#"{"level":"info","ts":1769860800.0,"logger":"http.log.access","request":{"remote_ip":"192.0.2.7","method":"GET","host":"shop.test","uri":"/a?q=1","headers":{}},"status":200,"size":5,"duration":0.1}"#,
        ),
        (
            "Traefik",
            r#"{"ClientHost":"192.0.2.7","DownstreamContentSize":5,"DownstreamStatus":200,"RequestHost":"shop.test","RequestMethod":"GET","RequestPath":"/a?q=1","StartUTC":"2026-01-31T12:00:00Z","time":"2026-01-31T12:00:01Z"}"#,
        ),
        (
            "Envoy JSON",
            r#"{"start_time":"2026-01-31T12:00:00.000Z","method":"GET","path":"/a?q=1","response_code":200,"authority":"shop.test","bytes_sent":5,"downstream_remote_address":"192.0.2.7:1234"}"#,
        ),
        (
            "Docker",
            r#"{"log":"192.0.2.7 - - [31/Jan/2026:12:00:00 +0000] \"GET /a?q=1 HTTP/1.1\" 200 5\n","stream":"stdout","time":"2026-01-31T12:00:01Z"}"#,
        ),
        (
            "ALB",
            r#"https 2026-01-31T12:00:00.000000Z app/lb/5 192.0.2.7:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 5 "GET https://shop.test:443/a?q=1 HTTP/1.1" "curl/8" E TLSv1.2 arn "Root=1-5" "shop.test" "-" 1 2026-01-31T12:00:00.0Z "forward" "-" "-""#,
        ),
        (
            "ELB",
            r#"2026-01-31T12:00:00.000000Z lb 192.0.2.7:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 5 "GET http://shop.test:80/a?q=1 HTTP/1.1" "curl/8" - -"#,
        ),
        (
            "HAProxy",
            r#"Jan 31 12:00:00 lb haproxy[14389]: 192.0.2.7:33317 [31/Jan/2026:12:00:00.000] http-in static/srv1 10/0/30/69/109 200 5 - - ---- 1/1/1/1/0 0/0 {shop.test} {} "GET /a?q=1 HTTP/1.1""#,
        ),
        (
            "Envoy",
            r#"[2026-01-31T12:00:00.000Z] "GET /a?q=1 HTTP/2" 200 - 0 5 226 100 "192.0.2.7" "x" "cc21d9b0" "shop.test" "tcp://10.0.2.1:80""#,
        ),
        (
            "IIS",
            "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port c-ip cs(User-Agent) sc-status sc-bytes\n2026-01-31 12:00:00 10.0.0.1 GET /a q=1 443 192.0.2.7 x 200 5",
        ),
        (
            "CloudFront",
            "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs-uri-query x-host-header\n2026-01-31\t12:00:00\tLAX1\t5\t192.0.2.7\tGET\td1.cloudfront.net\t/a\t200\t-\tq=1\tshop.test",
        ),
    ];

    /// Goal: each server's own format is known by its lines, and says the same of one request.
    #[test]
    fn format_of_every_server_is_found_by_its_lines() {
        for (server, log) in LOGS.iter().copied() {
            let lines: Vec<Vec<u8>> = log.lines().map(|line| line.as_bytes().to_vec()).collect();
            let mut format = LogFormat::guess(&lines).unwrap_or_else(|| panic!("{server}"));
            let read: Vec<_> = lines.iter().filter_map(|l| format.read(l).expect(server)).collect();
            let [entry] = &read[..] else { panic!("{server}: {read:?}") };
            assert_eq!(entry.at, 1_769_860_800_000_000, "{server}");
            assert_eq!(entry.method, "GET", "{server}");
            let target = String::from_utf8_lossy(&entry.target);
            assert!(target.ends_with("/a?q=1"), "{server}: {target}");
            assert_eq!((entry.status, entry.bytes), (200, Some(5)), "{server}");
            assert_eq!(entry.client.as_deref(), Some("192.0.2.7"), "{server}");
        }
    }

    #[test]
    fn format_may_be_given_as_servers_are_told() {
        let read = |mut format: LogFormat, line: &str| {
            let entry = format.read(line.as_bytes()).expect("a line").expect("a request");
            (entry.at / 1_000_000, entry.target.into_owned(), entry.status, entry.bytes)
        };
        let expected = (1_769_860_800, b"/a?q=1".to_vec(), 200, Some(5));
        let nginx = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" rt=$request_time"#;
        let line =
            r#"192.0.2.7 - - [31/Jan/2026:12:00:00 +0000] "GET /a?q=1 HTTP/1.1" 200 5 "-" rt=0.1"#;
        assert_eq!(read(LogFormat::pattern(nginx).expect("a format"), line), expected);
        let nginx = "$msec|$request_method|$host|$request_uri|$status|$bytes_sent";
        let line = "1769860800.000|GET|shop.test|/a?q=1|200|5";
        assert_eq!(read(LogFormat::pattern(nginx).expect("a format"), line), expected);
        let apache = r#"%{X-Forwarded-For}i %l %u %t \"%r\" %>s %b %D"#;
        let line = r#"192.0.2.7 - - [31/Jan/2026:12:00:00 +0000] "GET /a?q=1 HTTP/1.1" 200 5 1234"#;
        assert_eq!(read(LogFormat::pattern(apache).expect("a format"), line), expected);
        let line = "2026-01-31T12:00:00Z\tGET\t/a?q=1\tx y\t200\t5";
        assert_eq!(
            read(LogFormat::columns("time,method,path,-,status,bytes").expect("columns"), line),
            expected
        );
        let line = r#"2026-01-31T12:00:00Z,"GET","/a?q=1","x, y",200,5"#;
        assert_eq!(
            read(LogFormat::columns("time,method,path,agent,status,bytes").expect("columns"), line),
            expected
        );
        assert!(LogFormat::pattern("$remote_addr $status").is_err());
        assert!(LogFormat::columns("method,path").is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_answered_without_panic(line in "(?s).{0,120}|[\\[\\]\"{}:/ 0-9a-zA-Z-]{0,100}") {
            let lines = vec![line.as_bytes().to_vec()];
            let _ = LogFormat::guess(&lines);
            for format in [LogFormat::pattern("$time_local $request $status"), LogFormat::columns("time,path")] {
                let _ = format.expect("a format").read(line.as_bytes());
            }
        }
    }
}
