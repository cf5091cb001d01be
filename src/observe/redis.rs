//! Redis itself: INFO and the time of a PING, over a connection of our own.
//!
//! Two commands need no client library; RESP 2 is four reply types.
//! Source: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

use percent_encoding::percent_decode_str;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::Instant;
use url::Url;

use super::error::ObserveError;
use super::fetch::{ByteStream, Trust};
use super::mapping::{Formula, Mapping, SourceUnit};
use super::series::{MetricSeries, Selector};

/// INFO is about 6 KB; a cluster with thousands of clients lists none of them there.
const REPLY_LIMIT: usize = 1 << 20;
/// The series that holds the time of a PING in seconds.
const PING: &str = "ping_seconds";

/// The metrics of a cache that is asked directly.
pub(super) fn mappings() -> Vec<Mapping> {
    use Formula::{Among, PerSecond, Share, Sum};
    let all = |name: &str| Selector::new(name);
    vec![
        Mapping::new("memory", SourceUnit::Share, Share(all("used_memory"), all("maxmemory"))),
        Mapping::new("memory_used", SourceUnit::Bytes, Sum(all("used_memory"))),
        Mapping::new(
            "hit_ratio",
            SourceUnit::Share,
            Among(all("keyspace_hits"), all("keyspace_misses")),
        ),
        Mapping::new(
            "evictions_share",
            SourceUnit::Share,
            Formula::GrowthOf(
                all("evicted_keys"),
                vec![all("keyspace_hits"), all("keyspace_misses")],
            ),
        ),
        Mapping::new("clients", SourceUnit::Count, Sum(all("connected_clients"))),
        Mapping::new("commands", SourceUnit::PerSecond, PerSecond(all("total_commands_processed"))),
        Mapping::new("evictions", SourceUnit::PerSecond, PerSecond(all("evicted_keys"))),
        Mapping::new("latency", SourceUnit::Seconds, Sum(all(PING))),
        Mapping::new("cores", SourceUnit::Count, PerSecond(all("used_cpu"))),
    ]
}

/// Reads INFO: each `name:number` is a series; texts are left out. `used_cpu` is added as user and system seconds together.
pub(super) fn parse_info(info: &str) -> Vec<MetricSeries> {
    let pairs = info.lines().filter_map(|line| line.trim_end().split_once(':'));
    let numbers =
        pairs.filter_map(|(name, value)| Some(MetricSeries::plain(name, value.parse().ok()?)));
    let mut series: Vec<MetricSeries> = numbers.collect();
    let of = |name: &str| series.iter().find(|one| one.name == name).map(|one| one.value);
    if let (Some(user), Some(system)) = (of("used_cpu_user"), of("used_cpu_sys")) {
        series.push(MetricSeries::plain("used_cpu", user + system));
    }
    series
}

type RedisConnection = BufReader<Box<dyn ByteStream>>;

/// Where Redis is, and the open connection to it.
pub(super) struct RedisSource {
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<String>,
    encrypted: bool,
    connection: Option<RedisConnection>,
}

impl RedisSource {
    /// Takes `redis://[user][:password@]host[:port]`, or `rediss://` for TLS.
    ///
    /// # Errors
    /// When the address is none.
    pub(super) fn new(address: &str) -> Result<Self, ObserveError> {
        let url =
            Url::parse(address).map_err(|_| ObserveError::Address("write redis://host:port"))?;
        let encrypted = match url.scheme() {
            "redis" => false,
            "rediss" => true,
            _ => return Err(ObserveError::Address("write redis://host:port")),
        };
        let host = url.host_str().ok_or(ObserveError::Address("it names no host"))?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(6379),
            user: Some(decoded(url.username())).filter(|user| !user.is_empty()),
            password: url.password().map(decoded),
            encrypted,
            connection: None,
        })
    }

    /// Asks once. After an error, or when dropped half-way, the next call connects anew.
    pub(super) async fn read(&mut self, trust: &Trust) -> Result<Vec<MetricSeries>, ObserveError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect(trust).await?,
        };
        let sent = Instant::now();
        command(&mut connection, &["PING"]).await?;
        let ping = sent.elapsed().as_secs_f64();
        let info = command(&mut connection, &["INFO"]).await?;
        let mut series = parse_info(&info);
        series.push(MetricSeries::plain(PING, ping));
        self.connection = Some(connection);
        Ok(series)
    }

    async fn connect(&self, trust: &Trust) -> Result<RedisConnection, ObserveError> {
        let stream =
            super::fetch::connect((self.host.as_str(), self.port), self.encrypted, trust).await?;
        let mut connection = BufReader::new(stream);
        match (&self.user, &self.password) {
            (Some(user), Some(password)) => {
                command(&mut connection, &["AUTH", user, password]).await?
            }
            (None, Some(password)) => command(&mut connection, &["AUTH", password]).await?,
            (_, None) => String::new(),
        };
        Ok(connection)
    }
}

fn broken(error: &std::io::Error) -> ObserveError {
    ObserveError::Connection(error.kind().to_string())
}

/// Sends one command and returns the text of its reply.
async fn command(connection: &mut RedisConnection, words: &[&str]) -> Result<String, ObserveError> {
    let bulk_of = |word: &&str| format!("${}\r\n{word}\r\n", word.len());
    let bulks: Vec<String> = words.iter().map(bulk_of).collect();
    let request = format!("*{}\r\n{}", words.len(), bulks.concat());
    connection.get_mut().write_all(request.as_bytes()).await.map_err(|error| broken(&error))?;
    reply(connection).await
}

/// The text of the next reply (RESP 2: a simple string, an error, a number or a bulk string).
async fn reply(connection: &mut (impl AsyncBufRead + Unpin)) -> Result<String, ObserveError> {
    let head = line(connection).await?;
    let (kind, rest) = head.split_at_checked(1).ok_or(ObserveError::Protocol("Redis"))?;
    match kind {
        "+" | ":" => Ok(rest.to_owned()),
        "-" => Err(ObserveError::Refused(rest.to_owned())),
        "$" => bulk(connection, rest).await,
        _ => Err(ObserveError::Protocol("Redis")),
    }
}

/// One line without its end; bounded, so that a peer that is not Redis cannot fill the memory.
async fn line(connection: &mut (impl AsyncBufRead + Unpin)) -> Result<String, ObserveError> {
    let mut bytes = Vec::new();
    let mut bounded = connection.take(4096);
    bounded.read_until(b'\n', &mut bytes).await.map_err(|error| broken(&error))?;
    let text = bytes.strip_suffix(b"\r\n").ok_or(ObserveError::Protocol("Redis"))?;
    String::from_utf8(text.to_vec()).map_err(|_| ObserveError::Protocol("Redis"))
}

async fn bulk(
    connection: &mut (impl AsyncBufRead + Unpin),
    length: &str,
) -> Result<String, ObserveError> {
    let length: usize = length.parse().map_err(|_| ObserveError::Protocol("Redis"))?;
    if length > REPLY_LIMIT {
        return Err(ObserveError::TooLarge { limit: REPLY_LIMIT });
    }
    let mut bytes = vec![0; length + 2];
    connection.read_exact(&mut bytes).await.map_err(|error| broken(&error))?;
    bytes.truncate(length);
    String::from_utf8(bytes).map_err(|_| ObserveError::Protocol("Redis"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::{Scrape, ScrapeWindow};
    use plimsoll_units::{Quantity, RunTime};
    use proptest::prelude::*;
    use tokio::net::TcpListener;

    const BEFORE: &str = include_str!("../../tests/data/observe/redis_info.1.txt");
    const NOW: &str = include_str!("../../tests/data/observe/redis_info.2.txt");

    #[test]
    fn real_info_tells_memory_hits_and_commands() {
        let scrape = |seconds: u64, info| Scrape {
            at: RunTime::new(seconds * 1_000_000_000),
            series: parse_info(info),
        };
        let (before, now) = (scrape(0, BEFORE), scrape(2, NOW));
        let window = ScrapeWindow { before: Some(&before), now: &now };
        let value = |metric: &str| {
            let mapping = mappings().into_iter().find(|one| one.metric == metric).expect("known");
            mapping.quantity(window).map(Quantity::base)
        };
        assert!(
            (value("memory_used").expect("told") / 67_108_864.0 - value("memory").expect("told"))
                .abs()
                < 1e-9
        );
        assert_eq!(value("hit_ratio"), Some(1.0));
        assert!(value("commands").expect("told") > 100.0);
        assert_eq!(value("evictions"), Some(0.0));
        assert!((0.001..0.5).contains(&value("cores").expect("told")));
        assert_eq!(value("latency"), None);
    }

    #[test]
    fn address_is_taken_apart_and_unusable_ones_are_refused() {
        let source = RedisSource::new("redis://me:p%40ss@cache.internal").expect("valid");
        assert_eq!((source.host.as_str(), source.port), ("cache.internal", 6379));
        assert_eq!(source.password.as_deref(), Some("p@ss"));
        assert!(RedisSource::new("rediss://h").expect("over TLS").encrypted);
        assert!(matches!(RedisSource::new("http://h"), Err(ObserveError::Address(_))));
    }

    proptest! {
        /// Goal: whatever a server sends for replies ends in a text or an error, and holds no more than a reply may.
        #[test]
        fn any_replies_are_read(
            replies in prop::collection::vec(
                prop_oneof![
                    "[-+:][a-zA-Z0-9 ]{0,20}\r\n",
                    (0_usize..40, "[a-z:0-9\r\n]{0,40}").prop_map(|(n, text)| format!("${n}\r\n{text}\r\n")),
                    "\\$-?[0-9]{1,20}\r\n",
                    "[*%~_#(,]?[0-9a-z]{0,5}\r?\n?",
                ],
                0..6,
            ),
            more in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let bytes = [replies.concat().as_bytes(), &more].concat();
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    match reply(&mut rest).await {
                        Ok(text) => { let _ = parse_info(&text); }
                        Err(_) => break,
                    }
                }
            });
        }
    }

    /// A server that answers each command with the next of `replies`.
    async fn server(replies: Vec<String>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut request = [0; 1024];
            for reply in replies {
                if stream.read(&mut request).await.unwrap_or(0) == 0 {
                    return;
                }
                stream.write_all(reply.as_bytes()).await.expect("the client reads");
            }
        });
        port
    }

    #[tokio::test]
    async fn info_is_read_after_authentication() {
        let info = "used_memory:10\r\nmaxmemory:40\r\nrole:master\r\n";
        let replies = [
            "+OK\r\n".to_owned(),
            "+PONG\r\n".to_owned(),
            format!("${}\r\n{info}\r\n", info.len()),
        ];
        let port = server(replies.to_vec()).await;
        let mut source =
            RedisSource::new(&format!("redis://:secret@127.0.0.1:{port}")).expect("valid");
        let names: Vec<_> =
            source.read(&None).await.expect("read").into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["used_memory", "maxmemory", "ping_seconds"]);
    }

    #[tokio::test]
    async fn refusal_is_told_in_the_servers_words_without_the_password() {
        let port = server(vec!["-WRONGPASS invalid username-password pair\r\n".to_owned()]).await;
        let mut source =
            RedisSource::new(&format!("redis://:secret@127.0.0.1:{port}")).expect("valid");
        let error = source.read(&None).await.expect_err("refused");
        assert_eq!(error.to_string(), "it refuses: WRONGPASS invalid username-password pair");
    }

    #[tokio::test]
    async fn peer_that_is_not_redis_is_told_apart() {
        let port = server(vec!["HTTP/1.1 400 Bad Request\r\n\r\n".to_owned()]).await;
        let mut source = RedisSource::new(&format!("redis://127.0.0.1:{port}")).expect("valid");
        assert_eq!(
            source.read(&None).await.expect_err("not Redis"),
            ObserveError::Protocol("Redis")
        );
    }
}
