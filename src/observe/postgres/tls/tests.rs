//! `sslmode` against a server that speaks just enough of the protocol, with and without TLS.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use super::super::PostgresSource;
use super::*;

/// A server for `localhost`: its port, and its certificate in a file.
struct Server {
    port: u16,
    folder: tempfile::TempDir,
}

impl Server {
    /// Listens for connections, and encrypts them where `with_tls`. It ends with its runtime.
    async fn start(with_tls: bool) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("made");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), made.cert.pem()).expect("written");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into());
        let acceptor = TlsAcceptor::from(Arc::new(config.expect("a key that fits")));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, with_tls.then(|| acceptor.clone())));
            }
        });
        Self { port, folder }
    }

    fn url(&self, host: &str, query: &str) -> String {
        let ca = self.folder.path().join("ca.pem");
        let query = query.replace("CA", &ca.display().to_string());
        format!("postgres://u@{host}:{}/db?connect_timeout=5{query}", self.port)
    }

    /// Reads it once: how many connections it says to have, or why not.
    async fn read(&self, host: &str, query: &str) -> Result<f64, String> {
        let source = PostgresSource::new(&self.url(host, query));
        let mut source = source.map_err(|error| error.to_string())?;
        let series = source.read().await.map_err(|error| error.to_string())?;
        let of = series.iter().find(|one| one.name == "connections").expect("asked for");
        Ok(of.value)
    }
}

async fn serve(mut stream: TcpStream, acceptor: Option<TlsAcceptor>) -> io::Result<()> {
    let mut asked = [0; 8];
    stream.peek(&mut asked).await?;
    if asked[4..] != 80_877_103_u32.to_be_bytes() {
        return talk(stream, 3.0).await;
    }
    stream.read_exact(&mut asked).await?;
    if let Some(acceptor) = acceptor {
        stream.write_all(b"S").await?;
        return talk(acceptor.accept(stream).await?, 7.0).await;
    }
    stream.write_all(b"N").await?;
    talk(stream, 3.0).await
}

/// Lets everybody in and answers with one row, `connections`, where they are asked for, and with none otherwise.
async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, value: f64) -> io::Result<()> {
    let length = stream.read_u32().await? as usize;
    stream.read_exact(&mut vec![0; length - 4]).await?;
    let ready = message(b'Z', b"I");
    stream.write_all(&[message(b'R', &[0; 4]), ready.clone()].concat()).await?;
    while stream.read_u8().await? == b'Q' {
        let length = stream.read_u32().await? as usize;
        let mut query = vec![0; length - 4];
        stream.read_exact(&mut query).await?;
        if !String::from_utf8_lossy(&query).contains("FROM pg_stat_activity") {
            stream.write_all(&[message(b'C', b"SELECT 0\0"), ready.clone()].concat()).await?;
            continue;
        }
        let column = [&1_u16.to_be_bytes()[..], b"connections\0", &[0; 18]].concat();
        let text = value.to_string();
        let size = (text.len() as u32).to_be_bytes();
        let row = [&1_u16.to_be_bytes()[..], &size, text.as_bytes()].concat();
        let all = [
            message(b'T', &column),
            message(b'D', &row),
            message(b'C', b"SELECT 1\0"),
            ready.clone(),
        ];
        stream.write_all(&all.concat()).await?;
    }
    Ok(())
}

fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32 + 4).to_be_bytes();
    [&[kind], &length[..], payload].concat()
}

/// 7 is told over TLS, 3 in the clear.
#[tokio::test]
async fn sslmode_says_whether_a_connection_is_encrypted() {
    let server = Server::start(true).await;
    for (query, told) in [("", 7.0), ("&sslmode=disable", 3.0), ("&sslmode=require", 7.0)] {
        assert_eq!(server.read("127.0.0.1", query).await, Ok(told), "{query}");
    }
    let plain = Server::start(false).await;
    assert_eq!(plain.read("127.0.0.1", "&sslmode=prefer").await, Ok(3.0));
    let refused = plain.read("127.0.0.1", "&sslmode=require").await.expect_err("no TLS there");
    assert!(refused.contains("TLS"), "{refused}");
}

#[tokio::test]
async fn full_verification_wants_an_authority_and_the_name() {
    let server = Server::start(true).await;
    let verified = "&sslmode=verify-full&sslrootcert=CA";
    assert_eq!(server.read("localhost", verified).await, Ok(7.0));
    let foreign = server.read("localhost", "&sslmode=verify-full").await.expect_err("unknown");
    assert!(foreign.contains("UnknownIssuer"), "{foreign}");
    let misnamed = server.read("127.0.0.1", verified).await.expect_err("another name");
    assert!(misnamed.contains("not valid for name"), "{misnamed}");
}

#[test]
fn mode_that_is_not_known_is_refused_with_those_that_are() {
    let error = PostgresSource::new("postgres://u:topsecret@h/db?sslmode=verify-ca");
    let error = error.err().expect("refused").to_string();
    assert!(error.contains("`verify-full`") && !error.contains("topsecret"), "{error}");
    let error = PostgresSource::new("postgres://u@h/db?sslmode=require&sslrootcert=/no/such.pem");
    let error = error.err().expect("refused").to_string();
    assert!(error.contains("/no/such.pem"), "{error}");
}
