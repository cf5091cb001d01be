//! What leader and agents need to reach a NATS server, and each other.

use std::time::Duration;

use tokio::time::Instant;

use crate::cli::NatsLoginArgs;
use crate::fleet::{Carrier, CarrierError, CarrierLogin, digest};
use crate::units::Nanos;

use super::super::exit::{Exit, Failure};
use super::super::files;
use super::super::output::say;

/// SHA-256 of the program file: shards of one run are played by one program.
pub(super) fn build() -> Result<String, Failure> {
    let program = files::read("/proc/self/exe".as_ref());
    program
        .map(|bytes| digest(&bytes))
        .map_err(|error| Failure::while_doing("cannot read the program file", &error))
}

/// Between two attempts to reach a server that is not there yet.
const AGAIN: Duration = Duration::from_millis(500);

/// Connects. Where the server is not there yet, again and again for as long as `patience`.
pub(super) async fn connect(
    url: &str,
    args: &NatsLoginArgs,
    patience: Option<Nanos>,
) -> Result<Carrier, Failure> {
    let login = login(args);
    let deadline = Instant::now() + patience.map_or(Duration::ZERO, Duration::from);
    let mut is_told = false;
    loop {
        match Carrier::connect(url, &login).await {
            Err(error) if error.may_pass() && Instant::now() < deadline => {
                if !is_told {
                    say(&format!("{error}; trying again"));
                    is_told = true;
                }
                tokio::time::sleep(AGAIN).await;
            }
            connected => return connected.map_err(|error| broken(&error)),
        }
    }
}

/// How the command line gets in.
fn login(args: &NatsLoginArgs) -> CarrierLogin {
    CarrierLogin {
        token: args.nats_token.clone(),
        nkey: args.nats_nkey.clone(),
        credentials: args.nats_credentials.clone(),
        ca: args.nats_ca.clone(),
        certificate: args.nats_cert.clone().zip(args.nats_key.clone()),
    }
}

/// What is said of a carrier that failed.
pub(super) fn broken(error: &CarrierError) -> Failure {
    let hint = match error {
        CarrierError::Connect { .. } => "\nhint: is it running there? `nats-server -js` starts one",
        CarrierError::NoStreams(_) => "\nhint: start it with JetStream: `nats-server -js`",
        CarrierError::File { .. } | CarrierError::Failed { .. } | CarrierError::Unread(_) => "",
    };
    Failure::new(Exit::Error, format!("error: {error}{hint}"))
}
