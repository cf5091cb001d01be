//! PostgreSQL itself: connections, cache hits, query times, replication lag, from its statistics views.
//!
//! Source: <https://www.postgresql.org/docs/15/monitoring-stats.html> and `pgstatstatements`. The role needs
//! `pg_monitor`. Everything is asked as simple queries, which pass through pgBouncer in any mode.

mod tls;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::row::RowIndex;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, SimpleQueryRow, Socket};
use tokio_util::task::AbortOnDropHandle;

use self::tls::Encryption;

use super::error::ObserveError;
use super::mapping::{Formula, Mapping, SourceUnit};
use super::series::{MetricSeries, Selector};

/// Our own connection is not the stack's.
const ACTIVITY: &str = "SELECT /* plimsoll observes */
  count(*) FILTER (WHERE backend_type = 'client backend') AS connections,
  count(*) FILTER (WHERE backend_type = 'client backend' AND state = 'active') AS connections_active,
  count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting_for_locks,
  current_setting('max_connections') AS max_connections
  FROM pg_stat_activity WHERE pid <> pg_backend_pid()";

const DATABASE: &str = "SELECT /* plimsoll observes */
  blks_hit, blks_read, xact_commit + xact_rollback AS transactions, deadlocks
  FROM pg_stat_database WHERE datname = current_database()";

/// On a standby its own lag, on a primary the greatest of its standbys; nothing where there is no standby.
/// A standby that has replayed all it received has no lag, however long ago the last commit was.
const REPLICATION: &str = "SELECT /* plimsoll observes */ CASE WHEN pg_is_in_recovery() THEN
    CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
         ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END
  ELSE (SELECT extract(epoch FROM max(coalesce(replay_lag, interval '0'))) FROM pg_stat_replication)
  END AS replication_lag";

const HAS_STATEMENTS: &str =
    "SELECT /* plimsoll observes */ 1 AS present FROM pg_proc WHERE proname = 'pg_stat_statements'";

/// Without the texts, which are in a file of their own and slow to read each second.
const STATEMENTS: &str = "SELECT /* plimsoll observes */ queryid AS statement, sum(calls) AS calls,
  sum(total_exec_time) / 1e3 AS seconds,
  sum(calls * (mean_exec_time ^ 2 + stddev_exec_time ^ 2)) / 1e6 AS square_seconds
  FROM pg_stat_statements(false)
  WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND queryid IS NOT NULL
  GROUP BY queryid";

const OWN_STATEMENTS: &str = "SELECT DISTINCT queryid AS statement FROM pg_stat_statements
  WHERE query LIKE '%plimsoll observes%' AND queryid IS NOT NULL";

/// The metrics of a database that is asked directly.
pub(super) fn mappings() -> Vec<Mapping> {
    use Formula::{Among, Growth, PerSecond, Share, Statements, Sum};
    let all = |name: &str| Selector::new(name);
    vec![
        Mapping::new("connections", SourceUnit::Count, Sum(all("connections"))),
        Mapping::new("connections_active", SourceUnit::Count, Sum(all("connections_active"))),
        Mapping::new(
            "connections_used",
            SourceUnit::Share,
            Share(all("connections"), all("max_connections")),
        ),
        Mapping::new("waiting_for_locks", SourceUnit::Count, Sum(all("waiting_for_locks"))),
        Mapping::new("hit_ratio", SourceUnit::Share, Among(all("blks_hit"), all("blks_read"))),
        Mapping::new("transactions", SourceUnit::PerSecond, PerSecond(all("transactions"))),
        Mapping::new("deadlocks", SourceUnit::PerSecond, PerSecond(all("deadlocks"))),
        Mapping::new("replication_lag", SourceUnit::Seconds, Sum(all("replication_lag"))),
        Mapping::new(
            "query_mean",
            SourceUnit::Seconds,
            Growth(all("statement_seconds"), all("statement_calls")),
        ),
        Mapping::new("query_p95", SourceUnit::Seconds, Statements(0.95)),
    ]
}

struct PostgresSession {
    client: Client,
    /// Drives the connection; ends with the session.
    _driver: AbortOnDropHandle<()>,
    has_statements: bool,
    /// The statements by which we ask, left out of query times.
    own: BTreeSet<String>,
}

/// Where the database is, and the session with it.
pub(super) struct PostgresSource {
    config: Config,
    encryption: Encryption,
    session: Option<PostgresSession>,
}

impl PostgresSource {
    /// Takes `postgres://user:password@host:port/database`, with `?sslmode=` and `&sslrootcert=` as libpq does.
    ///
    /// # Errors
    /// When the address is not of that form, or a certificate cannot be read.
    pub(super) fn new(address: &str) -> Result<Self, ObserveError> {
        // The library's message may quote parts of the address.
        let (address, encryption) = Encryption::taken_from(address)?;
        let mut config = Config::from_str(&address).map_err(|_| {
            ObserveError::Address("write postgres://user:password@host:port/database")
        })?;
        config.application_name("plimsoll");
        Ok(Self { config, encryption, session: None })
    }

    /// Asks once. After an error, or when dropped half-way, the next call connects anew.
    pub(super) async fn read(&mut self) -> Result<Vec<MetricSeries>, ObserveError> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.connect().await?,
        };
        let mut series = Vec::new();
        for query in [ACTIVITY, DATABASE, REPLICATION] {
            series.extend(session.rows(query).await?.iter().flat_map(numbers));
        }
        if session.has_statements {
            series.extend(session.statements().await?);
        }
        self.session = Some(session);
        Ok(series)
    }
}

impl PostgresSource {
    async fn connect(&self) -> Result<PostgresSession, ObserveError> {
        let mode = |mode: SslMode| {
            let mut config = self.config.clone();
            config.ssl_mode(mode);
            config
        };
        match &self.encryption {
            Encryption::None => open(&mode(SslMode::Disable), NoTls).await,
            Encryption::Required(tls) => open(&mode(SslMode::Require), tls.clone()).await,
            Encryption::Preferred(tls) => {
                match open(&mode(SslMode::Prefer), tls.clone()).await {
                    // A server whose TLS cannot be used may still be read in the clear.
                    Err(ObserveError::Connection(_)) => open(&mode(SslMode::Disable), NoTls).await,
                    opened => opened,
                }
            }
        }
    }
}

/// Opens a session, and looks what it can tell.
async fn open<T>(config: &Config, tls: T) -> Result<PostgresSession, ObserveError>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await.map_err(|error| failure(&error))?;
    let driver = AbortOnDropHandle::new(tokio::spawn(async move {
        // A broken connection shows as the error of the next query.
        let _ended = connection.await;
    }));
    let mut session =
        PostgresSession { client, _driver: driver, has_statements: false, own: BTreeSet::new() };
    if !session.rows(HAS_STATEMENTS).await?.is_empty() {
        // The extension may be there without being loaded: then there are no query times.
        session.has_statements = session.rows(STATEMENTS).await.is_ok();
    }
    Ok(session)
}

impl PostgresSession {
    async fn rows(&self, query: &str) -> Result<Vec<SimpleQueryRow>, ObserveError> {
        let messages = self.client.simple_query(query).await.map_err(|error| failure(&error))?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows.collect())
    }

    async fn statements(&mut self) -> Result<Vec<MetricSeries>, ObserveError> {
        let rows = self.rows(STATEMENTS).await?;
        if self.own.is_empty() {
            let own = self.rows(OWN_STATEMENTS).await?;
            self.own =
                own.iter().filter_map(|row| text(row, "statement").map(str::to_owned)).collect();
        }
        let theirs = rows.iter().filter_map(|row| Some((text(row, "statement")?, row)));
        let theirs = theirs.filter(|(statement, _)| !self.own.contains(*statement));
        Ok(theirs.flat_map(|(statement, row)| statement_series(statement, row)).collect())
    }
}

fn statement_series(statement: &str, row: &SimpleQueryRow) -> Vec<MetricSeries> {
    let named =
        |one: MetricSeries| MetricSeries::plain(format!("statement_{}", one.name), one.value);
    let columns = numbers(row).into_iter().filter(|one| one.name != "statement");
    columns.map(|one| named(one).with("statement", statement)).collect()
}

/// Each column of a row that holds a number, as a series of the column's name; NULL is no series.
fn numbers(row: &SimpleQueryRow) -> Vec<MetricSeries> {
    let columns = row.columns().iter().enumerate();
    let numbers = columns.filter_map(|(index, column)| {
        Some(MetricSeries::plain(column.name(), text(row, index)?.parse().ok()?))
    });
    numbers.collect()
}

/// What a column of a row says; NULL, a column that is not there and what is not UTF-8 are `None`.
/// A server sends any bytes, and text of a database in `SQL_ASCII` is of no encoding.
fn text<I: RowIndex + fmt::Display>(row: &SimpleQueryRow, column: I) -> Option<&str> {
    row.try_get(column).ok().flatten()
}

/// What a server says that is starting, stopping, or recovering from a crash.
const AWAY: [SqlState; 3] =
    [SqlState::CANNOT_CONNECT_NOW, SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN];

fn failure(error: &tokio_postgres::Error) -> ObserveError {
    match error.as_db_error() {
        // It is starting or stopping, and serves nobody.
        Some(refusal) if AWAY.contains(refusal.code()) => {
            ObserveError::Connection(refusal.message().to_owned())
        }
        Some(refusal) => ObserveError::Refused(refusal.message().to_owned()),
        // Only what lies beneath says which certificate was not believed, and why.
        None => match std::error::Error::source(error) {
            Some(cause) => ObserveError::Connection(format!("{error}: {cause}")),
            None => ObserveError::Connection(error.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::series::{Scrape, ScrapeWindow};
    use plimsoll_units::RunTime;

    #[test]
    fn address_with_a_mistake_does_not_tell_its_password() {
        let error = PostgresSource::new("postgres://u:topsecret@h:port/db").err().expect("no port");
        assert!(!error.to_string().contains("topsecret"), "{error}");
    }

    #[tokio::test]
    async fn database_that_is_away_is_a_connection_error() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        let mut source =
            PostgresSource::new(&format!("postgres://u:topsecret@127.0.0.1:{port}/db"))
                .expect("valid");
        let error = source.read().await.expect_err("nobody listens");
        assert!(matches!(error, ObserveError::Connection(_)), "{error}");
        assert!(!error.to_string().contains("topsecret"), "{error}");
    }

    #[test]
    fn primary_without_standby_has_no_lag_rather_than_none_at_all() {
        let now =
            Scrape { at: RunTime::ZERO, series: vec![MetricSeries::plain("connections", 3.0)] };
        let lag =
            mappings().into_iter().find(|one| one.metric == "replication_lag").expect("known");
        assert_eq!(lag.quantity(ScrapeWindow { before: None, now: &now }), None);
    }

    /// A message of the server's: its type, its length, what it holds
    /// (<https://www.postgresql.org/docs/15/protocol-message-formats.html>).
    fn message(kind: u8, content: &[u8]) -> Vec<u8> {
        [&[kind][..], &(content.len() as u32 + 4).to_be_bytes(), content].concat()
    }

    /// The answer to a query: one row of these columns, and that the next may come.
    fn row(columns: &[(&str, &str)]) -> Vec<u8> {
        let columns = columns.iter().map(|(name, value)| (*name, value.as_bytes()));
        row_of_bytes(&columns.collect::<Vec<_>>())
    }

    /// [`row`], of values that need not be text.
    fn row_of_bytes(columns: &[(&str, &[u8])]) -> Vec<u8> {
        let count = (columns.len() as u16).to_be_bytes();
        let described = columns.iter().map(|(name, _)| [name.as_bytes(), &[0; 19]].concat());
        let values = columns
            .iter()
            .map(|(_, value)| [&(value.len() as u32).to_be_bytes()[..], value].concat());
        [
            message(b'T', &[&count[..], &described.collect::<Vec<_>>().concat()].concat()),
            message(b'D', &[&count[..], &values.collect::<Vec<_>>().concat()].concat()),
            message(b'C', b"SELECT 1\0"),
            message(b'Z', b"I"),
        ]
        .concat()
    }

    /// All that a server says to a source that reads once: to the greeting, whether it has statements, and three queries.
    fn session() -> Vec<Vec<u8>> {
        let greeting = [
            message(b'R', &[0; 4]),
            message(b'S', b"server_version\x0015.6\0"),
            message(b'K', &[0, 0, 0, 7, 0, 0, 0, 9]),
            message(b'Z', b"I"),
        ];
        let none = [message(b'C', b"SELECT 0\0"), message(b'Z', b"I")];
        let activity = row(&[("connections", "7"), ("max_connections", "100")]);
        let database = row(&[("blks_hit", "90"), ("blks_read", "10"), ("transactions", "1e300")]);
        vec![greeting.concat(), none.concat(), activity, database, row(&[("replication_lag", "0")])]
    }

    /// What a source reads from a server that answers each thing that is said with the next of `answers`, and then leaves,
    /// as it does where nothing is said for so long.
    fn read_from(
        answers: Vec<Vec<u8>>,
        patience: Duration,
    ) -> Result<Vec<MetricSeries>, ObserveError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let port = listener.local_addr().expect("bound").port();
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.expect("a client");
                let mut said = [0; 4096];
                for answer in answers {
                    let heard = tokio::time::timeout(patience, stream.read(&mut said)).await;
                    let Ok(Ok(1..)) = heard else { return };
                    if stream.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            });
            let address = format!("postgres://u:p@127.0.0.1:{port}/db?sslmode=disable");
            let mut source = PostgresSource::new(&address).expect("valid");
            let read = tokio::time::timeout(Duration::from_mins(1), source.read()).await;
            assert!(server.await.is_ok(), "the server's own part");
            read.expect("an end, for the server has left")
        })
    }

    #[test]
    fn answers_of_a_database_are_its_metrics() {
        let series = read_from(session(), Duration::from_secs(20)).expect("read");
        let value = |name: &str| series.iter().find(|one| one.name == name).map(|one| one.value);
        assert_eq!(value("connections"), Some(7.0));
        assert_eq!(value("blks_read"), Some(10.0));
        assert_eq!(value("replication_lag"), Some(0.0));
    }

    /// The answer to [`HAS_STATEMENTS`] that makes the source ask for statements: three more queries.
    fn session_with_statements(statements: &[u8], own: &[u8]) -> Vec<Vec<u8>> {
        let mut answers = session();
        answers[1] = row(&[("?column?", "1")]);
        answers.insert(2, statements.to_vec());
        answers.extend([statements.to_vec(), own.to_vec()]);
        answers
    }

    #[test]
    fn values_that_are_no_utf_8_or_are_not_there_are_no_series() {
        let mut answers = session();
        answers[2] = row_of_bytes(&[("connections", b"7\xff"), ("max_connections", b"100")]);
        let series = read_from(answers, Duration::from_secs(20)).expect("read");
        assert!(series.iter().all(|one| one.name != "connections"));
        assert!(series.iter().any(|one| one.name == "max_connections"));

        let own = row(&[("statement", "9")]);
        for statements in
            [row(&[("calls", "3")]), row_of_bytes(&[("statement", b"\xc3("), ("calls", b"3")])]
        {
            let answers = session_with_statements(&statements, &own);
            let series = read_from(answers, Duration::from_secs(20)).expect("read");
            assert!(series.iter().all(|one| !one.name.starts_with("statement_")));
        }
        let statements = row(&[("statement", "8"), ("calls", "3")]);
        let answers = session_with_statements(&statements, &row(&[("other", "9")]));
        let series = read_from(answers, Duration::from_secs(20)).expect("read");
        assert!(
            series
                .iter()
                .any(|one| one.name == "statement_calls" && (one.value - 3.0).abs() < 1e-9)
        );
    }

    proptest! {
        /// Goal: whatever a server sends in place of what it should ends in metrics or an error, at the latest when it
        /// leaves.
        #[test]
        fn any_answers_of_a_database_are_read(
            changes in prop::collection::vec((0_usize..5, any::<u16>(), 0_usize..9, prop::collection::vec(any::<u8>(), 0..6)), 1..4),
        ) {
            let mut answers = session();
            for (answer, at, gone, added) in changes {
                let answer = &mut answers[answer];
                let from = usize::from(at) % (answer.len() + 1);
                let to = (from + gone).min(answer.len());
                answer.splice(from..to, added);
            }
            if let Err(error) = read_from(answers, Duration::from_millis(20)) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
