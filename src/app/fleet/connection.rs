//! What leader and agents need to reach a NATS server, and each other.

use crate::cli::NatsLoginArgs;
use crate::fleet::{CarrierError, CarrierLogin, digest};

use super::super::exit::{Exit, Failure};
use super::super::files;

/// SHA-256 of the program file: shards of one run are played by one program.
pub(super) fn build() -> Result<String, Failure> {
    let program = files::read("/proc/self/exe".as_ref());
    program
        .map(|bytes| digest(&bytes))
        .map_err(|error| Failure::while_doing("cannot read the program file", &error))
}

/// How the command line gets in.
pub(super) fn login(args: &NatsLoginArgs) -> CarrierLogin {
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
