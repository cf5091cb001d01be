//! The same server behind TLS, and the barest client for it: what rustls allocates for a request whoever asks.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rcgen::CertifiedKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};

use super::target::{ANSWER, Ledger};

/// A listening server. Its threads end with the connections they serve.
pub(crate) struct TlsTarget {
    pub(crate) address: SocketAddr,
    pub(crate) ledger: Arc<Ledger>,
    client: Arc<ClientConfig>,
}

impl TlsTarget {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("made");
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into());
        let server = Arc::new(server.expect("a key that fits"));
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).expect("a certificate");
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let ledger = Arc::new(Ledger::default());
        let known = ledger.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let tls = ServerConnection::new(server.clone()).expect("plain settings");
                let stream = StreamOwned::new(tls, stream.expect("a connection"));
                let ledger = known.clone();
                thread::spawn(move || serve(stream, &ledger));
            }
        });
        Self { address, ledger, client: Arc::new(client) }
    }

    /// Asks with `request` over one connection until all windows are through.
    pub(crate) fn ask(&self, request: &[u8]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let stream = tokio::net::TcpStream::connect(self.address).await.expect("connected");
            stream.set_nodelay(true).expect("a socket");
            let name = ServerName::try_from("localhost").expect("a name");
            let connector = TlsConnector::from(self.client.clone());
            let mut stream = connector.connect(name, stream).await.expect("trusted");
            let mut room = vec![0; 64 * 1024];
            while !self.ledger.is_full() {
                stream.write_all(request).await.expect("sent");
                stream.flush().await.expect("sent");
                let mut got = 0;
                while got < ANSWER.len() {
                    let read = stream.read(&mut room).await.expect("answered");
                    assert!(read > 0, "the server closed");
                    got += read;
                }
            }
        });
    }
}

/// Answers every request. The client writes a request at once, in one record.
fn serve(mut stream: StreamOwned<ServerConnection, TcpStream>, ledger: &Ledger) {
    let mut room = [0; 4096];
    while let Ok(read) = stream.read(&mut room)
        && read > 0
    {
        ledger.count_request();
        if stream.write_all(ANSWER).is_err() {
            return;
        }
    }
}
