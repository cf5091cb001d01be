//! What the client trusts and shows: one TLS configuration, shared by all workers.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use plimsoll_plan::{ClientTls, HttpVersion};

/// A TLS configuration ready for connections.
#[derive(Debug, Clone)]
pub struct TlsSetup {
    pub(super) config: Arc<ClientConfig>,
    /// The same without HTTP/2, for connections that become something else by an upgrade.
    pub(super) upgradable: Arc<ClientConfig>,
    /// The name asked for and checked instead of the host; mostly empty.
    pub(super) server_name: String,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// A PEM file cannot be used.
    #[error("cannot use `{}`: {reason}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The combination is refused by rustls.
    #[error("the TLS settings are refused: {0}")]
    Refused(#[from] rustls::Error),
}

impl TlsSetup {
    /// Reads certificates and keys. System roots are trusted besides those given.
    ///
    /// Sessions are not resumed: every connection makes the full handshake that a new visitor makes.
    ///
    /// # Errors
    /// Where a file cannot be read or the settings contradict each other.
    pub fn new(tls: &ClientTls, version: HttpVersion) -> Result<Self, TlsSetupError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        let builder = if tls.insecure {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AcceptAnyCertificate(provider)))
        } else {
            builder.with_root_certificates(roots(&tls.ca)?)
        };
        let mut config = match &tls.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                builder.with_client_auth_cert(certificates(chain)?, private_key(key)?)?
            }
        };
        config.alpn_protocols = match version {
            HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
            HttpVersion::Http2 => vec![b"h2".to_vec()],
            HttpVersion::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        config.resumption = Resumption::disabled();
        let mut upgradable = config.clone();
        upgradable.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (config, upgradable) = (Arc::new(config), Arc::new(upgradable));
        Ok(Self { config, upgradable, server_name: tls.server_name.clone() })
    }
}

impl TlsSetup {
    /// The same trust for connections off the load path, which speak HTTP/1.1 or no HTTP at all.
    pub fn control_path(&self) -> Arc<ClientConfig> {
        let mut config = (*self.upgradable).clone();
        config.alpn_protocols.clear();
        Arc::new(config)
    }
}

fn roots(own: &[PathBuf]) -> Result<RootCertStore, TlsSetupError> {
    let mut store = RootCertStore::empty();
    // A broken certificate among the system's roots is the system's business.
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for path in own {
        for certificate in certificates(path)? {
            store.add(certificate).map_err(|error| pem_error(path, &error))?;
        }
    }
    Ok(store)
}

fn certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, TlsSetupError> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(|error| pem_error(path, &error))?
        .collect::<Result<_, _>>()
        .map_err(|error| pem_error(path, &error))?;
    if certificates.is_empty() {
        return Err(pem_error(path, &"no certificate in it"));
    }
    Ok(certificates)
}

fn private_key(path: &PathBuf) -> Result<PrivateKeyDer<'static>, TlsSetupError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| pem_error(path, &error))
}

fn pem_error(path: &std::path::Path, reason: &dyn std::fmt::Display) -> TlsSetupError {
    TlsSetupError::Pem { path: path.to_owned(), reason: reason.to_string() }
}

/// For `insecure: true`: any certificate will do, but signatures are still checked.
#[derive(Debug)]
struct AcceptAnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
