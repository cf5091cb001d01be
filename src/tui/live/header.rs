//! The head of the live page: what runs, how far it is, and whether the measurement can be trusted.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{LiveRun, RunState};
use crate::frame::{cut, fitting, justified};
use crate::model::Model;
use crate::theme::{Theme, Tone, validity_tone};
use plimsoll_report::{format, wording};
use plimsoll_slo::ValidityStatus;
use plimsoll_units::{Rate, Ratio, RunTime};

pub(super) fn draw(model: &Model, live: &LiveRun, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width).saturating_sub(2);
    let theme = model.theme;
    let mut lines =
        vec![title(live, theme, width), progress(live, theme, width), figures(live, theme, width)];
    for line in &mut lines {
        line.spans.insert(0, Span::raw(" "));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn title(live: &LiveRun, theme: Theme, width: usize) -> Line<'static> {
    let header = &live.log.header;
    let right = Line::from(state(live, theme));
    let room = width.saturating_sub(right.width() + 1);
    let name = cut(&format::line(&header.name, 40), room);
    let workload = format!(" · {}", format::line(&header.workload, 40));
    let left = fitting(
        vec![
            vec![
                Span::styled(name, theme.style(Tone::Title)),
                Span::styled(workload, theme.style(Tone::Strong)),
            ],
            vec![Span::styled(
                format!("→ {}", format::line(&header.target, 80)),
                theme.style(Tone::Faint),
            )],
        ],
        room,
    );
    justified(left, right, width)
}

fn state(live: &LiveRun, theme: Theme) -> Vec<Span<'static>> {
    let (text, tone) = match live.state {
        RunState::Running => ("▶ RUNNING", Tone::Good),
        RunState::Paused => ("‖ PAUSED", Tone::Warning),
        RunState::Stopping => ("◼ STOPPING", Tone::Warning),
        RunState::Ended => ("■ ENDED", Tone::Strong),
    };
    let mut spans = vec![Span::styled(format!(" {text} "), theme.badge(tone))];
    if live.steered {
        spans.push(Span::styled(" ✎ steered", theme.style(Tone::Warning)));
    }
    spans
}

fn progress(live: &LiveRun, theme: Theme, width: usize) -> Line<'static> {
    let (now, planned) = (live.now(), live.planned());
    let mut share = now.as_secs_f64() / planned.as_secs_f64().max(1e-9);
    let iterations = live.log.header.iterations_to_play();
    if let Some(all) = iterations {
        // Whatever comes first ends the run.
        share = share.max(live.counts.ended as f64 / all.max(1) as f64);
    }
    let light = light(live, theme);
    let long = width >= 70;
    let bar_width = if long { (width / 3).min(40) } else { 12 };
    let filled = ((share * bar_width as f64) as usize).min(bar_width);
    let end = RunTime::ZERO + planned;
    let mut groups = vec![
        vec![
            Span::styled("━".repeat(filled), theme.style(Tone::Accent)),
            Span::styled("╌".repeat(bar_width - filled), theme.style(Tone::Faint)),
        ],
        vec![
            Span::styled(now.to_string(), theme.style(Tone::Strong)),
            Span::styled(format!("/{end}"), theme.style(Tone::Faint)),
        ],
    ];
    if let Some(all) = iterations {
        let (ended, all) = (format::count(live.counts.ended), format::count(all));
        let what = if long { " iterations" } else { "" };
        groups.push(vec![Span::raw(format!("{ended} of {all}{what}"))]);
    }
    if long {
        groups.push(vec![Span::raw(stage(live))]);
    }
    if long && iterations.is_none() {
        groups.push(vec![Span::styled(
            format!("{} left", RunTime::ZERO + end.since(now)),
            theme.style(Tone::Faint),
        )]);
    }
    let left = fitting(groups, width.saturating_sub(light.width() + 1));
    justified(left, light, width)
}

/// `stage 2/3: hold 200 req/s`.
fn stage(live: &LiveRun) -> String {
    if live.is_closed() {
        return format!("closed model, {} users", live.log.header.max_vus);
    }
    let now = live.now();
    let mut end = RunTime::ZERO;
    for (index, stage) in live.stages.iter().enumerate() {
        end = end + stage.duration;
        if now < end {
            let requests = live.requests_per_iteration();
            let rate = |rate: Rate| format::rate(rate.times(requests));
            let what = if stage.from == stage.to {
                format!("hold {}", rate(stage.to))
            } else {
                format!("ramp {} → {}", rate(stage.from), rate(stage.to))
            };
            return format!("stage {}/{}: {what} req/s", index + 1, live.stages.len());
        }
    }
    "draining".to_owned()
}

/// The light that says whether the numbers below mean anything.
fn light(live: &LiveRun, theme: Theme) -> Line<'static> {
    let (symbol, word, tone) = match live.validity() {
        None => ("○", "measuring", Tone::Faint),
        Some((status, _)) => {
            let symbol = match status {
                ValidityStatus::Valid => "●",
                ValidityStatus::Suspect => "◐",
                ValidityStatus::NotValid => "✖",
            };
            (symbol, wording::validity(status), validity_tone(status))
        }
    };
    Line::from(Span::styled(format!("{symbol} {word}"), theme.style(tone)))
}

fn figures(live: &LiveRun, theme: Theme, width: usize) -> Line<'static> {
    let last = live.past.last();
    let counts = live.counts;
    let rate = |value| format::rate(Rate::per_second(value));
    let fact = |name: &'static str, value: String, tone: Tone| {
        vec![
            Span::styled(format!("{name} "), theme.style(Tone::Faint)),
            Span::styled(value, theme.style(tone)),
        ]
    };
    let alarm = |count: u64| if count > 0 { Tone::Bad } else { Tone::Strong };
    let marked = |count: u64, text: String| if count > 0 { format!("!{text}") } else { text };
    let cpu = last.worker_cpu;
    let cpu_tone = if cpu >= 0.8 { Tone::Bad } else { Tone::Strong };
    let long = width >= 100;
    let between = if long { " of " } else { "/" };
    let rates = format!("{}{between}{}", rate(last.achieved), rate(last.offered));
    let errors = format::share(Ratio::of(counts.failed, counts.requests));
    fitting(
        vec![
            fact("req/s", rates, Tone::Strong),
            fact("err", marked(counts.failed, errors), alarm(counts.failed)),
            fact(
                "drop",
                marked(counts.dropped, format::count(counts.dropped)),
                alarm(counts.dropped),
            ),
            fact("users", format!("{}/{}", last.vus, live.log.header.max_vus), Tone::Strong),
            fact(
                if long { "in flight" } else { "flight" },
                format::count(last.in_flight),
                Tone::Strong,
            ),
            fact(if long { "gen CPU" } else { "gen" }, format!("{:.0} %", cpu * 100.0), cpu_tone),
            fact("requests", format::count(counts.requests), Tone::Strong),
            fact("failed", format::count(counts.failed), alarm(counts.failed)),
        ],
        width,
    )
}
