//! `plimsoll simulate`: a scenario folder's stack as a real server.

use std::fs::File;
use std::io::BufWriter;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;

use crate::cli;
use crate::scenario::SourceFiles;
use crate::scenario::encoding::text_of_yaml;
use crate::simulator::model::{FaultAction, MAX_REPLICAS, ModelTierSpec};
use crate::simulator::{AccessLog, ServeOptions, Simulation, runtime, serve};
use crate::units::Seed;

use super::exit::{Exit, Failure};
use super::output::{say, write_out};
use super::{files, problems, wall};

/// Serves until it is told to stop.
pub(super) fn simulate(args: &cli::SimulateArgs) -> Result<Exit, Failure> {
    let mut simulation = read_simulation(&simulation_file(&args.path))?;
    change(&mut simulation, &args.stack)?;
    let options = ServeOptions {
        tls: tls(args)?,
        access_log: access_log(args)?,
        epoch: wall::now().as_second().unsigned_abs(),
    };
    let listener = TcpListener::bind(args.listen).map_err(|error| {
        let failure = Failure::while_doing(&format!("cannot listen on {}", args.listen), &error);
        let hint = "hint: `--listen 127.0.0.1:0` takes a free port and says which";
        Failure { message: format!("{}\n{hint}", failure.message), ..failure }
    })?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::while_doing("cannot read the address", &error))?;
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    say(&format!("playing {}; Ctrl-C stops it", simulation.name));
    // The one line of data: whoever started us reads the address from it.
    write_out(&format!("{scheme}://{address}\n"))?;
    let stop = CancellationToken::new();
    let served = runtime().and_then(|runtime| {
        runtime.block_on(async {
            let watcher = tokio::spawn(stop_when_asked(stop.clone(), args.stop_after));
            let served =
                serve(simulation, listener, Seed::new(args.seed), options, stop.clone()).await;
            watcher.abort();
            served
        })
    });
    let served = served.map_err(|error| Failure::while_doing("the simulation failed", &error))?;
    say(&format!(
        "{} requests; responses late by p50 {}, p99 {}, max {}",
        served.requests, served.lateness_p50, served.lateness_p99, served.lateness_max
    ));
    Ok(Exit::Pass)
}

/// Changes the stack as the command line says.
pub(super) fn change(
    simulation: &mut Simulation,
    changes: &cli::StackChangeArgs,
) -> Result<(), Failure> {
    for (name, replicas) in &changes.replicas {
        tier(simulation, name)?.replicas = *replicas;
    }
    for (name, cores) in &changes.cores {
        tier(simulation, name)?.cores = Some(*cores);
    }
    for (name, longer) in &changes.slow {
        tier(simulation, name)?;
        simulation.slow(name, 1.0 + longer.get());
    }
    for (name, ttl) in &changes.token_ttl {
        if !simulation.set_token_ttl(name, *ttl) {
            return Err(unknown("kind of token", name, &simulation.token_names()));
        }
    }
    for name in &changes.faults {
        if !simulation.use_faults(name) {
            let known: Vec<String> = simulation.fault_sets.keys().cloned().collect();
            return Err(unknown("timeline of faults", name, &known));
        }
    }
    let too_many = changes.replicas.iter().find(|(_, count)| *count > MAX_REPLICAS);
    if let Some((name, count)) = too_many {
        let message = format!("error: {count} replicas of `{name}` are more than {MAX_REPLICAS}");
        return Err(Failure::new(Exit::Usage, message));
    }
    missing_replica(simulation).map_or(Ok(()), |message| Err(Failure::new(Exit::Usage, message)))
}

/// A fault that happens to a replica that is not there any more.
fn missing_replica(simulation: &Simulation) -> Option<String> {
    simulation.faults.iter().find_map(|fault| {
        let (FaultAction::Kill { tier, replica }
        | FaultAction::Revive { tier, replica }
        | FaultAction::Drain { tier, replica }) = fault.action
        else {
            return None;
        };
        let tier = simulation.tiers.get(tier.index())?;
        let most =
            tier.scaler.as_ref().map_or(tier.replicas, |scaler| scaler.max.max(tier.replicas));
        (u32::from(replica) >= most).then(|| {
            format!(
                "error: a fault happens to replica {} of `{}`, which has only {most}\n\
                 hint: give it more with --replicas {}={}",
                u32::from(replica) + 1,
                tier.name,
                tier.name,
                u32::from(replica) + 1,
            )
        })
    })
}

fn tier<'s>(simulation: &'s mut Simulation, name: &str) -> Result<&'s mut ModelTierSpec, Failure> {
    let known: Vec<String> = simulation.tiers.iter().map(|tier| tier.name.clone()).collect();
    simulation.tier_mut(name).ok_or_else(|| unknown("tier", name, &known))
}

fn unknown(what: &str, name: &str, known: &[String]) -> Failure {
    let known = match known {
        [] => "there is none".to_owned(),
        [only] => format!("there is only {only}"),
        known => format!("there are {}", known.join(", ")),
    };
    Failure::new(Exit::Usage, format!("error: no {what} `{name}`; {known}"))
}

/// The simulation file that `path` means.
pub(super) fn simulation_file(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
        path.to_owned()
    } else {
        path.join("simulation.yaml")
    }
}

/// Reads and checks a simulation file.
pub(super) fn read_simulation(path: &Path) -> Result<Simulation, Failure> {
    let bytes = files::read(path).map_err(|error| {
        Failure::new(Exit::Usage, format!("error: cannot read `{}`: {error}", path.display()))
    })?;
    let text = text_of_yaml(bytes).ok_or_else(|| {
        let said = format!("error: `{}` is not UTF-8 text; save it as UTF-8", path.display());
        Failure::new(Exit::Usage, said)
    })?;
    let mut sources = SourceFiles::default();
    let source = sources.add(path.display().to_string(), text.as_str());
    Simulation::parse(&text, source).map_err(|problems| problems::failure(&problems, &sources))
}

fn access_log(args: &cli::SimulateArgs) -> Result<Option<AccessLog>, Failure> {
    let Some(path) = &args.log else { return Ok(None) };
    let file = File::create(path).map_err(|error| {
        Failure::while_doing(&format!("cannot create `{}`", path.display()), &error)
    })?;
    Ok(Some(AccessLog::new(BufWriter::new(file))))
}

fn tls(args: &cli::SimulateArgs) -> Result<Option<Arc<ServerConfig>>, Failure> {
    let (Some(chain), Some(key)) = (&args.cert, &args.key) else { return Ok(None) };
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::new(Exit::Usage, format!("error: cannot use `{}`: {error}", path.display()))
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .map_err(|error| failed(chain, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, &error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, private))
        .map_err(|error| failed(chain, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(Arc::new(config)))
}

async fn stop_when_asked(stop: CancellationToken, after: Option<crate::units::Nanos>) {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    let limit = async {
        match after {
            Some(span) => tokio::time::sleep(span.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        () = limit => {}
    }
    stop.cancel();
}
