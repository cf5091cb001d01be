//! What imports cost: a large recording, a large log, a large description. Time and peak memory of each, beside the bar.
//!
//! `cargo bench --bench import`, and with real descriptions of APIs as well: `cargo bench --bench import -- github.json …`

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use plimsoll::import::{AccessLogReader, ImportOptions, har, openapi};
use plimsoll::scenario::SourceId;

const MIB: f64 = 1_048_576.0;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    writeln!(out, "{:<44}{:>10}{:>10}{:>10}{:>10}", "", "input", "time", "bar", "memory")?;
    let log = measured(|| log(235 << 20))?;
    print(&mut out, "access log, streamed", &log, "10 s")?;
    let text = recording(23 << 20);
    let found = measured(|| {
        har(&text, SourceId(0), &options())
            .map(|_| text.len())
            .map_err(|problems| format!("{problems:?}"))
    })?;
    print(&mut out, "HAR, all values correlated", &found, "3 s")?;
    for (name, yaml) in
        [("OpenAPI, JSON, a million values", false), ("OpenAPI, YAML, a million values", true)]
    {
        let text = description(60_000, yaml);
        let found = measured(|| {
            openapi(&text, SourceId(0), &options())
                .map(|_| text.len())
                .map_err(|problems| format!("{problems:?}"))
        })?;
        print(&mut out, name, &found, "10 s")?;
    }
    given(&mut out)
}

/// Descriptions that the command line names.
fn given(out: &mut impl std::io::Write) -> Result<(), Box<dyn Error>> {
    for path in std::env::args().skip(1).filter(|word| !word.starts_with("--")) {
        let text = fs::read_to_string(&path)?;
        let mut left_out = 0;
        let cost = measured(|| {
            let imported = openapi(&text, SourceId(0), &options());
            let imported = imported.map_err(|problems| format!("{problems:?}"))?;
            left_out = imported.notes.dropped.iter().map(|note| note.what.len()).sum();
            Ok(text.len())
        })?;
        print(out, path.rsplit('/').next().unwrap_or(&path), &cost, "10 s")?;
        writeln!(out, "  {left_out} things left out")?;
    }
    Ok(())
}

/// What a piece of work cost.
struct Cost {
    bytes: usize,
    time: Duration,
    /// The peak of the process while it ran, in bytes.
    peak: f64,
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn measured(work: impl FnOnce() -> Result<usize, String>) -> Result<Cost, Box<dyn Error>> {
    // 5 sets the peak back to what is resident now (proc(5)).
    fs::write("/proc/self/clear_refs", "5")?;
    let start = Instant::now();
    let bytes = work()?;
    let time = start.elapsed();
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| {
        line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok()
    });
    Ok(Cost { bytes, time, peak: peak.unwrap_or(0.0) * 1024.0 })
}

fn print(out: &mut impl std::io::Write, name: &str, cost: &Cost, bar: &str) -> std::io::Result<()> {
    let (input, memory) = (cost.bytes as f64 / MIB, cost.peak / MIB);
    let time = cost.time.as_secs_f64();
    writeln!(out, "{name:<44}{input:>6.0} MiB{time:>8.2} s{bar:>10}{memory:>6.0} MiB")
}

fn options() -> ImportOptions {
    ImportOptions {
        name: "shop".to_owned(),
        folder: "scenarios/shop".to_owned(),
        file: "x".to_owned(),
        hosts: vec![],
        replay: None,
        browser: false,
    }
}

/// A log of so many bytes, made line by line and never held.
fn log(bytes: usize) -> Result<usize, String> {
    let mut reader = AccessLogReader::new(&options(), None);
    let (mut line, mut read, mut number) = (String::new(), 0, 0_u64);
    while read < bytes {
        line.clear();
        let second = number / 100;
        let _ = write!(
            line,
            "192.0.{}.{} - - [31/Jan/2026:{:02}:{:02}:{:02} +0000] \"GET /api/products/{}?page={}&sort=price HTTP/1.1\" 200 {} \
             \"https://shop.example/\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\"",
            number % 250,
            number % 199,
            second / 3_600 % 24,
            second / 60 % 60,
            second % 60,
            number.wrapping_mul(2_654_435_761) % 100_000,
            number % 40,
            500 + number % 9_000,
        );
        read += line.len() + 1;
        number += 1;
        reader.line(line.as_bytes());
    }
    reader.finish().map(|_| read)
}

/// A recording of answers with many values, each of which a later request uses.
fn recording(bytes: usize) -> String {
    let mut entries = vec![];
    let (mut size, mut number) = (0, 0_u64);
    while size < bytes {
        let token = |n: u64| format!("{:016x}{:08x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15), n);
        let items: Vec<String> = (0..200)
            .map(|item| {
                let id = number * 200 + item;
                format!(
                    "{{\\\"id\\\":\\\"{}\\\",\\\"name\\\":\\\"item {id}\\\",\\\"price\\\":{}}}",
                    token(id),
                    id % 997
                )
            })
            .collect();
        let (minute, second) = (number / 60 % 60, number % 60);
        let entry = format!(
            "{{\"startedDateTime\":\"2026-01-31T12:{minute:02}:{second:02}.{:03}Z\",\"time\":1,\"_resourceType\":\"fetch\",\
             \"request\":{{\"method\":\"GET\",\"url\":\"https://shop.example/api/items/{}?after={}\",\
             \"headers\":[{{\"name\":\"x-trace\",\"value\":\"{}\"}}]}},\
             \"response\":{{\"status\":200,\"content\":{{\"mimeType\":\"application/json\",\"text\":\"{{\\\"items\\\":[{}]}}\"}}}}}}",
            number % 1_000,
            token((number * 200).saturating_sub(150)),
            token((number * 200).saturating_sub(77)),
            token(u64::MAX - number),
            items.join(","),
        );
        size += entry.len();
        number += 1;
        entries.push(entry);
    }
    format!("{{\"log\":{{\"entries\":[{}]}}}}", entries.join(","))
}

/// A description with so many parameters.
fn description(parameters: usize, yaml: bool) -> String {
    let mut out = if yaml {
        "openapi: 3.0.3\ninfo: { title: t, version: \"1\" }\nservers: [ { url: \"http://127.0.0.1\" } ]\npaths:\n".to_owned()
    } else {
        "{\"openapi\":\"3.0.3\",\"info\":{\"title\":\"t\",\"version\":\"1\"},\"servers\":[{\"url\":\"http://127.0.0.1\"}],\"paths\":{".to_owned()
    };
    for path in 0..parameters / 20 {
        if yaml {
            let _ = write!(
                out,
                "  /r{path}:\n    get:\n      operationId: get_r{path}\n      responses:\n        \"200\":\n          description: ok\n      parameters:\n"
            );
        } else {
            let comma = if path > 0 { "," } else { "" };
            let _ = write!(
                out,
                "{comma}\"/r{path}\":{{\"get\":{{\"operationId\":\"get_r{path}\",\"responses\":{{\"200\":{{\"description\":\"ok\"}}}},\"parameters\":["
            );
        }
        for parameter in 0..20 {
            if yaml {
                let _ = write!(
                    out,
                    "        - name: p{parameter}\n          in: query\n          description: which of them\n          schema:\n            type: string\n            description: d\n            maxLength: 40\n"
                );
            } else {
                let comma = if parameter > 0 { "," } else { "" };
                let _ = write!(
                    out,
                    "{comma}{{\"name\":\"p{parameter}\",\"in\":\"query\",\"description\":\"which of them\",\"schema\":{{\"type\":\"string\",\"description\":\"d\",\"maxLength\":40}}}}"
                );
            }
        }
        if !yaml {
            out.push_str("]}}");
        }
    }
    if !yaml {
        out.push_str("}}");
    }
    out
}
