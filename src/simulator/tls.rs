//! Certificates for serving HTTPS.

use std::sync::Arc;

use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why HTTPS cannot be served with the given files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates are not PEM.
    #[error("cannot read the certificates: {0}")]
    Certificates(PemError),
    /// The private key is not PEM.
    #[error("cannot read the private key: {0}")]
    Key(PemError),
    /// They do not fit together, or cannot be used.
    #[error("cannot serve with this certificate and key: {0}")]
    Unfit(#[from] tokio_rustls::rustls::Error),
}

/// HTTP/2 and HTTP/1.1 over TLS 1.2 and 1.3, from the contents of two PEM files.
///
/// # Errors
/// If they are not PEM, or do not fit together.
pub fn tls_config(certificates: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(certificates)
        .collect::<Result<Vec<_>, _>>()
        .map_err(TlsError::Certificates)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
