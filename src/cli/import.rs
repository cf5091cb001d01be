//! `plimsoll import`: a first scenario from what people have already.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::units::Ratio;

/// `plimsoll import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// From what.
    #[command(subcommand)]
    pub from: ImportFrom,
}

/// What can be imported.
#[derive(Debug, Subcommand)]
pub enum ImportFrom {
    /// A browser's recording (HTTP Archive): one journey, with captures, think times and parallel assets
    Har {
        /// The recording, as developer tools export it.
        file: PathBuf,
        /// Keep requests to this host; the first is the target. By default, the host of the first page; repeatable.
        #[arg(long, value_name = "HOST")]
        host: Vec<String>,
        /// Open its pages in a real browser, too: a flow in `browsers:`, with what it cannot open listed.
        #[arg(long)]
        browser: bool,
        /// Where it goes.
        #[command(flatten)]
        into: ImportFolderArgs,
    },
    /// An access log: the mix of requests, and rates over time.
    ///
    /// Known formats: combined and common of nginx and Apache (also with virtual hosts), JSON of nginx, Caddy, Traefik
    /// and Envoy, ALB and ELB, `CloudFront`, IIS (W3C extended), `HAProxy`, Envoy. Gzip is unpacked.
    AccessLog {
        /// The log, or several; `-` is what comes through a pipe.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The format, as nginx (`$remote_addr - [$time_local] "$request" $status`) or Apache (`%h %t "%r" %>s`) is told.
        #[arg(long, value_name = "FORMAT", conflicts_with = "fields")]
        format: Option<String>,
        /// The names of columns, in order: time, method, path (or request), query, host, status, bytes, client; `-` for others.
        #[arg(long, value_name = "NAMES")]
        fields: Option<String>,
        /// The target of the scenario: no log says where it was written.
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
        target: String,
        /// Add a workload that sends every request again at its recorded time.
        #[arg(long)]
        replay: bool,
        /// Print how close this run is to the log, instead of importing it.
        #[arg(long, value_name = "RUN", conflicts_with_all = ["replay", "out", "force"])]
        compare: Option<PathBuf>,
        /// Replay so many times as fast.
        #[arg(long, value_name = "FACTOR", requires = "replay", value_parser = speed)]
        speed: Option<Ratio>,
        /// Where it goes.
        #[command(flatten)]
        into: ImportFolderArgs,
    },
    /// An OpenAPI description (3.0 or 3.1, Swagger 2.0; YAML or JSON): a smoke scenario for each operation
    Openapi {
        /// The description.
        file: PathBuf,
        /// Where it goes.
        #[command(flatten)]
        into: ImportFolderArgs,
    },
    /// A Postman collection (2.1 or 2.0): a scenario for each folder
    Postman {
        /// The collection, as Postman exports it.
        file: PathBuf,
        /// An environment, exported beside it: the values of its variables.
        #[arg(long, value_name = "FILE")]
        environment: Option<PathBuf>,
        /// Where it goes.
        #[command(flatten)]
        into: ImportFolderArgs,
    },
    /// A `JMeter` test plan (.jmx): a scenario for each thread group, with its data files
    Jmx {
        /// The test plan.
        file: PathBuf,
        /// Where it goes.
        #[command(flatten)]
        into: ImportFolderArgs,
    },
    /// Options of a k6 test, as `k6 inspect` prints them: workloads and objectives
    K6 {
        /// The output of `k6 inspect SCRIPT`.
        file: PathBuf,
        /// Where it goes.
        #[command(flatten)]
        into: ImportFolderArgs,
    },
}

/// Where an import goes.
#[derive(Debug, Clone, Args)]
pub struct ImportFolderArgs {
    /// The system's name; by default, the file's.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The new scenario folder; by default, `scenarios/NAME`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace the files of an earlier import.
    #[arg(long)]
    pub force: bool,
}

fn speed(text: &str) -> Result<Ratio, String> {
    match text.trim_end_matches(['x', '×']).parse::<f64>() {
        Ok(factor) if (0.001..=1000.0).contains(&factor) => Ok(Ratio::new(factor)),
        _ => Err("expected a factor from 0.001 to 1000, for example 2".to_owned()),
    }
}
