//! Where output goes that does not go: full disks, readers who read nothing, connections that say nothing.

use std::fs::{self, File};
use std::io::{PipeReader, PipeWriter, Write as _, pipe};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use super::harness::{Guarded, only_run, plimsoll, run, scenario, terminate};

/// Longer than anything here takes, on however busy a machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A pipe that is full, whose reader reads nothing.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().expect("a pipe");
    // What a pipe holds (pipe(7)).
    writer.write_all(&vec![b'.'; 65_536]).expect("it fits");
    (reader, writer)
}

/// How a process ends that must do so by itself.
fn ended(mut process: Guarded) -> ExitStatus {
    let (told, status) = channel();
    let pid = process.0.id();
    std::thread::spawn(move || told.send(process.0.wait()));
    let status = status.recv_timeout(PATIENCE).inspect_err(|_| {
        let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
    });
    status.expect("it ends by itself").expect("it was started")
}

/// A run of a second against a port that refuses.
fn short_run(folder: &Path) -> Command {
    scenario(folder, "", "20 iter/s", "1s");
    let mut command = plimsoll();
    command.arg("run").arg(folder).args(["--no-preflight"]);
    command
}

/// A run that has ended.
fn finished_run(folder: &Path) -> PathBuf {
    run(&mut short_run(folder), &folder.join("out")).folder.expect("a run")
}

#[test]
fn reader_of_talk_who_reads_nothing_holds_up_neither_run_nor_log_nor_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let (reader, writer) = full_pipe();
    let mut command = short_run(folder.path());
    command.arg("--out").arg(&out).stdout(Stdio::null()).stderr(writer);
    let status = ended(Guarded(command.spawn().expect("it starts")));
    drop(reader);
    assert_eq!(status.code(), Some(99), "every request failed");
    let run = only_run(&out).expect("a run");
    let log = fs::read_to_string(run.join("run.jsonl")).expect("a log");
    assert!(log.lines().last().is_some_and(|line| line.starts_with(r#"{"end""#)), "{log}");
    assert!(run.join("report.html").exists());
}

/// Goal: prove that a second signal ends the process whatever it waits for.
/// Method: the verdict goes to a pipe that is full, whose reader reads nothing.
#[test]
fn second_signal_ends_a_process_that_waits_for_a_reader() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let (_reader, writer) = full_pipe();
    let mut command = short_run(folder.path());
    command.arg("--out").arg(&out).stdout(writer).stderr(Stdio::piped());
    let mut process = Guarded(command.spawn().expect("it starts"));
    let talk = process.0.stderr.take().expect("piped");
    // The reports are written, and the verdict waits to be printed.
    while !only_run(&out).is_some_and(|run| run.join("junit.xml").exists()) {
        std::thread::yield_now();
    }
    // Two signals at once may be one to whoever listens.
    terminate(&process);
    let pid = process.0.id().to_string();
    let (told, status) = channel();
    std::thread::spawn(move || told.send(ended(process)));
    let code = loop {
        match status.recv_timeout(Duration::from_millis(200)) {
            Ok(status) => break status.code(),
            Err(_) => {
                let _ = Command::new("kill").args(["-TERM", &pid]).status();
            }
        }
    };
    drop(talk);
    assert_eq!(code, Some(130));
}

#[test]
fn data_that_does_not_fit_into_stdout_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = finished_run(folder.path());
    for command in
        [&["report", "--format", "json"][..], &["gate", "--format", "junit"], &["report"]]
    {
        let full = File::options().write(true).open("/dev/full").expect("a device");
        let output = plimsoll().args(command).arg(&run).stdout(full).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {told}");
        assert!(told.contains("cannot write to stdout: No space left"), "{told}");
    }
}

#[test]
fn report_that_cannot_be_written_keeps_the_verdict_from_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = finished_run(folder.path());
    let place = run.join("report.html");
    fs::remove_file(&place).expect("it was written");
    fs::create_dir_all(place.join("in the way")).expect("a folder");
    let output = plimsoll().arg("report").arg(&run).output().expect("it runs");
    let (said, told) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("FAIL"), "{said}");
    assert!(told.contains("cannot write") && told.contains("report.html"), "{told}");
    assert_eq!(output.status.code(), Some(99));
    let beside = fs::read_dir(&run).expect("a folder").filter_map(Result::ok);
    let names: Vec<String> = beside.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    assert!(!names.iter().any(|name| name.contains("part")), "{names:?}");
}

#[test]
fn connections_that_ask_for_nothing_keep_nobody_from_the_metrics() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = super::harness::free_port();
    let address = format!("127.0.0.1:{port}");
    let mut command = short_run(folder.path());
    command.args(["--duration", "60s", "--metrics-listen", &address, "--out"]);
    command.arg(folder.path().join("out")).stdout(Stdio::null()).stderr(Stdio::null());
    let process = Guarded(command.spawn().expect("it starts"));
    let connect = || loop {
        if let Ok(stream) = TcpStream::connect(&address) {
            break stream;
        }
        std::thread::yield_now();
    };
    let idle: Vec<TcpStream> = (0..140).map(|_| connect()).collect();
    let page = super::exports::scrape(&address);
    assert!(page.contains("plimsoll_"), "{page}");
    drop((idle, process));
}
