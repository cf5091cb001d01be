//! How punctual arrivals are, and what users cost in memory.

use super::nginx::Nginx;
use super::tool::plimsoll;

fn scenario(nginx: &Nginx, workload: &str, flow: &str) -> String {
    format!(
        "name: bench\ntarget: http://127.0.0.1:{}\nhttp: {{ compression: false }}\nworkloads:\n  main: \
         {workload}\nscenarios:\n  main:\n    weight: 1\n    flow:\n{flow}",
        nginx.port
    )
}

const ONE_STEP: &str = "      - get: { name: get, url: / }\n";

/// Lag and CPU at `rate`. The pacing's share is what the worker uses beyond what the same requests cost
/// at full speed, where nothing is paced.
pub(crate) fn lag(nginx: &Nginx, rate: u32) {
    println!(
        "\nschedule lag at {rate}/s, Poisson, one worker (bars: 2,000/s p99 ≤ 100 µs and CPU ≤ 12 % of a core; 20,000/s p99 ≤ 300 µs, pacing ≤ 40 %)"
    );
    let closed = scenario(nginx, "{ vus: 64, duration: 5s }", ONE_STEP);
    for round in 1..=3 {
        let unpaced = plimsoll(&closed, "");
        let seconds = unpaced.seconds();
        let cpu: f64 = seconds.iter().map(|(cpu, _)| cpu).sum::<f64>() / seconds.len() as f64;
        let per_request =
            cpu / (unpaced.number("/whole_run/requests") / unpaced.number("/duration_s"));
        let workload =
            format!("{{ max_vus: 2000, stages: [ {{ rate: {rate} req/s, duration: 10s }} ] }}");
        let run = plimsoll(&scenario(nginx, &workload, ONE_STEP), "");
        let seconds = run.seconds();
        let cpu = seconds.iter().map(|(cpu, _)| cpu).sum::<f64>() / seconds.len() as f64;
        println!(
            "  round {round}: lag p50 {:.0} µs, p99 {:.0} µs, max {:.1} ms; worker {:.0} % of a core, of it \
             pacing {:.0} %; sent {:.0} of {:.0} scheduled arrivals",
            run.number("/schedule_lag_ms/p50") * 1e3,
            run.number("/schedule_lag_ms/p99") * 1e3,
            run.number("/schedule_lag_ms/max"),
            cpu * 100.0,
            (cpu - per_request * f64::from(rate)) * 100.0,
            run.number("/whole_run/requests"),
            run.number("/load/intended_iterations"),
        );
    }
}

/// Memory for each of 10,000 users with an open idle connection.
pub(crate) fn memory(nginx: &Nginx) {
    let flow = "      - get: { name: get, url: / }\n      - think: 60s\n";
    let few = "{ vus: 100, duration: 12s }";
    let many = "{ vus: 10000, duration: 12s }";
    let resident = |workload: &str| {
        let run = plimsoll(&scenario(nginx, workload, flow), "");
        let memory = run.seconds().iter().map(|(_, memory)| *memory).fold(0.0, f64::max);
        (memory, run.number("/whole_run/requests"))
    };
    let (base, few) = resident(few);
    let (full, many) = resident(many);
    println!(
        "\nmemory a user with an open idle connection (bar ≤ 15 KiB, aim ≤ 8)\n  {:.1} KiB: {:.1} MiB with \
         {many:.0} users, {:.1} MiB with {few:.0}",
        (full - base) / (many - few) / 1024.0,
        full / 1_048_576.0,
        base / 1_048_576.0
    );
}

/// Memory for each of 100,000 users who think and have no connection yet.
pub(crate) fn parked(nginx: &Nginx) {
    let flow = "      - think: 60s\n      - get: { name: get, url: / }\n";
    let resident = |vus: u32| {
        let workload = format!("{{ vus: {vus}, duration: 8s }}");
        let run = plimsoll(&scenario(nginx, &workload, flow), "");
        run.seconds().iter().map(|(_, memory)| *memory).fold(0.0, f64::max)
    };
    let (few, many) = (resident(1_000), resident(100_000));
    println!(
        "\nmemory a user who thinks, without a connection\n  {:.2} KiB: {:.1} MiB with 100000 users, {:.1} MiB \
         with 1000",
        (many - few) / 99_000.0 / 1024.0,
        many / 1_048_576.0,
        few / 1_048_576.0
    );
}

/// Growth over ten minutes at 20,000/s.
pub(crate) fn growth(nginx: &Nginx) {
    let workload = "{ max_vus: 2000, stages: [ { rate: 20000 req/s, duration: 10m } ] }";
    let run = plimsoll(&scenario(nginx, workload, ONE_STEP), "");
    let memory: Vec<f64> = run.seconds().into_iter().map(|(_, memory)| memory).collect();
    let (minute, last) = (memory[60.min(memory.len() - 1)], memory[memory.len() - 1]);
    println!(
        "\nmemory growth over 10 min at 20,000/s (bar < 5 MiB after the first minute)\n  {:.2} MiB: {:.1} MiB \
         after a minute, {:.1} MiB at the end, {:.0} requests",
        (last - minute) / 1_048_576.0,
        minute / 1_048_576.0,
        last / 1_048_576.0,
        run.number("/whole_run/requests")
    );
}
