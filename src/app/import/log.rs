//! Reads access logs from files or a pipe, packed or not, line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::app::exit::{Exit, Failure};
use crate::import::{
    AccessLogReader, ImportOptions, Imported, LogComparison, LogFormat, NOTHING_HINT, nothing,
};
use crate::metrics::RunLog;

/// How much is read at once, in bytes.
const BUFFER: usize = 256 << 10;
/// A longer line is cut: it is no request.
const LINE_MAX: u64 = 1 << 20;
/// How gzip begins (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Imports logs, in order, as one.
pub(super) fn read(
    files: &[PathBuf],
    options: &ImportOptions,
    format: (Option<&str>, Option<&str>),
) -> Result<Imported, Failure> {
    let reader = AccessLogReader::new(options, given(format)?);
    whole(files, reader)?.finish().map_err(|notes| no_requests(files, &notes))
}

/// Sets a run beside logs.
pub(super) fn compare(
    files: &[PathBuf],
    options: &ImportOptions,
    format: (Option<&str>, Option<&str>),
    run: &RunLog,
) -> Result<LogComparison, Failure> {
    let reader = AccessLogReader::new(options, given(format)?).counting_visits();
    whole(files, reader)?.compare(run).map_err(|notes| no_requests(files, &notes))
}

/// The format that the command line gives, if it gives one.
fn given((format, fields): (Option<&str>, Option<&str>)) -> Result<Option<LogFormat>, Failure> {
    let found = format.map(LogFormat::pattern).or_else(|| fields.map(LogFormat::columns));
    found.transpose().map_err(|reason| {
        let flag = if fields.is_some() { "--fields" } else { "--format" };
        usage(&format!("`{flag}`: {reason}"))
    })
}

fn whole(files: &[PathBuf], mut reader: AccessLogReader) -> Result<AccessLogReader, Failure> {
    for file in files {
        let failed =
            |error: io::Error| usage(&format!("cannot read `{}`: {error}", file.display()));
        let log = open(file).map_err(failed)?;
        match lines(log, &mut reader) {
            // A log that is packed while it is copied lacks its end; what is there was written by the server.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                reader.cut_off(&file.display().to_string());
            }
            read => read.map_err(failed)?,
        }
    }
    Ok(reader)
}

fn no_requests(files: &[PathBuf], notes: &str) -> Failure {
    let shown: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    usage(&format!("{}: {}\nhint: {NOTHING_HINT}", shown.join(", "), nothing(notes)))
}

fn usage(message: &str) -> Failure {
    Failure::new(Exit::Usage, format!("error: {message}"))
}

/// A log, unpacked where it is packed.
fn open(file: &Path) -> io::Result<Box<dyn BufRead>> {
    let input: Box<dyn Read> =
        if file == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(file)?) };
    let mut input = BufReader::with_capacity(BUFFER, input);
    if input.fill_buf()?.starts_with(&GZIP) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(input))));
    }
    Ok(Box::new(input))
}

fn lines(mut log: Box<dyn BufRead>, reader: &mut AccessLogReader) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = log.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        reader.line(line.strip_suffix(b"\n").unwrap_or(&line));
    }
}
