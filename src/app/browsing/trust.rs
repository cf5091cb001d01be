//! What browsers are told about certificates: they have trust of their own and read no `http.tls`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::server::ParsedCertificate;

use crate::browser::BrowserError;
use crate::plan::Plan;
use crate::transport::TlsSetup;

/// What of a scenario's `http` no browser does: it would play something else than the load.
///
/// # Errors
/// The first of them.
pub(super) fn fit(plan: &Plan) -> Result<(), BrowserError> {
    let (http, target) = (&plan.http, &plan.target);
    let is_proxied = http.proxy.as_ref().is_some_and(|proxy| proxy.serves_target(target));
    let unfit = [
        (is_proxied, "http.proxy"),
        (target.tls && http.tls.identity.is_some(), "http.tls.cert"),
        (target.tls && !http.tls.server_name.is_empty(), "http.tls.server_name"),
    ];
    match unfit.into_iter().find(|(is_set, _)| *is_set) {
        Some((_, setting)) => Err(BrowserError::Setting(setting)),
        None => Ok(()),
    }
}

/// The key of the target's certificate, where the scenario's own authorities (`http.tls.ca`) vouch for it: SHA-256 of its
/// subject public key info in base64, as `--ignore-certificate-errors-spki-list` of Chromium has it. None where they do
/// not, or the target does not answer: the browser then says what is wrong.
pub(super) async fn vouched_keys(plan: &Plan) -> Vec<String> {
    if !plan.target.tls || plan.http.tls.insecure || plan.http.tls.ca.is_empty() {
        return vec![];
    }
    let limit: Duration = plan.http.connect_timeout.into();
    timeout(limit, vouched_key(plan)).await.ok().flatten().into_iter().collect()
}

async fn vouched_key(plan: &Plan) -> Option<String> {
    let trust = TlsSetup::new(&plan.http.tls, plan.http.version).ok()?.control_path();
    let host = plan.target.host.clone();
    let stream = TcpStream::connect((host.as_str(), plan.target.port)).await.ok()?;
    let stream = TlsConnector::from(trust).connect(ServerName::try_from(host).ok()?, stream).await;
    let (_, session) = stream.as_ref().ok()?.get_ref();
    let certificate = session.peer_certificates()?.first()?;
    let key = ParsedCertificate::try_from(certificate).ok()?.subject_public_key_info();
    Some(STANDARD.encode(digest(&SHA256, &key)))
}
