//! The capacity section as a terminal table and as a section of the sign-off report.

use std::fmt::Write as _;

use super::model::{Ceiling, ExcludedStep};
use super::output::{
    CapacitySection, DeploymentCost, OptionRow, OptionStatus, RecommendationTie, ScalingDirection,
    TiedDeployment, TierChoice, VerifiedPrediction,
};
use super::search::SearchEnd;
use plimsoll_units::Nanos;

/// The section for a terminal: plain text, aligned, at most 100 columns but for long reasons.
pub fn terminal(section: &CapacitySection) -> String {
    let mut text = format!("{}\n", headline(section));
    for line in facts(section) {
        let _ = writeln!(text, "  {line}");
    }
    if !section.tiers.is_empty() {
        text.push('\n');
        text.push_str(&aligned(&tier_rows(section)));
    }
    if !section.scaled.is_empty() {
        let _ = write!(text, "\n  {}\n", scaled_title(section));
        text.push_str(&aligned(&scaled_rows(section)));
    }
    for row in &section.predicted {
        let _ = writeln!(
            text,
            "  predicted with {} {}: {} req/s",
            row.tier,
            row.replicas,
            rate(row.slo_max_per_s)
        );
    }
    if !section.options.is_empty() {
        if let Some(planned) = section.planned_per_s {
            let _ = writeln!(text, "\n  for {} req/s", rate(planned));
        }
        let rows: Vec<Vec<String>> =
            std::iter::once(heads()).chain(section.options.iter().map(cells)).collect();
        text.push('\n');
        text.push_str(&aligned(&rows));
    }
    if let Some(recommendation) = &section.recommendation {
        let _ = writeln!(
            text,
            "\n{}: {} at ${:.2} a month; {}",
            word(recommendation.kind),
            deployment(&recommendation.tiers),
            recommendation.monthly_cost,
            recommendation.reason
        );
    }
    if !section.verified.is_empty() {
        text.push_str("\n  predictions checked\n");
        text.push_str(&aligned(&verified_rows(section)));
    }
    text
}

fn tier_rows(section: &CapacitySection) -> Vec<Vec<String>> {
    let mut rows = vec![["tier", "CPU a request", "95 %", "full at"].map(str::to_owned).to_vec()];
    rows.extend(section.tiers.iter().map(|tier| {
        let (demand, interval) = match (tier.demand_ms, tier.interval) {
            (Some(ms), Some([low, high])) => (format!("{ms:.3} ms"), format!("{low:.3}–{high:.3}")),
            _ => ("not observed".to_owned(), "–".to_owned()),
        };
        let full = tier.ceiling_per_s.map_or("–".to_owned(), |r| format!("{} req/s", rate(r)));
        vec![tier.tier.clone(), demand, interval, full]
    }));
    rows
}

fn scaled_title(section: &CapacitySection) -> String {
    let tier = section.scaled.first().map_or("", |row| row.tier.as_str());
    format!("SLO-max by replicas and size of {tier}, predicted (req/s, $ a month)")
}

/// One row a number of replicas, one column a size.
fn scaled_rows(section: &CapacitySection) -> Vec<Vec<String>> {
    let mut sizes: Vec<f64> = section.scaled.iter().map(|row| row.cores).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    let mut replicas: Vec<u32> = section.scaled.iter().map(|row| row.replicas).collect();
    replicas.sort_unstable();
    replicas.dedup();
    let mut head = vec!["replicas".to_owned()];
    head.extend(sizes.iter().map(|cores| format!("{cores} cores")));
    head.push("then full".to_owned());
    let mut rows = vec![head];
    for count in replicas {
        let of = |cores: f64| {
            section
                .scaled
                .iter()
                .find(move |row| row.replicas == count && (row.cores - cores).abs() < 1e-9)
        };
        let mut row = vec![count.to_string()];
        row.extend(sizes.iter().map(|cores| match of(*cores) {
            Some(cell) => {
                let mark = if cell.unverified { "?" } else { "" };
                format!("{}{mark} (${:.0})", rate(cell.slo_max_per_s), cell.monthly_cost)
            }
            None => "–".to_owned(),
        }));
        let first = sizes.first().and_then(|cores| of(*cores)).and_then(|c| c.bottleneck.clone());
        row.push(first.map_or(String::new(), |ceiling| ceiling.tier));
        rows.push(row);
    }
    rows
}

fn verified_rows(section: &CapacitySection) -> Vec<Vec<String>> {
    let heads = ["deployment", "predicted", "measured", "error"].map(str::to_owned).to_vec();
    let checks = section.verified.iter().map(|check| {
        vec![
            deployment(&check.tiers),
            predicted(check),
            format!("{} req/s", rate(check.measured_per_s)),
            format!("{:+.1} %", 100.0 * check.error),
        ]
    });
    std::iter::once(heads).chain(checks).collect()
}

/// The section for the sign-off report.
pub fn markdown(section: &CapacitySection) -> String {
    let mut text = format!("## Capacity\n\n**{}**\n\n", headline(section));
    for line in facts(section) {
        let _ = writeln!(text, "- {line}");
    }
    if !section.tiers.is_empty() {
        text.push_str("\n| tier | CPU per request | full at |\n|---|---|---|\n");
        for tier in &section.tiers {
            let demand = match (tier.demand_ms, tier.interval) {
                (Some(ms), Some([low, high])) => format!("{ms:.2} ms [{low:.2}, {high:.2}]"),
                _ => "n/a".to_owned(),
            };
            let ceiling =
                tier.ceiling_per_s.map_or("n/a".to_owned(), |r| format!("{} req/s", rate(r)));
            let _ = writeln!(text, "| {} | {demand} | {ceiling} |", escaped(&tier.tier));
        }
    }
    if !section.options.is_empty() {
        let heads = heads();
        let _ = writeln!(text, "\n| {} |\n|{}", heads.join(" | "), "---|".repeat(heads.len()));
        for option in &section.options {
            let cells: Vec<String> = cells(option).iter().map(|cell| escaped(cell)).collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
    }
    if let Some(recommendation) = &section.recommendation {
        let _ = writeln!(
            text,
            "\n**{}**: {} at ${:.2} a month. {}.",
            word(recommendation.kind),
            escaped(&deployment(&recommendation.tiers)),
            recommendation.monthly_cost,
            escaped(&recommendation.reason)
        );
    }
    verified(section, &mut text);
    text
}

fn verified(section: &CapacitySection, text: &mut String) {
    if section.verified.is_empty() {
        return;
    }
    text.push_str("\n| deployment | predicted | measured | error |\n|---|---|---|---|\n");
    for check in &section.verified {
        let _ = writeln!(
            text,
            "| {} | {} | {} req/s | {:+.1} % |",
            escaped(&deployment(&check.tiers)),
            predicted(check),
            rate(check.measured_per_s),
            100.0 * check.error
        );
    }
}

/// `1340 req/s`, and with which hit ratio if that matters.
fn predicted(check: &VerifiedPrediction) -> String {
    let hits = check.hit_ratio.map(|ratio| format!(" at {:.0} % cache hits", 100.0 * ratio));
    format!("{} req/s{}", rate(check.predicted_per_s), hits.unwrap_or_default())
}

fn headline(section: &CapacitySection) -> String {
    match (section.slo_max_per_s, section.end) {
        (None, _) if section.limit_per_s.is_some() => {
            "no rate within the objectives was held at rest: nothing is claimed".to_owned()
        }
        (None, _) => "no rate met every objective".to_owned(),
        (Some(found), Some(SearchEnd::NoLimitFound)) => {
            format!("SLO-max is at least {} req/s; no higher rate was allowed", rate(found))
        }
        (Some(found), _) => format!(
            "SLO-max {} req/s{}{}",
            rate(found),
            held_for(section).map_or_else(String::new, |held| format!(", held for {held}")),
            if section.confirmed { ", confirmed" } else { ", not confirmed" }
        ),
    }
}

fn held_for(section: &CapacitySection) -> Option<String> {
    section.held_for_s.map(|seconds| Nanos::from_secs_f64(seconds.round()).to_string())
}

impl CapacitySection {
    /// Where the limit lies: `204 req/s, 95 % interval 200 to 207 req/s`; nothing where it is the claim itself.
    pub fn limit(&self) -> Option<String> {
        let found = self.limit_per_s?;
        match self.interval {
            Some([low, high]) if high > low => Some(format!(
                "estimated at {} req/s, 95 % interval {} to {} req/s",
                rate(found),
                rate(low),
                rate(high)
            )),
            _ => None,
        }
    }
}

fn facts(section: &CapacitySection) -> Vec<String> {
    let mut facts: Vec<String> =
        section.limit().map(|said| format!("limit: {said}")).into_iter().collect();
    facts.extend(section.end.and_then(SearchEnd::caution).map(str::to_owned));
    let mut name = |label: &str, ceiling: &Option<Ceiling>| {
        if let Some(ceiling) = ceiling {
            facts.push(format!("{label}: {}", bottleneck(ceiling)));
        }
    };
    name("bottleneck", &section.bottleneck);
    name("next", &section.next_bottleneck);
    if let Some(alert) = section.alert_rate_per_s {
        facts.push(format!("alert at {} req/s (80 % of capacity)", rate(alert)));
    }
    facts.extend(section.costs().map(|said| format!("cost: {said}")));
    facts.extend(
        section.autoscaling.as_ref().map(|advice| format!("autoscaler: {}", advice.line())),
    );
    if let Some(why) = &section.no_model {
        facts.push(format!("no model: {why}"));
    }
    facts.extend(model_facts(section));
    facts
}

/// How well the model is known, and what it rests on.
fn model_facts(section: &CapacitySection) -> Vec<String> {
    let mut facts = Vec::new();
    match (section.held_out_error, section.held_out_rate_error) {
        (Some(time), Some(rate)) => facts.push(format!(
            "model error on unseen steps: {:.1} % of the rate; {:.1} % of the response time there",
            100.0 * rate,
            100.0 * time
        )),
        (Some(time), None) => facts.push(format!(
            "model error on unseen steps: {:.1} % of the response time",
            100.0 * time
        )),
        (None, _) if section.no_model.is_none() && !section.tiers.is_empty() => facts.push(
            "model error on unseen steps: unknown, too few steps near the limit were at rest"
                .to_owned(),
        ),
        (None, _) => {}
    }
    facts.extend(section.caveats().into_iter().map(|(name, said)| format!("{name}: {said}")));
    facts
}

impl CapacitySection {
    /// `$330 a month, $0.30 a million requests at SLO-max; as recommended $540, $0.21 a million`.
    pub fn costs(&self) -> Option<String> {
        let of = |cost: DeploymentCost| {
            format!("${:.2} a month, {} a million requests", cost.monthly, cents(cost))
        };
        let now = format!("{} at SLO-max", of(self.cost?));
        let then =
            self.recommended_cost().map(|cost| format!("; as recommended {} at its own", of(cost)));
        Some(format!("{now}{}", then.unwrap_or_default()))
    }
}

/// Two digits at least, however little a million requests cost.
fn cents(cost: DeploymentCost) -> String {
    let dollars = cost.per_million_requests;
    let digits = (1.0 - dollars.log10().floor()).clamp(2.0, 9.0) as usize;
    format!("${dollars:.digits$}")
}

impl CapacitySection {
    /// What a reader must know besides: each with its name.
    pub fn caveats(&self) -> Vec<(&'static str, String)> {
        let mut caveats = Vec::new();
        caveats.extend(self.failure_above.map(|above| ("failure above", above.to_string())));
        caveats.extend(self.time_needed_s.map(|seconds| {
            let needed = Nanos::from_secs_f64(seconds);
            (
                "time",
                format!("to answer within 5 %, this search would take about `--within {needed}`"),
            )
        }));
        caveats.extend(self.contradictions.iter().map(|one| ("contradiction", one.to_string())));
        let tie = self.recommendation.as_ref().and_then(|found| found.tie.as_ref());
        caveats.extend(tie.map(|tie| ("tie", tied(tie))));
        if let Some(hits) = self.cache_hits {
            caveats.push((
                "cache",
                format!(
                    "its hit ratio went from {:.0} to {:.0} % while measuring; demands are those at the latter",
                    100.0 * hits.lowest,
                    100.0 * hits.latest
                ),
            ));
        }
        caveats.extend(self.lock.as_ref().map(|lock| ("lock", lock.to_string())));
        caveats.extend(self.bottleneck.as_ref().filter(|full| full.is_of_unknown_scope()).map(
            |full| {
                let named = Some(full.tier.as_str()).filter(|tier| !tier.is_empty());
                let (tier, option) = (named.unwrap_or("the tier"), named.unwrap_or("TIER"));
                (
                    "question",
                    format!(
                        "does each replica of {tier} have a lock of its own? No measurement with the same replicas tells: it is \
                         taken as shared unless the stack file says `lock: {{ scope: replica }}`; a search of the same stack with \
                         other replicas (`capacity --verify RUN --replicas {option}=N`) tells"
                    ),
                )
            },
        ));
        if !self.left_out.is_empty() {
            caveats.push(("not in the model", left_out(&self.left_out)));
        }
        if self.checks_without_limit > 0 {
            caveats.push((
                "checks without a limit",
                format!(
                    "{} met none in their time, so there is nothing to compare: allow more with --within",
                    self.checks_without_limit
                ),
            ));
        }
        if !self.single_points.is_empty() {
            caveats.push((
                "risk",
                format!(
                    "{} cannot be scaled out, so the loss of one replica stops the service",
                    self.single_points.join(" and ")
                ),
            ));
        }
        caveats
    }
}

/// `another search may as well recommend api 3×2 at $180.00 a month: …`.
fn tied(tie: &RecommendationTie) -> String {
    let one = |other: &TiedDeployment| match other.monthly_cost {
        Some(cost) => format!("{} at ${cost:.2} a month", deployment(&other.tiers)),
        None => "nothing, because no deployment within the limits will do".to_owned(),
    };
    let others: Vec<String> = tie.others.iter().map(one).collect();
    format!(
        "another search may as well recommend {}: two searches may differ by {:.1} % of the rate, and less than that decides; \
         a longer one (`--within`) leaves less open",
        others.join(", or "),
        100.0 * tie.open
    )
}

/// `1128 and 1600 req/s (overloaded), 997 req/s (not at rest)`.
fn left_out(steps: &[ExcludedStep]) -> String {
    let mut sorted = steps.to_vec();
    sorted.sort_by(|a, b| {
        a.reason.word().cmp(b.reason.word()).then(a.rate_per_s.total_cmp(&b.rate_per_s))
    });
    let groups = sorted.chunk_by(|a, b| a.reason == b.reason).map(|group| {
        let rates: Vec<String> = group.iter().map(|step| rate(step.rate_per_s)).collect();
        format!("{} req/s ({})", rates.join(", "), group[0].reason.word())
    });
    groups.collect::<Vec<_>>().join("; ")
}

fn bottleneck(ceiling: &Ceiling) -> String {
    format!("{ceiling}, full at {} req/s", rate(ceiling.rate.get()))
}

fn heads() -> Vec<String> {
    ["deployment", "kind", "SLO-max", "95 %", "P(SLO)", "$/month", "N+1", "verdict"]
        .map(str::to_owned)
        .to_vec()
}

fn cells(option: &OptionRow) -> Vec<String> {
    let [low, high] = option.interval;
    let verdict = match option.status {
        OptionStatus::Recommended => "buy: ",
        OptionStatus::Feasible => "",
        OptionStatus::Rejected => "no: ",
    };
    let unverified = if option.unverified { " (unverified)" } else { "" };
    vec![
        deployment(&option.tiers),
        word(option.kind).to_owned(),
        format!("{}{unverified}", rate(option.slo_max_per_s)),
        format!("{}–{}", rate(low), rate(high)),
        format!("{:.0} %", 100.0 * option.p_slo_met),
        format!("{:.2}", option.monthly_cost),
        if option.n_plus_1 { "yes" } else { "no" }.to_owned(),
        format!("{verdict}{}", option.reason),
    ]
}

fn deployment(tiers: &[TierChoice]) -> String {
    let one = |tier: &TierChoice| format!("{} {}×{}", tier.tier, tier.replicas, tier.cores);
    tiers.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn word(kind: ScalingDirection) -> &'static str {
    match kind {
        ScalingDirection::Vertical => "VERTICAL",
        ScalingDirection::Horizontal => "HORIZONTAL",
        ScalingDirection::Both => "BOTH",
        ScalingDirection::Neither => "NEITHER",
    }
}

fn rate(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// A cell must not end its row.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, " {cell:<width$} ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
