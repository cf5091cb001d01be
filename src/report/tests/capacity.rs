//! Documents with a capacity result.

use super::super::sign_off::{self, SignOff};
use super::super::{ReportExtras, markdown};
use super::{case, golden};
use plimsoll_capacity::output::CapacitySection;
use plimsoll_units::Rate;

/// A capacity result as a search leaves it.
pub(super) fn capacity() -> CapacitySection {
    let curve: Vec<serde_json::Value> = [(50, 21, 60, 90), (100, 22, 64, 97), (200, 25, 79, 130), (400, 44, 170, 310), (450, 90, 410, 900)]
        .iter()
        .map(|&(rate, p50, p95, p99)| {
            serde_json::json!({ "rate_per_s": rate, "p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "passed": rate < 450 })
        })
        .collect();
    let large = serde_json::json!([
        { "tier": "api", "replicas": 5, "cores": 2.0, "memory": 4_294_967_296_u64 },
        { "tier": "db", "replicas": 1, "cores": 4.0, "memory": 17_179_869_184_u64 },
    ]);
    let scaled: Vec<serde_json::Value> = [(1, 2.0, 220.0, 290), (2, 2.0, 418.0, 330), (5, 2.0, 1_010.0, 540), (2, 4.0, 860.0, 610), (5, 4.0, 1_430.0, 900)]
        .iter()
        .map(|&(replicas, cores, rate, cost)| {
            let full = if rate > 1_000.0 { "db" } else { "api" };
            serde_json::json!({
                "tier": "api", "replicas": replicas, "cores": cores, "slo_max_per_s": rate, "monthly_cost": cost,
                "unverified": rate > 1_400.0, "bottleneck": { "tier": full, "resource": "cpu", "rate": rate * 1.05 },
            })
        })
        .collect();
    let section = serde_json::json!({
        "slo_max_per_s": 418.0,
        "interval": [405.0, 431.0],
        "confirmed": false,
        "end": "budget_spent",
        "planned_per_s": 1_000.0,
        "scaled": scaled,
        "bottleneck": { "tier": "api", "resource": "cpu", "rate": 430.0 },
        "next_bottleneck": { "tier": "", "resource": "rate_limit", "rate": 900.0 },
        "tiers": [
            { "tier": "api", "demand_ms": 4.41, "interval": [4.3, 4.52], "ceiling_per_s": 430.0 },
            { "tier": "db", "demand_ms": null, "interval": null, "ceiling_per_s": null },
        ],
        "held_out_error": 0.034,
        "options": [
            {
                "tiers": large, "kind": "HORIZONTAL", "slo_max_per_s": 1_010.0,
                "interval": [960.0, 1_070.0], "p_slo_met": 0.97, "monthly_cost": 540.0, "cost_per_million_requests": 0.21, "unverified": false, "n_plus_1": true,
                "status": "recommended", "reason": "least cost that holds with one replica lost"
            },
            {
                "tiers": [{ "tier": "api", "replicas": 2, "cores": 4.0, "memory": 8_589_934_592_u64 }], "unverified": true, "kind": "VERTICAL",
                "slo_max_per_s": 860.0, "interval": [800.0, 910.0], "p_slo_met": 0.11, "monthly_cost": 610.0, "cost_per_million_requests": 0.27,
                "n_plus_1": false, "status": "rejected", "reason": "below the forecast peak <b>"
            },
            {
                "tiers": [{ "tier": "api", "replicas": 2, "cores": 2.0, "memory": 4_294_967_296_u64 }], "kind": "NEITHER",
                "slo_max_per_s": 418.0, "interval": [405.0, 431.0], "p_slo_met": 0.0, "monthly_cost": 330.0, "cost_per_million_requests": 0.3, "unverified": false,
                "n_plus_1": false, "status": "rejected", "reason": "CPU of api is full at 430 req/s"
            },
        ],
        "recommendation": {
            "kind": "HORIZONTAL", "tiers": large, "monthly_cost": 540.0,
            "reason": "the cheapest that carries 1000 req/s, also with one replica lost"
        },
        "alert_rate_per_s": 334.0,
        "cost": { "monthly": 330.0, "per_million_requests": 0.3046 },
        "verified": [{ "tiers": [{ "tier": "api", "replicas": 3, "cores": 2.0, "memory": 4_294_967_296_u64 }], "predicted_per_s": 620.0, "measured_per_s": 604.0, "error": 0.0265 }],
        "curve": curve,
        "no_model": null,
        "predicted": [],
        "single_points": ["db"],
        "cache_hits": { "lowest": 0.27, "latest": 0.89 },
    });
    serde_json::from_value(section).expect("a capacity section")
}

pub(super) fn sign_off_input(capacity: Option<CapacitySection>) -> SignOff {
    SignOff {
        system: "ais".into(),
        runs: vec![case("pass").report.clone(), case("fail").report.clone()],
        capacity,
        forecast_peak: Some(Rate::per_second(300.0)),
        stack: vec![("api".into(), "2 × m5.large".into())],
        signers: vec!["Engineering".into(), "Operations".into()],
    }
}

#[test]
fn sign_off_with_a_capacity_result_is_as_agreed() {
    golden("sign_off.md", &sign_off::markdown(&sign_off_input(Some(capacity()))));
}

#[test]
fn sign_off_without_a_capacity_result_says_not_tested() {
    let text = sign_off::markdown(&sign_off_input(None));
    golden("sign_off_untested.md", &text);
    for untested in
        ["**SLO-max**: not tested", "**headroom**: not tested", "No capacity search was made"]
    {
        assert!(text.contains(untested), "{untested}");
    }
}

#[test]
fn sign_off_page_escapes_and_draws_the_line() {
    let html = sign_off::html(&sign_off_input(Some(capacity()))).expect("renders");
    assert!(html.contains("forecast peak &lt;b&gt;") && !html.contains("peak <b>"));
    assert!(html.contains("SLO-max"));
}

/// Goal: prove that replicas × size stand in every format with rate, cost and verdict.
#[test]
fn replicas_by_size_stand_in_every_document() {
    let extra = ReportExtras { capacity: Some(capacity()), ..ReportExtras::default() };
    let report = &case("pass").report;
    let input = sign_off_input(Some(capacity()));
    let cell = "1,010 req/s · $540 · ✔ enough · db CPU full at 1,060 req/s";
    for text in [markdown::render(report, &extra), sign_off::markdown(&input)] {
        for said in
            [cell, "418 req/s · $330 · ✖ too little · api CPU full at 439 req/s · as tested"]
        {
            assert!(text.contains(said), "{said} is not said:\n{text}");
        }
        assert!(
            text.contains(
                "| 1 | 220 req/s · $290 · ✖ too little · api CPU full at 231 req/s | – |"
            ),
            "{text}"
        );
        assert!(text.contains("1,430 req/s · $900 · ✔ enough ?"), "{text}");
    }
    let page = super::super::html::render(report, &extra).expect("renders");
    for text in [page, sign_off::html(&input).expect("renders")] {
        assert!(
            text.contains("<b>1,010 req&#x2f;s</b> <span class=\"cost\">$540</span>"),
            "{text}"
        );
        assert!(text.contains("Enough: it carries the planned 1,000 req&#x2f;s"), "{text}");
    }
}
