//! Lines of a log, and which of them are requests that can be repeated.

use jiff::Timestamp;
use jiff::fmt::strtime;
use regex::Regex;
use url::Url;

use crate::import::note::ImportNotes;
use crate::import::secrets::is_secret_key;

/// `host ident user [time] "request" status bytes`, and whatever follows: nginx's `combined`, Apache's `common`
/// and `combined`, with a virtual host in front or not.
const LINE: &str = r#"^(?:\S+:\d+ )?\S+ \S+ .*?\[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d{3}) "#;
/// How many numbers of lines are reported of one kind.
const TOLD: usize = 5;

/// A request of the log.
#[derive(Debug, Clone)]
pub(super) struct LoggedRequest {
    pub(super) line: u64,
    pub(super) at: Timestamp,
    pub(super) method: &'static str,
    /// Path and query, encoded.
    pub(super) url: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) status: u16,
}

/// Reads lines and notes what is wrong with some.
pub(super) struct LogLineReader<'n> {
    notes: &'n mut ImportNotes,
    told: Vec<(String, usize)>,
}

impl<'n> LogLineReader<'n> {
    pub(super) fn new(notes: &'n mut ImportNotes) -> Self {
        Self { notes, told: vec![] }
    }

    pub(super) fn read(mut self, text: &str) -> Vec<LoggedRequest> {
        let Ok(pattern) = Regex::new(LINE) else { return vec![] };
        let mut hits = vec![];
        for (index, line) in text.lines().enumerate() {
            let number = index as u64 + 1;
            if line.trim().is_empty() {
                continue;
            }
            match self.hit(&pattern, line, number) {
                Ok(hit) => hits.push(hit),
                Err(reason) => self.report(reason, number),
            }
        }
        for (reason, count) in std::mem::take(&mut self.told) {
            if count > TOLD {
                self.notes.drop(reason, format!("and {} more lines", count - TOLD));
            }
        }
        hits
    }

    /// The first lines of a kind are told by number, the others are counted.
    fn report(&mut self, reason: String, number: u64) {
        let known = self.told.iter().position(|(known, _)| *known == reason);
        let at = known.unwrap_or_else(|| {
            self.told.push((reason.clone(), 0));
            self.told.len() - 1
        });
        self.told[at].1 += 1;
        if self.told[at].1 <= TOLD {
            self.notes.drop(reason, format!("line {number}"));
        }
    }

    fn hit(&mut self, pattern: &Regex, line: &str, number: u64) -> Result<LoggedRequest, String> {
        // Without bytes behind the status, a line may end there.
        let line = format!("{line} ");
        let parts = pattern.captures(&line).ok_or("not a line of the combined or common format")?;
        let at = time(&parts[1]).ok_or("its time is not like `31/Jan/2026:12:00:00 +0000`")?;
        let status: u16 = parts[3].parse().unwrap_or_default();
        let mut words = parts[2].split(' ');
        let (method, target) = match (words.next(), words.next()) {
            (Some(method), Some(target)) if !target.is_empty() => (method, target),
            _ => return Err("not an HTTP request".to_owned()),
        };
        let method = known_method(method).ok_or_else(|| format!("no step sends {method:.20}"))?;
        if let 400..=428 | 430..=498 = status {
            return Err(format!("answered {status}: a client's mistake, or a stranger's probe"));
        }
        // Some clients send the whole URL, as to a proxy.
        let path = target.strip_prefix('/').map_or(target, |_| target);
        let base = Url::parse("http://log.invalid").map_err(|error| error.to_string())?;
        let url = if path.starts_with('/') {
            // Joined to nothing, so that `//x` stays a path.
            Url::parse(&format!("http://log.invalid{path}"))
        } else {
            base.join(path)
        };
        let url = url.map_err(|_| "its path is not one of a URL")?;
        if !url.scheme().starts_with("http") {
            return Err("its path is not one of a URL".to_owned());
        }
        let query = url.query().filter(|query| !query.is_empty()).map(|query| self.hidden(query));
        let path = url.path().to_owned();
        let whole = query.as_ref().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
        Ok(LoggedRequest { line: number, at, method, url: whole, path, query, status })
    }

    /// A query in which secrets are replaced.
    fn hidden(&mut self, query: &str) -> String {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, value)) if !value.is_empty() && is_secret_key(name) => {
                let reason = "a secret in a query: replaced by `change-me`".to_owned();
                self.notes.change(reason, format!("`{name}`"));
                format!("{name}=change-me")
            }
            _ => pair.to_owned(),
        });
        pairs.collect::<Vec<_>>().join("&")
    }
}

fn known_method(method: &str) -> Option<&'static str> {
    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"].into_iter().find(|known| *known == method)
}

/// `31/Jan/2026:12:00:00 +0000`, with a fraction of the second or without; or RFC 3339.
fn time(text: &str) -> Option<Timestamp> {
    let parsed = strtime::parse("%d/%b/%Y:%H:%M:%S%.f %z", text).ok();
    match parsed.and_then(|time| time.to_timestamp().ok()) {
        Some(at) => Some(at),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<LoggedRequest>, String) {
        let mut notes = ImportNotes::default();
        let hits = LogLineReader::new(&mut notes).read(text);
        (hits, notes.to_string())
    }

    #[test]
    fn combined_and_common_lines_of_nginx_and_apache_are_read() {
        let (hits, notes) = read(concat!(
            r#"192.0.2.7 - - [31/Jan/2026:12:00:00 +0100] "GET /a?b=1 HTTP/1.1" 200 512 "-" "curl/8 \"x\"""#,
            "\n",
            r#"shop:443 ::1 - ada [31/Jan/2026:12:00:01.250 +0000] "POST /b HTTP/2.0" 201 -"#,
            "\n",
        ));
        let told: Vec<_> =
            hits.iter().map(|hit| (hit.method, hit.url.as_str(), hit.status)).collect();
        assert_eq!(told, [("GET", "/a?b=1", 200), ("POST", "/b", 201)]);
        assert_eq!(hits[0].at.to_string(), "2026-01-31T11:00:00Z");
        assert_eq!(hits[1].at.subsec_millisecond(), 250);
        assert_eq!(notes, "");
    }

    #[test]
    fn every_line_that_is_left_out_is_told() {
        let (hits, notes) = read(concat!(
            "nonsense\n",
            r#"1.2.3.4 - - [31/Jan/2026:12:00:00 +0000] "GET /wp-login.php HTTP/1.1" 404 0 "-" "-""#,
            "\n",
            r#"1.2.3.4 - - [31/Jan/2026:12:00:00 +0000] "\x16\x03" 400 0 "-" "-""#,
            "\n",
            r#"1.2.3.4 - - [31/Feb/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 0 "-" "-""#,
            "\n",
        ));
        assert!(hits.is_empty());
        for number in 1..=4 {
            assert!(notes.contains(&format!("line {number}")), "{notes}");
        }
    }

    #[test]
    fn secrets_in_queries_do_not_leave_the_log() {
        let (hits, notes) = read(
            r#"1.2.3.4 - - [31/Jan/2026:12:00:00 +0000] "GET /r?token=s3cr3t&x=1 HTTP/1.1" 200 0"#,
        );
        assert_eq!(hits[0].url, "/r?token=change-me&x=1");
        assert!(notes.contains("`token`") && !notes.contains("s3cr3t"), "{notes}");
    }
}
