//! TLS to PostgreSQL, as libpq's `sslmode` has it, on rustls.
//!
//! Source: <https://www.postgresql.org/docs/15/libpq-ssl.html>. `require` encrypts and believes anybody;
//! `verify-full` checks the certificate and its name against the system's authorities and `sslrootcert`.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::{InvalidDnsNameError, ServerName};

use super::super::error::ObserveError;
use plimsoll_load::transport::TlsSetup;
use plimsoll_plan::{ClientTls, HttpVersion};

/// Whether a connection is encrypted, and whom it believes.
#[derive(Debug, Clone)]
pub(super) enum Encryption {
    /// Never.
    None,
    /// Where the server can; in the clear where it cannot.
    Preferred(PostgresTls),
    /// Always.
    Required(PostgresTls),
}

impl Encryption {
    /// Takes `sslmode` and `sslrootcert` out of an address, whose other parts are the library's.
    ///
    /// # Errors
    /// For a mode that is not known, and for a file that holds no certificate.
    pub(super) fn taken_from(address: &str) -> Result<(String, Self), ObserveError> {
        let (front, query) = address.split_once('?').unwrap_or((address, ""));
        let (mut mode, mut root) = (String::new(), None);
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            match key {
                "sslmode" => mode = value,
                "sslrootcert" => root = Some(PathBuf::from(value)),
                _ => rest.push(pair),
            }
        }
        let address =
            if rest.is_empty() { front.to_owned() } else { format!("{front}?{}", rest.join("&")) };
        Ok((address, Self::of(&mode, root)?))
    }

    fn of(mode: &str, root: Option<PathBuf>) -> Result<Self, ObserveError> {
        match (mode, root) {
            ("disable", _) => Ok(Self::None),
            ("" | "prefer", _) => Ok(Self::Preferred(PostgresTls::new(None)?)),
            ("require", None) => Ok(Self::Required(PostgresTls::new(None)?)),
            // As in libpq, an authority that is named is also asked.
            ("require" | "verify-full", root) => {
                Ok(Self::Required(PostgresTls::new(Some(root.into_iter().collect()))?))
            }
            _ => {
                let known = "`sslmode` is `disable`, `prefer`, `require` or `verify-full`";
                Err(ObserveError::Address(known))
            }
        }
    }
}

/// Makes connections that are encrypted.
#[derive(Debug, Clone)]
pub(super) struct PostgresTls(Arc<ClientConfig>);

impl PostgresTls {
    /// Believes the system's authorities and those of the files; anybody without a list.
    fn new(authorities: Option<Vec<PathBuf>>) -> Result<Self, ObserveError> {
        let insecure = authorities.is_none();
        let ca = authorities.unwrap_or_default();
        let tls = ClientTls { ca, identity: None, insecure, server_name: String::new() };
        let setup = TlsSetup::new(&tls, HttpVersion::Http1)
            .map_err(|error| ObserveError::Tls(error.to_string()))?;
        Ok(Self(setup.control_path()))
    }
}

impl MakeTlsConnect<Socket> for PostgresTls {
    type Stream = Encrypted;
    type TlsConnect = Handshake;
    type Error = InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, InvalidDnsNameError> {
        // A socket in the file system has no name, and is not encrypted either.
        let host = if host.is_empty() { "localhost" } else { host };
        let name = ServerName::try_from(host.to_owned())?;
        Ok(Handshake { connector: TlsConnector::from(self.0.clone()), name })
    }
}

/// A handshake that is about to be made.
pub(super) struct Handshake {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, stream: Socket) -> Self::Future {
        Box::pin(async move {
            let stream = self.connector.connect(self.name, stream).await?;
            Ok(Encrypted(stream))
        })
    }
}

/// An encrypted connection.
pub(super) struct Encrypted(tokio_rustls::client::TlsStream<Socket>);

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
